// told.test.mjs - what a client was told while its call still ran survives as its answer does: progress and log messages
// leave once the change that they tell of is durable; so do events, whenever that is.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "../e2e/lib/gateway.mjs";
import { openEventStream } from "../e2e/lib/sse.mjs";
import { Disk, failing, healed, troubled } from "./lib/disk.mjs";
import { between } from "./lib/random.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const ROUNDS = short ? 5 : 50;
const STEPS = 40;
const META = "io.modelcontextprotocol/";
const check = (name, body) => test(name, { timeout: short ? 60_000 : 300_000 }, body);

const ini = (more = "") => `[rate_limit]\nbucket = 0\n[state]\nautosave = 60s\n[log]\naccess = no\n${more}`;

// Counts in the state, and says after each step how far it has come.
const tools = {
  "teller.lua": `local mcp = require "mcp"
local told = mcp.state.open("teller.told", { key = "id" })

local function run(args, ctx)
  if args.read then return told:get("n") or { n = 0 } end
  for i = args.from + 1, args.from + args.steps do
    local ok, message, code = told:put { id = "n", n = i }
    if not ok then return nil, message, code end
    if i % 2 == 0 then ctx:progress(i) else ctx:log("info", { n = i, pad = ("x"):rep(args.pad or 0) }) end
    if args.pause then mcp.time.sleep(args.pause) end
  end
  return { n = args.from + args.steps }
end

return mcp.tool { name = "teller", description = "Tell.", run = run, limits = { timeout = "60s" },
  input = { type = "object" } }
`,
  // Keeps a line, and publishes it.
  "news.lua": `local mcp = require "mcp"
local kept = mcp.state.open("news.kept", { key = "id" })

return mcp.tool { name = "news", description = "Publish.", input = { type = "object" }, run = function(args)
  if args.read then return kept:get("last") or { n = 0 } end
  if not args.unkept then
    local ok, message, code = kept:put { id = "last", n = args.n }
    if not ok then return nil, message, code end
  end
  return mcp.events.publish("job/" .. (args.topic or "news"), "made", { n = args.n })
end }
`,
};

async function start(t, more, scripts = tools) {
  const disk = new Disk();
  t.after(() => disk.remove());
  const gw = new Gateway({ dir: disk.dir, ini: ini(more), tools: scripts });
  gw.exit = { code: 0, signal: null };
  t.after(() => gw.kill());
  return { disk, gw };
}

function tell(gw, args) {
  return openEventStream(gw.url, {
    method: "POST",
    headers: {
      Accept: "application/json, text/event-stream", "Content-Type": "application/json",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "teller",
    },
    body: JSON.stringify({
      jsonrpc: "2.0", id: 1, method: "tools/call",
      params: {
        name: "teller", arguments: { steps: STEPS, ...args },
        _meta: {
          [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {},
          [`${META}logLevel`]: "debug", progressToken: 1,
        },
      },
    }),
  });
}

const number = ({ json: { params } }) => params.progress ?? params.data.n;

// Tells from what is stored on, is cut off after some messages; how far it was told to have come.
async function round(gw, from, pause) {
  const stream = await tell(gw, { from, pause });
  let last = from;
  for (let left = between(1, 30); left > 0; left--) {
    const n = number(await stream.next());
    assert.equal(n, last + 1, "in order, none left out");
    last = n;
  }
  await gw.kill();
  stream.close();
  return last;
}

check("a power cut after any message: what it told is there", async (t) => {
  const { disk, gw } = await start(t);
  let told = 0;
  for (let i = 0; i < ROUNDS; i++) {
    await gw.restart({ env: disk.env({ fsyncUs: 300, fdatasyncUs: 10_000 }) });
    const { value } = await gw.call("teller", { read: true });
    assert.ok(value.n >= told, `told of ${told}, ${value.n} is left`);
    told = await round(gw, value.n, i % 2 ? undefined : 0.001);
    disk.powerCut(() => 0);
  }
});

// What a call has written is told of by its job, and by a tool that it calls.
const handing = {
  "handing.lua": `local mcp = require "mcp"
local notes = mcp.state.open("handing.notes", { key = "id" })
local any = { type = "object" }
local function publish(by) return assert(mcp.events.publish("told", "note", { id = by })) end

return {
  mcp.tool { name = "by_job", description = "Note.", input = any, run = function()
    assert(notes:put { id = "job" })
    mcp.jobs.start { run = function() publish("job") end }
  end },
  mcp.tool { name = "by_sync", description = "Note.", input = any, run = function()
    assert(notes:put { id = "sync" })
    mcp.jobs.start { run = function()
      assert(mcp.state.sync())
      publish("sync")
    end }
  end },
  mcp.tool { name = "teller", description = "Tell.", input = any, run = function() publish("call") end },
  mcp.tool { name = "by_call", description = "Note.", input = any, run = function()
    assert(notes:put { id = "call" })
    return mcp.call("teller", {})
  end },
  mcp.tool { name = "noted", description = "Read.", input = any, run = function(args)
    return notes:get(args.id) and "yes" or "no"
  end },
}
`,
};

check("a power cut after what a job, or a tool that was called, told of its caller's change", async (t) => {
  const { disk, gw } = await start(t, "[tool *]\nstate = handing.notes:rw\n", handing);
  for (const by of ["job", "sync", "call"]) {
    await gw.restart({ env: disk.env({ fdatasyncUs: 300_000 }) });
    const stream = await gw.events("/sse?topic=told");
    const asked = gw.call(`by_${by}`).catch(() => {});
    for (let event = { event: "open" }; event.event === "open";) {
      event = await stream.next();
      if (event.event !== "open") assert.equal(event.json.id, by);
    }
    await gw.kill();
    stream.close();
    await asked;
    disk.powerCut(() => 0);
    await gw.restart({ env: {} });
    assert.equal((await gw.call("noted", { id: by })).text, "yes", by);
    await gw.kill();
  }
});

check("all messages come before the answer, whatever they waited for", async (t) => {
  const { disk, gw } = await start(t);
  await gw.restart({ env: disk.env({ fdatasyncUs: 5000 }) });
  for (const pause of [undefined, 0, 0.001]) {
    const stream = await tell(gw, { from: 0, pause });
    for (let i = 1; i <= STEPS; i++) assert.equal(number(await stream.next()), i);
    const answer = await stream.next();
    assert.equal(answer.json.result.content[0].text, JSON.stringify({ n: STEPS }));
    assert.equal(await stream.next(), null);
  }
});

check("a failed sync: nothing is told of what may be lost, and the answer says so", async (t) => {
  const { disk, gw } = await start(t);
  await gw.restart({ env: disk.env({ fail: "sync:12+:EIO", fdatasyncUs: 20_000 }) });
  const stream = await tell(gw, { from: 0, pause: 0.005, steps: 200 });
  let last = 0;
  let event = await stream.next();
  for (; event?.json.method; event = await stream.next()) last = number(event);
  assert.ok(last > 0, "something was durable before");
  assert.ok(event.json.result.isError);
  assert.match(event.json.result.content[0].text, /durable|read-only/);
  await gw.kill();
  disk.powerCut(() => 0);
  await gw.restart({ env: {} });
  const { value } = await gw.call("teller", { read: true });
  assert.ok(value.n >= last, `told of ${last}, ${value.n} is left`);
});

check("max_stream_queue holds for what waits for the disk, too", async (t) => {
  const { disk, gw } = await start(t, "[server]\nmax_stream_queue = 64K\n");
  await gw.restart({ env: disk.env({ fdatasyncUs: 300_000 }) });
  const within = await tell(gw, { from: 0, steps: 20, pad: 1000 });
  for (let i = 1; i <= 20; i++) assert.equal(number(await within.next()), i);
  assert.ok((await within.next()).json.result);
  // the client of more is treated as one that does not read: its call ends, without an answer
  const over = await gw.client.modern("tools/call",
    { name: "teller", arguments: { from: 0, steps: 200, pad: 1000 } }, { meta: { [`${META}logLevel`]: "debug" } })
    .then((res) => res.messages ?? [], () => []);
  assert.ok(!over.some((message) => message.result), "no answer behind a gap");
  assert.equal((await gw.call("teller", { read: true })).value.n, 200);
});

// What is kept until one sync of the journal fails; -> the number of that line.
async function failUnder(gw) {
  for (let n = 1; n < 100; n++) {
    const { isError, text } = await gw.call("news", { n });
    if (!isError) continue;
    assert.match(text, /may or may not survive/);
    await gw.logged(troubled);
    return n;
  }
  return assert.fail("never in trouble");
}

async function heardUntil(stream, last) {
  const heard = [];
  while (heard.at(-1) !== last) {
    const event = await stream.next();
    if (event.event !== "open") heard.push(event.json.n);
  }
  return heard;
}

check("what a failed sync left unsure is told of once a snapshot has saved it, to early and to late", async (t) => {
  const { disk, gw } = await start(t);
  await gw.restart({ env: disk.env({ fail: failing(12, 3) }) });
  const early = await gw.events("/sse?topic=job/news&topic=job/other");
  const unsure = await failUnder(gw);
  // Only what tells of it waits.
  assert.ok(!(await gw.call("news", { n: 1000, topic: "other", unkept: true })).isError);
  const before = Array.from({ length: unsure - 1 }, (_, i) => i + 1);
  assert.deepEqual(await heardUntil(early, 1000), [...before, 1000]);
  await gw.logged(healed, 30_000);
  assert.ok(!(await gw.call("news", { n: unsure + 1 })).isError);
  assert.deepEqual(await heardUntil(early, unsure + 1), [unsure, unsure + 1], "in order");
  const late = await gw.events("/sse?topic=job/news");
  assert.deepEqual(await heardUntil(late, unsure + 1), [...before, unsure, unsure + 1]);
  early.close();
  late.close();
  await gw.kill();
  disk.powerCut(() => 0);
  await gw.restart({ env: {} });
  assert.ok((await gw.call("news", { read: true })).value.n >= unsure);
});

check("a stop does not wait for what the disk does not let be told", async (t) => {
  const { disk, gw } = await start(t, "[server]\ndrain_timeout = 10m\n");
  await gw.restart({ env: disk.env({ fail: "sync:12+:EIO" }) });
  await failUnder(gw);
  gw.signal("SIGTERM");
  assert.deepEqual(await gw.exited, { code: 1, signal: null }, "the last snapshot fails, too");
  assert.ok(gw.log.some((l) => l.msg === "event dropped" && l.topic === "job/news" && /may not survive/.test(l.reason)));
});
