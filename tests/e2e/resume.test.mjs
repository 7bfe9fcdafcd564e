// resume.test.mjs - the event stream of a legacy session's call outlives its connection: what a client
// missed waits for it, once and in order, with the answer at the end.

import assert from "node:assert/strict";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { Gateway } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const BOTH = { Accept: "application/json, text/event-stream" };

// Reports n steps, each when another call has let it go on (cache is the tool's own).
const steps = `
  local mcp = require "mcp"
  local gate = mcp.cache
  return {
    mcp.tool {
      name = "steps", limits = { timeout = "60s" },
      input = { type = "object" },
      run = function(args, ctx)
        if args.go then gate.set("go" .. (args.name or ""), args.go) return "ok" end
        for n = 1, args.n or 3 do
          ctx:progress(n, nil, args.pad and ("x"):rep(args.pad) or "step")
          mcp.log.info("at step " .. n, { name = args.name or "" })
          local waiting = args.hold == nil or n == args.hold
          while waiting and (gate.get("go" .. (args.name or "")) or 0) < n do mcp.time.sleep(0.01) end
        end
        mcp.log.info("steps are over", { name = args.name or "" })
        return args.large and ("y"):rep(args.large) or "all steps"
      end,
    },
    mcp.tool {
      name = "ticks", input = { type = "object" },
      run = function(args, ctx)
        for n = 1, args.n do ctx:progress(n) mcp.time.sleep(0.01) end
        return "ticked " .. args.n
      end,
    },
    mcp.tool {
      name = "away", input = { type = "object" },
      run = function(args, ctx)
        if args.options then
          local ok, message = pcall(ctx.close_stream, ctx, args.options)
          return ok and "taken" or message
        end
        local closed = ctx:close_stream { retry = "50ms" }
        mcp.time.sleep(args.seconds or 0.05)
        ctx:progress(1)
        return { closed = closed }
      end,
    },
  }`;

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({
    ini: `[rate_limit]\nbucket = 0\n[server]\nworkers = 2\n${ini}`,
    tools: { "steps.lua": steps }, ...options,
  });
  t.after(() => gw.stop());
  return gw;
}

const session = (gw, version = "2025-11-25", options = {}) =>
  gw.client.session(version, { ...options, headers: BOTH });

let ids = 100;
const call = (gw, s, name, args = {}, { key, accept, token = "t" } = {}) =>
  openEventStream(gw.url, {
    key, method: "POST",
    headers: { ...s.headers, "Content-Type": "application/json", ...(accept ? { Accept: accept } : {}) },
    body: JSON.stringify({
      jsonrpc: "2.0", id: ++ids, method: "tools/call",
      params: { name, arguments: args, ...(token ? { _meta: { progressToken: token } } : {}) },
    }),
  });

const resume = (gw, s, id, options = {}) =>
  openEventStream(gw.url, { ...options, headers: { ...s.headers, Accept: "text/event-stream", "Last-Event-ID": id, ...options.headers } });

const go = (gw, upto, name) => gw.call("steps", { go: upto, name });

async function rest(stream) {
  const events = [];
  for (let e; (e = await stream.next());) events.push(e);
  return events;
}

const numbers = (events) => events.map((e) => Number(e.id.split("-")[1]));

test("events of a call have ids, and a priming event where the revision has one", async (t) => {
  const gw = await start(t);
  for (const version of ["2025-03-26", "2025-06-18", "2025-11-25"]) {
    const s = await session(gw, version);
    const a = await call(gw, s, "steps", { n: 2, hold: 0 });
    const b = await call(gw, s, "steps", { n: 2, hold: 0 });
    const [one, two] = [await rest(a), await rest(b)];
    if (version === "2025-11-25") {
      for (const events of [one, two]) {
        const first = events.shift();
        assert.equal(first.data, "");
        assert.match(first.id, /^[0-9a-f]{16}-0$/);
      }
    }
    assert.deepEqual(numbers(one), [1, 2, 3]);
    assert.equal(one.at(-1).json.result.content[0].text, "all steps");
    assert.equal(new Set([...one, ...two].map((e) => e.id)).size, 6, "unique over the session's streams");
    assert.equal(new Set(one.map((e) => e.id.split("-")[0])).size, 1);
  }
});

test("a client that wants nothing but a stream gets one it can come back to, before anything is said", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const stream = await call(gw, s, "steps", { n: 1 }, { accept: "text/event-stream", token: null });
  const first = await stream.next();
  assert.equal(first.data, "");
  stream.close();
  await go(gw, 1);
  await gw.logged((l) => l.msg === "steps are over");
  const back = await resume(gw, s, first.id);
  assert.equal((await back.next()).json.result.content[0].text, "all steps");
  assert.equal(await back.next(), null);
});

test("an answer that takes long becomes a stream that a client can come back to", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const stream = await call(gw, s, "steps", { n: 1 }, { token: null });
  const first = await stream.next(); // after a second
  assert.equal(first.data, "");
  stream.close();
  await go(gw, 1);
  await gw.logged((l) => l.msg === "steps are over");
  const events = await rest(await resume(gw, s, first.id));
  assert.deepEqual(events.map((e) => e.json.result.content[0].text), ["all steps"]);
});

test("what was missed comes once, in order, on any worker, and the answer ends it", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  for (let round = 0; round < 6; round++) { // connections land on both workers
    const name = `r${round}`;
    let stream = await call(gw, s, "steps", { n: 6, name });
    const seen = [await stream.next()];
    assert.equal(seen[0].data, "");
    for (let n = 1; n <= 6; n++) {
      if (n % 2) {
        stream.close();
        await go(gw, n - 1, name);
        await gw.logged((l) => l.msg === `at step ${n}` && l.name === name);
        stream = await resume(gw, s, seen.at(-1).id);
      } else {
        await go(gw, n - 1, name);
      }
      seen.push(await stream.next());
      assert.equal(seen.at(-1).json.params.progress, n);
    }
    stream.close();
    await go(gw, 6, name);
    await gw.logged((l) => l.msg === "steps are over" && l.name === name);
    stream = await resume(gw, s, seen.at(-1).id);
    const last = await rest(stream);
    assert.equal(last.length, 1);
    assert.equal(last[0].json.result.content[0].text, "all steps");
    assert.deepEqual(numbers([...seen, ...last]), [0, 1, 2, 3, 4, 5, 6, 7]);
    // From the beginning again: the same, byte for byte.
    const again = await rest(await resume(gw, s, seen[0].id));
    assert.deepEqual(again.map((e) => [e.id, e.data]), [...seen.slice(1), ...last].map((e) => [e.id, e.data]));
    assert.deepEqual(await rest(await resume(gw, s, last[0].id)), []);
  }
  // An answer is there before its line is.
  const lines = () => gw.log.filter((l) => l.tool === "steps" && l.protocol === "2025-11-25");
  await gw.logged(() => lines().length >= 6);
  const line = gw.log.find((l) => l.tool === "steps" && l.transport === "stream");
  assert.equal(line.outcome, "OK", "leaving is not cancelling");
  assert.equal(lines().length, 6, "one line a call");
});

test("many clients that come and go lose nothing and hear nothing twice", async (t) => {
  const gw = await start(t);
  const TICKS = 25;
  await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    const s = await session(gw);
    let stream = await call(gw, s, "ticks", { n: TICKS });
    const seen = [];
    for (let left = i % 7; ; left--) {
      const event = await stream.next();
      if (event) seen.push(event);
      if (event?.json?.result) break;
      if (event && left > 0) continue;
      // A connection of its own for each: they land on both workers.
      stream.close();
      stream = await resume(gw, s, seen.at(-1).id);
      left = (i + seen.length) % 5;
    }
    assert.equal(await stream.next(), null);
    assert.deepEqual(numbers(seen), Array.from({ length: TICKS + 2 }, (_, n) => n));
    assert.equal(seen.at(-1).json.result.content[0].text, `ticked ${TICKS}`);
  }));
});

test("the newest connection takes the place of the one before", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const first = await call(gw, s, "steps", { n: 1 });
  const begin = await first.next();
  await first.next();
  const second = await resume(gw, s, begin.id);
  assert.equal((await second.next()).json.params.progress, 1);
  assert.equal(await first.next(), null);
  await go(gw, 1);
  assert.equal((await second.next()).json.result.content[0].text, "all steps");
  assert.equal(await second.next(), null);
});

test("nobody else can resume it", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = k1, k2\n" });
  gw.call = (name, args) => gw.client.call(name, args, { key: "k1" });
  const s = await session(gw, "2025-11-25", { key: "k1" });
  const same = await session(gw, "2025-11-25", { key: "k1" });
  const other = await session(gw, "2025-11-25", { key: "k2" });
  const stream = await call(gw, s, "steps", { n: 1 }, { key: "k1" });
  const id = (await stream.next()).id;
  const status = async (as, lastId, key) => {
    const got = await resume(gw, as, lastId, { key });
    got.close();
    return [got.status, /steps|progress/.test(got.text ?? "")];
  };
  assert.deepEqual(await status(other, id, "k2"), [400, false]);
  assert.deepEqual(await status(same, id, "k1"), [400, false], "another session of the same key");
  assert.deepEqual(await status(s, id, "k2"), [404, false]);
  assert.deepEqual(await status(s, id, "wrong"), [401, false]);
  const [name] = id.split("-");
  for (const bad of [`${name}-9`, `${name}-`, `${name}`, `${name}-1x`, `${name.toUpperCase()}-0x`, `0${name}-0`, `${name}--1`])
    assert.deepEqual(await status(s, bad, "k1"), [400, false], bad);
  await gw.client.call("steps", { go: 1 }, { key: "k1" });
  assert.equal((await rest(stream)).at(-1).json.result.content[0].text, "all steps");
});

test("a tool sends its client away and goes on", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const stream = await call(gw, s, "away", {}, { token: null });
  const first = await stream.next();
  assert.equal(first.data, "");
  assert.equal(await stream.next(), null, "the gateway ends the connection");
  const back = await resume(gw, s, first.id);
  const events = await rest(back);
  assert.deepEqual(events.map((e) => JSON.parse(e.json.result.content[0].text)), [{ closed: true }]);
  const raw = await gw.client.post(
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "away", arguments: { seconds: 0 } } },
    { headers: { ...s.headers } }).catch(() => null);
  assert.ok(raw === null || /^retry: 50$/m.test(raw.text));
  // Who could not come back keeps its connection.
  for (const [version, headers] of [["2025-06-18", BOTH], ["2025-11-25", { Accept: "application/json" }]]) {
    const old = await gw.client.session(version, { headers: BOTH });
    const res = await old("tools/call", { name: "away", arguments: {} }, { headers });
    assert.deepEqual(JSON.parse(res.body.result.content[0].text), { closed: false });
  }
  assert.equal((await gw.call("away")).value.closed, false);
  const modern = await gw.client.modern("tools/call", { name: "away", arguments: {} });
  assert.deepEqual(JSON.parse(modern.body.result.content[0].text), { closed: false });
});

test("what a tool may say when it sends its client away", async (t) => {
  const gw = await start(t);
  for (const [options, text] of [
    [{ retri: 1 }, /unknown option "retri"/], [{ retry: "soon" }, /retry: expected seconds/],
    [{ retry: 601 }, /retry: at most 600 seconds/], [{ retry: 600 }, /taken/], [{}, /taken/],
  ])
    assert.match((await gw.call("away", { options })).text, text);
});

test("the official client comes back by itself", async (t) => {
  const gw = await start(t);
  const client = new Client({ name: "sdk", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  const result = await client.callTool({ name: "away", arguments: { seconds: 0.3 } });
  assert.deepEqual(JSON.parse(result.content[0].text), { closed: true });
  await client.close();
});

test("cancelling ends the stream without an answer, and so does the end of the session", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const stream = await call(gw, s, "steps", { n: 1 });
  const begin = await stream.next();
  await stream.next();
  await gw.client.notify("notifications/cancelled", { requestId: ids }, { headers: s.headers });
  assert.equal(await stream.next(), null);
  await gw.logged((l) => l.tool === "steps" && l.outcome === "CANCELLED");
  assert.equal((await resume(gw, s, begin.id)).status, 400, "nothing waits there");

  const held = await call(gw, s, "steps", { n: 1, name: "held" });
  const id = (await held.next()).id;
  await held.next();
  await fetch(gw.url, { method: "DELETE", headers: s.headers });
  assert.equal(await held.next(), null);
  assert.equal((await resume(gw, s, id)).status, 404);
  await go(gw, 1, "held");
  await gw.logged((l) => l.tool === "steps" && l.transport === "stream" && l.outcome === "OK");
  assert.equal(await gw.metric("moongate_replays"), 0);
  assert.equal(await gw.metric("moongate_replay_bytes"), 0);
});

test("what may be missed is bounded, the answer is not left out", async (t) => {
  const gw = await start(t, { ini: "[log]\nlevel = info\n" });
  gw.writeIni("[rate_limit]\nbucket = 0\n[server]\nworkers = 2\nmax_stream_queue = 16K\n");
  await gw.stop({ keep: true });
  await gw.restart();
  const s = await session(gw);
  const stream = await call(gw, s, "steps", { n: 12, pad: 3000, hold: 1, large: 300_000 });
  const begin = await stream.next();
  await stream.next();
  stream.close();
  await go(gw, 1);
  await gw.logged((l) => l.msg === "steps are over");
  const events = await rest(await resume(gw, s, begin.id));
  const told = numbers(events);
  assert.deepEqual(told, [...told].sort((a, b) => a - b));
  assert.equal(told.at(-1), 13);
  assert.deepEqual(told.slice(-5), [9, 10, 11, 12, 13], "the newest are there");
  assert.equal(told.length, 6, "16K hold five of 3000 bytes");
  assert.equal(events.at(-1).json.result.content[0].text.length, 300_000);
  assert.ok((await gw.metric("moongate_replay_left_out_total")) >= 6);
});

test("a shutdown lets a call end for a client that has come back", async (t) => {
  const gw = await start(t);
  const s = await session(gw);
  const first = await call(gw, s, "steps", { n: 1 });
  const begin = await first.next();
  first.close();
  const back = await resume(gw, s, begin.id);
  await back.next();
  gw.signal("SIGTERM");
  await gw.logged((l) => /draining/.test(l.msg ?? ""));
  const last = await rest(back);
  assert.equal(last.length, 1);
  assert.equal(last[0].json.result.isError, true);
  await gw.exited;
});
