// soak.test.mjs - what is used is given back. Calls, connections and reloads of mcp.ini in four equal quarters; memory that
// belongs to the process alone (RssAnon) after the last quarter is at most 2 % + 1 MB above that after the first.

import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";

import { Gateway, slowness } from "../e2e/lib/gateway.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const scale = short ? 1 / 20 : 1;
const CALLS = 200_000 * scale;
const CONNECTIONS = 20_000 * scale;
const RELOADS = 2_000 * scale;
const QUARTERS = 4;
const CALLERS = 8;
const FIRST_CALLS = 8_000; // with their log lines once round the ring of each worker (512 KB)

const tools = ["echo.lua", "outcomes.lua", "reports.lua", "counter.lua"];

function ini(n) {
  // Every other reload changes what tools are built from, so that generations come and go.
  return `[server]\nworkers = 2\nidle_timeout = ${60 + (n % 7)}s\n[rate_limit]\nbucket = 0\n[log]\naccess = ${n % 3 ? "no" : "yes"}\n` +
    `[tools]\ntimeout = ${20 + (n % 2)}s\n`;
}

// A mix of what clients do: mostly quick calls, some that wait, fail, stream, change state.
async function callers(gw, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CALLERS });
  let left = count;
  const one = async (seed) => {
    for (let i = seed; left-- > 0; i++) {
      if (i % 50 === 0) await post(gw, agent, "count", { id: `c${i % 20}` });
      else if (i % 50 === 1) await post(gw, agent, "raise_table", {});
      else if (i % 100 === 2) await post(gw, agent, "reports", { steps: 2, pause: 0.001 });
      else await post(gw, agent, "echo", { message: "x".repeat(i % 300) });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, k) => one(k * 7)));
  agent.destroy();
}

function post(gw, agent, name, args) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  return send(gw, agent, body);
}

function send(gw, agent, body) {
  return new Promise((resolve, reject) => {
    const req = http.request(
      { port: gw.port, host: "127.0.0.1", path: "/mcp", method: "POST", agent,
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } },
      (res) => {
        res.resume();
        res.on("end", () => (res.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${res.statusCode}`))));
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

// Connections of one request, and event streams that are opened and left.
async function visitors(gw, count) {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      if (left % 10 === 0) {
        const stream = await gw.events(`/sse?topic=job/none${left % 5}`);
        await stream.next();
        stream.close();
      } else {
        const agent = new http.Agent({ keepAlive: false });
        await post(gw, agent, "echo", { message: "once" });
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, one));
}

async function reloads(gw, count, offset) {
  for (let i = 0; i < count; i++) {
    const seen = gw.log.length;
    gw.writeIni(ini(offset + i));
    gw.signal("SIGHUP");
    await gw.logged((l) => l.msg.startsWith("reloaded") && gw.log.indexOf(l) >= seen, 60_000 * slowness);
    gw.log.length = 0;
    gw.stderr = "";
  }
}

test(`soak: ${CALLS} calls, ${CONNECTIONS} connections, ${RELOADS} reloads`, async (t) => {
  const gw = await Gateway.start({ ini: ini(0), tools });
  t.after(() => gw.stop());
  // Memory is used for the first time until a ring has gone round, and a short quarter does not get there.
  await callers(gw, FIRST_CALLS);
  const figures = [];
  for (let quarter = 0; quarter < QUARTERS; quarter++) {
    await Promise.all([
      callers(gw, CALLS / QUARTERS),
      visitors(gw, CONNECTIONS / QUARTERS),
      reloads(gw, RELOADS / QUARTERS, (quarter * RELOADS) / QUARTERS),
    ]);
    figures.push(gw.rssAnon());
    t.diagnostic(`RssAnon after quarter ${quarter + 1}: ${(figures.at(-1) / 1024).toFixed(0)} KB`);
  }
  const limit = figures[0] * 1.02 + 1024 * 1024;
  assert.ok(figures.at(-1) <= limit, `RssAnon grew from ${figures[0]} to ${figures.at(-1)} bytes`);
});
