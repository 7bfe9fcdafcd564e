// sessions_memory.test.mjs - what sessions leave behind when they are over: nothing that adds up.

import assert from "node:assert/strict";
import test from "node:test";

import { sanitizer } from "./lib/env.mjs";
import { Gateway } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const SESSIONS = 1000;
const BOTH = { Accept: "application/json, text/event-stream" };

const tools = {
  "say.lua": `
    local mcp = require "mcp"
    return {
      mcp.tool { name = "say", input = { type = "object" },
        run = function(_, ctx) for n = 1, 10 do ctx:progress(n, 10, ("x"):rep(500)) end return ("y"):rep(2000) end },
      mcp.tool { name = "ask", input = { type = "object" },
        run = function(_, ctx)
          ctx:elicit("n", { message = "n?", schema = { type = "object", properties = { n = { type = "integer" } } } })
          return "answered"
        end },
      mcp.resource { uri = "test://one", name = "one", read = function() return "1" end },
    }`,
};

// One client that opens a session, calls, is asked, opens its stream, and leaves without a word.
async function abandoned(gw) {
  const res = await gw.client.request("initialize",
    { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "x", version: "1" } }, { headers: BOTH });
  const headers = { ...BOTH, "Mcp-Session-Id": res.headers.get("mcp-session-id") };
  await gw.client.request("resources/subscribe", { uri: "test://one" }, { headers });
  const call = (name) => openEventStream(gw.url, {
    method: "POST", headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: name, method: "tools/call",
      params: { name, arguments: {}, _meta: { progressToken: 1 } } }),
  });
  const streams = [await call("say"), await call("ask"), await openEventStream(gw.url, { headers })];
  await Promise.all(streams.map((stream) => stream.next()));
  for (const stream of streams) stream.close();
}

// Nobody ends any of them: they expire.
async function round(gw, n) {
  for (let i = 0; i < n; i += 20) await Promise.all(Array.from({ length: 20 }, () => abandoned(gw)));
  for (const name of ["moongate_sessions", "moongate_replays", "moongate_replay_bytes", "moongate_asks",
    "moongate_listeners", "moongate_subscriptions", "moongate_notice_streams"])
    while ((await gw.metric(name)) !== 0);
}

test("a thousand sessions that were left and have expired leave nothing", {
  timeout: 600_000, skip: sanitizer !== "" && "what was freed is kept to find uses of it",
}, async (t) => {
  const gw = await Gateway.start({ tools,
    ini: "[rate_limit]\nbucket = 0\n[tools]\nask_timeout = 5s\n[server]\nworkers = 2\nsession_idle = 5s\n" });
  t.after(() => gw.stop());
  await round(gw, 1.5 * SESSIONS); // tables, pools and heaps have their size
  const before = gw.rssAnon();
  await round(gw, SESSIONS);
  const after = gw.rssAnon();
  t.diagnostic(`RssAnon ${before} before, ${after} after`);
  assert.ok(after <= before * 1.02 + (1 << 20), `${before} before, ${after} after`);
});
