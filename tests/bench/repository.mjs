// repository.mjs - `make bench-repository ROOT=DIR`: the shipped tools over a real repository. How long
// indexing it takes and what it costs, how fast it is searched, listed and analysed, and what a caller of
// another tool notices meanwhile. DIR is only read; what the gateway keeps lies in a temporary folder.
// PARTS="index search list analyse" names what is measured; without index and search nothing is indexed.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { Gateway, repo } from "../e2e/lib/gateway.mjs";
import { rssAnon } from "./measures.mjs";

const root = process.env.ROOT;
assert.ok(root && fs.existsSync(root), "ROOT=DIR names the repository");
const parts = new Set((process.env.PARTS || "index search list analyse").split(" "));
const has_index = parts.has("index") || parts.has("search");
const words = (process.env.WORDS || "import return value parse error config test buffer thread socket").split(" ");

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-repository-"));
fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
if (!has_index) fs.rmSync(path.join(dir, "tools.d/search.lua"));
fs.writeFileSync(path.join(dir, "tools.d/echo.lua"), `local mcp = require "mcp"
return mcp.tool { name = "echo", description = "Answers what it got.", run = function(a) return a end }`);
fs.symlinkSync(path.join(repo, "config"), path.join(dir, "config"));
fs.symlinkSync(process.env.MOONGATE_BUILD || path.join(repo, "build"), path.join(dir, "build"));

const ms = (from) => performance.now() - from;
const at = (list, part) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)];
const row = (name, text) => console.log(`  ${name.padEnd(44)} ${text}`);

// Calls echo all the time from two connections until it is stopped; the slowest counts.
function honest(gw) {
  const times = [];
  let over = false;
  const one = async () => {
    while (!over) {
      const from = performance.now();
      await gw.call("echo", { n: times.length });
      times.push(ms(from));
    }
  };
  const all = Promise.all([one(), one()]);
  return async () => {
    over = true;
    await all;
    return `echo p50 ${at(times, 0.5).toFixed(1)} ms, p99 ${at(times, 0.99).toFixed(1)} ms of ${times.length}`;
  };
}

const mb = (gw) => `RssAnon ${(rssAnon(gw.child.pid) / 1048576).toFixed(1)} MB`;

async function timed(gw, name, args) {
  const from = performance.now();
  const { isError, text, value } = await gw.call(name, args);
  assert.ok(!isError, `${name}: ${text}`);
  return { time: ms(from), value };
}

async function twice(gw, name, args) {
  const stop = honest(gw);
  const first = await timed(gw, name, args);
  const then = [];
  for (let i = 0; i < 10; i++) then.push((await timed(gw, name, args)).time);
  row(`${name} ${JSON.stringify(args)}`,
    `${first.time.toFixed(0)} ms first, then ${at(then, 0.5).toFixed(0)} (at most ${Math.max(...then).toFixed(0)}); ${await stop()}; ${mb(gw)}`);
}

async function indexing(gw) {
  const before = rssAnon(gw.child.pid);
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, rssAnon(gw.child.pid))), 50);
  const stop = honest(gw);
  const line = await gw.logged((l) => l.msg === "the repository is indexed", 600_000);
  clearInterval(watch);
  row("indexed", `${line.indexed} files in ${line.seconds.toFixed(1)} s, ${line.passed_over} passed over; ${await stop()}`);
  const megabytes = (n) => (n / 1048576).toFixed(1);
  row("RssAnon meanwhile", `${megabytes(before)} MB at first, at most ${megabytes(most)} MB`);
  row("index file", `${megabytes(fs.statSync(`${dir}/index`).size)} MB`);
}

async function searching(gw) {
  const times = [];
  const stop = honest(gw);
  for (let i = 0; i < 20; i++)
    for (const word of words)
      for (const query of [word, `${word} ${words[(i + 3) % words.length]}`, `${word.slice(0, 4)}*`])
        times.push((await timed(gw, "search", { query, limit: 10 })).time);
  row(`search, ${times.length} queries`, `p50 ${at(times, 0.5).toFixed(1)} ms, p99 ${at(times, 0.99).toFixed(1)} ms; ${await stop()}`);
}

const ini = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8").replace("[tool search]\n", "[tool search]\nrescan = 1h\n");
const gw = await Gateway.start({ dir, ini, env: {
  MOONGATE_RATE_LIMIT_BUCKET: "0", MOONGATE_PATHS_ROOT: fs.realpathSync(root),
  MOONGATE_STATE_PATH: `${dir}/state.json`, MOONGATE_SEARCH_PATH: `${dir}/index`,
} });
try {
  row("at first", mb(gw));
  if (has_index) await indexing(gw);
  if (parts.has("search")) await searching(gw);
  if (parts.has("list")) {
    await twice(gw, "find_files", { glob: "**/*test*" });
    await twice(gw, "find_files", { glob: "**/no such name", max: 500 });
    await twice(gw, "list_dir", { path: "", recursive: true, max: 1000 });
  }
  if (parts.has("analyse"))
    for (const name of (process.env.TOOLS || "get_code_analysis get_module_structure get_infrastructure_status get_development_utilities").split(" "))
      await twice(gw, name, {});
  await gw.call("echo", {});
  row("at the end", mb(gw));
} finally {
  await gw.stop({ keep: true });
  fs.rmSync(dir, { recursive: true, force: true });
}
