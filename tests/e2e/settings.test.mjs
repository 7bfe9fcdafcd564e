// settings.test.mjs - keys of mcp.ini that no other test reaches from outside: each does what its help says.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";
import { openEventStream, openSubscription } from "./lib/sse.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

function start(t, ini, tools = ["counter.lua"]) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

const tool = (name, run, more = "") => `local mcp = require "mcp"
  return mcp.tool { name = "${name}", description = "For a test.", input = { type = "object" }, ${more}
    run = ${run} }`;

async function until(ask, what) {
  for (let i = 0; i < 3000; i++) if (await ask()) return;
  assert.fail(`never: ${what}`);
}

test("max_headers: over it a 431", async (t) => {
  const gw = await start(t, `${quiet}[server]\nmax_headers = 4K\n`);
  const status = async (bytes) => {
    const raw = await gw.raw();
    raw.send(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nX-Pad: ${"x".repeat(bytes)}\r\n\r\n`);
    const response = await raw.response();
    raw.destroy();
    return response.status;
  };
  assert.equal(await status(3000), 200);
  assert.equal(await status(5000), 431);
});

const watched = { "watched.lua": `local mcp = require "mcp"
  return { mcp.resource_template { uriTemplate = "x:{n}", name = "x", read = function(v) return v.n end },
    mcp.tool { name = "a", run = function() end } }` };

test("max_streams: beyond its share, half of all, a key is answered 503; one that closes makes room", async (t) => {
  const gw = await start(t, `${quiet}[server]\nmax_streams = 5\n`, watched);
  const open = async () => {
    const session = await gw.client.session("2025-11-25", { headers: { Accept: "application/json, text/event-stream" } });
    return openEventStream(gw.url, { headers: session.headers });
  };
  const streams = [await open(), await open(), await open()];
  assert.deepEqual(streams.map((one) => one.status), [200, 200, 200]);
  const over = await open();
  assert.equal(over.status, 503);
  assert.match(over.text, /max_streams/);
  streams[0].close();
  await until(async () => (await gw.metric("moongate_notice_streams")) === 2, "a stream that is gone");
  streams[0] = await open();
  assert.equal(streams[0].status, 200);
  for (const one of streams) one.close();
});

test("max_subscriptions: of a session and of a subscription, with the key that would help", async (t) => {
  const gw = await start(t, `${quiet}[server]\nmax_subscriptions = 3\n`, watched);
  const session = await gw.client.session("2025-11-25", { headers: { Accept: "application/json, text/event-stream" } });
  const subscribe = async (n) => (await session("resources/subscribe", { uri: `x:${n}` })).body;
  for (const n of [1, 2, 3, 3]) assert.deepEqual((await subscribe(n)).result, {}, `${n}`);
  const { error } = await subscribe(4);
  assert.equal(error.code, -32602);
  assert.match(error.message, /max_subscriptions/);
  assert.deepEqual((await session("resources/unsubscribe", { uri: "x:1" })).body.result, {});
  assert.deepEqual((await subscribe(4)).result, {});
  const listen = async (...uris) => {
    const notifications = { resourceSubscriptions: uris };
    return (await gw.client.modern("subscriptions/listen", { notifications }, { headers: { Accept: "application/json, text/event-stream" } })).body;
  };
  const open = await openSubscription(gw.url, { resourceSubscriptions: ["x:1", "x:2", "x:3"] });
  assert.equal(open.status, 200);
  open.close();
  const { id, error: tooMany } = await listen("x:1", "x:2", "x:3", "x:4");
  assert.ok(id !== undefined && id !== null);
  assert.equal(tooMany.code, -32602);
  assert.match(tooMany.message, /max_subscriptions/);
});

test("sse_keepalive: signs of life come that often", async (t) => {
  const gw = await start(t, `${quiet}[server]\nsse_keepalive = 100ms\n`);
  const begin = Date.now(); // comments are counted from the opening on
  const stream = await gw.events("/sse?topic=counter/a");
  assert.equal((await stream.next()).event, "open");
  await gw.call("counter", { id: "a" });
  await stream.next();
  const waiting = stream.next(); // reads on, so that comments are seen
  await until(async () => (await gw.fetch("/healthz"), stream.comments >= 5), "five comments");
  assert.ok(Date.now() - begin >= 300, `${Date.now() - begin} ms for five`);
  await gw.call("counter", { id: "a" });
  assert.equal((await waiting).event, "counted");
  stream.close();
});

test("max_stream_queue: a client for whom more is waiting loses its stream, the others do not", async (t) => {
  // One worker takes its events in the turn in which they are published: none wait for it.
  const ini = (size) => `${quiet}[server]\nworkers = 1\nmax_stream_queue = ${size}\n`;
  const gw = await start(t, ini("4K"), {
    "say.lua": tool("say", 'function(args) mcp.events.publish("job/1", "n", { text = ("x"):rep(args.bytes) }) return "said" end'),
  });
  const stream = await gw.events("/sse?topic=job/1");
  assert.equal((await stream.next()).event, "open");
  await gw.call("say", { bytes: 3000 });
  assert.equal((await stream.next()).json.text.length, 3000);
  await gw.call("say", { bytes: 5000 });
  assert.equal(await stream.next().catch(() => null), null);
  const overflowed = (queue) => gw.metric("moongate_streams_overflowed_total", { queue });
  assert.equal(await overflowed("topic"), 1);
  assert.equal(await overflowed("connection"), 0);
  assert.equal((await gw.call("say", { bytes: 10 })).text, "said");
  // A reload holds for those who come from then on.
  gw.writeIni(ini("64K"));
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  await until(async () => {
    const wide = await gw.events("/sse?topic=job/1");
    assert.equal((await wide.until("open")).length, 1);
    await gw.call("say", { bytes: 6000 });
    for (let event; (event = await wide.next().catch(() => null)); )
      if (event.json.text.length === 6000) return wide.close(), true;
    return false;
  }, "a stream that holds more");
  // A client that does not read: what the system does not take for it waits in the connection.
  const deaf = await gw.raw();
  deaf.send(`GET /sse?topic=job/1 HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\n\r\n`);
  deaf.pause();
  const before = await overflowed("topic");
  await until(async () => (await gw.call("say", { bytes: 40_000 }), (await overflowed("connection")) === 1), "an overflow");
  assert.equal(await overflowed("topic"), before);
  deaf.destroy();
});

test("public_url: what clients are told, and a Host that is known", async (t) => {
  const gw = await start(t, `${quiet}[server]\npublic_url = https://mcp.example.org/gate/\n`);
  const page = await (await gw.fetch("/", { headers: { Accept: "application/json" } })).json();
  assert.equal(page.mcp_endpoint, "https://mcp.example.org/gate/mcp");
  const raw = await gw.raw();
  raw.send("GET / HTTP/1.1\r\nHost: mcp.example.org\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example.org\r\n\r\n");
  assert.equal((await raw.response()).status, 200);
  assert.equal((await raw.response()).status, 403);
  raw.destroy();
});

test("autosave: the state file follows that soon, or not before the end", async (t) => {
  const jobs = (gw) => JSON.parse(fs.readFileSync(gw.statePath, "utf8"))["counter.values"] ?? [];
  const soon = await start(t, `${quiet}[state]\nautosave = 100ms\n`);
  await soon.call("counter", { id: "a" });
  await until(async () => (await soon.fetch("/healthz"), jobs(soon).length === 1), "the file");
  const late = await Gateway.start({ ini: `${quiet}[state]\nautosave = 1h\n`, tools: ["counter.lua"] });
  t.after(() => late.remove());
  await late.call("counter", { id: "a" });
  for (let i = 0; i < 50; i++) await late.fetch("/healthz");
  assert.deepEqual(jobs(late), []);
  await late.stop({ keep: true });
  assert.equal(jobs(late).length, 1);
});

test("durability = snapshot: no journal is written, and a stop saves", async (t) => {
  const gw = await Gateway.start({ ini: `${quiet}[state]\ndurability = snapshot\n`, tools: ["counter.lua"] });
  t.after(() => gw.stop());
  await gw.call("counter", { id: "a" });
  assert.deepEqual(fs.readdirSync(gw.root).filter((name) => name.includes("journal")), []);
  await gw.stop({ keep: true });
  await gw.restart();
  assert.equal((await gw.call("counter", { id: "a", add: 0 })).value.count, 1);
});

test("job_ttl: a start forgets ended jobs that are older, for good, and nothing else", async (t) => {
  const age = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
  const job = (jobId, status, updatedAt) => ({ jobId, taskId: "t", configId: "c", status, startedAt: updatedAt, updatedAt });
  const jobs = [job("job_old", "COMPLETED", age(7300)), job("job_failed", "FAILED", age(86_400)), job("job_young", "COMPLETED", age(3600)),
    job("job_queued", "QUEUED", age(86_400)), job("job_running", "RUNNING", age(86_400)), job("job_undated", "COMPLETED", "yesterday")];
  const read = `function() local ids = {}
    for row in assert(mcp.state.open("jobs", { key = "jobId" }):each()) do ids[#ids + 1] = row.jobId end
    return table.concat(ids, " ") end`;
  const ini = (ttl) => `${quiet}[state]\nautosave = 1h\njob_ttl = ${ttl}\n[tool read]\nstate = jobs:r\n`;
  const gw = new Gateway({ ini: ini("2h"), tools: { "read.lua": tool("read", read, 'needs = { "state:jobs" },') } });
  fs.writeFileSync(gw.statePath, JSON.stringify({ jobs, models: [] }));
  const left = "job_young job_queued job_running job_undated";
  const first = await Gateway.start({ dir: gw.dir });
  t.after(() => first.kill());
  await until(async () => (await first.call("read")).text === left, "the jobs that are left");
  await first.kill(); // the file still has all of them, the journal knows which went
  gw.writeIni(ini("365d"));
  const second = await Gateway.start({ dir: gw.dir });
  t.after(() => second.stop().finally(() => gw.remove()));
  assert.equal((await second.call("read")).text, left);
});

test("max_clients: who was seen longest ago is forgotten, and no one else", async (t) => {
  const keys = ["a", "b", "c"].map((name) => `[key ${name}]\nsecret = ${name}1\n`).join("");
  const of = { key: (who) => ({ "X-API-Key": `${who}1` }), address: (who) => ({ "X-API-Key": "a1", "X-Forwarded-For": `192.0.2.${who.charCodeAt(0)}` }) };
  for (const [counted, rules] of [["key", "bucket = 0\nper_key = 1"], ["address", "bucket = 1\nper_key = 0"]]) {
    const gw = await start(t, `[server]\ntrusted_proxies = 127.0.0.1\n[rate_limit]\nwindow = 1h\nmax_clients = 2\n${rules}\n${keys}`);
    const answers = [];
    for (const who of "aabbcbaca") answers.push((await gw.rpc("ping", {}, { headers: of[counted](who) })).status);
    // c takes the place of a; a, being new again, that of c, which was seen before b; and c that of b.
    assert.deepEqual(answers, [200, 429, 200, 429, 200, 429, 200, 200, 429], counted);
  }
});

test("deny: what it names is no program's standard input", async (t) => {
  const run = 'function(args) local r, m = mcp.exec.run { argv = { "cat" }, stdin_file = args.path } if not r then return nil, m end return r.stdout end';
  const gw = new Gateway({ ini: `${quiet}[paths]\nroot = root\ndeny = **/.git/**, private/**\n[tool read]\nexec = cat\n`,
    tools: { "read.lua": tool("read", run, 'needs = { "exec" },') } });
  for (const name of [".git", "private", "public/.git"]) fs.mkdirSync(path.join(gw.root, name), { recursive: true });
  for (const name of [".git/config", "private/x", "public/.git/x", "public/x"]) fs.writeFileSync(path.join(gw.root, name), name);
  const running = await Gateway.start({ dir: gw.dir });
  t.after(() => running.stop().finally(() => gw.remove()));
  for (const name of [".git/config", "private/x", "public/.git/x", "../mcp.ini", ".mcp-state.json"])
    assert.equal((await running.call("read", { path: name })).isError, true, name);
  assert.equal((await running.call("read", { path: "public/x" })).text, "public/x");
});

test("max_timeout, max_memory: a tool that declares more does not load, with the line that would help", async (t) => {
  const gw = new Gateway({ ini: `${quiet}[tools]\ntimeout = 1s\nmax_timeout = 2s\nmemory = 1M\nmax_memory = 2M\n`, tools: {
    "long.lua": tool("long", "function() end", 'limits = { timeout = "3s" },'),
    "large.lua": tool("large", "function() end", 'limits = { memory = "3M" },'),
    "right.lua": tool("right", "function() end", 'limits = { timeout = "2s", memory = "2M" },'),
  } });
  t.after(() => gw.remove());
  const run = await runBinary(["-c", gw.iniPath, "check"], { cwd: gw.dir });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /long\.lua:\d+:.*max_timeout/);
  assert.match(run.stderr, /large\.lua:\d+:.*max_memory/);
  assert.doesNotMatch(run.stderr, /right\.lua/);
});

test("ask_timeout: a question whose answer comes later must be asked anew", async (t) => {
  const ask = 'function(_, ctx) return tostring(#assert(ctx:roots("r"))) end';
  const gw = await start(t, `${quiet}[tools]\nask_timeout = 50ms\n`, { "ask.lua": tool("ask", ask) });
  const meta = { "io.modelcontextprotocol/clientCapabilities": { roots: {} } };
  const call = (more) => gw.client.modern("tools/call", { name: "ask", ...more }, { meta });
  const { requestState } = (await call()).body.result;
  const late = Date.now() + 50;
  while (Date.now() <= late) await new Promise(setImmediate);
  const res = await call({ requestState, inputResponses: { r: { roots: [] } } });
  assert.match(res.body.error.message, /ask_timeout/);
  assert.equal((await call({ inputResponses: { r: { roots: [] } } })).body.result.content[0].text, "0");
});

test("worker_memory: tools that keep what fills it are told of by readiness, and a reload heals it", async (t) => {
  const gw = await start(t, `${quiet}[server]\nworkers = 1\n[tools]\nworker_memory = 8M\nmemory = 4M\nmax_memory = 8M\n`, {
    "keep.lua": `local mcp = require "mcp"
      local kept = {}
      return mcp.tool { name = "keep", description = "Keeps.", input = { type = "object" },
        run = function()
          for i = 1, 5000 do kept[#kept + 1] = { "entry " .. #kept, {}, {} } end
          return tostring(#kept) end }`,
  });
  let ended;
  for (let i = 0; i < 20 && !ended?.isError; i++) ended = await gw.call("keep");
  assert.equal(ended.isError, true);
  await until(async () => (await gw.call("keep"), (await gw.fetch("/readyz")).status === 503), "not ready");
  assert.match((await (await gw.fetch("/readyz")).json()).reasons.join(), /1 of 1 workers have no memory left.*worker_memory/);
  gw.signal("SIGHUP");
  await until(async () => (await gw.fetch("/readyz")).status === 200, "ready again");
  assert.equal((await gw.call("keep")).text, "5000");
});

test("a log that nobody reads costs lines, not answers, and the next line says how many", async (t) => {
  const gw = await start(t, quiet);
  gw.child.stderr.pause();
  const raw = await gw.raw();
  const request = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nUser-Agent: ${"x".repeat(1500)}\r\n\r\n`;
  let dropped = 0;
  for (let i = 0; i < 200 && dropped === 0; i++) {
    raw.send(request.repeat(50));
    for (let k = 0; k < 50; k++) assert.equal((await raw.response()).status, 200);
    dropped = await gw.metric("moongate_log_dropped_total");
  }
  assert.ok(dropped > 0);
  gw.child.stderr.resume();
  // The worker that lost them tells, so it must be the one to write again; and not faster than the log is read.
  const next = async () => {
    const seen = gw.log.length;
    raw.send(request);
    await raw.response();
    await gw.logged((l) => gw.log.indexOf(l) >= seen);
    return gw.log.some((l) => l.dropped > 0);
  };
  await until(next, "a line that tells");
  raw.destroy();
});
