// sse_transport.test.mjs - the transport of 2024-11-05: GET /sse says where to post, posts are answered
// on the stream. Beside it /sse?topic= goes on as it was (events.test.mjs).

import assert from "node:assert/strict";
import net from "node:net";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import {
  CreateMessageRequestSchema, ElicitRequestSchema, ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { Gateway } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const tools = {
  "sse.lua": `
    local mcp = require "mcp"
    return {
      mcp.tool { name = "hello", input = { type = "object" },
        run = function(args, ctx) ctx:progress(1, 2) ctx:log("info", "hi") mcp.time.sleep(0.05) return "hello " .. (args.who or ctx.principal) end },
      mcp.tool { name = "ask", input = { type = "object" },
        run = function(_, ctx)
          local a, message = ctx:ask {
            n = { elicit = { message = "n?", schema = { type = "object", properties = { n = { type = "integer" } } } } },
            m = { sample = { messages = { { role = "user", content = mcp.text("x") } }, maxTokens = 5 } } }
          if not a then return nil, message end
          return a.n.content.n .. a.m.content.text
        end },
      mcp.tool { name = "slow", input = { type = "object" }, limits = { timeout = "60s" },
        run = function(args, ctx)
          mcp.log.info("slow begins")
          local ok, message = mcp.time.sleep(args.seconds or 30)
          if not ok then return nil, message end
          return "slept"
        end },
      mcp.tool { name = "later", input = { type = "object" }, task = "optional",
        run = function(_, ctx) ctx:as_task() return "done" end },
      mcp.tool { name = "long", input = { type = "object" }, task = "optional",
        run = function(args, ctx) ctx:as_task() mcp.time.sleep(0.1) return ("x"):rep(args.n) end },
      mcp.tool { name = "big", input = { type = "object" }, run = function(args) return ("x"):rep(args.n) end },
      mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
      mcp.tool { name = "touch", input = { type = "object" }, run = function() mcp.resources.updated("test://one") return "ok" end },
    }`,
};

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({ ini: `[rate_limit]\nbucket = 0\n[server]\nworkers = 2\n${ini}`, tools, ...options });
  t.after(() => gw.stop());
  return gw;
}

async function connect(gw) {
  const c = new Client({ name: "old", version: "1" });
  await c.connect(new SSEClientTransport(new URL(`${gw.base}/sse`)));
  return c;
}

const open = (gw, options) => openEventStream(`${gw.base}/sse`, options);

async function opened(gw, options) {
  const stream = await open(gw, options);
  const first = await stream.next();
  assert.equal(first.event, "endpoint");
  assert.match(first.data, /^\/messages\?sessionId=[0-9a-f]{32}$/);
  return Object.assign(stream, { post: (body, init = {}) => gw.fetch(first.data, {
    method: "POST", ...init,
    headers: { "Content-Type": "application/json", ...(options?.key ? { "X-API-Key": options.key } : {}), ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify({ jsonrpc: "2.0", ...body }),
  }) });
}

const initialize = (s, capabilities = {}) => s.post({ id: 0, method: "initialize",
  params: { protocolVersion: "2024-11-05", capabilities, clientInfo: { name: "x", version: "1" } } });

test("the official client: calls, progress, log messages, resources, changes", async (t) => {
  const gw = await start(t);
  const clients = await Promise.all([1, 2, 3, 4].map(() => connect(gw)));
  for (const c of clients) {
    assert.ok((await c.listTools()).tools.some((one) => one.name === "hello"));
    const told = [];
    const result = await c.callTool({ name: "hello", arguments: { who: "x" } }, undefined, { onprogress: (p) => told.push(p.progress) });
    assert.equal(result.content[0].text, "hello x");
    // This client forgets progress that it reads together with the answer.
    assert.deepEqual(told, [1].slice(0, told.length));
    assert.equal((await c.readResource({ uri: "test://one" })).contents[0].text, "1");
    assert.equal(c.getServerCapabilities().resources.subscribe, true);
  }
  const [one, two] = clients;
  const heard = (c, schema) => new Promise((resolve) => c.setNotificationHandler(schema, resolve));
  await one.subscribeResource({ uri: "test://one" });
  const updated = heard(one, ResourceUpdatedNotificationSchema);
  await two.callTool({ name: "touch", arguments: {} });
  assert.equal((await updated).params.uri, "test://one");
  const changed = clients.map((c) => heard(c, ToolListChangedNotificationSchema));
  gw.writeTools({ "more.lua": 'local mcp = require "mcp" return mcp.tool { name = "more", input = { type = "object" }, run = function() return "x" end }' });
  gw.signal("SIGHUP");
  await Promise.all(changed);
  assert.ok((await two.listTools()).tools.some((tool) => tool.name === "more"));
  await Promise.all(clients.map((c) => c.close()));
});

test("a client is asked, and answers by posting", async (t) => {
  const gw = await start(t);
  const clients = await Promise.all([7, 8].map(async (n) => {
    const c = new Client({ name: "old", version: "1" }, { capabilities: { elicitation: {}, sampling: {} } });
    c.setRequestHandler(ElicitRequestSchema, async () => ({ action: "accept", content: { n } }));
    c.setRequestHandler(CreateMessageRequestSchema, async () => ({ model: "m", role: "assistant", content: { type: "text", text: `t${n}` } }));
    await c.connect(new SSEClientTransport(new URL(`${gw.base}/sse`)));
    return c;
  }));
  const texts = await Promise.all(clients.map(async (c) => (await c.callTool({ name: "ask", arguments: {} })).content[0].text));
  assert.deepEqual(texts, ["7t7", "8t8"]);
  await Promise.all(clients.map((c) => c.close()));
});

test("who may open, and who may post", async (t) => {
  const gw = await start(t, { ini: "[key k1]\nsecret = k1\ntools = hello\n[key k2]\nsecret = k2\n" });
  const refused = async (options) => {
    const got = await open(gw, options);
    return [got.status, got.text];
  };
  assert.deepEqual(await refused({}), [401, "unauthorized"]);
  assert.deepEqual(await refused({ key: "k1", headers: { Origin: "http://evil.example" } }).then(([s]) => s), 403);
  for (const Accept of ["*/*", "application/json", "text/*;q=0, application/json"])
    assert.deepEqual(await refused({ key: "k1", headers: { Accept } }), [400, "missing topic"], Accept);
  const s = await opened(gw, { key: "k1" });
  assert.equal((await s.post({ id: 1, method: "ping" }, { headers: { "X-API-Key": "k2" } })).status, 404, "another key's session");
  assert.equal((await s.post({ id: 1, method: "ping" }, { headers: { "X-API-Key": "no" } })).status, 401);
  assert.equal((await s.post({ id: 1, method: "ping" }, { headers: { Origin: "http://evil.example" } })).status, 403);
  assert.equal((await s.post({ id: 1, method: "ping" }, { headers: { Host: "evil.example" } })).status, 202, "fetch does not let it");
  assert.equal((await s.next()).json.id, 1);
  assert.equal((await s.post("{")).status, 400);
  assert.equal((await s.post({}, { headers: { "Content-Type": "text/plain" } })).status, 415);
  for (const path of ["/messages", "/messages?sessionId=", `/messages?sessionId=${"0".repeat(32)}`])
    for (const [version, code] of [["2024-11-05", -32001], ["2026-07-28", -32600]]) {
      const headers = { "X-API-Key": "k1", "Content-Type": "application/json", "MCP-Protocol-Version": version };
      const res = await gw.fetch(path, { method: "POST", headers, body: "{}" });
      assert.deepEqual([res.status, (await res.json()).error.code], [404, code]);
    }
  assert.equal((await gw.fetch("/messages", { headers: { "X-API-Key": "k1" } })).status, 405);
  // One decision for listing and calling.
  await initialize(s);
  await s.next();
  await s.post({ id: 2, method: "tools/list" });
  assert.deepEqual((await s.next()).json.result.tools.map((one) => one.name), ["hello"]);
  await s.post({ id: 3, method: "tools/call", params: { name: "touch", arguments: {} } });
  assert.equal((await s.next()).json.error.code, -32602);
  s.close();
});

test("messages are answered as lines are: batches, wrong ones, a cancelled call", async (t) => {
  const gw = await start(t);
  const s = await opened(gw);
  await initialize(s);
  assert.equal((await s.next()).json.result.protocolVersion, "2024-11-05");
  assert.equal((await s.post("7")).status, 202);
  assert.equal((await s.next()).json.error.code, -32600);
  await s.post('[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"hello","arguments":{"who":"b"}}}]');
  assert.deepEqual((await s.next()).json.map((one) => one.id).sort(), [1, 2]);
  await s.post({ id: 5, method: "tools/call", params: { name: "slow", arguments: {} } });
  await gw.logged((l) => l.msg === "slow begins");
  await s.post({ method: "notifications/cancelled", params: { requestId: 5 } });
  await gw.logged((l) => l.tool === "slow" && l.outcome === "CANCELLED");
  await s.post({ id: 6, method: "ping" });
  assert.deepEqual((await s.next()).json.id, 6, "a cancelled call is not answered");
  await s.post({ id: 7, method: "tools/call", params: { name: "big", arguments: { n: 1_000_000 } } });
  assert.equal((await s.next()).json.result.content[0].text.length, 1_000_000);
  s.close();
});

test("subscriptions of the newest revision come between its answers", async (t) => {
  const gw = await start(t);
  const s = await opened(gw);
  const io = "io.modelcontextprotocol/";
  const _meta = { [`${io}protocolVersion`]: "2026-07-28", [`${io}clientCapabilities`]: {} };
  const notifications = { resourceSubscriptions: ["test://one"] };
  await s.post({ id: 5, method: "subscriptions/listen", params: { notifications, _meta } });
  assert.deepEqual((await s.next()).json.params, { _meta: { [`${io}subscriptionId`]: 5 }, notifications });
  await gw.call("touch", {});
  assert.deepEqual((await s.next()).json.params, { uri: "test://one", _meta: { [`${io}subscriptionId`]: 5 } });
  gw.signal("SIGTERM");
  assert.equal((await s.next()).json.result.resultType, "complete");
  assert.equal((await s.next()).json.method, "notifications/cancelled");
  assert.equal(await s.next(), null);
});

test("the session ends with its stream, and leaving cancels nothing", async (t) => {
  const gw = await start(t);
  const s = await opened(gw);
  await initialize(s);
  await s.next();
  await s.post({ id: 5, method: "tools/call", params: { name: "slow", arguments: { seconds: 0.3 } } });
  await gw.logged((l) => l.msg === "slow begins");
  s.close();
  await gw.logged((l) => l.tool === "slow" && l.outcome === "OK");
  for (;;) if ((await s.post({ id: 6, method: "ping" })).status === 404) break;
  while ((await gw.metric("moongate_sessions")) !== 0);
  while ((await gw.metric("moongate_notice_streams")) !== 0);
});

// A client that reads where to post, and nothing more.
async function deaf(gw) {
  const socket = net.connect(gw.port, "127.0.0.1");
  socket.write(`GET /sse HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nAccept: text/event-stream\r\n\r\n`);
  let text = "";
  while (!/sessionId=[0-9a-f]{32}/.test(text)) text += await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  socket.on("error", () => {});
  const target = /\/messages\?sessionId=[0-9a-f]{32}/.exec(text)[0];
  return { socket, target };
}

test("a client that leaves its answers unread is cut off", async (t) => {
  const gw = await start(t);
  const { socket, target } = await deaf(gw);
  for (let id = 1, status = 202; status === 202; id++) {
    assert.ok(id < 100, "it is held for it without end");
    const res = await gw.fetch(target, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "big", arguments: { n: 1_000_000 } } }) });
    status = res.status;
    if (status !== 202) assert.equal(status, 404);
    // The last one may have been taken in as its client was cut off: nothing is called then.
    else while (gw.log.filter((l) => l.tool === "big").length < id && (await gw.metric("moongate_sse_clients")) > 0);
  }
  assert.equal(await gw.metric("moongate_sse_clients"), 0);
  socket.destroy();
});

test("a call that becomes a task as its client is cut off ends well", async (t) => {
  const gw = await start(t);
  const { socket, target } = await deaf(gw);
  const io = "io.modelcontextprotocol/";
  const _meta = { [`${io}protocolVersion`]: "2026-07-28", [`${io}clientInfo`]: { name: "x", version: "1" },
    [`${io}clientCapabilities`]: { extensions: { [`${io}tasks`]: {} } } };
  const headers = { "Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28" };
  const post = async (id, params) => (await gw.fetch(target, { method: "POST", headers,
    body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { ...params, _meta } }) })).status;
  // After a large answer that was still sent, the next one finds that too much lies there: a task's.
  for (let id = 1; (await post(2 * id, { name: "big", arguments: { n: 1_000_000 } })) === 202; id++) {
    assert.ok(id < 100, "it is held for it without end");
    await gw.logged((l) => l.tool === "big" && gw.log.filter((one) => one.tool === "big").length >= id);
    if ((await post(2 * id + 1, { name: "later", arguments: {} })) !== 202) break;
    await gw.logged((l) => l.msg === "task ended" && gw.log.filter((one) => one.msg === "task ended").length >= id);
  }
  while ((await gw.metric("moongate_sse_clients")) !== 0);
  assert.equal((await gw.client.call("hello", { who: "you" })).content[0].text, "hello you");
  socket.destroy();
});

test("a key that is taken away ends its streams, and max_streams bounds them", async (t) => {
  const head = "[rate_limit]\nbucket = 0\n[server]\nmax_streams = 2\nworkers = 2\n";
  const gw = await start(t);
  gw.writeIni(`${head}[auth]\nkeys = k1, k2\n`);
  await gw.stop({ keep: true });
  await gw.restart();
  const one = await opened(gw, { key: "k1" }), two = await opened(gw, { key: "k2" });
  const more = await open(gw, { key: "k1" });
  assert.deepEqual([more.status, /max_streams/.test(more.text)], [503, true]);
  gw.writeIni(`${head}[auth]\nkeys = k2\n`);
  gw.signal("SIGHUP");
  assert.equal(await one.next(), null);
  await two.post({ id: 1, method: "ping" });
  assert.equal((await two.next()).json.id, 1);
  two.close();
});

test("a shutdown answers what was accepted and waits", async (t) => {
  const gw = await start(t, { ini: "drain_timeout = 6s\n[tools]\nmax_concurrent = 2000\n" });
  const s = await opened(gw);
  await initialize(s);
  await s.next();
  // As many calls as one client may have at once; what it posts then is held.
  const params = { name: "slow", arguments: {} };
  for (let n = 0; n < 10; n++) {
    const batch = Array.from({ length: 100 }, (_, i) => ({ jsonrpc: "2.0", id: `call ${n} ${i}`, method: "tools/call", params }));
    assert.equal((await s.post(JSON.stringify(batch))).status, 202);
  }
  const waits = async () => (await gw.metric("moongate_sse_waiting_bytes")) > 0;
  while (await waits());
  const pings = Array.from({ length: 40 }, (_, i) => `ping ${i}`);
  for (const id of pings) assert.equal((await s.post({ id, method: "ping" })).status, 202);
  assert.ok(await waits());
  gw.signal("SIGTERM");
  const answered = [];
  for (let event; (event = await s.next()); ) answered.push(...[event.json].flat().map((answer) => answer.id));
  assert.deepEqual(answered.filter((id) => /^ping/.test(id)), pings);
  assert.equal(answered.length, 1000 + pings.length);
  await gw.exited;
});

test("a task's end that is larger than the queue is told, over this transport and over HTTP", async (t) => {
  const gw = await start(t, { ini: "max_stream_queue = 4K\n" });
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
  };
  const s = await opened(gw);
  await s.post({ id: 1, method: "tools/call", params: { name: "long", arguments: { n: 200_000 }, _meta } });
  const { taskId } = (await s.next()).json.result;
  await s.post({ id: 2, method: "subscriptions/listen", params: { notifications: { taskIds: [taskId] }, _meta } });
  const http = await openEventStream(gw.url, {
    method: "POST",
    headers: {
      Accept: "application/json, text/event-stream", "Content-Type": "application/json",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 2, method: "subscriptions/listen", params: { notifications: { taskIds: [taskId] }, _meta } }),
  });
  for (const stream of [s, http]) {
    const told = [];
    for (let event; told.at(-1)?.params.status !== "completed"; told.push(event.json))
      assert.ok((event = await stream.next()), "the stream goes on");
    assert.equal(told.at(-1).params.result.content[0].text.length, 200_000);
  }
  await s.post({ id: 3, method: "tools/list", params: { _meta } });
  assert.equal((await s.next()).json.id, 3);
});

test("a shutdown answers what runs", async (t) => {
  const gw = await start(t);
  const idle = await opened(gw);
  const s = await opened(gw);
  await initialize(s);
  await s.next();
  await s.post({ id: 5, method: "tools/call", params: { name: "slow", arguments: {} } });
  await gw.logged((l) => l.msg === "slow begins");
  gw.signal("SIGTERM");
  assert.equal(await idle.next(), null);
  assert.equal((await s.next()).json.id, 5);
  assert.equal(await s.next(), null);
  await gw.exited;
});
