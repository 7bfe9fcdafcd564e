// stalls.test.mjs - no tool and no client can stall the gateway. Each offender runs while honest calls are timed; it must
// end with the outcome that its row names, and the honest calls must not notice.
//
// The bound on the honest calls' p99 is 50 ms (make torture); in the form that every test run takes it is ten times that,
// and sanitized builds get their factor besides.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { Gateway, slowness } from "../e2e/lib/gateway.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const short = Boolean(process.env.MOONGATE_SHORT);
const ENOUGH = 20;
const P99_MS = 50 * (short ? 10 : 1) * slowness;
const PROBES = 4;

// What may stand in the log line of each offender, and what its client reads.
const TIMEOUT = { outcomes: ["TIMEOUT"], text: /2 ?s|timeout|time/i };
const KILLED = { outcomes: ["KILLED", "TIMEOUT"], text: /./ };
const ERROR = { outcomes: ["TOOL_ERROR"], text: /./ };
const NO_MEMORY = { outcomes: ["NO_MEMORY"], text: /64|memory/i };
const done = (text) => ({ outcomes: ["OK", "TIMEOUT"], text }); // on a slow machine its time may not do
const OK = { outcomes: ["OK"], text: /./ };

const offenders = {
  loop_plain: TIMEOUT,
  loop_pcall: TIMEOUT,
  loop_xpcall_handler: KILLED,
  loop_xpcall_nested: KILLED,
  loop_spawned: TIMEOUT,
  loop_spawned_and_left: { outcomes: ["OK", "TIMEOUT"], text: /./ },
  loop_all: TIMEOUT,
  loop_gsub: TIMEOUT,
  loop_sort: TIMEOUT,
  loop_tostring: KILLED,
  loop_concat_index: KILLED,
  loop_lt: TIMEOUT,
  loop_len: TIMEOUT,
  loop_call: TIMEOUT,
  loop_close: TIMEOUT,
  loop_update: TIMEOUT,
  loop_on_end: OK,
  loop_ignores_cancel: TIMEOUT,
  recursion: { outcomes: ["TOOL_ERROR", "NO_MEMORY"], text: /stack overflow|memory/ },
  gc_attempt: { ...ERROR, text: /__gc/ },
  weak_keys_attempt: { ...ERROR, text: /__mode/ },
  move_far: ERROR,
  unpack_far: ERROR,
  rep_huge: ERROR,
  pattern_bomb: { ...ERROR, text: /pattern|steps/ },
  pattern_gsub_bomb: { ...ERROR, text: /pattern|steps/ },
  plain_find: done(/^nil$/),
  sort_million: done(/^1$/),
  // Its garbage counts until it is collected: seldom that takes it over its 64 MB.
  concat_million: { outcomes: ["OK", "TIMEOUT", "NO_MEMORY"], text: /^6888897$|memory/ },
  hog_tables: NO_MEMORY,
  hog_string: { outcomes: ["NO_MEMORY", "TOOL_ERROR"], text: /memory|large/ },
  hog_pcall: NO_MEMORY,
  sleeper: TIMEOUT,
};

function toolFiles() {
  const dir = path.join(here, "tools.d");
  const read = (name) => [name, fs.readFileSync(path.join(dir, name), "utf8")];
  const names = ["offenders.lua", "loop_in_required.lua", "loop_in_start.lua", "lib/endless.lua"];
  const echo = fs.readFileSync(path.join(here, "../e2e/tools.d/echo.lua"), "utf8");
  return { ...Object.fromEntries(names.map(read)), "echo.lua": echo };
}

function startGateway() {
  return Gateway.start({ ini: "[server]\nworkers = 2\n[rate_limit]\nbucket = 0\n", tools: toolFiles() });
}

// One honest call over a connection that is kept; node's fetch would cost more than what is measured.
const honestBody = JSON.stringify({
  jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { message: "x" } },
});

function honestCall(gw, agent) {
  const headers = { "Content-Type": "application/json", "Content-Length": honestBody.length };
  const options = { port: gw.port, host: "127.0.0.1", path: "/mcp", method: "POST", agent, headers };
  return new Promise((resolve, reject) => {
    const req = http.request(options, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve(text));
    });
    req.on("error", reject);
    req.end(honestBody);
  });
}

// Honest callers: one call after the other until stop(), and until there are enough of them to judge by;
// -> sorted latencies in ms.
function probe(gw) {
  const latencies = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: PROBES });
  let running = true;
  const one = async () => {
    while (running || latencies.length < ENOUGH) {
      const begin = performance.now();
      const answer = await honestCall(gw, agent);
      latencies.push(performance.now() - begin);
      assert.match(answer, /"result".*message/);
      await new Promise((resolve) => setTimeout(resolve, 1)); // so that the log can keep up
    }
  };
  const all = Promise.all(Array.from({ length: PROBES }, one));
  return {
    async stop() {
      running = false;
      await all;
      agent.destroy();
      return latencies.sort((a, b) => a - b);
    },
  };
}

// The client's own code is compiled before it is timed.
async function warmUp(gw) {
  const honest = probe(gw);
  await atLeast(500, Promise.resolve());
  await honest.stop();
}

function checkLatencies(latencies, while_) {
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1];
  assert.ok(p99 < P99_MS, `p99 ${p99.toFixed(1)} ms over ${P99_MS} while ${while_} ran (max ${latencies.at(-1).toFixed(1)})`);
  return p99;
}

// Where all compete for two cores, what would end by itself may run out of time first.
async function offend(gw, name, { isCrowded = false } = {}) {
  const expected = offenders[name];
  const outcomes = isCrowded ? [...expected.outcomes, "TIMEOUT"] : expected.outcomes;
  const answer = await gw.call(name);
  const line = await gw.logged((l) => l.tool === name && l.outcome && !l.seen);
  line.seen = true;
  assert.ok(outcomes.includes(line.outcome), `${name}: outcome ${line.outcome}: ${answer.text}`);
  assert.equal(Boolean(answer.isError), line.outcome !== "OK", name);
  if (line.outcome !== "TIMEOUT") assert.match(answer.text ?? "", expected.text, name);
}

// Long enough for the slowest honest answer to show, however fast the offender ends.
async function atLeast(ms, work) {
  const timer = new Promise((resolve) => setTimeout(resolve, ms));
  await work;
  await timer;
}

test("one offender after the other", async (t) => {
  const gw = await startGateway();
  t.after(() => gw.stop());
  await warmUp(gw);
  let worst = 0;
  for (const name of Object.keys(offenders)) {
    const honest = probe(gw);
    try {
      await atLeast(300, offend(gw, name));
    } finally {
      worst = Math.max(worst, checkLatencies(await honest.stop(), name));
    }
  }
  t.diagnostic(`worst p99 of honest calls: ${worst.toFixed(1)} ms`);
  assert.deepEqual(gw.log.filter((l) => l.msg === "worker is held by a tool"), []);
});

test("all offenders at once, with 200 clients that never read", async (t) => {
  const gw = await startGateway();
  t.after(() => gw.stop());
  await warmUp(gw);
  const deaf = await deafClients(gw, 200);
  const honest = probe(gw);
  await atLeast(1000, Promise.all(Object.keys(offenders).map((name) => offend(gw, name, { isCrowded: true }))));
  const p99 = checkLatencies(await honest.stop(), "all of them");
  t.diagnostic(`p99 of honest calls: ${p99.toFixed(1)} ms`);
  for (const socket of deaf) socket.destroy();
});

test("a file that never ends loading is a problem of its own", async (t) => {
  const gw = await startGateway();
  t.after(() => gw.stop());
  const line = await gw.logged((l) => l.file === "loop_in_required.lua");
  assert.match(line.error, /loop_in_required\.lua|endless\.lua/);
  const names = (await gw.rpc("tools/list")).body.result.tools.map((tool) => tool.name);
  assert.ok(!names.includes("loop_in_required"));
  assert.equal((await gw.call("loop_in_start")).text, "here");
});

// Clients that ask for answers and streams and read none of them.
async function deafClients(gw, count) {
  const body = JSON.stringify({
    jsonrpc: "2.0", id: 1, method: "tools/call",
    params: { name: "echo", arguments: { message: "y".repeat(100_000) } },
  });
  const request = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const raw = await gw.raw();
    raw.socket.pause();
    raw.socket.write(request.repeat(4));
    sockets.push(raw.socket);
  }
  return sockets;
}
