// generations.test.mjs - sets of tools that replace each other under calls that wait, and what a waiting call keeps.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { create, ended, get, until as untilTask } from "./lib/tasks.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

function start(t, ini, tools) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

const tool = (name, run, more = "") => `local mcp = require "mcp"
  return mcp.tool { name = "${name}", description = "For a test.", input = { type = "object" }, ${more}
    run = ${run} }`;

const nap = (says, more) => ({ "nap.lua": tool("nap", `function(args)
    local ok, message, code = mcp.time.sleep(args.seconds or 0.01)
    if not ok then return nil, message .. " " .. code end
    return "${says}" end`, more) });

async function reload(gw, ini) {
  const before = gw.log.length;
  gw.writeIni(ini);
  gw.signal("SIGHUP");
  const line = await gw.logged((l) => gw.log.indexOf(l) >= before && /^reload(ed| failed)/.test(l.msg));
  assert.match(line.msg, /^reloaded/, gw.tail());
}

async function until(ask, want, what) {
  for (let i = 0; i < 500; i++) if ((await ask()) === want) return;
  assert.fail(`${what}: never ${want}`);
}

// One at a time; the one that is held is inside until it is let go. Who waits for its place is refused after a second.
const held = (says) => ({ "nap.lua": tool("nap", `function(args)
    repeat local ok = mcp.time.sleep(0.01) until not ok or not args.held or mcp.fs.stat("go")
    return "${says}" end`, 'needs = { "fs" }, limits = { concurrent = 1 },') });
const holding = `${quiet}[server]\nworkers = 1\n[tool nap]\nfs = read\n`;
const letGo = (gw) => fs.writeFileSync(path.join(gw.root, "go"), "");

const warnings = async (gw) => (await (await gw.fetch("/readyz")).json()).warnings.join("\n");

test("a call that waits at a gate while its tools are replaced still runs on those it was sent to", async (t) => {
  const gw = await start(t, holding, held("first"));
  const inside = gw.call("nap", { held: true });
  await until(() => gw.metric("moongate_calls_running"), 1, "the one inside");
  gw.writeTools(held("second"));
  const queued = [gw.call("nap"), gw.call("nap")];
  await until(() => gw.metric("moongate_calls_waiting"), 3, "the two that wait");
  await reload(gw, holding);
  letGo(gw);
  await until(() => gw.call("nap").then((r) => r.text), "second", "the new tool");
  assert.equal((await inside).text, "first");
  assert.deepEqual((await Promise.all(queued)).map((r) => r.text), ["first", "first"]);
  assert.equal((await gw.call("nap")).text, "second");
});

// A task that goes on until it may end, and says which version it began on; it keeps what it is told to keep.
const lasting = (version, keeps = 0) => ({ "lasting.lua": tool("lasting", `function(args, ctx)
    if args.ends then return mcp.cache.set("end", args.ends), #kept end
    ctx:as_task()
    while (mcp.cache.get("end") or 0) < ${version} do
      local ok, message, code = mcp.time.sleep(0.02)
      if not ok then return nil, message .. " " .. code end
    end
    return "version ${version}"
  end`).replace("return mcp.tool", `local kept = {} for i = 1, ${keeps} do kept[i] = ("x"):rep(1 << 20) .. i end\n  return mcp.tool`) });

const text = (task) => task.result?.content[0].text;

test("tasks outlast as many versions of their tools as are saved", async (t) => {
  const ini = `${quiet}[server]\nworkers = 2\n`;
  const gw = await start(t, ini, lasting(1));
  const ids = [];
  for (let n = 1; n <= 8; n++) {
    ids.push((await create(gw, "lasting")).taskId);
    gw.writeTools(lasting(n + 1));
    await reload(gw, ini);
  }
  assert.equal(await gw.metric("moongate_generations_live"), 9);
  for (const id of ids) assert.equal((await get(gw, id)).status, "working");
  await gw.call("lasting", { ends: 8 });
  for (const [i, id] of ids.entries()) assert.equal(text(await untilTask(gw, id, ended)), `version ${i + 1}`);
  await until(() => gw.metric("moongate_generations_live"), 1, "the old ones are gone");
});

test("what old versions of tools hold is bounded: a save waits for the oldest, and after 30 s ends what runs on it", async (t) => {
  const ini = `${quiet}[server]\nworkers = 1\n[tools]\nworker_memory = 16M\nmax_memory = 8M\nmemory = 4M\n`;
  const gw = await start(t, ini, lasting(1, 4));
  const ids = [];
  const next = async () => {
    ids.push((await create(gw, "lasting")).taskId);
    gw.writeTools(lasting(ids.length + 1, 4));
  };
  for (let n = 1; n < 4; n++) {
    await next();
    await reload(gw, ini);
  }
  assert.equal(await gw.metric("moongate_generations_live"), 4);
  await next();
  const begin = performance.now();
  gw.signal("SIGHUP");
  // The save is served once there is room again.
  await gw.call("lasting", { ends: 1 });
  await gw.logged((l) => l.msg === "reloaded: generation 5, 1 tools");
  assert.ok(performance.now() - begin < 20_000);
  assert.equal(text(await untilTask(gw, ids[0], ended)), "version 1");
  // Nothing ends by itself: what runs on the oldest is told to.
  await next();
  gw.signal("SIGHUP");
  await gw.logged((l) => l.msg === "reloaded: generation 6, 1 tools", 60_000);
  assert.ok(gw.log.some((l) => /what still runs on generation 2 of the tools is interrupted/.test(l.msg)), gw.tail());
  const cut = await untilTask(gw, ids[1], ended);
  assert.deepEqual([cut.status, cut.error.message], ["failed", "the gateway stopped the tool before it had ended"]);
  for (const id of ids.slice(2)) assert.equal((await get(gw, id)).status, "working");
});

function modernCall(name) {
  const io = "io.modelcontextprotocol/";
  const _meta = { [`${io}protocolVersion`]: "2026-07-28", [`${io}clientCapabilities`]: {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {}, _meta } });
  return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
    "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n" +
    `Mcp-Method: tools/call\r\nMcp-Name: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

test("a call cancelled while it waits at a gate gives its place in the queue up at once", async (t) => {
  const gw = await start(t, holding, held("done"));
  const inside = gw.call("nap", { held: true });
  await until(() => gw.metric("moongate_calls_running"), 1, "the one inside");
  const queued = await gw.raw();
  await new Promise((sent) => queued.socket.write(modernCall("nap"), sent));
  // The one worker has read it before the second of two that were sent later.
  for (let i = 0; i < 2; i++) await gw.metric("moongate_calls_running");
  queued.destroy();
  const line = await gw.logged((l) => l.outcome === "CANCELLED");
  assert.ok(line.latency_ms < 1000, `${line.latency_ms} ms: not before it is refused`);
  assert.equal(line.status, 499);
  assert.equal(await gw.metric("moongate_calls_running"), 1, "the one inside has not left meanwhile");
  letGo(gw);
  assert.equal((await inside).text, "done");
  assert.equal((await gw.call("nap")).text, "done");
});

test("a file that breaks keeps its version, is told of, and is replaced when it is mended", async (t) => {
  const gw = await start(t, quiet, { ...nap("first"), "other.lua": tool("other", 'function() return "one" end') });
  assert.equal(await warnings(gw), "");
  gw.writeTools({ "nap.lua": "this is not Lua", "other.lua": tool("other", 'function() return "two" end') });
  await reload(gw, quiet);
  await until(() => gw.call("other").then((r) => r.text), "two", "the right file");
  assert.equal((await gw.call("nap")).text, "first");
  assert.match(await warnings(gw), /nap\.lua did not load/);
  // Once more, when the generation that had loaded it is long gone.
  await reload(gw, `${quiet}[tools]\ntimeout = 9s\n`);
  assert.equal((await gw.call("nap")).text, "first");
  gw.writeTools(nap("third"));
  await reload(gw, quiet);
  await until(() => gw.call("nap").then((r) => r.text), "third", "the mended file");
  assert.equal(await warnings(gw), "");
});

test("readiness tells of a start function that fails until it does not", async (t) => {
  const file = (start) => ({ "begin.lua": tool("begin", 'function() return "here" end', `start = ${start},`) });
  const gw = await start(t, quiet, file('function() error("no luck") end'));
  await gw.logged((l) => l.msg === "start function failed" && l.file === "begin.lua");
  assert.match(await warnings(gw), /1 start functions of tools failed/);
  await reload(gw, `${quiet}[log]\nlevel = debug\n`);
  assert.match(await warnings(gw), /1 start functions/, "nothing was mended");
  gw.writeTools(file("function() end"));
  await reload(gw, quiet);
  await until(() => warnings(gw), "", "the warning");
  gw.writeTools(file('function() error("again") end'));
  await reload(gw, quiet);
  await until(async () => /start functions/.test(await warnings(gw)), true, "the warning");
  fs.rmSync(path.join(gw.toolsDir, "begin.lua"));
  await reload(gw, quiet);
  await until(() => warnings(gw), "", "the warning");
});

test("a call that waits keeps what it knows of its caller", async (t) => {
  const gw = await start(t, `${quiet}[key ci]\nsecret = k1\nscopes = read, write\n`, {
    "who.lua": tool("who", `function(args, ctx)
      mcp.time.sleep(0.02)
      return { call_id = ctx.call_id, tool = ctx.tool, principal = ctx.principal, ip = ctx.ip, protocol = ctx.protocol,
               name = ctx.client.name or "none" } end`),
    "late.lua": tool("late", 'function() mcp.time.sleep(0.02) mcp.log.info("late") error("late too") end'),
  });
  const { value } = await gw.call("who", {}, { key: "k1" });
  assert.match(value.call_id, /^call_[0-9a-z]{11}$/);
  assert.deepEqual([value.tool, value.principal, value.ip], ["who", "ci", "127.0.0.1"]);
  await gw.call("late", {}, { key: "k1" }).catch(() => {});
  const request = await gw.logged((l) => l.msg === "request" && l.tool === "late");
  assert.ok(gw.log.some((l) => l.msg === "late" && Object.values(l).includes(request.call_id)), gw.tail());
});

test("a setting of secret type takes what its file holds; one that is not there is an error with its line", async (t) => {
  const tools = { "keeper.lua": tool("keeper", "function() return mcp.config.token end",
    'settings = { token = { type = "secret" } },') };
  const gw = new Gateway({ ini: `${quiet}[tool keeper]\ntoken = @token.txt\n`, tools });
  fs.writeFileSync(path.join(gw.dir, "token.txt"), "hush\n", { mode: 0o600 });
  const running = await Gateway.start({ dir: gw.dir, ini: undefined });
  t.after(() => (gw.remove(), running.stop()));
  assert.equal((await running.call("keeper")).text, "hush");
  fs.writeFileSync(path.join(gw.dir, "token.txt"), "psst\n", { mode: 0o600 });
  running.signal("SIGHUP");
  await until(() => running.call("keeper").then((r) => r.text), "psst", "the new secret");
  // Without it a reload is refused as a whole, with the place: what served goes on, the tool too.
  fs.rmSync(path.join(gw.dir, "token.txt"));
  gw.writeIni(`${quiet}[auth]\nkeys = k1\n[tool keeper]\ntoken = @token.txt\n`);
  running.signal("SIGHUP");
  const told = await running.logged((l) => /^reload failed/.test(l.msg));
  assert.match(told.msg, /keeper\.lua:\d+: .*mcp\.ini:\d+: token: .*token\.txt/);
  for (let i = 0; i < 20; i++) assert.equal((await running.call("keeper")).text, "psst");
  assert.match((await (await running.fetch("/readyz")).json()).warnings.join(), /reload/);
  fs.writeFileSync(path.join(gw.dir, "token.txt"), "back\n", { mode: 0o600 });
  running.signal("SIGHUP");
  await until(() => running.rpc("tools/call", { name: "keeper", arguments: {} }, { key: "k1" }).then((r) => r.body.result?.content[0].text),
    "back", "the secret that is there again");
  await until(() => running.rpc("ping", {}).then((r) => r.status), 401, "the key of the same file");
});

test("a reload loses no tool for a wrong setting; a grant that is taken away takes the tool with it", async (t) => {
  const settings = 'settings = { most = { type = "integer" } }, needs = { "state:jobs" },';
  const ini = (text, state = "state = jobs:r") => `${quiet}[tool counts]\n${state}\n${text}\n`;
  const gw = await start(t, ini("most = 1"), { "counts.lua": tool("counts", "function() return tostring(mcp.config.most) end", settings) });
  const reload = async (text) => {
    const before = gw.log.length;
    gw.writeIni(text);
    gw.signal("SIGHUP");
    return (await gw.logged((l) => gw.log.indexOf(l) >= before && /^reload(ed| failed)/.test(l.msg))).msg;
  };
  assert.match(await reload(ini("most = many")), /^reload failed.*mcp\.ini:\d+: many is not a value of type integer for the setting most/);
  assert.match(await reload(ini("most = 1\nleast = 1")), /^reload failed.*mcp\.ini:\d+: the tool has no setting "least"/);
  assert.equal((await gw.call("counts")).text, "1");
  // A file that does not load any more keeps its last version; one that comes new and wrong is told of, and no more.
  gw.writeTools({ "counts.lua": "return nonsense(", "late.lua": tool("late", "function() end", 'settings = { key = { type = "secret" } },') });
  assert.match(await reload(`${ini("most = 2")}[tool late]\nkey = @none\n`), /^reloaded/);
  await until(() => gw.call("counts").then((r) => r.text), "2", "its new setting");
  assert.match(await reload(ini("most = many", "")), /^reloaded/);
  await until(() => gw.rpc("tools/call", { name: "counts", arguments: {} }).then((r) => r.body.error?.code), -32602, "without its grant it is gone");
});

test("max_result holds above its default too", async (t) => {
  const gw = await start(t, `${quiet}[server]\nmax_result = 4M\n`,
    { "big.lua": tool("big", 'function(args) return ("x"):rep(args.bytes) end', 'limits = { memory = "64M" },') });
  const big = await gw.call("big", { bytes: 3 << 20 });
  assert.equal(big.text.length, 3 << 20);
  assert.match((await gw.call("big", { bytes: 4 << 20 })).text, /max_result/);
});

test("path, root and tools follow a reload", async (t) => {
  const gw = await start(t, quiet, nap("first"));
  const other = path.join(gw.dir, "other.d");
  fs.mkdirSync(other);
  fs.writeFileSync(path.join(other, "else.lua"), tool("elsewhere", 'function() return "there" end'));
  await reload(gw, `${quiet}[server]\npath = /other\n[paths]\nroot = root\ntools = other.d\n`);
  await until(async () => (await gw.fetch("/mcp")).status, 404, "the old path");
  assert.equal((await gw.fetch("/other", { method: "HEAD" })).status, 200);
  const listed = await gw.fetch("/other", { method: "POST", headers: { "Content-Type": "application/json" },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
  assert.deepEqual((await listed.json()).result.tools.map((x) => x.name), ["elsewhere"]);
  assert.ok(!gw.log.some((l) => /takes effect at the next start/.test(l.msg)), gw.tail());
});

// Says which version it is, and in which worker's variables it counts.
const clock = (version, body = "") => ({ "clock.lua": tool("clock", 'function() return "clock" end',
  `every = { "1s", function() count = (count or 0) + 1 mcp.log.info("tick", { version = ${version}, count = count }) ${body} end },`) });

test("every runs at its interval, in one worker, and the newest version alone", async (t) => {
  const four = `${quiet}[server]\nworkers = 4\n`;
  const gw = await start(t, four, clock(1));
  const ticks = (version) => gw.log.filter((l) => l.msg === "tick" && l.version === version);
  await gw.logged((l) => l.msg === "tick" && l.count === 4);
  const counts = ticks(1).map((l) => l.count);
  assert.deepEqual(counts, counts.map((_, i) => i + 1), "one after the other in one worker");
  // Each is due when the clock passes a second: the first may have come late by nearly one.
  const seconds = (Date.parse(ticks(1)[3].ts) - Date.parse(ticks(1)[0].ts)) / 1000;
  assert.ok(seconds > 2, `four in ${seconds} s`);

  gw.writeTools(clock(2, 'error("broken clock")'));
  await reload(gw, four);
  const old = ticks(1).length;
  await gw.logged((l) => l.msg === "scheduled function failed" && /broken clock/.test(l.error) && l.tool === "clock");
  await gw.logged((l) => l.msg === "tick" && l.version === 2 && l.count === 2);
  assert.equal(ticks(1).length, old, "the version before is silent");
});

test("every runs one at a time, also when a reload puts a new version beside one that runs", async (t) => {
  const one = `${quiet}[server]\nworkers = 1\n`;
  const slow = (version) => clock(version, 'mcp.time.sleep(2.5) mcp.log.info("tock", { version = ' + version + " })");
  const gw = await start(t, one, slow(1));
  await gw.logged((l) => l.msg === "tick" && l.version === 1);
  gw.writeTools(slow(2));
  await reload(gw, one);
  await gw.logged((l) => l.msg === "tick" && l.version === 2);
  const said = gw.log.filter((l) => /^t[io]ck$/.test(l.msg)).map((l) => `${l.msg} ${l.version}`);
  assert.deepEqual(said.slice(0, 3), ["tick 1", "tock 1", "tick 2"]);
});

test("start and every call any tool: no caller's rights bound them", async (t) => {
  const ini = `${quiet}[auth]\nallow_anonymous = false\n[key narrow]\nsecret = s3cret-one\ntools = clock\n`;
  const ask = (from) => `mcp.log.info("asked", { from = "${from}", answer = mcp.call("other") })`;
  const gw = await start(t, ini, {
    "other.lua": tool("other", 'function() return "reached" end'),
    "clock.lua": tool("clock", 'function() return tostring(select(3, mcp.call("other"))) end',
      `start = function() ${ask("start")} end, every = { "1s", function() ${ask("every")} end },`) });
  for (const from of ["start", "every"])
    assert.equal((await gw.logged((l) => l.msg === "asked" && l.from === from)).answer, "reached");
  const key = { headers: { Authorization: "Bearer s3cret-one" } };
  assert.equal((await gw.call("clock", {}, key)).text, "NOTFOUND", "a client's call has the client's rights");
});

test("every that takes longer than its interval is left out meanwhile", async (t) => {
  const gw = await start(t, quiet, clock(1, "mcp.time.sleep(1.5)"));
  await gw.logged((l) => l.msg === "tick" && l.count === 2);
  const [first, second] = gw.log.filter((l) => l.msg === "tick");
  assert.ok(Date.parse(second.ts) - Date.parse(first.ts) > 1400);
});
