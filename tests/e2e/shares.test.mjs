// shares.test.mjs - what all callers share: one key has its share of it, and others find theirs, however much it wants.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { openEventStream, openSubscription } from "./lib/sse.mjs";
import { create } from "./lib/tasks.mjs";

const BOTH = { Accept: "application/json, text/event-stream" };

const tools = {
  "shared.lua": `
    local mcp = require "mcp"
    return {
      mcp.tool { name = "work", input = { type = "object" }, run = function(args, ctx)
        local id, message, code = ctx:as_task {}
        if not id then return { code = code, message = message } end
        mcp.time.sleep(600)
      end },
      mcp.tool { name = "say", input = { type = "object" },
        run = function(_, ctx) ctx:progress(1) return ("y"):rep(1000) end },
      mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
    }`,
};

async function start(t, ini) {
  const gw = await Gateway.start({
    tools, ini: `[rate_limit]\nbucket = 0\n[auth]\nkeys = k1, k2, k3\n[server]\nworkers = 2\n${ini}`,
  });
  t.after(() => gw.stop());
  return gw;
}

test("streams: of eight one key opens four, the next two, and one that closes makes room for its own key", async (t) => {
  const gw = await start(t, "max_streams = 8\n");
  const all = [];
  const open = async (key) => {
    const stream = await openSubscription(gw.url, { toolsListChanged: true }, { key });
    if (stream.status === 200) all.push(stream);
    else assert.match(stream.text, /too many streams of this key, or of all \(\[server\] max_streams\)/);
    return stream.status;
  };
  const opens = async (key, n) => {
    const got = [];
    for (let i = 0; i < n; i++) got.push(await open(key));
    return got;
  };
  assert.deepEqual(await opens("k1", 6), [200, 200, 200, 200, 503, 503]);
  assert.deepEqual(await opens("k2", 3), [200, 200, 503]);
  const { id } = await gw.client.session("2025-11-25", { headers: BOTH, key: "k3" });
  const get = await openEventStream(gw.url, { headers: { "Mcp-Session-Id": id }, key: "k3" });
  assert.equal(get.status, 200);
  all[4].close();
  while ((await gw.metric("moongate_notice_streams", {}, { key: "k1" })) !== 6);
  assert.deepEqual([await open("k1"), await open("k2")], [503, 200]);
  for (const stream of [...all, get]) stream.close();
});

test("tasks: one key's do not keep another's from running", async (t) => {
  const gw = await start(t, "[tasks]\nmax_running = 4\n");
  const refused = async (key) => {
    const { body } = await gw.client.modern("tools/call", { name: "work", arguments: {} },
      { key, meta: { "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } } });
    return JSON.parse(body.result.content[0].text);
  };
  for (const key of ["k1", "k1"]) assert.equal((await create(gw, "work", {}, { key })).status, "working");
  const said = await refused("k1");
  assert.equal(said.code, "LIMIT");
  assert.match(said.message, /^2 tasks run already \(\[tasks\] max_running\), 2 of them this key's: that is its share$/);
  assert.equal((await create(gw, "work", {}, { key: "k2" })).status, "working");
});

test("answers that wait: a flood of one key's leaves another's where they are", async (t) => {
  const gw = await start(t, "");
  const session = (key) => gw.client.session("2025-11-25", { headers: BOTH, key });
  const call = async (s, key, id) => {
    const stream = await openEventStream(gw.url, {
      method: "POST", key, headers: { ...s.headers, "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call",
        params: { name: "say", arguments: {}, _meta: { progressToken: id } } }),
    });
    const first = await stream.next(); // the priming event, or the progress
    stream.close();
    return first.id;
  };
  const [theirs, ours] = [await session("k2"), await session("k1")];
  const event = await call(theirs, "k2", "kept");
  for (let i = 0; i < 1200; i += 20)
    await Promise.all(Array.from({ length: 20 }, (_, n) => call(ours, "k1", `n${i + n}`)));
  const again = await openEventStream(gw.url, { key: "k2", headers: { ...theirs.headers, "Last-Event-ID": event } });
  assert.equal(again.status, 200);
  let end;
  do end = await again.next(); while (end.json?.id !== "kept");
  assert.equal(end.json.result.content[0].text.length, 1000);
  // All of k1's ended and wait: of a thousand places it has no more than half.
  assert.ok((await gw.metric("moongate_replays_over", {}, { key: "k1" })) <= 501);
});
