// tsan.test.mjs - everything that crosses threads, at once: four workers, calls from many connections,
// shared state, event streams that start on other workers, reloads of configuration and tools, calls that
// are cancelled, metrics. Right in any build; under ThreadSanitizer it is the test that matters most.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const tools = ["echo.lua", "outcomes.lua", "reports.lua", "counter.lua"];
const CONNECTIONS = 12;
const ROUNDS = 12;

const ini = `[server]
workers = 4
[rate_limit]
bucket = 1000000
window = 1s
`;

test("four workers under every kind of load at once", async (t) => {
  const gw = await Gateway.start({ ini, tools });
  t.after(() => gw.stop());

  const streams = await Promise.all(
    Array.from({ length: 4 }, () => gw.events("/sse?topic=counter/shared")),
  );
  for (const stream of streams) assert.equal((await stream.next()).event, "open");

  const loads = Array.from({ length: CONNECTIONS }, (_, i) => everyKind(gw, i));
  await Promise.all([...loads, reloads(gw), watches(gw)]);

  const total = CONNECTIONS * ROUNDS;
  assert.equal((await gw.call("counter", { id: "shared", add: 0 })).value.count, total);
  for (const stream of streams) {
    // Each subscriber sees every change once: the counts are a permutation of 1 to total.
    const counts = [];
    while (counts.length < total) counts.push((await stream.next()).json.count);
    counts.sort((a, b) => a - b);
    assert.deepEqual(counts, Array.from({ length: total }, (_, k) => k + 1));
    stream.close();
  }
});

async function everyKind(gw, i) {
  const session = await gw.client.session();
  for (let round = 0; round < ROUNDS; round++) {
    const message = `${i}/${round}`;
    const [echoed, counted] = await Promise.all([
      gw.call("echo", { message }),
      gw.call("counter", { id: "shared" }),
    ]);
    assert.deepEqual(echoed.value, { message });
    assert.ok(counted.value.count > 0);
    if (round % 4 === 0) assert.equal((await gw.call("fail")).text, "it did not work");
    if (round % 4 === 1) assert.equal((await gw.call("sleep", { seconds: 0.01 })).isError, undefined);
    if (round % 4 === 2) await cancelled(session, i * ROUNDS + round);
    if (round % 4 === 3) await abandoned(gw);
  }
}

// A legacy call that another connection cancels.
async function cancelled(session, id) {
  const request = { name: "sleep", arguments: { seconds: 1.5 } };
  const call = session("tools/call", request, { id: `cancel-${id}`, signal: AbortSignal.timeout(60_000) });
  await session("notifications/cancelled", { requestId: `cancel-${id}` }, { id: undefined });
  // Either it was cancelled, or the notification came first and it ran to its end.
  assert.ok((await call).status < 500);
}

// A call whose client goes away while it waits.
async function abandoned(gw) {
  const raw = await gw.raw();
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "sleep", arguments: { seconds: 0.3 } },
  });
  raw.send(
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await gw.call("echo", { message: "in between" });
  raw.destroy();
}

async function reloads(gw) {
  for (let i = 0; i < 3; i++) {
    const seen = gw.log.length;
    gw.writeIni(`${ini}[tools]\ntimeout = ${20 + i}s\n`);
    gw.writeTools({ "more.lua": moreTool(i) });
    gw.signal("SIGHUP");
    // The files' own notice reloads as well, and may do so between the two writes; and a worker takes a
    // new generation with its next turn.
    await gw.logged((l) => gw.log.indexOf(l) >= seen && /^reloaded/.test(l.msg));
    for (let version; version !== i; ) version = (await gw.call("more")).value?.version;
  }
}

const moreTool = (i) => `local mcp = require "mcp"
return mcp.tool { name = "more", description = "Version ${i}.", input = { type = "object" },
  run = function() return { version = ${i} } end }
`;

async function watches(gw) {
  for (let i = 0; i < 20; i++) {
    const res = await gw.fetch("/metrics");
    assert.equal(res.status, 200);
    assert.match(await res.text(), /^moongate_/m);
    const ready = await gw.fetch("/readyz");
    assert.ok([200, 503].includes(ready.status));
    await ready.text();
  }
}
