// reload.test.mjs - SIGHUP: what changes at once, what waits for a restart, and what a wrong file cannot break.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";
const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };

function start(t, ini, tools = ["echo.lua"]) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

// Writes the file and waits for the log to tell how the reload went.
async function reload(gw, ini) {
  const before = gw.log.length;
  gw.writeIni(ini);
  gw.signal("SIGHUP");
  return gw.logged((l) => gw.log.indexOf(l) >= before && /^reload(ed| failed)/.test(l.msg));
}

// A reload is published to each worker by a message: ask until the answer is the new one.
async function until(ask, want, what) {
  for (let i = 0; i < 500; i++) if ((await ask()) === want) return;
  assert.fail(`${what}: never ${want}`);
}

test("keys, limits and origins change at once", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = old-key\n`);
  const status = (key) => gw.client.post(LIST, { key }).then((r) => r.status);
  assert.equal(await status("old-key"), 200);
  assert.match((await reload(gw, `${quiet}[auth]\nkeys = new-key\n`)).msg, /^reloaded/);
  await until(() => status("new-key"), 200, "the new key");
  await until(() => status("old-key"), 401, "the old key");
});

test("a key that is put before others in the list does not end their sessions; one that is taken out ends its own", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = first, second\n`);
  const [first, second] = await Promise.all(["first", "second"].map((key) =>
    gw.client.session("2025-11-25", { key, headers: { Accept: "application/json, text/event-stream" } })));
  assert.match((await reload(gw, `${quiet}[auth]\nkeys = new, first, other\n`)).msg, /^reloaded/);
  await until(() => gw.client.post(LIST, { key: "other" }).then((r) => r.status), 200, "the new list");
  await until(() => second("ping").then((r) => r.status), 401, "the key that is gone");
  for (let i = 0; i < 10; i++) assert.equal((await first("ping")).status, 200);
});

test("a wrong file changes nothing and is told with file and line", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1\n`);
  const line = await reload(gw, `${quiet}[auth]\nkeyz = k2\n`);
  assert.match(line.msg, /^reload failed/);
  assert.ok(gw.log.some((l) => /mcp\.ini:\d+: .*keyz.*keys/.test(l.msg)), gw.tail());
  assert.equal((await gw.client.post(LIST, { key: "k1" })).status, 200);
  const ready = await (await gw.fetch("/readyz")).json();
  assert.equal(ready.status, "ready");
  assert.match(ready.warnings.join(), /reload of the configuration failed/);
  await reload(gw, `${quiet}[auth]\nkeys = k2\n`);
  assert.deepEqual((await (await gw.fetch("/readyz")).json()).warnings, []);
});

test("what takes effect only at the next start is named", async (t) => {
  const gw = await start(t, quiet);
  await reload(gw, `${quiet}[server]\nport = 0\nworkers = 1\n`);
  assert.ok(gw.log.some((l) => /server\.workers changed and takes effect at the next start/.test(l.msg)), gw.tail());
  assert.equal((await gw.client.post(LIST)).status, 200);
});

test("tools follow a reload; running calls end on the generation they began on", async (t) => {
  const tool = (text) => ({ "say.lua": `local mcp = require "mcp"
    return mcp.tool { name = "say", description = "Says.", input = { type = "object" },
      run = function(args) mcp.time.sleep(args.seconds or 0) return "${text}" end }` });
  const gw = await start(t, quiet, tool("first"));
  const slow = gw.call("say", { seconds: 2 });
  await until(() => gw.metric("moongate_calls_running"), 1, "the slow call");
  gw.writeTools(tool("second"));
  await reload(gw, quiet);
  await until(() => gw.call("say").then((r) => r.text), "second", "the new tool");
  assert.equal((await slow).text, "first");

  gw.writeTools({ "say.lua": "this is not Lua" });
  await reload(gw, quiet);
  assert.ok(gw.log.some((l) => l.file === "say.lua" && /say\.lua:1/.test(l.error)), gw.tail());
});

test("a start function runs once for each version of its file", async (t) => {
  const file = (version) => ({ "started.lua": `local mcp = require "mcp" -- ${version}
    local runs = mcp.state.open("started.runs", { key = "id" })
    return mcp.tool { name = "started", description = "Counts its starts.", input = { type = "object" },
      start = function() runs:update("n", function(old) return { id = "n", n = (old and old.n or 0) + 1 } end) end,
      run = function() return tostring((runs:get("n") or { n = 0 }).n) end }` });
  const gw = await start(t, quiet, file(1));
  const count = () => gw.call("started").then((r) => r.text);
  await until(count, "1", "the first start");
  await reload(gw, `${quiet}[log]\nlevel = debug\n`);
  await reload(gw, `${quiet}[tools]\ntimeout = 7s\n`);
  assert.equal(await count(), "1", "nothing of the file changed");
  gw.writeTools(file(2));
  await reload(gw, quiet);
  await until(count, "2", "the second version's start");
});

test("many reloads leave four generations at most, and calls of none of them fail", async (t) => {
  const gw = await start(t, quiet, ["echo.lua", "outcomes.lua"]);
  let running = true, calls = 0;
  const caller = (async () => {
    while (running) {
      assert.deepEqual((await gw.call("echo", { message: "x" })).value, { message: "x" });
      calls++;
    }
  })();
  for (let i = 0; i < 12; i++) {
    const slow = gw.call("sleep", { seconds: 0.2 });
    assert.match((await reload(gw, `${quiet}[tools]\ntimeout = ${10 + i}s\n`)).msg, /^reloaded/);
    assert.equal((await slow).isError ?? false, false);
  }
  running = false;
  await caller;
  assert.ok(calls > 0);
});

test("the log is opened anew, so that it can be rotated", async (t) => {
  const gw = await start(t, `${quiet}`);
  const file = path.join(gw.dir, "gateway.log"), moved = `${file}.1`;
  const ini = `${quiet}[log]\nfile = gateway.log\n`;
  gw.writeIni(ini);
  gw.signal("SIGHUP");
  const whole = (text) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  const lines = (name) => (fs.existsSync(name) ? whole(fs.readFileSync(name, "utf8")) : []);
  await until(async () => (await gw.fetch("/healthz"), lines(file).some((l) => l.url === "/healthz")), true, "the file");
  fs.renameSync(file, moved);
  gw.signal("SIGHUP");
  await until(async () => (await gw.fetch("/readyz"), lines(file).some((l) => l.url === "/readyz")), true, "the new file");
  assert.equal(fs.statSync(file).mode & 0o007, 0, "others may not read the log");
});

test("a reload cannot take the last key from a gateway that is reached from outside", async (t) => {
  const gw = await start(t, `${quiet}[server]\nhost = 0.0.0.0\n[auth]\nkeys = k1\n`);
  const line = await reload(gw, quiet);
  assert.match(line.msg, /^reload failed.*no key.*0\.0\.0\.0/);
  assert.equal((await gw.client.post(LIST)).status, 401);
  assert.equal((await gw.client.post(LIST, { key: "k1" })).status, 200);
});
