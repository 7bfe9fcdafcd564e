// config.test.mjs - the configuration as a running gateway follows it: start, refusal, reload.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

// A gateway that must not start: its exit code and what it said.
async function refused(t, options) {
  const gw = new Gateway(options);
  t.after(() => fs.rmSync(gw.dir, { recursive: true, force: true }));
  gw.launch();
  const exit = await gw.exited;
  return { code: exit.code, stderr: gw.stderr.replaceAll(`${gw.dir}/`, "") };
}

test("a file with a mistake does not start, and says where", async (t) => {
  const run = await refused(t, { ini: "[server]\nport = 0\nmax_bodi = 1M\n" });
  assert.equal(run.code, 2);
  assert.match(run.stderr, /mcp\.ini:3: server\.max_bodi: unknown key; did you mean max_body\?/);
});

test("an address that others can reach needs a key", async (t) => {
  const run = await refused(t, { ini: "[server]\nhost = 0.0.0.0\nport = 0\n" });
  assert.equal(run.code, 2);
  assert.match(run.stderr, /mcp\.ini:2: server\.host: 0\.0\.0\.0 can be reached .*"keys = SECRET" under \[auth\]/);

  const gw = await Gateway.start({ ini: "[server]\nhost = 0.0.0.0\nport = 0\n[auth]\nkeys = k1\n" });
  t.after(() => gw.stop());
  assert.equal((await gw.fetch("/healthz")).status, 200);
});

test("without a key the start says that authentication is off, and how to turn it on", async (t) => {
  const gw = await Gateway.start({});
  t.after(() => gw.stop());
  const line = await gw.logged((l) => /authentication is off/.test(l.msg));
  assert.equal(line.level, "warn");
  assert.match(line.msg, /keys = .*\[auth\]/);
});

const listStatus = async (gw, key) => (await gw.rpc("tools/list", {}, { key })).status;

test("keys come from the list, from sections, from files and from variables", async (t) => {
  const dir = new Gateway({}).dir;
  fs.writeFileSync(path.join(dir, "file.key"), "from-file\n", { mode: 0o600 });
  const gw = await Gateway.start({
    dir,
    ini:
      "[auth]\nkeys = from-list\n[key a]\nsecret = ${CI_KEY}\n[key b]\nsecret = @file.key\n" +
      "[key c]\nsha256 = 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n" +
      "[key d]\nsecret = old\nexpires = 2020-01-01\n",
    env: { CI_KEY: "from-variable" },
  });
  t.after(async () => {
    await gw.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  });
  for (const key of ["from-list", "from-variable", "from-file", "x"])
    assert.equal(await listStatus(gw, key), 200, key);
  for (const key of [undefined, "old", "from-lis", "from-listt", "${CI_KEY}", "@file.key"])
    assert.equal(await listStatus(gw, key), 401, key);
  for (const secret of ["from-list", "from-variable", "from-file"])
    assert.ok(!gw.stderr.includes(secret), secret);
});

test("keys of the environment replace those of the list and leave the sections alone", async (t) => {
  const gw = await Gateway.start({
    ini: "[auth]\nkeys = listed\n[key a]\nsecret = sectioned\n",
    env: { LUKHAS_MCP_API_KEYS: " env-1 , env-2" },
  });
  t.after(() => gw.stop());
  for (const key of ["env-1", "env-2", "sectioned"]) assert.equal(await listStatus(gw, key), 200, key);
  assert.equal(await listStatus(gw, "listed"), 401);
});

test("SIGHUP takes a new file, keeps the old one when it is wrong, and says what waits", async (t) => {
  const gw = await Gateway.start({ ini: "[server]\nport = 0\n[auth]\nkeys = one\n" });
  t.after(() => gw.stop());
  assert.equal(await listStatus(gw, "one"), 200);
  const reloaded = (level, text) => gw.logged((l) => l.level === level && text.test(JSON.stringify(l)));

  gw.writeIni("[server]\nport = 0\n[auth]\nkeys = two\nkyes = three\n");
  gw.signal("SIGHUP");
  await reloaded("error", /mcp\.ini:5: auth\.kyes: unknown key; did you mean keys\?/);
  assert.equal(await listStatus(gw, "one"), 200);
  assert.equal(await listStatus(gw, "two"), 401);

  gw.writeIni("[server]\nport = 0\nworkers = 7\n[auth]\nkeys = two\n");
  gw.signal("SIGHUP");
  await reloaded("warn", /server\.workers/);
  await gw.logged((l) => /reload/.test(l.msg) && l.level === "info");
  assert.equal(await listStatus(gw, "two"), 200);
  assert.equal(await listStatus(gw, "one"), 401);
});

test("rates: the address first, then the key, and a section's own", async (t) => {
  const gw = await Gateway.start({
    ini:
      "[auth]\nkeys = plain\n[rate_limit]\nwindow = 1h\nbucket = 50\nper_key = 4\n" +
      "[key fast]\nsecret = fast\nrate = 8/1h\n",
  });
  t.after(() => gw.stop());
  const count = async (key, limit) => {
    for (let n = 0; n <= limit; n++) if ((await listStatus(gw, key)) === 429) return n;
    return Infinity;
  };
  assert.equal(await count("plain", 10), 4);
  assert.equal(await count("fast", 10), 8);
  // 14 requests so far; wrong keys are counted by address, and then are 429 before 401.
  let last = 0;
  for (let n = 14; n < 50; n++) last = await listStatus(gw, "wrong");
  assert.equal(last, 401);
  assert.equal(await listStatus(gw, "wrong"), 429);
});

test("a tool that is not enabled is not there", async (t) => {
  const gw = await Gateway.start({
    ini: "[tool e*]\nenabled = no\n[tool echo]\nenabled = yes\n",
    tools: { "echo.lua": tool("echo"), "extra.lua": tool("extra") },
  });
  t.after(() => gw.stop());
  const list = await gw.rpc("tools/list");
  assert.deepEqual(list.body.result.tools.map((x) => x.name), ["echo"]);
  const call = await gw.rpc("tools/call", { name: "extra", arguments: {} });
  assert.equal(call.body.error.code, -32602);
});

function tool(name) {
  return `local mcp = require "mcp"
return mcp.tool {
  name = "${name}", description = "d",
  input = { type = "object" },
  run = function() return "${name}" end,
}
`;
}
