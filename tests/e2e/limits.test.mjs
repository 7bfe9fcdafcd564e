// limits.test.mjs - every limit of calls, reached: how many at once, how often, how large, how long; and how calls end when
// their client leaves or cancels.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway, slowness } from "./lib/gateway.mjs";
import { openRaw } from "./lib/raw.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

function start(t, ini, tools) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

function tool(name, run, limits = "") {
  return `local mcp = require "mcp"
    return mcp.tool { name = "${name}", description = "For a test.", input = { type = "object" }, limits = { ${limits} },
      run = ${run} }`;
}

const nap = (limits) => ({ "nap.lua": tool("nap", `function(args)
    local ok, message, code = mcp.time.sleep(args.seconds or 0.05)
    if not ok then return nil, message .. " " .. code end
    return "slept" end`, limits) });

async function until(ask, want, what) {
  for (let i = 0; i < 500; i++) if ((await ask()) === want) return;
  assert.fail(`${what}: never ${want}`);
}

test("max_concurrent: more wait up to a second, then are refused with its name", async (t) => {
  const gw = await start(t, `${quiet}[tools]\nmax_concurrent = 2\n`, nap());
  const brief = await Promise.all([1, 2, 3, 4].map(() => gw.call("nap", { seconds: 0.2 })));
  assert.deepEqual(brief.map((r) => r.text), ["slept", "slept", "slept", "slept"], "a short wait is no failure");
  const long = [1, 2].map(() => gw.call("nap", { seconds: 2.5 }));
  await until(() => gw.metric("moongate_calls_running"), 2, "two running");
  const refused = await gw.call("nap");
  assert.equal(refused.isError, true);
  assert.match(refused.text, /max_concurrent/);
  assert.deepEqual((await Promise.all(long)).map((r) => r.text), ["slept", "slept"]);
  assert.equal((await gw.call("nap")).text, "slept", "places are given back");
});

test("concurrent of one tool: its own callers wait, others do not", async (t) => {
  const gw = await start(t, quiet, { ...nap("concurrent = 1"), "quick.lua": tool("quick", 'function() return "quick" end') });
  const long = gw.call("nap", { seconds: 4 });
  await until(() => gw.metric("moongate_calls_running"), 1, "one running");
  assert.equal((await gw.call("quick")).text, "quick");
  const refused = await gw.call("nap");
  assert.match(refused.text, /nap.*1 \(concurrent\)/);
  assert.equal((await long).text, "slept");
});

test("a tool's concurrent is what mcp.ini says, when it says something", async (t) => {
  const gw = await start(t, `${quiet}[tool nap]\nconcurrent = 2\n`, nap("concurrent = 1"));
  const two = await Promise.all([1, 2].map(() => gw.call("nap", { seconds: 1.2 })));
  assert.deepEqual(two.map((r) => r.text), ["slept", "slept"]);
});

test("rate of one tool, at its edge", async (t) => {
  const gw = await start(t, `${quiet}[tool quick]\nrate = 3/1h\n`, { "quick.lua": tool("quick", 'function() return "q" end') });
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await gw.call("quick"));
  assert.deepEqual(answers.map((r) => r.isError ?? false), [false, false, false, true]);
  assert.match(answers[3].text, /rate limit of tool quick/);
});

test("max_result, at its edge", async (t) => {
  const gw = await start(t, `${quiet}[server]\nmax_result = 1K\n`,
    { "big.lua": tool("big", 'function(args) return ("x"):rep(args.n) end') });
  const frame = '[{"type":"text","text":""}]'.length;
  assert.equal((await gw.call("big", { n: 1024 - frame })).text.length, 1024 - frame);
  const refused = await gw.call("big", { n: 1025 - frame });
  assert.equal(refused.isError, true);
  assert.match(refused.text, /1025 bytes.*1024.*max_result/);
});

test("a timeout comes in two steps: the waiting function says so, then the call is killed", async (t) => {
  const gw = await start(t, quiet, {
    "polite.lua": tool("polite", `function()
      local ok, message, code = mcp.time.sleep(30)
      mcp.log.info(("woke: %s %s %s"):format(ok, message, code))
      return "a result that comes too late" end`, 'timeout = "300ms"'),
    "rude.lua": tool("rude", "function() while true do mcp.time.sleep(0.01) end end", 'timeout = "300ms"'),
  });
  const polite = await gw.call("polite");
  assert.equal(polite.isError, true);
  assert.match(polite.text, /timed out/);
  assert.ok(await gw.logged((l) => l.msg === "woke: nil cancelled TIMEOUT" || l.msg === "woke: nil timed out TIMEOUT"));
  assert.equal((await gw.logged((l) => l.tool === "polite" && l.outcome)).outcome, "TIMEOUT");
  const rude = await gw.call("rude");
  assert.equal(rude.isError, true);
  assert.ok(await gw.logged((l) => l.tool === "rude" && ["TIMEOUT", "KILLED"].includes(l.outcome)));
});

test("a legacy call is cancelled by notification from another connection, by its own client only", async (t) => {
  const gw = await start(t, `${quiet}[key a]\nsecret = a1\n[key b]\nsecret = b1\n`, nap());
  const running = (key) => gw.rpc("tools/call", { name: "nap", arguments: { seconds: 20 } }, { id: "same", key }).catch((e) => e);
  const a = running("a1"), b = running("b1");
  await until(() => gw.fetch("/metrics", { headers: { "X-API-Key": "a1" } }).then((r) => r.text())
    .then((text) => /moongate_calls_waiting (\d+)/.exec(text)[1]), "2", "two waiting");
  const cancelled = await gw.client.notify("notifications/cancelled", { requestId: "same" }, { key: "a1" });
  assert.equal(cancelled.status, 202);
  const line = await gw.logged((l) => l.tool === "nap" && l.outcome);
  assert.deepEqual([line.key, line.outcome], ["a", "CANCELLED"]);
  assert.ok((await a) instanceof Error, "a cancelled request gets no answer");
  assert.equal(gw.log.filter((l) => l.tool === "nap" && l.outcome).length, 1, "the other client's call goes on");
  await gw.client.notify("notifications/cancelled", { requestId: "same" }, { key: "b1" });
  await b;
});

test("a cancellation that is read together with its call still cancels it", async (t) => {
  const gw = await start(t, `${quiet}[server]\nworkers = 1\n`, nap());
  const [caller, other] = [await openRaw(gw), await openRaw(gw)];
  const post = async (raw, message) => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    await new Promise((resolve) => raw.socket.write(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`, resolve));
  };
  for (const raw of [caller, other]) { // accepted, and idle before it is stopped
    await post(raw, { id: 1, method: "ping" });
    assert.equal((await raw.response()).status, 200);
  }
  gw.child.kill("SIGSTOP");
  try {
    await post(caller, { id: "both", method: "tools/call", params: { name: "nap", arguments: { seconds: 20 } } });
    await post(other, { method: "notifications/cancelled", params: { requestId: "both" } });
  } finally {
    gw.child.kill("SIGCONT");
  }
  assert.equal((await other.response()).status, 202);
  assert.equal((await gw.logged((l) => l.tool === "nap" && l.outcome)).outcome, "CANCELLED");
  assert.equal(await caller.response(), null, "a cancelled request gets no answer");
});

test("a client of 2026-07-28 that leaves has cancelled; a legacy one has not", async (t) => {
  const gw = await start(t, quiet, { ...nap(), "reports.lua": tool("reports", `function(args, ctx)
      mcp.log.info("cancelled before: " .. tostring(ctx:cancelled()))
      local ok = mcp.time.sleep(args.seconds)
      mcp.log.info("woke: " .. tostring(ok)) return "x" end`) });
  const leave = new AbortController();
  const modern = gw.client.modern("tools/call", { name: "nap", arguments: { seconds: 20 } }, { signal: leave.signal });
  await until(() => gw.metric("moongate_calls_running"), 1, "the call");
  leave.abort();
  await assert.rejects(modern);
  assert.equal((await gw.logged((l) => l.tool === "nap" && l.outcome)).outcome, "CANCELLED");

  const stay = new AbortController();
  const legacy = gw.rpc("tools/call", { name: "reports", arguments: { seconds: 3 } }, { signal: stay.signal });
  await gw.logged((l) => /cancelled before: false/.test(l.msg));
  stay.abort();
  await assert.rejects(legacy);
  await gw.logged((l) => /woke: true/.test(l.msg));
});

for (const limit of ["max_connections = 5", "max_connections_per_ip = 5"]) test(`${limit}: over it a 503 and the end`, async (t) => {
  const gw = await start(t, `${quiet}[server]\n${limit}\n`, nap());
  const open = [];
  const connect = async () => {
    const raw = await gw.raw();
    raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    open.push(raw);
    return (await raw.response())?.status;
  };
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push(await connect());
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 503, 503]);
  await open[6].closed();
  for (const raw of open) raw.destroy();
  await until(() => connect().catch(() => 0), 200, "places are given back");
  for (const raw of open) raw.destroy();
});

test("the timeout of a request that does not come", async (t) => {
  const gw = await start(t, `${quiet}[server]\nrequest_timeout = 1s\n`, nap());
  const begin = performance.now();
  const raw = await gw.raw();
  raw.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  await raw.closed(15_000 * slowness);
  const took = performance.now() - begin;
  assert.ok(took > 900 && took < 10_000 * slowness, `${took} ms`);
});
