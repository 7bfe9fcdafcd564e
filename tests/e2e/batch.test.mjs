// batch.test.mjs - several messages in one POST, of clients of revision 2025-03-26: answered by one array,
// judged as each message by itself, and counted as so many requests.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { parseJson } from "./lib/json.mjs";

const tools = ["echo.lua", "outcomes.lua", "counter.lua"];
const message = (id, method, params) => ({ jsonrpc: "2.0", id, method, params });
const call = (id, name, args) => message(id, "tools/call", { name, arguments: args });

async function start(t, ini = "[rate_limit]\nbucket = 0\n") {
  const gw = await Gateway.start({ ini, tools });
  t.after(() => gw.stop());
  return gw;
}

async function post(gw, batch, headers = {}) {
  const res = await gw.fetch("/mcp", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...headers },
    body: typeof batch === "string" ? batch : JSON.stringify(batch),
  });
  const text = await res.text();
  return { status: res.status, headers: res.headers, text, body: text ? parseJson(text) : undefined };
}

const byId = (answers) => Object.fromEntries(answers.map((answer) => [answer.id, answer]));

test("requests side by side, each with its answer; notifications with none", async (t) => {
  const gw = await start(t);
  const res = await post(gw, [
    call(1, "sleep", { seconds: 0.1 }), call("two", "sleep", { seconds: 0.1 }),
    call(3, "echo", { message: "m" }), call(4, "fail", {}), call(5, "unknown", {}),
    message(6, "ping"), message(7, "tools/list"), message(8, "no/such"),
    { jsonrpc: "2.0", method: "notifications/initialized" },
  ]);
  assert.equal(res.status, 200, res.text);
  assert.match(res.headers.get("content-type"), /^application\/json/);
  const answers = byId(res.body);
  assert.equal(res.body.length, 8);
  assert.equal(answers.two.result.isError, undefined);
  assert.deepEqual(JSON.parse(answers[3].result.content[0].text), { message: "m" });
  assert.equal(answers[4].result.isError, true);
  assert.equal(answers[5].error.code, -32602);
  assert.deepEqual(answers[6].result, {});
  assert.ok(answers[7].result.tools.length > 3);
  assert.equal(answers[8].error.code, -32601);
  const line = await gw.logged((l) => l.rpc === "batch");
  assert.equal(line.status, 200);
  assert.ok(await gw.logged((l) => l.tool === "echo" && l.outcome === "OK"));
});

test("calls run at once: one after the other they would take longer than all may", async (t) => {
  const gw = await start(t);
  const begin = performance.now();
  const res = await post(gw, Array.from({ length: 60 }, (_, i) => call(i, "sleep", { seconds: 1 })));
  assert.equal(res.body.filter((answer) => answer.result).length, 60);
  assert.ok(performance.now() - begin < 30_000);
});

test("what would make the answers larger than max_result is an error of its own", async (t) => {
  const gw = await start(t, "[server]\nmax_result = 64K\n[rate_limit]\nbucket = 0\n");
  const batch = ["a", "b", "c"].map((id) => call(id, "echo", { message: "x".repeat(30_000) }));
  const res = await post(gw, [...batch, ...Array.from({ length: 50 }, (_, i) => message(i, "tools/list"))]);
  assert.equal(res.body.length, 53);
  const failed = res.body.filter((answer) => answer.error);
  assert.ok(failed.length > 0 && failed.length < 53);
  for (const { id, error } of failed) {
    assert.ok(id !== undefined && id !== null);
    assert.match(error.message, /larger than \[server\] max_result/);
  }
  assert.equal(new Set(res.body.map((answer) => answer.id)).size, 53);
  const whole = res.text.length - failed.reduce((sum, answer) => sum + JSON.stringify(answer).length + 1, 0);
  assert.ok(whole <= 65_536, `${whole} bytes`);
});

test("without a request there is no answer", async (t) => {
  const gw = await start(t);
  const quiet = { jsonrpc: "2.0", method: "notifications/initialized" };
  const res = await post(gw, [quiet, quiet]);
  assert.deepEqual([res.status, res.text], [202, ""]);
});

test("a batch is for sessions of 2025-03-26 and before, and for who names no version", async (t) => {
  const gw = await start(t);
  const batch = [message(1, "ping"), message(2, "ping")];
  for (const version of ["2025-03-26", "2025-06-18", "2025-11-25"]) {
    const session = await gw.client.session(version);
    const res = await post(gw, batch, session.headers);
    assert.equal(res.status, version <= "2025-03-26" ? 200 : 400, version);
    if (res.status === 400) assert.equal(res.body.error.code, -32600);
  }
  const unknown = await post(gw, batch, { "Mcp-Session-Id": "0".repeat(32) });
  assert.equal(unknown.status, 404);
  const modern = await post(gw, batch, { "MCP-Protocol-Version": "2026-07-28" });
  assert.deepEqual([modern.status, modern.body.error.code], [400, -32600]);
});

test("what is wrong with one message is wrong with the batch", async (t) => {
  const gw = await start(t);
  const meta = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };
  const ping = message(1, "ping");
  const wrong = {
    "is empty": [],
    "a message is a JSON object": [ping, 7],
    "stands twice": [ping, ping],
    "initialize stands alone": [ping, message(2, "initialize", {})],
    "of revision 2026-07-28": [ping, message(2, "ping", meta)],
    "one message at a time": [[ping]],
    "more than 100": Array.from({ length: 101 }, (_, i) => message(i, "ping")),
  };
  for (const [why, batch] of Object.entries(wrong)) {
    const res = await post(gw, batch);
    assert.deepEqual([res.status, res.body.error.code], [400, -32600], why);
    assert.ok(res.body.error.message.includes(why), `${why}: ${res.text}`);
  }
  const broken = await post(gw, "[{");
  assert.deepEqual([broken.status, broken.body.error.code], [400, -32700]);
  const most = await post(gw, Array.from({ length: 100 }, (_, i) => message(i, "ping")));
  assert.equal(most.body.length, 100);
});

test("a client that takes only event streams gets the array as one event", async (t) => {
  const gw = await start(t);
  const batch = [call(1, "echo", { message: "m" }), message(2, "ping")];
  const res = await post(gw, batch, { Accept: "text/event-stream" });
  assert.equal(res.status, 200);
  assert.match(res.headers.get("content-type"), /^text\/event-stream/);
  const [, data] = /^event: message\ndata: (.*)\n\n$/.exec(res.text);
  assert.equal(JSON.parse(data).length, 2);
});

test("a batch takes as many tokens as it has messages", async (t) => {
  const gw = await start(t, "[rate_limit]\nbucket = 10\nwindow = 1h\n");
  const batch = (n) => Array.from({ length: n }, (_, i) => call(i, "counter", { id: "c" }));
  assert.equal((await post(gw, batch(6))).status, 200);
  const res = await post(gw, batch(5)); // four are left
  assert.deepEqual([res.status, res.body.error.code], [429, -32001]);
  assert.ok(res.headers.get("retry-after"));
});

test("a key's tools are its own in a batch as well", async (t) => {
  const ini = "[rate_limit]\nbucket = 0\n[key ci]\nsecret = secret-of-ci-0123456789\ntools = echo\n";
  const gw = await start(t, ini);
  const batch = [call(1, "echo", { message: "m" }), call(2, "counter", { id: "c" })];
  assert.equal((await post(gw, batch)).status, 401);
  const answers = byId((await post(gw, batch, { "X-API-Key": "secret-of-ci-0123456789" })).body);
  assert.ok(answers[1].result);
  assert.match(answers[2].error.message, /^Unknown tool: counter/);
});

test("a call of a batch is cancelled by its id; a client that goes leaves nothing behind", async (t) => {
  const gw = await start(t);
  const session = await gw.client.session("2025-03-26");
  const sleeping = post(gw, [call("long", "sleep", { seconds: 20 }), message(2, "ping")], session.headers);
  let isOver = false;
  sleeping.then(() => (isOver = true));
  while (!isOver)
    await gw.client.notify("notifications/cancelled", { requestId: "long" }, { headers: session.headers });
  assert.deepEqual((await sleeping).body.map((answer) => answer.id), [2]); // cancelled: no answer
  const raw = await gw.raw();
  const body = JSON.stringify([call(1, "sleep", { seconds: 1.5 }), call(2, "sleep", { seconds: 1 })]);
  raw.send(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`);
  while ((await gw.metric("moongate_calls_running")) !== 2);
  raw.socket.resetAndDestroy();
  await gw.logged((l) => l.rpc === "batch" && l.status === 499);
  assert.equal((await post(gw, [message(1, "ping")])).status, 200);
});

test("a gateway that ends answers the batches that it has", async (t) => {
  const gw = await start(t);
  const waiting = post(gw, [call(1, "sleep", { seconds: 1 }), call(2, "echo", { message: "m" })]);
  await gw.logged((l) => l.tool === "echo");
  await gw.stop();
  assert.equal((await waiting).body.length, 2);
});
