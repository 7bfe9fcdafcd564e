// stdio_relay.test.mjs - several `moongate stdio` on one state: one owns it, the others relay. Whatever
// becomes of the owner, the others go on, and their clients hear of it by errors to what was open alone.

import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import test from "node:test";

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary } from "./lib/gateway.mjs";
import { Stdio, clean, info, modern, site as emptySite } from "./lib/stdio.mjs";

const files = ["echo.lua", "outcomes.lua", "reports.lua", "counter.lua"];
const watched = { "watched.lua": `
  local mcp = require "mcp"
  return {
    mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
    mcp.tool { name = "touch", input = { type = "object" }, run = function()
      assert(mcp.resources.updated("test://one"))
      return "touched"
    end },
    mcp.tool { name = "who", input = { type = "object" }, run = function(_, ctx)
      local answer = ctx:elicit("name", { message = "Your name?",
        schema = { type = "object", properties = { name = { type = "string" } } } })
      return answer.content.name
    end },
  }` };

function site(t, options) {
  const gw = emptySite(t, { tools: files, ...options });
  gw.writeTools(watched);
  return gw;
}

async function gateway(t) {
  const gw = new Gateway({ tools: files });
  gw.writeTools(watched);
  await gw.begin();
  t.after(() => gw.stop());
  return gw;
}

const count = (s, add) =>
  s.request("tools/call", { name: "counter", arguments: { id: "c", add } })
    .then((m) => JSON.parse(m.result.content[0].text).count);
const sleeps = (s, id, seconds = 60) =>
  s.send({ id, method: "tools/call", params: { name: "sleep", arguments: { seconds } } });

async function relaying(t, gw) {
  const s = new Stdio(t, gw);
  await s.said("relaying");
  return s;
}
const took = (s) => s.said("in the place of a process that is gone");
const owns = (s) => s.stderr.includes("in the place of a process that is gone");

test("where a gateway runs, its state is reached through it", async (t) => {
  const gw = await gateway(t);
  const sock = `${gw.statePath}.sock`;
  assert.equal(fs.statSync(sock).mode & 0o777, 0o600);
  const s = await relaying(t, gw);
  await s.initialize();
  assert.equal(await count(s, 1), 1);
  assert.equal((await gw.call("counter", { id: "c" })).value.count, 2);
  s.send({ id: "r", method: "tools/call",
    params: { name: "reports", arguments: { steps: 2 }, _meta: { progressToken: "p" } } });
  await s.answer("r");
  assert.equal(s.messages.filter((m) => m.method === "notifications/progress").length, 2);
  sleeps(s, "last", 0.3);
  assert.deepEqual(await s.end(), clean);
  assert.equal(s.messages.find((m) => m.id === "last").result.isError, undefined);
});

// As another user, for as long as `act` takes without waiting: what the kernel says of a socket's other end
// is what it was when that one connected, or listened.
const NOBODY = 65534;
function asNobody(act) {
  process.seteuid(NOBODY);
  try {
    return act();
  } finally {
    process.seteuid(0);
  }
}
const notRoot = process.getuid() === 0 ? false : "only root can become another user";

test("another user's process is turned away, whatever the modes of the files say", { skip: notRoot }, async (t) => {
  const gw = await gateway(t);
  const sock = `${gw.statePath}.sock`;
  fs.chmodSync(gw.dir, 0o755);
  const refused = asNobody(() => net.connect(sock));
  assert.equal((await once(refused, "error"))[0].code, "EACCES");
  fs.chmodSync(sock, 0o666);
  const connects = async (connect) => {
    const socket = connect();
    socket.setEncoding("utf8").write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    const said = [];
    socket.on("data", (text) => { said.push(text); socket.end(); });
    socket.on("error", () => {}); // it is closed in the middle of it
    await new Promise((resolve) => socket.on("close", resolve));
    return said.join("");
  };
  assert.match(await connects(() => net.connect(sock)), /"result":\{/);
  assert.equal(await connects(() => asNobody(() => net.connect(sock))), "");
  await gw.logged((l) => l.level === "warn" && l.msg === "a process of another user was turned away");
});

test("nor is another user's process taken for the gateway", { skip: notRoot }, async (t) => {
  const gw = await gateway(t);
  const sock = `${gw.statePath}.sock`;
  fs.chmodSync(gw.dir, 0o755);
  fs.chmodSync(gw.root, 0o777);
  fs.unlinkSync(sock);
  const heard = [];
  const impostor = net.createServer((socket) => socket.on("data", (data) => heard.push(data)).on("error", () => {}));
  asNobody(() => impostor.listen(sock));
  t.after(() => impostor.close());
  assert.equal(fs.statSync(sock).uid, NOBODY);
  const s = new Stdio(t, gw);
  s.send({ id: 1, method: "ping" });
  await s.said("belongs to another user's process");
  s.child.kill("SIGTERM");
  await s.exited;
  assert.deepEqual([s.messages.filter((m) => m.result), heard], [[], []]);
});

test("an official client over a relay; SIGTERM ends it in order", async (t) => {
  const gw = await gateway(t);
  const client = new ClientV2(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new TransportV2({
    command: binary, args: ["stdio", "-c", gw.iniPath], cwd: gw.dir, env: cleanEnv(), stderr: "ignore",
  }));
  const echo = await client.callTool({ name: "echo", arguments: { message: "x" } });
  assert.deepEqual(JSON.parse(echo.content[0].text), { message: "x" });
  await client.close();
  const s = await relaying(t, gw);
  await s.request("ping");
  s.child.kill("SIGTERM");
  await s.exited;
  assert.deepEqual(s.exit, clean);
});

test("a state whose path is longer than a socket's may be is served and relayed", async (t) => {
  const gw = site(t);
  const folder = path.join("d".repeat(100), "e".repeat(40));
  fs.mkdirSync(path.join(gw.dir, folder), { recursive: true });
  gw.writeIni(`[state]\npath = ${folder}/s.json\n`);
  const first = new Stdio(t, gw);
  await first.initialize();
  const second = await relaying(t, gw);
  assert.equal(await count(second, 1), 1);
  assert.deepEqual(await second.end(), clean);
});

const ends = {
  "its input ends": async (s) => assert.deepEqual(await s.end(), clean),
  "it is told to end": async (s) => {
    s.child.kill("SIGTERM");
    await s.exited;
    assert.deepEqual(s.exit, clean);
  },
  "it is killed": async (s) => {
    s.child.kill("SIGKILL");
    await s.exited;
  },
};

for (const [how, end] of Object.entries(ends))
  test(`of three, the owner goes, ${how}: one takes its place, and nobody has to begin anew`, async (t) => {
    const gw = site(t, { ini: "[server]\ndrain_timeout = 1s\n" });
    const first = new Stdio(t, gw);
    await first.initialize();
    const others = [await relaying(t, gw), await relaying(t, gw)];
    for (const s of others) {
      await s.initialize();
      await s.request("logging/setLevel", { level: "info" });
      await s.request("resources/subscribe", { uri: "test://one" });
      assert.equal(await count(s, 1), 1 + others.indexOf(s));
      sleeps(s, "open");
      await s.request("ping");
    }
    await end(first);
    for (const s of others) {
      const open = await s.answer("open");
      assert.ok(open.error?.code === -32603 || open.result?.isError, JSON.stringify(open));
    }
    // At once, and by all: what they say now waits until somebody serves.
    assert.deepEqual((await Promise.all(others.map((s) => count(s, 1)))).sort(), [3, 4]);
    await Promise.race(others.map(took));
    assert.equal(others.filter(owns).length, 1, "one of them owns the state");
    for (const s of others) {
      s.messages = [];
      const _meta = { progressToken: "p" };
      await s.request("tools/call", { name: "reports", arguments: { steps: 1 }, _meta });
      assert.ok(s.messages.some((m) => m.method === "notifications/message"), "the level is what it was");
      s.messages = [];
    }
    await others[0].request("tools/call", { name: "touch" });
    for (const s of others) await s.message((m) => m.method === "notifications/resources/updated");

    // Again, and the last one is left with all that was ever counted.
    const [owner, last] = owns(others[0]) ? others : others.toReversed();
    await end(owner);
    assert.equal(await count(last, 1), 5);
    await took(last);
    const after = await relaying(t, gw);
    assert.equal(await count(after, 0), 5);
    assert.deepEqual(await after.end(), clean);
    assert.deepEqual(await last.end(), clean);
    assert.equal(fs.existsSync(`${gw.statePath}.sock`), false);
  });

test("a client that was subscribed is told of what it may have missed, and of what follows", async (t) => {
  const gw = site(t);
  const noted = "io.modelcontextprotocol/subscriptionId";
  const first = new Stdio(t, gw);
  await first.request("ping");
  const legacy = await relaying(t, gw), newer = await relaying(t, gw);
  await legacy.initialize();
  await legacy.request("resources/subscribe", { uri: "test://one" });
  const listen = (id, notifications) =>
    newer.send({ id, method: "subscriptions/listen", params: { notifications, _meta: modern } });
  const isAck = (id) => (m) =>
    m.method === "notifications/subscriptions/acknowledged" && m.params._meta[noted] === id;
  listen(7, { toolsListChanged: true, resourceSubscriptions: ["test://one"] });
  listen("gone", { toolsListChanged: true });
  for (const id of [7, "gone"]) await newer.message(isAck(id));
  newer.send({ method: "notifications/cancelled", params: { requestId: "gone", _meta: modern } });
  await newer.request("tools/list", { _meta: modern });

  await first.end();
  const told = (m) => m.method?.endsWith("list_changed") || m.method === "notifications/resources/updated";
  await legacy.until(() => legacy.messages.filter(told).length === 3);
  assert.deepEqual(legacy.messages.filter(told).map((m) => [m.method.slice(14), m.params?.uri]), [
    ["tools/list_changed", undefined], ["resources/list_changed", undefined], ["resources/updated", "test://one"],
  ]);
  await newer.until(() => newer.messages.filter(told).length === 2);
  for (const m of newer.messages.filter(told)) assert.equal(m.params._meta[noted], 7);
  await newer.request("tools/call", { name: "touch", _meta: modern });
  await newer.until(() => newer.messages.filter(told).length === 3, "the next change");
  await legacy.until(() => legacy.messages.filter(told).length === 4, "the next change");
  // The signal goes to whichever has the gateway by now, and that one reads what has changed.
  const owner = await Promise.race([legacy, newer].map((s) => took(s).then(() => s)));
  gw.writeTools({ "more.lua": `return require("mcp").tool { name = "more", input = { type = "object" }, run = function() end }` });
  owner.child.kill("SIGHUP");
  await newer.until(() => newer.messages.filter(told).length === 4, "the new list");
  await legacy.until(() => legacy.messages.filter(told).length === 5, "the new list");
  // Neither of its end, which was none, nor that it is open, which it was.
  assert.equal(newer.messages.filter(isAck(7)).length, 1);
  assert.equal(newer.messages.some((m) => m.id === 7 || m.method === "notifications/cancelled"), false);
});

test("what a gateway that is gone has asked is taken back", async (t) => {
  const gw = site(t);
  const first = new Stdio(t, gw);
  await first.request("ping");
  const s = await relaying(t, gw);
  await s.request("initialize", { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: info });
  s.send({ method: "notifications/initialized" });
  const asks = (m) => m.method === "elicitation/create";
  s.send({ id: "asks", method: "tools/call", params: { name: "who" } });
  const asked = await s.message(asks);
  first.child.kill("SIGKILL");
  assert.equal((await s.answer("asks")).error.code, -32603);
  const back = await s.message((m) => m.method === "notifications/cancelled");
  assert.equal(back.params.requestId, asked.id);
  s.send({ id: asked.id, result: { action: "accept", content: { name: "late" } } });
  s.messages = [];
  s.send({ id: "again", method: "tools/call", params: { name: "who" } });
  s.send({ id: (await s.message(asks)).id, result: { action: "accept", content: { name: "Ada" } } });
  assert.equal((await s.answer("again")).result.content[0].text, "Ada");
});

test("a handshake that had no answer is answered by whoever is next", async (t) => {
  const gw = site(t);
  const first = new Stdio(t, gw);
  await first.request("ping");
  const s = await relaying(t, gw);
  first.child.kill("SIGSTOP");
  s.send({ id: "hello", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: info } });
  sleeps(s, "call", 0);
  first.child.kill("SIGKILL");
  assert.equal((await s.answer("hello")).result.protocolVersion, "2025-06-18");
  const call = await s.answer("call");
  assert.ok(call.error?.code === -32603 || call.result);
});

test("an official client 1.x goes on when the owner is killed", async (t) => {
  const gw = site(t);
  const first = new Stdio(t, gw);
  await first.request("ping");
  const client = new ClientV1(info);
  let updates = 0, closed = false, wake = () => {};
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => { updates++; wake(); });
  client.onclose = () => (closed = true);
  await client.connect(new TransportV1({
    command: binary, args: ["stdio", "-c", gw.iniPath], cwd: gw.dir, env: cleanEnv(), stderr: "ignore",
  }));
  t.after(() => client.close());
  await client.subscribeResource({ uri: "test://one" });
  const call = (name, args) => client.callTool({ name, arguments: args });
  await call("counter", { id: "c" });
  const open = call("sleep", { seconds: 60 });
  await call("echo", { message: "x" });
  first.child.kill("SIGKILL");
  await assert.rejects(open, /-32603/);
  assert.equal(JSON.parse((await call("counter", { id: "c" })).content[0].text).count, 2);
  const before = updates;
  await call("touch", {});
  await new Promise((resolve) => { wake = () => updates > before && resolve(); wake(); });
  assert.equal(closed, false);
});

for (const [how, stop] of [["stops", (gw) => gw.stop({ keep: true })], ["is killed", (gw) => gw.kill()]])
  test(`a gateway that ${how} and starts again has its state, and the relays go on`, async (t) => {
    const gw = await gateway(t);
    const relays = [await relaying(t, gw), await relaying(t, gw)];
    for (const s of relays) {
      await s.initialize();
      await count(s, 1);
    }
    // A drain lasts as long as this; who has nothing open is let go before.
    const long = gw.rpc("tools/call", { name: "sleep", arguments: { seconds: 60 } }).catch(() => {});
    while ((await gw.metric("moongate_calls_running")) < 1);
    const stopped = stop(gw);
    for (const s of relays) await s.said("is gone");
    if (how === "stops") assert.equal(gw.exit, null, "it drains");
    const later = relays.map((s) => count(s, 1)); // while nobody serves
    await stopped;
    await long;
    await gw.restart();
    assert.deepEqual((await Promise.all(later)).sort(), [3, 4]);
    assert.equal(relays.some(owns), false);
    assert.equal((await gw.call("counter", { id: "c", add: 0 })).value.count, 4);
    for (const s of relays) assert.deepEqual(await s.end(), clean);
  });

test("a gateway that does not come back has a relay in its place", async (t) => {
  const gw = await gateway(t);
  const s = await relaying(t, gw);
  await s.initialize();
  await count(s, 1);
  await gw.kill();
  assert.equal(await count(s, 1), 2);
  await took(s);
  assert.deepEqual(await s.end(), clean);
});

test("the end of the input ends a relay also while it looks for a gateway", async (t) => {
  const gw = await gateway(t);
  const s = await relaying(t, gw);
  await gw.kill();
  await s.said("is gone");
  assert.deepEqual(await s.end(), clean);
});

test("where no gateway can be started the client is told why nothing is answered", async (t) => {
  const gw = site(t);
  const first = new Stdio(t, gw);
  await first.request("ping");
  const s = await relaying(t, gw);
  gw.writeIni("[state]\nnonsense = 1\n");
  await first.end();
  await s.said("is gone");
  s.send({ id: "late", method: "ping" });
  await s.exited;
  assert.equal(s.exit.code, 1);
  assert.match(s.stderr, /none can be started here/);
});
