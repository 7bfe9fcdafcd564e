// run.mjs - `make bench`: how fast, how small, how soon, against what else could do the same.
//
// Both ends of a throughput run are pinned to one core each. The servers take turns, BENCH_PAIRS times
// (10), BENCH_SECONDS (3) each; what is compared is the ratio within a turn, so that a machine that gets
// slower slows both. BENCH_ONLY="throughput callgrind rest streams" chooses parts. Prints a table, writes
// $(BUILD)/bench.json, and fails when a bound is missed.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { idleStreams, instructionsPerCall, startAndRest } from "./measures.mjs";
import { KEY, build, startConstant, startMoongate, startNginx, startSdk } from "./servers.mjs";
import { runWrk, summary } from "./wrk.mjs";

const pairs = Number(process.env.BENCH_PAIRS || 10);
const seconds = Number(process.env.BENCH_SECONDS || 3);
const parts = (process.env.BENCH_ONLY || "throughput callgrind rest streams").split(/[ ,]+/);

// What an echo cost on x86-64 with Debian 12's libraries before calls had streams of sessions, questions
// and tasks: what comes to it later may cost 3 %.
const ECHO_INSTRUCTIONS = 38_800;

const results = { date: new Date().toISOString(), machine: os.cpus()[0]?.model, pairs, seconds };
const missed = [];

function row(name, text, bound, holds) {
  const verdict = bound === undefined ? "" : `${holds ? "ok" : "MISSED"}  (${bound})`;
  if (bound !== undefined && !holds) missed.push(name);
  console.log(`  ${name.padEnd(34)} ${text.padEnd(38)} ${verdict}`);
}

const k = (n) => Math.round(n).toLocaleString("en-US");
const mb = (n) => `${(n / 1048576).toFixed(2)} MB`;
const range = (s, show) => `${show(s.median)}   ${show(s.min)} .. ${show(s.max)}`;

async function throughput() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-bench-"));
  const servers = [];
  try {
    for (const start of [startMoongate, startConstant, () => startNginx(dir), startSdk])
      servers.push(await start());
    const runs = Object.fromEntries(servers.map((server) => [server.name, []]));
    for (const server of servers) await runWrk(server, { seconds: 1 });
    for (let turn = 0; turn < pairs; turn++)
      for (const server of servers) runs[server.name].push(await runWrk(server, { seconds }));
    report(runs, await linesLost(servers[0]));
  } finally {
    for (const server of servers) await server.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

// A rate that is reached by not logging is none.
async function linesLost({ port }) {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { "X-API-Key": KEY } });
  return Number(/^moongate_log_dropped_total (\d+)$/m.exec(await answer.text())[1]);
}

function report(runs, lost) {
  const bounds = { constant: 0.6, nginx: 1.1, sdk: 30 };
  results.throughput = {};
  for (const [name, list] of Object.entries(runs)) {
    const rate = summary(list.map((run) => run.rate));
    const ratio = summary(list.map((run, turn) => runs.moongate[turn].rate / run.rate));
    results.throughput[name] = { rate, ratio, p99_us: summary(list.map((run) => run.p99)) };
    row(`${name}, calls/s`, range(rate, k));
    if (name === "moongate") continue;
    const times = (n) => `${n.toFixed(n < 10 ? 2 : 0)} x`;
    row(`moongate / ${name}`, range(ratio, times), `>= ${bounds[name]}`, ratio.median >= bounds[name]);
  }
  results.log_lines_lost = lost;
  row("moongate, log lines lost", k(lost), "0", lost === 0);
}

async function callgrind() {
  results.instructions_per_call = await instructionsPerCall();
  const most = ECHO_INSTRUCTIONS * 1.03;
  const count = results.instructions_per_call;
  row("instructions per call", k(count), `<= ${k(most)}`, count <= most);
}

async function rest() {
  const found = await startAndRest();
  Object.assign(results, found);
  const ms = (n) => `${n.toFixed(1)} ms`;
  const { first_answer_ms: first, idle_rss_anon: idle } = found;
  row("exec to first answer", range(first, ms), "<= 50 ms", first.median <= 50);
  row("RssAnon idle, 2 workers", range(idle, mb), "< 6 MB", idle.median < 6 * 1048576);
}

async function streams() {
  const found = await idleStreams({ seconds });
  results.idle_streams = found;
  const us = (n) => `${k(n)} us`;
  const most = Math.max(found.rss_anon_open, found.rss_anon_after_load);
  row(`RssAnon, ${k(found.streams)} idle streams`, mb(most), "< 160 MB", most < 160 * 1048576);
  row("echo p99 alone", range(found.p99_us_alone, us));
  const { p99_us_alone: alone, p99_us_beside: beside } = found;
  row("echo p99 beside them", range(beside, us), "< 2 x", beside.median < 2 * alone.median);
}

console.log(`  ${"what".padEnd(34)} ${"median   range".padEnd(38)} bound`);
for (const [name, run] of Object.entries({ throughput, callgrind, rest, streams }))
  if (parts.includes(name)) await run();

const file = path.join(build, "bench.json");
fs.writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\n  ${file}`);
if (missed.length) console.log(`  missed: ${missed.join("; ")}`);
process.exit(missed.length ? 1 : 0);
