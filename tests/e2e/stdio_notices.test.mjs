// stdio_notices.test.mjs - what clients of `moongate stdio` are told outside of a call, in a process that
// owns the state and in one that relays: lists that changed, resources that were updated, subscriptions.

import assert from "node:assert/strict";
import test from "node:test";

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary } from "./lib/gateway.mjs";
import { Stdio, info, modern, site } from "./lib/stdio.mjs";

const NOTED = "io.modelcontextprotocol/subscriptionId";
const tools = { "offers.lua": `
  local mcp = require "mcp"
  return {
    mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
    mcp.resource { uri = "test://two", name = "two", read = function() return "2" end },
    mcp.prompt { name = "p", run = function() return "p" end },
    mcp.tool {
      name = "touch", input = { type = "object" },
      run = function(args)
        assert(mcp.resources.updated(args.uri))
        return "touched"
      end,
    },
    mcp.tool {
      name = "long", input = { type = "object" },
      run = function(args, ctx)
        ctx:as_task()
        mcp.time.sleep(0.1)
        return ("x"):rep(args.n or 4)
      end,
    },
  }` };
const added = {
  tools: `return mcp.tool { name = "added", input = { type = "object" }, run = function() return "x" end }`,
  prompts: `return mcp.prompt { name = "added_p", run = function() return "x" end }`,
  resources: `return mcp.resource { uri = "test://added", name = "added_r", read = function() return "x" end }`,
};

// The process that is spoken to, and the one that has the state and reads changed files.
const ways = {
  owning: async (t, ini = "") => {
    const gw = site(t, { tools, ini });
    const s = new Stdio(t, gw);
    return { gw, s, reload: () => s.child.kill("SIGHUP") };
  },
  relaying: async (t, ini = "") => {
    const gw = await Gateway.start({ tools, ini });
    t.after(() => gw.stop());
    const s = new Stdio(t, gw);
    await s.said("relaying");
    return { gw, s, reload: () => gw.signal("SIGHUP") };
  },
};

const change = ({ gw, reload }, list) => {
  gw.writeTools({ [`${list}.lua`]: `local mcp = require "mcp"\n${added[list]}` });
  reload();
};
const touch = (s, uri, meta = {}) =>
  s.request("tools/call", { name: "touch", arguments: { uri }, ...meta });
const isUpdate = (uri, id) => (m) =>
  m.method === "notifications/resources/updated" && m.params.uri === uri && m.params._meta?.[NOTED] === id;
const isListChange = (list, id) => (m) =>
  m.method === `notifications/${list}/list_changed` && m.params?._meta?.[NOTED] === id;
const listen = (s, id, notifications, meta = modern) =>
  s.send({ id, method: "subscriptions/listen", params: { notifications, _meta: meta } });
const acknowledged = (s, id) =>
  s.message((m) => m.method === "notifications/subscriptions/acknowledged" && m.params._meta[NOTED] === id);

for (const [way, open] of Object.entries(ways)) {
  test(`${way}, legacy: lists and resources, as the handshake declares`, async (t) => {
    const on = await open(t);
    const { s } = on;
    const { capabilities } = await s.initialize();
    assert.deepEqual(capabilities, {
      tools: { listChanged: true }, prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true }, logging: {},
    });
    assert.deepEqual((await s.request("resources/subscribe", { uri: "test://one" })).result, {});
    assert.equal((await s.request("resources/subscribe", { uri: "test://none" })).error.code, -32002);
    await touch(s, "test://two");
    await touch(s, "test://one");
    await s.message(isUpdate("test://one"));
    assert.deepEqual((await s.request("resources/unsubscribe", { uri: "test://one" })).result, {});
    await touch(s, "test://one");
    for (const list of Object.keys(added)) {
      change(on, list);
      const told = await s.message(isListChange(list));
      assert.deepEqual(told, { jsonrpc: "2.0", method: `notifications/${list}/list_changed` });
      const { result } = await s.request(`${list}/list`);
      assert.ok(result[list].some((one) => one.name.startsWith("added")), "who asks at once gets the new one");
    }
    assert.equal(s.messages.filter((m) => m.method === "notifications/resources/updated").length, 1);
  });

  test(`${way}, legacy: nothing is told before the client has initialized`, async (t) => {
    const { s } = await open(t);
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info };
    await s.request("initialize", params);
    for (const uri of ["test://one", "test://two"]) await s.request("resources/subscribe", { uri });
    await touch(s, "test://one");
    await s.request("ping");
    s.send({ method: "notifications/initialized" });
    await touch(s, "test://two");
    await s.message(isUpdate("test://two"));
    assert.equal(s.messages.some(isUpdate("test://one")), false);
  });

  test(`${way}, modern: subscriptions side by side, each under its request's id`, async (t) => {
    const on = await open(t, "[server]\nmax_subscriptions = 2\n");
    const { s } = on;
    const { result } = await s.request("server/discover", { _meta: modern });
    assert.deepEqual(result.capabilities.prompts, { listChanged: true });
    assert.deepEqual(result.capabilities.resources, { listChanged: true, subscribe: true });
    listen(s, 5, { toolsListChanged: true, promptsListChanged: true });
    listen(s, "x", { resourceSubscriptions: ["test://one", "test://none"] });
    assert.deepEqual((await acknowledged(s, 5)).params,
      { _meta: { [NOTED]: 5 }, notifications: { toolsListChanged: true, promptsListChanged: true } });
    assert.deepEqual((await acknowledged(s, "x")).params.notifications, { resourceSubscriptions: ["test://one"] });
    await touch(s, "test://two", { _meta: modern });
    await touch(s, "test://one", { _meta: modern });
    assert.deepEqual((await s.message(isUpdate("test://one", "x"))).params, { uri: "test://one", _meta: { [NOTED]: "x" } });
    change(on, "tools");
    await s.message(isListChange("tools", 5));
    change(on, "resources"); // nobody wants to know
    change(on, "prompts");
    await s.message(isListChange("prompts", 5));
    assert.equal(s.messages.some((m) => /resources.list_changed/.test(m.method)), false);
    assert.equal(s.messages.some((m) => isUpdate("test://two", "x")(m)), false);

    listen(s, "x", {});
    assert.equal((await s.answer("x")).error.code, -32600, "an id that is in use");
    for (const [id, bad] of [["bad", { toolsListChanged: 1 }], ["many", { resourceSubscriptions: ["test://one", "test://two", "test://one"] }]]) {
      listen(s, id, bad);
      assert.equal((await s.answer(id)).error.code, -32602, id);
    }
  });

  test(`${way}, modern: a cancelled subscription says nothing more`, async (t) => {
    const { s } = await open(t);
    listen(s, "a", { resourceSubscriptions: ["test://one"] });
    listen(s, "b", { resourceSubscriptions: ["test://one"] });
    await acknowledged(s, "b");
    s.send({ method: "notifications/cancelled", params: { requestId: "a", _meta: modern } });
    await touch(s, "test://one", { _meta: modern });
    await s.message(isUpdate("test://one", "b"));
    await s.request("tools/list", { _meta: modern });
    assert.equal(s.messages.some((m) => m.id === "a" || isUpdate("test://one", "a")(m)), false);
  });

  test(`${way}, modern: a task that is listened to`, async (t) => {
    const { s } = await open(t);
    const knowing = { ...modern, "io.modelcontextprotocol/clientCapabilities": {
      extensions: { "io.modelcontextprotocol/tasks": {} },
    } };
    const { result } = await s.request("tools/call", { name: "long", _meta: knowing });
    assert.equal(result.resultType, "task");
    listen(s, "t", { taskIds: [result.taskId, "none"] }, knowing);
    assert.deepEqual((await acknowledged(s, "t")).params.notifications, { taskIds: [result.taskId] });
    const done = await s.message((m) => m.method === "notifications/tasks" && m.params.status === "completed");
    assert.equal(done.params._meta[NOTED], "t");
    assert.equal(done.params.result.content[0].text, "xxxx");
  });

  test(`${way}, modern: a task's end that is larger than the queue`, async (t) => {
    const { s } = await open(t, "[server]\nmax_stream_queue = 4K\n");
    const knowing = { ...modern, "io.modelcontextprotocol/clientCapabilities": {
      extensions: { "io.modelcontextprotocol/tasks": {} },
    } };
    const { result } = await s.request("tools/call", { name: "long", arguments: { n: 100_000 }, _meta: knowing });
    listen(s, "t", { taskIds: [result.taskId] }, knowing);
    await acknowledged(s, "t");
    const done = await s.message((m) => m.method === "notifications/tasks" && m.params.status === "completed");
    assert.equal(done.params.result.content[0].text.length, 100_000);
  });
}

test("a subscription that the gateway ends is answered", async (t) => {
  const { s } = await ways.owning(t);
  listen(s, 5, { toolsListChanged: true });
  await acknowledged(s, 5);
  s.child.kill("SIGTERM");
  await s.exited;
  const [end, cancelled] = s.messages.slice(-2);
  assert.deepEqual([end.id, end.result.resultType, end.result._meta[NOTED]], [5, "complete", 5]);
  assert.deepEqual([cancelled.method, cancelled.params.requestId], ["notifications/cancelled", 5]);
});

test("max_streams bounds them, and who waits for one is told", async (t) => {
  const { s } = await ways.owning(t, "[server]\nmax_streams = 4\n"); // of which half, and one is its own
  listen(s, "a", { toolsListChanged: true });
  await acknowledged(s, "a");
  listen(s, "b", { toolsListChanged: true });
  assert.match((await s.answer("b")).error.message, /max_streams/);
  s.send({ method: "notifications/cancelled", params: { requestId: "a", _meta: modern } });
  await s.request("tools/list", { _meta: modern });
  listen(s, "c", { toolsListChanged: true });
  await acknowledged(s, "c");
});

test("a client that does not read is told of the last change of each once it does", async (t) => {
  const { s } = await ways.owning(t, "[server]\nmax_stream_queue = 256K\n");
  await s.initialize();
  await s.request("resources/subscribe", { uri: "test://one" });
  s.child.stdout.pause();
  const N = 3000;
  for (let i = 0; i < N; i++)
    s.send({ id: `t${i}`, method: "tools/call", params: { name: "touch", arguments: { uri: "test://one" }, _meta: { x: "x".repeat(50) } } });
  s.child.stdout.resume();
  await s.answer(`t${N - 1}`);
  const last = s.messages.findIndex((m) => m.id === `t${N - 1}`);
  await s.until(() => s.messages.findLastIndex(isUpdate("test://one")) > last, "a notice behind the last change");
});

const transport = (gw) => ({
  command: binary, args: ["stdio", "-c", gw.iniPath], cwd: gw.dir, env: cleanEnv({ MOONGATE_TOOLS_RELOAD: "no" }), stderr: "ignore",
});

function hearing() {
  const heard = [];
  let wake = () => {};
  return {
    heard,
    hear: (note) => { heard.push(note.method.replace("notifications/", "")); wake(); },
    until: (n) => new Promise((resolve) => { wake = () => heard.length >= n && resolve(); wake(); }),
  };
}

test("the official client 1.x hears of both", async (t) => {
  const gw = site(t, { tools });
  const client = new ClientV1(info);
  const { heard, hear, until } = hearing();
  for (const schema of [ToolListChangedNotificationSchema, ResourceUpdatedNotificationSchema])
    client.setNotificationHandler(schema, hear);
  const over = new TransportV1(transport(gw));
  await client.connect(over);
  t.after(() => client.close());
  await client.subscribeResource({ uri: "test://one" });
  await client.callTool({ name: "touch", arguments: { uri: "test://one" } });
  await until(1);
  change({ gw, reload: () => process.kill(over.pid, "SIGHUP") }, "tools");
  await until(2);
  assert.deepEqual(heard, ["resources/updated", "tools/list_changed"]);
});

test("the official client 2.x listens: what it asked for, until it closes or the server ends", async (t) => {
  const gw = site(t, { tools });
  const client = new ClientV2(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const { heard, hear, until } = hearing();
  client.setNotificationHandler("notifications/tools/list_changed", hear);
  client.setNotificationHandler("notifications/resources/updated", hear);
  const over = new TransportV2(transport(gw));
  await client.connect(over);
  t.after(() => client.close());
  const filter = { toolsListChanged: true, resourceSubscriptions: ["test://one", "test://none"] };
  const subscription = await client.listen(filter);
  assert.deepEqual(subscription.honoredFilter, { ...filter, resourceSubscriptions: ["test://one"] });
  await client.callTool({ name: "touch", arguments: { uri: "test://one" } });
  await until(1);
  change({ gw, reload: () => process.kill(over.pid, "SIGHUP") }, "tools");
  await until(2);
  assert.deepEqual(heard, ["resources/updated", "tools/list_changed"]);
  await subscription.close();
  const other = await client.listen({ toolsListChanged: true });
  process.kill(over.pid, "SIGTERM");
  assert.equal(await other.closed, "graceful");
});
