// hotreload.test.mjs - what is saved serves: tools, their helpers, mcp.ini and the files it names are followed; nothing
// that is half-written is served, and nothing that fails takes away what served.
//
// Bounds on time are the exact ones in the long form (MOONGATE_EXACT=1, or `make torture`), ten times as much otherwise.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";

import { Gateway, slowness } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";
const exact = Boolean(process.env.MOONGATE_EXACT);
const slack = exact ? 1 : 10 * slowness;

const tool = (name, says, more = "") => `local mcp = require "mcp"
return mcp.tool { name = "${name}", description = "For a test.", input = { type = "object" }, ${more}
  run = function() return "${says}" end }
`;

function start(t, options) {
  return Gateway.start({ ini: quiet, follow: true, ...options }).then((gw) => (t.after(() => gw.stop()), gw));
}

const at = (gw, name) => path.join(gw.toolsDir, name);
// By a rename, so that what is counted is whole; how else editors write, the first test shows.
function put(gw, name, text) {
  fs.writeFileSync(`${at(gw, name)}.new`, text);
  fs.renameSync(`${at(gw, name)}.new`, at(gw, name));
}

// Asks until it is so; -> the milliseconds that took.
async function until(ask, want, what, limitMs = 20_000 * slowness) {
  const begin = performance.now();
  let last;
  while (performance.now() - begin < limitMs) {
    last = await ask();
    if (last === want) return performance.now() - begin;
  }
  assert.fail(`${what}: never ${want}, but ${last}`);
}

// What the tool says, or the code of the error: -32602 when it is not there.
async function says(gw, name, options) {
  const { body, status } = await gw.rpc("tools/call", { name, arguments: {} }, options);
  return body?.result?.content[0].text ?? body?.error?.code ?? status;
}

const ready = async (gw) => (await (await gw.fetch("/readyz")).json()).warnings.join("\n");
const reloads = (gw) => gw.log.filter((l) => /^reloaded/.test(l.msg)).length;
const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

test("a saved file serves at once, however the editor saves it", async (t) => {
  const gw = await start(t, { tools: { "a.lua": tool("a", "0") } });
  assert.equal(await says(gw, "a"), "0");
  const file = at(gw, "a.lua");
  const ways = {
    "written in place": (text) => fs.writeFileSync(file, text),
    "a temporary file that is renamed": (text) => {
      fs.writeFileSync(`${file}.tmp`, text);
      fs.renameSync(`${file}.tmp`, file);
    },
    "the old one kept beside, then written anew": (text) => {
      fs.renameSync(file, `${file}~`);
      fs.writeFileSync(file, text);
      fs.unlinkSync(`${file}~`);
    },
    "removed, then written": (text) => {
      fs.unlinkSync(file);
      fs.writeFileSync(file, text);
    },
  };
  let n = 0;
  const took = [];
  for (const [way, save] of Object.entries(ways))
    for (let i = 0; i < 5; i++) {
      save(tool("a", String(++n)));
      took.push(await until(() => says(gw, "a"), String(n), way));
    }
  t.diagnostic(`save to served: median ${median(took).toFixed(1)} ms, most ${Math.max(...took).toFixed(1)} ms`);
  assert.ok(median(took) < 100 * slack, `${took}`);
  assert.ok(Math.max(...took) < 100 * slack, `${took}`);
});

test("what inotify does not tell of is seen within poll", async (t) => {
  // A file that is written by another of its names: the folder hears nothing.
  const gw = await start(t, { ini: `${quiet}[tools]\npoll = 400ms\n`, tools: { "a.lua": tool("a", "0") } });
  const outside = path.join(gw.dir, "outside.lua");
  fs.linkSync(at(gw, "a.lua"), outside);
  await until(() => says(gw, "a"), "0", "the first");
  const took = [];
  for (let i = 1; i <= 5; i++) {
    fs.writeFileSync(outside, tool("a", String(i)));
    took.push(await until(() => says(gw, "a"), String(i), "written by its other name"));
  }
  t.diagnostic(`save to served by polling every 400 ms: most ${Math.max(...took).toFixed(1)} ms`);
  assert.ok(Math.max(...took) < 400 + 100 * slack, `${took}`);
});

test("a file written in steps serves when it is whole; what was there serves until then", async (t) => {
  const gw = await start(t, { tools: { "a.lua": tool("a", "0"), "b.lua": tool("b", "0") } });
  const text = tool("a", "1");
  const before = gw.log.length;
  const begun = performance.now();
  const fd = fs.openSync(at(gw, "a.lua"), "w");
  for (let i = 0; i < text.length; i += 20) {
    fs.writeSync(fd, text.slice(i, i + 20));
    assert.match(await says(gw, "a"), /^[01]$/);
  }
  fs.closeSync(fd);
  const wrote = performance.now() - begun;
  await until(() => says(gw, "a"), "1", "the whole file");
  // One that is written to all the time, and never closed, does not hold back another.
  const log = fs.openSync(at(gw, "noise.lua"), "w");
  const noise = setInterval(() => fs.writeSync(log, "-- more\n"), 2);
  try {
    put(gw, "b.lua", tool("b", "1"));
    const took = await until(() => says(gw, "b"), "1", "the other file");
    assert.ok(took < 1000 * slack, `${took} ms`);
  } finally {
    clearInterval(noise);
    fs.closeSync(log);
  }
  assert.equal(await says(gw, "a"), "1");
  // Half of it is loaded, and told of, only where it was open for longer than anybody is waited for.
  if (wrote < 200) assert.ok(!gw.log.slice(before).some((l) => l.file === "a.lua"), gw.tail());
  else t.diagnostic(`not seen whether half a file is left alone: writing it took ${wrote.toFixed(0)} ms`);
});

test("tools appear, vanish, are renamed; a file that was broken at the start appears when it is mended", async (t) => {
  const gw = await start(t, { tools: { "a.lua": tool("a", "A"), "bad.lua": "return nonsense(" } });
  assert.match(await ready(gw), /bad\.lua did not load/);
  assert.equal(await gw.metric("moongate_tool_files_broken"), 1);
  put(gw, "bad.lua", tool("bad", "mended"));
  await until(() => says(gw, "bad"), "mended", "the mended file");
  assert.equal(await ready(gw), "");
  assert.equal(await gw.metric("moongate_tool_files_broken"), 0);
  put(gw, "new.lua", tool("new", "N"));
  await until(() => says(gw, "new"), "N", "the new file");
  fs.renameSync(at(gw, "a.lua"), at(gw, "z.lua"));
  put(gw, "z.lua", tool("z", "Z"));
  await until(() => says(gw, "z"), "Z", "the renamed file");
  await until(() => says(gw, "a"), -32602, "the name that is gone");
  fs.unlinkSync(at(gw, "new.lua"));
  await until(() => says(gw, "new"), -32602, "the removed file");
  assert.equal(await says(gw, "bad"), "mended");
  assert.equal(await gw.metric("moongate_tools"), 2);
});

test("a broken file keeps its version, is told of once, and is shown until it is mended", async (t) => {
  const gw = await start(t, { ini: `${quiet}[tools]\npoll = 100ms\n`, tools: { "a.lua": tool("a", "1") } });
  put(gw, "a.lua", "return mcp.tool { nome = 1");
  const line = await gw.logged((l) => l.msg === "tool file did not load");
  assert.match(line.error, /^tools\.d\/a\.lua:1: /);
  await gw.logged((l) => l.msg === "reloaded: generation 2, 1 tools");
  assert.match(await ready(gw), /a\.lua did not load/);
  for (let i = 0; i < 20; i++) assert.equal(await says(gw, "a"), "1");
  // Files that change nothing, and the polls that suspect them, are no reason to tell it again.
  fs.utimesSync(at(gw, "a.lua"), new Date(), new Date());
  fs.writeFileSync(at(gw, "notes.txt"), "x");
  put(gw, "b.lua", tool("b", "1"));
  await gw.logged((l) => l.msg === "reloaded: generation 3, 2 tools");
  assert.equal(gw.log.filter((l) => l.msg === "tool file did not load").length, 1, gw.tail());
  // One that is saved again, and is as wrong as before, is told of again.
  put(gw, "a.lua", "return mcp.tool { nome = 2");
  await gw.logged((l) => l.msg === "reloaded: generation 4, 2 tools");
  assert.equal(gw.log.filter((l) => l.msg === "tool file did not load").length, 2, gw.tail());
  put(gw, "a.lua", tool("a", "2"));
  await until(() => says(gw, "a"), "2", "the mended file");
  assert.equal(await ready(gw), "");
});

test("what is touched, or written as it was, is not loaded again", async (t) => {
  const gw = await start(t, { ini: `${quiet}[tools]\npoll = 100ms\n`, tools: { "a.lua": tool("a", "1") } });
  put(gw, "a.lua", tool("a", "1"));
  fs.utimesSync(at(gw, "a.lua"), new Date(), new Date());
  put(gw, ".hidden.lua", "nonsense");
  put(gw, "a_test.lua", "nonsense");
  put(gw, "b.lua", tool("b", "1"));
  await gw.logged((l) => l.msg === "reloaded: generation 2, 2 tools");
  await until(() => says(gw, "b"), "1", "the file after them");
  assert.equal(reloads(gw), 1, gw.tail());
  assert.equal(await gw.metric("moongate_generation"), 2);
});

test("a helper in lib, and what a link leads to, are followed", async (t) => {
  const gw = await start(t, { tools: { "lib/words.lua": 'return "one"',
    "a.lua": tool("a", "x").replace('return "x"', 'return require("words")') } });
  const elsewhere = path.join(gw.dir, "elsewhere");
  fs.mkdirSync(elsewhere);
  assert.equal(await says(gw, "a"), "one");
  put(gw, "lib/words.lua", 'return "two"');
  await until(() => says(gw, "a"), "two", "the helper");
  fs.writeFileSync(path.join(elsewhere, "b.lua"), tool("b", "1"));
  fs.symlinkSync(path.join(elsewhere, "b.lua"), at(gw, "b.lua"));
  await until(() => says(gw, "b"), "1", "the link");
  fs.writeFileSync(path.join(elsewhere, "b.lua"), tool("b", "2"));
  await until(() => says(gw, "b"), "2", "what the link leads to, written in place");
  fs.writeFileSync(path.join(elsewhere, "b.new"), tool("b", "3"));
  fs.renameSync(path.join(elsewhere, "b.new"), path.join(elsewhere, "b.lua"));
  await until(() => says(gw, "b"), "3", "what the link leads to, replaced");
  fs.unlinkSync(path.join(elsewhere, "b.lua"));
  await until(() => ready(gw).then((r) => /b\.lua did not load/.test(r)), true, "a link to nothing");
  assert.equal(await says(gw, "b"), "3");
});

test("the folder is replaced: renamed, swapped by a link as deploys do, removed and made again", async (t) => {
  const gw = new Gateway({ ini: `${quiet}[paths]\nroot = root\ntools = current/tools\n` });
  const release = (n) => {
    fs.mkdirSync(path.join(gw.dir, `releases/${n}/tools`), { recursive: true });
    fs.writeFileSync(path.join(gw.dir, `releases/${n}/tools/a.lua`), tool("a", String(n)));
  };
  const point = (n) => {
    fs.symlinkSync(`releases/${n}`, path.join(gw.dir, "current.new"));
    fs.renameSync(path.join(gw.dir, "current.new"), path.join(gw.dir, "current"));
  };
  release(1);
  point(1);
  const running = await Gateway.start({ dir: gw.dir, follow: true });
  t.after(() => running.stop({ keep: true }).finally(() => gw.remove()));
  assert.equal(await says(running, "a"), "1");
  release(2);
  point(2);
  await until(() => says(running, "a"), "2", "the link that was swapped");
  // What the link pointed to before does not matter any more, what it points to does.
  fs.writeFileSync(path.join(gw.dir, "releases/1/tools/a.lua"), tool("a", "old"));
  fs.writeFileSync(path.join(gw.dir, "releases/2/tools/a.lua"), tool("a", "2b"));
  await until(() => says(running, "a"), "2b", "a file in the new one");
  release(3);
  fs.renameSync(path.join(gw.dir, "releases/2/tools"), path.join(gw.dir, "releases/2/before"));
  fs.renameSync(path.join(gw.dir, "releases/3/tools"), path.join(gw.dir, "releases/2/tools"));
  await until(() => says(running, "a"), "3", "the folder that was renamed");
  // Gone: what served goes on, and it is told.
  fs.rmSync(path.join(gw.dir, "current"));
  await running.logged((l) => /^reload failed/.test(l.msg) && l.level === "error");
  for (let i = 0; i < 10; i++) assert.equal(await says(running, "a"), "3");
  assert.match(await ready(running), /reload/);
  assert.equal(await running.metric("moongate_reload_failed"), 1);
  release(4);
  point(4);
  await until(() => says(running, "a"), "4", "the folder that came again");
  assert.equal(await ready(running), "");
  fs.rmSync(path.join(gw.dir, "releases/4/tools"), { recursive: true });
  await until(() => ready(running).then((r) => r !== ""), true, "the folder that was removed");
  fs.mkdirSync(path.join(gw.dir, "releases/4/tools"));
  fs.writeFileSync(path.join(gw.dir, "releases/4/tools/b.lua"), tool("b", "new"));
  await until(() => says(running, "b"), "new", "the folder that was made again");
  await until(() => says(running, "a"), -32602, "what it does not hold");
});

test("mcp.ini and the files it names are followed; a wrong one changes nothing and is told once", async (t) => {
  const gw = new Gateway({ ini: `${quiet}[auth]\nkeys = @keys.txt\n[tools]\npoll = 200ms\n`, tools: { "a.lua": tool("a", "1") } });
  const keys = path.join(gw.dir, "keys.txt");
  fs.writeFileSync(keys, "k1\n", { mode: 0o600 });
  const running = await Gateway.start({ dir: gw.dir, follow: true });
  t.after(() => running.stop({ keep: true }).finally(() => gw.remove()));
  assert.equal(await says(running, "a", { key: "k1" }), "1");
  fs.writeFileSync(keys, "k2\n");
  await until(() => says(running, "a", { key: "k2" }), "1", "the new key");
  await until(() => running.rpc("ping", {}, { key: "k1" }).then((r) => r.status), 401, "the old key");
  running.writeIni(`${quiet}[auth]\nkeyz = k3\n`);
  await running.logged((l) => /mcp\.ini:\d+: .*keyz/.test(l.msg));
  const failures = () => running.log.filter((l) => /^reload failed/.test(l.msg)).length;
  // It is looked at again and again; five times of that are over when a tool's file has been polled so often.
  await until(() => ready(running).then((r) => /reload of the configuration failed/.test(r)), true, "the warning");
  for (let i = 0; i < 5; i++) {
    put(running, "a.lua", tool("a", `x${i}`)); // nothing serves while mcp.ini is wrong
    assert.match(String(await says(running, "a", { key: "k2" })), /^1$/);
  }
  assert.equal(failures(), 1, running.tail());
  // A file that is named and not there: told, and taken as soon as it comes.
  running.writeIni(`${quiet}[auth]\nkeys = @late.txt\n[tools]\npoll = 200ms\n`);
  await running.logged((l) => /late\.txt/.test(l.msg));
  fs.writeFileSync(path.join(gw.dir, "late.txt"), "k4\n", { mode: 0o600 });
  await until(() => says(running, "a", { key: "k4" }), "x4", "the key of the file that came late");
  assert.equal(await ready(running), "");
});

test("reload = no: SIGHUP alone loads; turned on by it, files are followed from then on", async (t) => {
  const gw = await start(t, { ini: `${quiet}[tools]\nreload = no\n`, env: { MOONGATE_TOOLS_RELOAD: "" }, tools: { "a.lua": tool("a", "1") } });
  put(gw, "a.lua", tool("a", "2"));
  put(gw, "b.lua", tool("b", "1"));
  for (let i = 0; i < 50; i++) assert.equal(await says(gw, "a"), "1");
  gw.signal("SIGHUP");
  await until(() => says(gw, "a"), "2", "what SIGHUP loads");
  put(gw, "a.lua", tool("a", "3"));
  gw.writeIni(`${quiet}[tools]\nreload = yes\n`);
  gw.signal("SIGHUP");
  await until(() => says(gw, "a"), "3", "what SIGHUP loads");
  put(gw, "a.lua", tool("a", "4"));
  await until(() => says(gw, "a"), "4", "what is followed");
});

test("start functions run for the files that changed, also when a broken version came between", async (t) => {
  const begin = (name, n) => tool(name, String(n), `start = function() mcp.log.info("begun ${name} ${n}") end,`);
  const gw = await start(t, { tools: { "a.lua": begin("a", 1), "b.lua": begin("b", 1) } });
  const begun = () => gw.log.filter((l) => /^begun/.test(l.msg)).map((l) => l.msg.slice(6));
  await gw.logged((l) => l.msg === "begun b 1");
  put(gw, "a.lua", begin("a", 2));
  await gw.logged((l) => l.msg === "begun a 2");
  put(gw, "a.lua", "return nonsense(");
  await gw.logged((l) => l.msg === "tool file did not load");
  put(gw, "a.lua", begin("a", 2));
  await until(() => ready(gw), "", "the mended file");
  put(gw, "b.lua", begin("b", 2));
  await gw.logged((l) => l.msg === "begun b 2");
  assert.deepEqual(begun().toSorted(), ["a 1", "a 2", "b 1", "b 2"]);
});

test("a change of the list of tools is published once, a change of what they do is not", async (t) => {
  const gw = await start(t, { tools: { "a.lua": tool("a", "1") } });
  const stream = await gw.events("/sse?topic=tools");
  assert.equal((await stream.next()).event, "open");
  put(gw, "a.lua", tool("a", "2"));
  await until(() => says(gw, "a"), "2", "another body");
  put(gw, "b.lua", tool("b", "1"));
  const first = await stream.next();
  assert.equal(first.event, "list_changed");
  assert.equal(JSON.parse(first.data).tools, 2);
  fs.unlinkSync(at(gw, "a.lua"));
  const second = await stream.next();
  assert.equal(second.event, "list_changed");
  assert.equal(JSON.parse(second.data).tools, 1);
  assert.equal(JSON.parse(second.data).generation, JSON.parse(first.data).generation + 1);
  stream.close();
});

test("changes of the lists of prompts and resources are published on topics of their own", async (t) => {
  const offers = (prompt, uri, body) => `local mcp = require "mcp"
    return { mcp.prompt { name = "${prompt}", run = function() return "${body}" end },
      mcp.resource { name = "r", uri = "${uri}", read = function() return "${body}" end } }`;
  const gw = await start(t, { tools: { "a.lua": tool("a", "1"), "o.lua": offers("p", "x:1", "1") } });
  const stream = await gw.events("/sse?topic=tools&topic=prompts&topic=resources");
  assert.equal((await stream.next()).event, "open");
  const text = async () => (await gw.rpc("prompts/get", { name: "p" })).body.result?.messages[0].content.text;
  put(gw, "o.lua", offers("p", "x:1", "2"));
  await until(text, "2", "another body");
  put(gw, "o.lua", offers("p", "x:2", "2"));
  const first = await stream.next();
  assert.deepEqual([first.event, JSON.parse(first.data).resources], ["list_changed", 1]);
  put(gw, "o.lua", offers("q", "x:2", "2"));
  const second = await stream.next();
  assert.deepEqual([second.event, JSON.parse(second.data).prompts], ["list_changed", 1]);
  put(gw, "a.lua", tool("b", "1"));
  const third = await stream.next();
  assert.deepEqual([third.event, JSON.parse(third.data).tools], ["list_changed", 1]);
  stream.close();
});

test("a call that runs ends on the version it began on", async (t) => {
  const nap = (n) => tool("nap", "").replace('run = function() return ""',
    `run = function(args) if args.s then mcp.log.info("asleep ${n}") mcp.time.sleep(args.s) end return "${n}"`);
  const gw = await start(t, { tools: { "nap.lua": nap(0) } });
  const running = [];
  for (let n = 0; n < 6; n++) {
    running.push(gw.call("nap", { s: 1 }).then((r) => assert.equal(r.text, String(n))));
    await gw.logged((l) => l.msg === `asleep ${n}`);
    put(gw, "nap.lua", nap(n + 1));
    await until(() => says(gw, "nap"), String(n + 1), "the next version");
  }
  await Promise.all(running);
  await until(() => gw.metric("moongate_generations_live"), 1, "the old ones are gone");
});

test("who has seen a version meets no older one, on whatever connection", async (t) => {
  const gw = await start(t, { ini: `${quiet}[server]\nworkers = 4\n`, tools: { "a.lua": tool("a", "0") } });
  const agents = Array.from({ length: 24 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "a", arguments: {} } });
  const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
  const ask = (agent) => new Promise((resolve, reject) => {
    const request = http.request(`${gw.base}/mcp`, { method: "POST", agent, headers }, async (res) => {
      let text = "";
      for await (const piece of res.setEncoding("utf8")) text += piece;
      resolve(Number(JSON.parse(text).result.content[0].text));
    });
    request.on("error", reject).end(body);
  });
  for (let n = 1; n <= 60; n++) {
    put(gw, "a.lua", tool("a", String(n)));
    await until(() => ask(agents[n % agents.length]), n, "the next version");
    assert.deepEqual(await Promise.all(agents.map(ask)), agents.map(() => n));
  }
});

test("what the gateway writes itself, beside mcp.ini, is no reason to reload", async (t) => {
  const gw = await start(t, { ini: `${quiet}[paths]\nroot = .\n[state]\nautosave = 100ms\n[tools]\npoll = 100ms\n`,
    tools: ["counter.lua"] });
  for (let i = 0; i < 300; i++) await gw.call("counter", { id: `c${i % 7}` });
  await until(async () => (await gw.fetch("/healthz"), fs.existsSync(path.join(gw.dir, ".mcp-state.json"))), true, "a snapshot");
  put(gw, "a.lua", tool("a", "1"));
  await until(() => says(gw, "a"), "1", "a change that is one");
  assert.equal(await gw.metric("moongate_reloads_total", { result: "ok" }), 1);
});
