// notices.test.mjs - what clients are told outside of a call: lists that changed, resources that were
// updated, on the stream of a legacy session and on subscriptions of modern clients.

import assert from "node:assert/strict";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { clients } from "./lib/clients.mjs";
import { Gateway } from "./lib/gateway.mjs";
import { conforms, skip as noSchemas } from "./lib/schemas.mjs";
import { openEventStream, openSubscription } from "./lib/sse.mjs";

const META = "io.modelcontextprotocol/";
const BOTH = { Accept: "application/json, text/event-stream" };

const offers = `
  local mcp = require "mcp"
  return {
    mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
    mcp.resource { uri = "test://secret", name = "secret", read = function() return "s" end },
    mcp.resource_template { uriTemplate = "test://n/{n}", name = "n", read = function(v) return v.n end },
    mcp.tool {
      name = "touch", input = { type = "object" },
      run = function(args)
        for _ = 1, args.times or 1 do assert(mcp.resources.updated(args.uri)) end
        return "touched"
      end,
    },
    mcp.tool {
      name = "touch_later", input = { type = "object" },
      run = function(args)
        mcp.jobs.start { kind = "touch", id = "job" .. args.n, run = function() mcp.resources.updated(args.uri) end }
        return "started"
      end,
    },
  }`;

const tool = (name, description = "") => `
  local mcp = require "mcp"
  return mcp.tool { name = "${name}", description = "${description}", input = { type = "object" }, run = function() return "x" end }`;

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({
    ini: `[rate_limit]\nbucket = 0\n${ini}`, tools: { "offers.lua": offers }, ...options,
  });
  t.after(() => gw.stop());
  return gw;
}

const session = (gw, version = "2025-11-25", options = {}) =>
  gw.client.session(version, { ...options, headers: BOTH });

const get = (gw, headers, options = {}) => openEventStream(gw.url, { headers, ...options });

async function reload(gw, tools) {
  const before = gw.log.filter((line) => /^reloaded/.test(line.msg)).length;
  gw.writeTools(tools);
  gw.signal("SIGHUP");
  await gw.logged((line) => /^reloaded/.test(line.msg) && gw.log.filter((l) => /^reloaded/.test(l.msg)).length > before);
}

const touch = (gw, uri, times = 1, options) => gw.call("touch", { uri, times }, options);

async function opened(stream) {
  assert.equal(stream.status, 200, stream.text);
  const first = await stream.next();
  assert.equal(first.data, "");
  assert.match(first.id, /^[0-9a-f]{16}-\d+$/);
  return first.id;
}

// Another list of tools that differs: what else was due comes before it.
let serial = 0;
async function nothingBefore(gw, stream) {
  await reload(gw, { [`mark${++serial}.lua`]: tool(`mark${serial}`) });
  assert.equal((await stream.next()).json.method, "notifications/tools/list_changed");
}

test("the stream of a session: who may have one", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = k1, k2\n" });
  const s = await session(gw, "2025-11-25", { key: "k1" });
  const status = async (headers, key = "k1") => {
    const stream = await get(gw, { ...s.headers, Accept: "text/event-stream", ...headers }, { key });
    stream.close();
    return stream.status;
  };
  assert.equal(await status({}, "k2"), 404, "another key's session does not exist");
  assert.equal(await status({}, "wrong"), 401);
  assert.equal(await status({ "Mcp-Session-Id": "0".repeat(32) }), 404);
  assert.equal(await status({ "MCP-Protocol-Version": "1999-01-01" }), 400);
  assert.equal(await status({ "MCP-Protocol-Version": "2026-07-28" }), 405);
  assert.equal(await status({ Accept: "application/json" }), 406);
  assert.equal(await status({ "Last-Event-ID": "0123456789abcdef-0" }), 400);
  const stream = await get(gw, s.headers, { key: "k1" });
  await opened(stream);
  assert.equal(await status({}), 409, "one stream at a time");
  await fetch(gw.url, { method: "DELETE", headers: { ...s.headers, "X-API-Key": "k1" } });
  assert.equal(await stream.next(), null, "it ends with its session");
  assert.equal(await status({}), 404);
});

test("only the newest revision gets a priming event", async (t) => {
  const gw = await start(t);
  for (const version of ["2025-03-26", "2025-06-18"]) {
    const stream = await get(gw, (await session(gw, version)).headers);
    await reload(gw, { [`old${version}.lua`]: tool(`old_${version.replaceAll("-", "")}`) });
    assert.equal((await stream.next()).json.method, "notifications/tools/list_changed");
    stream.close();
  }
});

test("a list that changed is told once, and a stream goes on where it broke off", async (t) => {
  const gw = await start(t, { ini: "[server]\nworkers = 2\n" });
  const s = await session(gw), other = await session(gw);
  assert.deepEqual(s.initialize.body.result.capabilities.tools, { listChanged: true });
  assert.deepEqual(s.initialize.body.result.capabilities.resources, { listChanged: true, subscribe: true });
  let stream = await get(gw, s.headers);
  const begin = await opened(stream);
  await reload(gw, { "a.lua": tool("a") });
  const event = await stream.next();
  assert.deepEqual(event.json, { jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  assert.ok((await s("tools/list")).body.result.tools.some((one) => one.name === "a"));
  stream.close();

  const foreign = await get(gw, { ...other.headers, "Last-Event-ID": event.id });
  assert.equal(foreign.status, 400, "another session's event");
  await reload(gw, { "b.lua": tool("b") });
  stream = await get(gw, { ...s.headers, "Last-Event-ID": event.id });
  assert.equal(await opened(stream), event.id);
  const missed = await stream.next();
  assert.equal(missed.json.method, "notifications/tools/list_changed");
  assert.notEqual(missed.id, event.id);
  // From the beginning, and from an open stream, which ends.
  const again = await get(gw, { ...s.headers, "Last-Event-ID": begin });
  await opened(again);
  assert.equal((await again.next()).id, missed.id);
  assert.equal(await stream.next(), null);
  await nothingBefore(gw, again);
  again.close();
});

test("a change is told to those who see it", async (t) => {
  const gw = await start(t, { ini: "[key all]\nsecret = all\n[key some]\nsecret = some\ntools = touch, b*\n" });
  const streams = {};
  for (const key of ["all", "some"]) {
    streams[key] = await get(gw, (await session(gw, "2025-11-25", { key })).headers, { key });
    await opened(streams[key]);
  }
  await reload(gw, { "a.lua": tool("a") });
  assert.equal((await streams.all.next()).json.method, "notifications/tools/list_changed");
  await reload(gw, { "b.lua": tool("b") });
  for (const [key, number] of [["all", 2], ["some", 1]])
    assert.match((await streams[key].next()).id, new RegExp(`-${number}$`), key);
  for (const stream of Object.values(streams)) stream.close();
});

test("subscribed resources, from calls and from jobs", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_subscriptions = 3\n" });
  const s = await session(gw);
  const updated = (uri) => ({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } });
  for (const uri of ["test://one", "test://n/7", "test://one"])
    assert.deepEqual((await s("resources/subscribe", { uri })).body.result, {});
  assert.equal((await s("resources/subscribe", { uri: "test://none" })).body.error.code, -32002);
  assert.equal((await s("resources/subscribe", {})).body.error.code, -32602);
  await touch(gw, "test://n/7");
  const stream = await get(gw, s.headers);
  await opened(stream);
  assert.deepEqual((await stream.next()).json, updated("test://n/7"), "what came before the stream");
  await touch(gw, "test://one");
  assert.deepEqual((await stream.next()).json, updated("test://one"));
  await gw.call("touch_later", { uri: "test://one", n: 1 });
  assert.deepEqual((await stream.next()).json, updated("test://one"));
  assert.deepEqual((await s("resources/unsubscribe", { uri: "test://one" })).body.result, {});
  assert.deepEqual((await s("resources/unsubscribe", { uri: "test://one" })).body.result, {});
  await touch(gw, "test://one");
  await nothingBefore(gw, stream);
  for (const n of [8, 9]) assert.deepEqual((await s("resources/subscribe", { uri: `test://n/${n}` })).body.result, {});
  assert.match((await s("resources/subscribe", { uri: "test://n/10" })).body.error.message, /max_subscriptions/);
  stream.close();
});

const listen = (gw, notifications, options) => openSubscription(gw.url, notifications, options);

test("subscriptions/listen: acknowledged, filtered, named, ended", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_subscriptions = 2\n" });
  const meta = (id) => ({ [`${META}subscriptionId`]: id });
  const lists = await listen(gw, { toolsListChanged: true, promptsListChanged: true }, { id: 5 });
  const one = await listen(gw, { resourceSubscriptions: ["test://one", "test://none"] }, { id: "x" });
  const acks = [(await lists.next()).json, (await one.next()).json];
  assert.deepEqual(acks[0], { jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged",
    params: { _meta: meta(5), notifications: { toolsListChanged: true } } });
  assert.deepEqual(acks[1].params, { _meta: meta("x"), notifications: { resourceSubscriptions: ["test://one"] } });
  await touch(gw, "test://one");
  const update = (await one.next()).json;
  assert.deepEqual(update.params, { uri: "test://one", _meta: meta("x") });
  await reload(gw, { "a.lua": tool("a") });
  const changed = await lists.next();
  assert.equal(changed.id, undefined);
  assert.deepEqual(changed.json, { jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: meta(5) } });
  for (const bad of [undefined, [], { toolsListChanged: 1 }, { resourceSubscriptions: "test://one" }, { resourceSubscriptions: [1] }])
    assert.equal(JSON.parse((await listen(gw, bad)).text).error.code, -32602, JSON.stringify(bad));
  const many = await listen(gw, { resourceSubscriptions: ["test://n/1", "test://n/2", "test://n/3"] });
  assert.equal(JSON.parse(many.text).error.code, -32602);
  const ends = Promise.all([lists.next(), one.next()]);
  gw.signal("SIGTERM");
  const [end] = (await ends).map((event) => event.json);
  assert.deepEqual([end.id, end.result.resultType, end.result._meta[`${META}subscriptionId`]], [5, "complete", 5]);
  if (!noSchemas) {
    conforms("2026-07-28", "SubscriptionsAcknowledgedNotification", acks[0]);
    conforms("2026-07-28", "ResourceUpdatedNotification", update);
    conforms("2026-07-28", "ToolListChangedNotification", changed.json);
    conforms("2026-07-28", "SubscriptionsListenResultResponse", end);
  }
});

test("streams are bounded in the process", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_streams = 4\n" }); // half of it is one key's
  const s = await session(gw);
  const streams = [await get(gw, s.headers), await listen(gw, {})];
  assert.deepEqual(streams.map((one) => one.status), [200, 200]);
  assert.equal((await listen(gw, {})).status, 503);
  assert.equal((await get(gw, (await session(gw)).headers)).status, 503);
  for (const one of streams) one.close();
});

test("the official client hears of both", async (t) => {
  const gw = await start(t);
  const client = new Client({ name: "moongate-tests", version: "1" });
  const heard = [];
  let wake = () => {};
  for (const schema of [ToolListChangedNotificationSchema, ResourceUpdatedNotificationSchema])
    client.setNotificationHandler(schema, (note) => { heard.push(note.method); wake(); });
  const until = (n) => new Promise((resolve) => { wake = () => heard.length >= n && resolve(); wake(); });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  t.after(() => client.close());
  await client.subscribeResource({ uri: "test://one" });
  await client.callTool({ name: "touch", arguments: { uri: "test://one" } });
  await until(1);
  await reload(gw, { "a.lua": tool("a") });
  await until(2);
  assert.deepEqual(heard, ["notifications/resources/updated", "notifications/tools/list_changed"]);
});

test("the official client 2.x listens: what it asked for, until it closes or the server ends", async (t) => {
  const gw = await start(t);
  const client = await clients["client 2.x, 2026-07-28"]({ url: gw.url });
  const heard = [];
  let wake = () => {};
  const hear = (note) => { heard.push([note.method, note.params?.uri]); wake(); };
  client.setNotificationHandler("notifications/tools/list_changed", hear);
  client.setNotificationHandler("notifications/resources/updated", hear);
  const until = (n) => new Promise((resolve) => { wake = () => heard.length >= n && resolve(); wake(); });
  const filter = { toolsListChanged: true, resourceSubscriptions: ["test://one", "test://nope/at/all"] };
  const subscription = await client.listen(filter);
  assert.deepEqual(subscription.honoredFilter, { ...filter, resourceSubscriptions: ["test://one"] });
  await touch(gw, "test://secret");
  await touch(gw, "test://one");
  await until(1);
  await reload(gw, { "a.lua": tool("a") });
  await until(2);
  assert.deepEqual(heard, [["notifications/resources/updated", "test://one"], ["notifications/tools/list_changed", undefined]]);
  await subscription.close();
  assert.equal(await subscription.closed, "local");
  const other = await client.listen({ toolsListChanged: true });
  await gw.stop({ keep: true });
  assert.equal(await other.closed, "graceful");
  gw.remove();
});
