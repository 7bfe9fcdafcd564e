// config.test.mjs - the configuration as a running gateway follows it: start, refusal, reload.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { openRaw } from "./lib/raw.mjs";

// A gateway that must not start: its exit code and what it said.
async function refused(t, options) {
  const gw = new Gateway(options);
  t.after(async () => {
    await gw.kill();
    gw.remove();
  });
  gw.launch();
  const started = await gw.logged((l) => l.msg === "listening").catch(() => undefined);
  assert.equal(started, undefined, "it must not start");
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

test("what the machine does not have is a matter of the file", async (t) => {
  const absent = await refused(t, { ini: "[server]\nhost = 192.0.2.1\nport = 0\n[auth]\nkeys = k\n" });
  assert.equal(absent.code, 2, absent.stderr);
  assert.match(absent.stderr, /\[server\] host: cannot listen on 192\.0\.2\.1:0: this machine has no such address/);

  const many = await refused(t, {
    ini: "[server]\nport = 0\nmax_connections = 5000\n",
    wrapper: ["sh", "-c", 'ulimit -n 1000 && exec "$@"', "sh"],
  });
  assert.equal(many.code, 2, many.stderr);
  assert.match(many.stderr, /max_connections = 5000 needs 5512 descriptors, the system allows 1000/);
});

test("each loopback address that is listened on is also a name that is answered", async (t) => {
  const gw = await Gateway.start({ ini: "[server]\nhost = 127.0.0.2\nport = 0\n" });
  t.after(() => gw.stop());
  const status = async (host) => {
    const raw = await openRaw({ port: gw.port, host: "127.0.0.2" });
    raw.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const { status } = await raw.response();
    raw.destroy();
    return status;
  };
  assert.equal(await status(`127.0.0.2:${gw.port}`), 200);
  assert.equal(await status("127.0.0.1.evil"), 403);
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

test("no comment of a key file is a key, and blanks around a key do not count", async (t) => {
  const gw = new Gateway({ ini: "[auth]\nkeys = @keys\n[key one]\nsecret = @one\n" });
  fs.writeFileSync(path.join(gw.dir, "keys"), "# comment\n;old\n\n  padded \t\r\nplain\n", { mode: 0o600 });
  fs.writeFileSync(path.join(gw.dir, "one"), "# of CI\nsecret-one\n", { mode: 0o600 });
  gw.options.dir = gw.dir;
  const run = await Gateway.start(gw.options);
  t.after(async () => {
    await run.stop();
    fs.rmSync(gw.dir, { recursive: true, force: true });
  });
  for (const key of ["padded", "plain", "secret-one"]) assert.equal(await listStatus(run, key), 200, key);
  for (const key of ["# comment", "comment", ";old", "old", "#"]) assert.equal(await listStatus(run, key), 401, key);
});

test("an empty variable grants no tool", async (t) => {
  const ini = "[key ci]\nsecret = s\ntools = ${CI_TOOLS}\n";
  const run = await refused(t, { ini, env: { CI_TOOLS: "" } });
  assert.equal(run.code, 2);
  assert.match(run.stderr, /mcp\.ini:3: key ci\.tools: must not be empty/);
});

test("a page has as many tools as page_size says, and a cursor leads to the next", async (t) => {
  const names = ["a", "b", "c", "d", "e"];
  const gw = await Gateway.start({
    ini: "[auth]\nkeys = all\n[key few]\nsecret = few\ntools = a, c, e\n[tools]\npage_size = 2\n",
    tools: Object.fromEntries(names.map((name) => [`${name}.lua`, tool(name)])),
  });
  t.after(() => gw.stop());
  const pages = async (key, list) => {
    const found = [];
    for (let cursor; found.length < 9; ) {
      const { result } = (await list(cursor === undefined ? {} : { cursor }, { key })).body;
      found.push(result.tools.map((x) => x.name).join(" "));
      cursor = result.nextCursor;
      if (cursor === undefined) break;
    }
    return found;
  };
  const legacy = (params, options) => gw.rpc("tools/list", params, options);
  const modern = (params, options) => gw.client.modern("tools/list", params, options);
  for (const list of [legacy, modern]) {
    assert.deepEqual(await pages("all", list), ["a b", "c d", "e"]);
    assert.deepEqual(await pages("few", list), ["a c", "e"]);
  }
  const first = (await legacy({}, { key: "all" })).body.result.nextCursor;

  // Without a size everything is on one page, and a cursor still means its place.
  gw.writeIni("[auth]\nkeys = all\n");
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  assert.deepEqual(await pages("all", legacy), ["a b c d e"]);
  const rest = (await legacy({ cursor: first }, { key: "all" })).body.result;
  assert.deepEqual(rest.tools.map((x) => x.name), ["c", "d", "e"]);
  assert.equal(rest.nextCursor, undefined);
  assert.equal((await legacy({ cursor: "nonsense" }, { key: "all" })).body.error.code, -32602);
});

test("a section of no tool is told at the start and at a reload", async (t) => {
  const gw = await Gateway.start({
    ini: "[tool ecoh]\nenabled = no\n",
    tools: { "echo.lua": tool("echo") },
  });
  t.after(() => gw.stop());
  const told = (text) => gw.logged((l) => l.level === "warn" && l.msg.endsWith(text));
  await told("mcp.ini:1: [tool ecoh]: no file declares this tool; did you mean echo?");
  gw.writeIni("[tool echo]\n[tool other]\n");
  gw.signal("SIGHUP");
  await told("mcp.ini:2: [tool other]: no file declares this tool");
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
