// sessions.test.mjs - session ids that are guessed, replayed or mixed up.

import assert from "node:assert/strict";
import test from "node:test";

import { BOTH, code, start } from "./lib.mjs";

const keys = "[key alice]\nsecret = alice-key\n[key bob]\nsecret = bob-key\n";

// oatpp-mcp used an object's address.
test("CVE-2025-6515: session ids are 128 bits that nothing foretells", async (t) => {
  const gw = await start(t);
  const ids = [];
  for (let i = 0; i < 128; i++) {
    const res = await gw.rpc("initialize", { protocolVersion: "2025-11-25" }, { headers: BOTH });
    ids.push(res.headers.get("mcp-session-id"));
  }
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  // Every one of the 128 bits is set about half the time: 6 standard deviations are 34 of 128.
  const ones = Array(128).fill(0);
  for (const id of ids)
    [...BigInt(`0x${id}`).toString(2).padStart(128, "0")].forEach((bit, i) => (ones[i] += Number(bit)));
  for (const [bit, n] of ones.entries()) assert.ok(n > 30 && n < 98, `bit ${bit} set ${n} of 128 times`);
});

// The Ruby SDK took a session from anybody who knew its id.
test("CVE-2026-33946: a session does not exist for another key", async (t) => {
  const gw = await start(t, { ini: keys });
  const session = await gw.client.session("2025-11-25", { key: "alice-key", headers: BOTH });
  assert.deepEqual((await session("ping")).body.result, {});
  const bob = (method, params) => session(method, params, { key: "bob-key" });
  for (const res of [
    await bob("ping"),
    await bob("tools/list"),
    await bob("tools/call", { name: "echo", arguments: { message: "m" } }),
    await bob("logging/setLevel", { level: "debug" }),
    await gw.client.notify("notifications/initialized", {}, { ...session, key: "bob-key" }),
    await gw.client.notify("notifications/cancelled", { requestId: 1 }, { ...session, key: "bob-key" }),
    await gw.client.post('{"jsonrpc":"2.0","id":1,"result":{}}', { ...session, key: "bob-key" }),
  ])
    assert.deepEqual([res.status, code(res)], [404, -32001]);
  const remove = (key) =>
    fetch(gw.url, { method: "DELETE", headers: { ...session.headers, "X-API-Key": key } });
  assert.equal((await remove("bob-key")).status, 404);
  assert.equal((await fetch(gw.url, { method: "DELETE", headers: session.headers })).status, 401);
  assert.deepEqual((await session("ping")).body.result, {});
  assert.equal((await remove("alice-key")).status, 204);
});

// The TypeScript SDK sent answers to whoever used the same JSON-RPC id.
test("CVE-2026-25536: answers and notes reach the client that asked, whatever its ids", async (t) => {
  const gw = await start(t, {
    tools: {
      "slow.lua": `local mcp = require "mcp"
        return mcp.tool { name = "slow", input = { type = "object" }, run = function(args, ctx)
          ctx:progress(1, 2, args.who)
          mcp.time.sleep(0.05)
          ctx:progress(2, 2, args.who)
          return { who = args.who }
        end }`,
    },
  });
  const clients = await Promise.all(
    Array.from({ length: 6 }, () => gw.client.session("2025-11-25", { headers: BOTH })));
  clients.push((method, params, options) =>
    gw.client.modern(method, params, { meta: { progressToken: 1 }, ...options }));
  clients.push((method, params, options) => gw.rpc(method, params, { headers: BOTH, ...options }));
  const answers = await Promise.all(clients.flatMap((send, c) =>
    [0, 1, 2].map(async (n) => {
      const params = { name: "slow", arguments: { who: `${c}/${n}` }, _meta: { progressToken: 1 } };
      return [`${c}/${n}`, await send("tools/call", params, { id: 1 })];
    })));
  assert.equal(answers.length, 24);
  for (const [who, res] of answers) {
    assert.equal(res.body.id, 1);
    assert.equal(JSON.parse(res.body.result.content[0].text).who, who);
    const notes = res.messages.slice(0, -1).map((message) => message.params.message);
    assert.deepEqual(notes, [who, who]);
  }
});

// What the gateway keeps for a client that may come back, and what it asked one, is that session's alone.
test("CVE-2026-33946, CVE-2026-25536: streams and questions belong to the session and its key", async (t) => {
  const gw = await start(t, {
    ini: keys,
    tools: {
      "ask.lua": `local mcp = require "mcp"
        return mcp.tool { name = "ask", input = { type = "object" }, run = function(args, ctx)
          ctx:progress(1, 2, "of alice")
          local a, message = ctx:roots("r")
          return a and a[1].uri or message
        end }`,
    },
  });
  const open = async (key) => {
    const res = await gw.client.request("initialize", { protocolVersion: "2025-11-25", capabilities: { roots: {} } }, { key, headers: BOTH });
    return { ...BOTH, "X-API-Key": key, "Mcp-Session-Id": res.headers.get("mcp-session-id") };
  };
  const [alice, again, bob] = [await open("alice-key"), await open("alice-key"), await open("bob-key")];
  const stream = await gw.events("/mcp", {
    method: "POST", headers: { ...alice, "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "ask", arguments: {}, _meta: { progressToken: 1 } } }),
  });
  const seen = [await stream.next(), await stream.next(), await stream.next()];
  const asked = seen[2].json.id;
  const answer = (headers, uri) =>
    gw.client.post({ jsonrpc: "2.0", id: asked, result: { roots: [{ uri }] } }, { headers });
  const thieves = [again, bob, { ...bob, "Mcp-Session-Id": alice["Mcp-Session-Id"] }];
  for (const headers of thieves) {
    for (const { id } of seen) {
      const stolen = await gw.events("/mcp", { headers: { ...headers, Accept: "text/event-stream", "Last-Event-ID": id } });
      assert.ok([400, 404].includes(stolen.status));
      assert.doesNotMatch(stolen.text, /alice|progress|roots/);
    }
    assert.ok([202, 404].includes((await answer(headers, "file:///evil")).status));
  }
  assert.equal((await answer(alice, "file:///home")).status, 202);
  assert.equal((await stream.next()).json.result.content[0].text, "file:///home");
});

test("lesson: cancelling reaches calls of the same session, not of the same id", async (t) => {
  const gw = await start(t, {
    ini: keys,
    tools: {
      "wait.lua": `local mcp = require "mcp"
        return mcp.tool { name = "wait", input = { type = "object" }, run = function(args, ctx)
          for i = 1, 500 do
            ctx:progress(i)
            local ok, message = mcp.time.sleep(0.02)
            if not ok then return nil, message end
          end
        end }`,
    },
  });
  const [mine, other] = await Promise.all(["alice-key", "alice-key"].map((key) =>
    gw.client.session("2025-11-25", { key, headers: BOTH })));
  const bob = await gw.client.session("2025-11-25", { key: "bob-key", headers: BOTH });
  const stream = await gw.events("/mcp", {
    method: "POST",
    headers: { ...BOTH, ...mine.headers, "X-API-Key": "alice-key", "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 5, method: "tools/call",
      params: { name: "wait", arguments: {}, _meta: { progressToken: 1 } } }),
  });
  assert.equal((await stream.next()).data, "");
  assert.equal((await stream.next()).json.method, "notifications/progress"); // it runs
  const cancel = (who, key) =>
    gw.client.notify("notifications/cancelled", { requestId: 5 }, { ...who, key });
  for (const [who, key] of [[other, "alice-key"], [bob, "bob-key"], [{}, "alice-key"], [{}, "bob-key"]])
    assert.equal((await cancel(who, key)).status, 202);
  for (let i = 0; i < 40; i++) // far more than was on its way when they tried
    assert.equal((await stream.next())?.json.method, "notifications/progress", "nobody else has cancelled it");
  assert.equal((await cancel(mine, "alice-key")).status, 202);
  for (let last; (last = await stream.next()); )
    assert.equal(last.json.method, "notifications/progress", "a cancelled request is not answered");
  assert.equal((await gw.logged((line) => line.tool === "wait" && line.outcome)).outcome, "CANCELLED");
});
