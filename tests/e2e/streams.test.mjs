// streams.test.mjs - answers that take time: progress and log messages on the call's own stream, and
// how a call is cancelled in each era.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const META = "io.modelcontextprotocol/";
const BOTH = { Accept: "application/json, text/event-stream" };

// Reports once, so that a test knows it runs; then waits until somebody ends it.
const waiter = `
  local mcp = require "mcp"
  return mcp.tool {
    name = "waiter",
    input = { type = "object" },
    limits = { timeout = "25s" },
    run = function(args, ctx)
      mcp.log.info("waiting now")
      ctx:progress(1, 2, "waiting")
      local ok, message, code = mcp.time.sleep(args.seconds or 20)
      if not ok then return nil, message, code end
      return { slept = true }
    end,
  }`;

async function start(t) {
  const gw = await Gateway.start({
    ini: "[rate_limit]\nbucket = 0\n",
    tools: { "waiter.lua": waiter },
  });
  t.after(() => gw.stop());
  gw.writeTools(["reports.lua", "echo.lua"]);
  await gw.stop({ keep: true });
  await gw.restart();
  return gw;
}

const methods = (res) => res.messages.map((message) => message.method ?? "answer");
const reports = { name: "reports", arguments: { steps: 3, pause: 0 } };

test("progress comes when a token asks for it, in order, before the answer", async (t) => {
  const gw = await start(t);
  for (const progressToken of ["p-1", 0, 1730000000000]) {
    const res = await gw.client.modern("tools/call", reports, { meta: { progressToken } });
    assert.match(res.headers.get("content-type"), /^text\/event-stream/);
    assert.deepEqual(methods(res), [...Array(3).fill("notifications/progress"), "answer"]);
    assert.deepEqual(
      res.messages.slice(0, 3).map((message) => message.params),
      [1, 2, 3].map((n) => ({ progressToken, progress: n, total: 3, message: `step ${n}` })));
    assert.equal(res.body.result.resultType, "complete");
    assert.doesNotMatch(res.text, /^(id|retry):/m);
  }
  const silent = await gw.client.modern("tools/call", reports);
  assert.match(silent.headers.get("content-type"), /^application\/json/);
  assert.deepEqual(silent.body.result.content, [{ type: "text", text: '{"steps":3}' }]);
});

test("log messages come from the level that a modern request names", async (t) => {
  const gw = await start(t);
  const call = (level) => gw.client.modern("tools/call", reports, { meta: { [`${META}logLevel`]: level } });
  for (const level of ["debug", "info"]) {
    const res = await call(level);
    assert.deepEqual(methods(res), [...Array(3).fill("notifications/message"), "answer"]);
    assert.deepEqual(res.messages[0].params, { level: "info", logger: "reports", data: { step: 1 } });
  }
  for (const level of ["notice", "emergency"])
    assert.match((await call(level)).headers.get("content-type"), /^application\/json/);
  const bad = await call("loud");
  assert.deepEqual([bad.status, bad.body.error.code], [200, -32602]);
});

test("log messages come from the level that a legacy session was set to", async (t) => {
  const gw = await start(t);
  const session = await gw.client.session("2025-06-18", { headers: BOTH });
  assert.match((await session("tools/call", reports)).headers.get("content-type"), /json/);
  assert.deepEqual((await session("logging/setLevel", { level: "info" })).body.result, {});
  assert.deepEqual(methods(await session("tools/call", reports)),
    [...Array(3).fill("notifications/message"), "answer"]);
  assert.deepEqual((await session("logging/setLevel", { level: "error" })).body.result, {});
  assert.match((await session("tools/call", reports)).headers.get("content-type"), /json/);
  assert.equal((await session("logging/setLevel", { level: "loud" })).body.error.code, -32602);
  assert.equal((await gw.rpc("logging/setLevel", { level: "info" })).body.error.code, -32601);
});

test("a legacy client that accepts anything gets one JSON answer, token or not", async (t) => {
  const gw = await start(t);
  const params = { ...reports, _meta: { progressToken: 1 } };
  for (const accept of ["*/*", "application/json"]) {
    const res = await gw.rpc("tools/call", params, { headers: { Accept: accept } });
    assert.match(res.headers.get("content-type"), /^application\/json/);
  }
  const streamed = await gw.rpc("tools/call", params, { headers: BOTH });
  assert.deepEqual(methods(streamed), [...Array(3).fill("notifications/progress"), "answer"]);
});

// Opens a call of the waiter and reads its first report; -> the stream.
async function waiting(gw, { headers, params, id = 1 }) {
  const stream = await openEventStream(gw.url, {
    method: "POST",
    headers: { ...BOTH, "Content-Type": "application/json", ...headers },
    body: JSON.stringify({
      jsonrpc: "2.0", id, method: "tools/call",
      params: { name: "waiter", arguments: {}, ...params },
    }),
  });
  assert.equal(stream.status, 200);
  let first = await stream.next();
  if (first.data === "") first = await stream.next(); // what a legacy client of 2025-11-25 is told first
  assert.equal(first.json.method, "notifications/progress");
  return stream;
}

const modern = {
  headers: {
    "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "waiter",
  },
  meta: { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} },
};

const ended = (gw, outcome) => gw.logged((line) => line.tool === "waiter" && line.outcome === outcome);

test("a modern client cancels by closing its stream", async (t) => {
  const gw = await start(t);
  const stream = await waiting(gw, {
    headers: modern.headers,
    params: { _meta: { ...modern.meta, progressToken: 1 } },
  });
  stream.close();
  await ended(gw, "CANCELLED");
});

test("a modern client cancels by closing, also while it waits for JSON", async (t) => {
  const gw = await start(t);
  const controller = new AbortController();
  const call = gw.client.modern("tools/call", { name: "waiter", arguments: {} },
    { signal: controller.signal });
  await gw.logged((line) => line.msg === "waiting now");
  controller.abort();
  await assert.rejects(call);
  await ended(gw, "CANCELLED");
});

test("a legacy client cancels by a notification, from any connection of its session", async (t) => {
  const gw = await start(t);
  const session = await gw.client.session("2025-11-25", { headers: BOTH });
  for (const id of [77, "call-\u00fc"]) {
    const stream = await waiting(gw, {
      id, headers: session.headers, params: { _meta: { progressToken: 1 } },
    });
    // Other sessions, other ids and other types of the same id are not meant.
    const other = await gw.client.session("2025-11-25", { headers: BOTH });
    const cancel = (requestId, who) =>
      gw.client.notify("notifications/cancelled", { requestId, reason: "test" }, who);
    assert.equal((await cancel(id, other)).status, 202);
    assert.equal((await cancel(`${id}x`, session)).status, 202);
    assert.equal((await cancel(id, {})).status, 202);
    assert.deepEqual((await session("ping")).body.result, {});
    assert.equal(gw.log.filter((line) => line.tool === "waiter" && line.outcome).length, id === 77 ? 0 : 1);

    assert.equal((await cancel(id, session)).status, 202);
    assert.equal(await stream.next(), null, "a cancelled request is not answered");
    await ended(gw, "CANCELLED");
  }
  const late = await gw.client.notify("notifications/cancelled", { requestId: 77 }, session);
  assert.equal(late.status, 202);
});

test("a legacy client that closes has not cancelled", async (t) => {
  const gw = await start(t);
  const session = await gw.client.session("2025-06-18", { headers: BOTH });
  const stream = await waiting(gw, {
    headers: session.headers,
    params: { arguments: { seconds: 1 }, _meta: { progressToken: 1 } },
  });
  stream.close();
  await ended(gw, "OK");
});

test("two clients that use the same id get their own answers", async (t) => {
  const gw = await start(t);
  const sessions = await Promise.all([1, 2, 3].map(() =>
    gw.client.session("2025-11-25", { headers: BOTH })));
  const answers = await Promise.all(sessions.flatMap((session, s) =>
    [0, 1, 2, 3].map((n) =>
      session("tools/call", { name: "echo", arguments: { message: `${s}/${n}` } }, { id: 1 }))));
  assert.deepEqual(
    answers.map((res) => JSON.parse(res.body.result.content[0].text).message),
    [0, 1, 2].flatMap((s) => [0, 1, 2, 3].map((n) => `${s}/${n}`)));
});
