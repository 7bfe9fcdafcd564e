// author.test.mjs - what the author of a tool does at the command line: new, test, call, may.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

function site(t, tools, ini = quiet) {
  const gw = new Gateway({ ini, tools });
  t.after(() => gw.remove());
  return withRun(gw);
}

function withRun(gw) {
  gw.run = (...args) => runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir });
  gw.runWith = (options, ...args) =>
    runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir, ...options });
  return gw;
}

const tests = (text) => `local mcp = require "mcp"\nlocal t = mcp.testing\n${text}`;

// ---- new ----

test("new writes a tool that loads and tests that pass", async (t) => {
  const gw = site(t, {});
  const made = await gw.run("new", "word-count_2");
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /word-count_2\.lua\n.*word-count_2_test\.lua\n[^]*moongate test/);
  const check = await gw.run("check");
  assert.equal(check.code, 0, check.stderr);
  const run = await gw.run("test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /2 tests, 0 failed\n$/);
  const call = await gw.run("call", "word-count_2", '{"text":"a b"}');
  assert.deepEqual(JSON.parse(call.stdout), { words: 2, bytes: 3 });
});

test("new writes over nothing, and takes no name that is no tool", async (t) => {
  const gw = site(t, { "a.lua": "-- mine\n", "b_test.lua": "-- mine\n" });
  for (const name of ["a", "b"]) {
    const run = await gw.run("new", name);
    assert.equal(run.code, 1, name);
    assert.match(run.stderr, /File exists/);
  }
  assert.deepEqual(fs.readdirSync(gw.toolsDir).sort(), ["a.lua", "b_test.lua"]);
  assert.equal(fs.readFileSync(path.join(gw.toolsDir, "a.lua"), "utf8"), "-- mine\n");
  for (const name of ["../x", "a/b", "_x", "x_test", "x.y", "", "-x", "x".repeat(101)]) {
    const run = await gw.run("new", "--", name);
    assert.equal(run.code, 2, name);
  }
  fs.chmodSync(gw.toolsDir, 0o555);
  if (process.getuid() !== 0) assert.equal((await gw.run("new", "c")).code, 1);
  fs.chmodSync(gw.toolsDir, 0o755);
});

// ---- test ----

test("a failing case tells file and line, got and want, and what the tool logged", async (t) => {
  const gw = site(t, {
    "greet.lua": `local mcp = require "mcp"
      return mcp.tool { name = "greet", run = function(args)
        mcp.log.warn("greeting somebody", { who = args.who })
        return { message = "hello " .. args.who, n = 1 } end }`,
    "greet_test.lua": tests(`t.case("wrong", function()
  local result = t.call("greet", { who = "Ada" })
  t.eq(result.value, { message = "hello Bob", n = 1 })
end)
t.case("right", function() t.eq(t.call("greet", { who = "Ada" }).value.n, 1) end)
t.case("broken", function() local x; x.y = 1 end)`),
  });
  const run = await gw.run("test");
  assert.equal(run.code, 1);
  const lines = run.stdout.split("\n");
  assert.equal(lines[0], "FAIL greet_test.lua: wrong (tools.d/greet_test.lua:3)");
  assert.equal(lines[1], '    tools.d/greet_test.lua:5: .message: got "hello Ada", want "hello Bob"');
  assert.match(lines[2], /warn +greeting somebody .*who="Ada"/);
  assert.equal(lines[3], "ok   greet_test.lua: right");
  assert.match(run.stdout, /broken .*\n    tools\.d\/greet_test\.lua:8: attempt to index a nil value/);
  assert.match(run.stdout, /3 tests, 2 failed\n$/);

  const one = await gw.run("test", "--filter", "right");
  assert.deepEqual([one.code, one.stdout], [0, "ok   greet_test.lua: right\n1 test, 0 failed\n"]);
  const tap = await gw.run("test", "--tap", "tools.d/greet_test.lua");
  assert.equal(tap.code, 1);
  assert.match(tap.stdout, /^TAP version 13\n1\.\.3\nnot ok 1 - greet_test\.lua: wrong\n# /);
  assert.match(tap.stdout, /\nok 2 - greet_test\.lua: right\n/);
});

test("every case has a machine, a state, a root and a clock of its own", async (t) => {
  const gw = site(t, {
    "keeps.lua": `local mcp = require "mcp"
      local calls = 0
      local notes = mcp.state.open("keeps.notes")
      return mcp.tool { name = "keeps", run = function()
        calls = calls + 1
        notes:put { id = "n" .. calls }
        return { calls = calls, notes = notes:count(), now = mcp.time.now() } end }`,
    "keeps_test.lua": tests(`
      for i = 1, 2 do
        t.case("case " .. i, function()
          local one, two = t.call("keeps").value, t.call("keeps").value
          t.eq({ one.calls, two.calls, two.notes }, { 1, 2, 2 })
          t.eq(one.now, two.now)
          t.state { ["keeps.notes"] = { { id = "a", x = { 1, 2 } } } }
          t.eq(t.state("keeps.notes"), { { id = "n1" }, { id = "n2" }, { id = "a", x = { 1, 2 } } })
          t.root { ["a/b.txt"] = "x" }
          t.raises(function() t.root { ["../x"] = "x" } end, "relative path")
          t.raises(function() t.root { ["/x"] = "x" } end, "relative path")
        end)
      end`),
  });
  const tmp = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-author-"));
  t.after(() => fs.rmSync(tmp, { recursive: true }));
  const run = await gw.runWith({ env: { TMPDIR: tmp } }, "test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(fs.readdirSync(tmp), [], "roots are removed");
  assert.deepEqual(fs.readdirSync(gw.root), [], "the operator's root and state are not touched");
});

test("root gives the tools files, and takes what they write with it", async (t) => {
  const gw = site(t, {
    "copy.lua": `local mcp = require "mcp"
      return mcp.tool { name = "copy", needs = { "fs" }, run = function(args)
        local text, message, code = mcp.fs.read(args.from)
        if not text then return nil, code end
        assert(mcp.fs.write(args.to, text, { create = true }))
        return mcp.fs.read(args.to) end }`,
    "copy_test.lua": tests(`
      t.case("copies", function()
        t.root { ["a/b.txt"] = "text" }
        t.eq(t.call("copy", { from = "a/b.txt", to = "c.txt" }).text, "text")
      end)
      t.case("nothing is left of it", function()
        t.eq(t.call("copy", { from = "c.txt", to = "d.txt" }).text, "ENOENT")
        t.root { [".env"] = "secret" }
        t.eq(t.call("copy", { from = ".env", to = "d.txt" }).ok, false)
      end)`),
  }, quiet + "[tool copy]\nfs = write\n");
  fs.writeFileSync(path.join(gw.root, "c.txt"), "the operator's");
  const run = await gw.run("test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(fs.readdirSync(gw.root), ["c.txt"]);
});

test("the clock stands still, is advanced, and timers and deadlines follow it", async (t) => {
  const gw = site(t, {
    "slow.lua": `local mcp = require "mcp"
      return {
        mcp.tool { name = "slow", limits = { timeout = "10s" }, run = function(args)
          local ok, message, code = mcp.time.sleep(args.s)
          return ok and "slept" or nil, message end },
        mcp.tool { name = "loop", limits = { timeout = "300ms" }, run = function() while true do end end },
        mcp.tool { name = "back", run = function()
          return mcp.jobs.start { run = function(job)
            mcp.time.sleep(300)
            mcp.state.open("back.done"):put { id = "x", at = mcp.time.iso() } end } end },
      }`,
    "slow_test.lua": tests(`
      t.case("sleeps take no time", function()
        local from = mcp.time.mono()
        t.eq(t.call("slow", { s = 9 }).text, "slept")
        t.eq(math.floor(mcp.time.mono() - from), 9)
      end)
      t.case("deadlines", function()
        local result = t.call("slow", { s = 11 })
        t.eq(result.outcome, "TIMEOUT")
        t.eq(t.call("loop").outcome, "TIMEOUT")
      end)
      t.case("jobs go on while it is advanced", function()
        t.eq(t.call("back").ok, true)
        t.clock:advance(299)
        t.eq(#t.state("back.done"), 0)
        t.clock:advance(2)
        t.eq(#t.state("back.done"), 1)
      end)
      t.case("one beside the other", function()
        local call = mcp.spawn(function() return t.call("slow", { s = 5 }).text end)
        t.clock:advance(6)
        t.eq(call:wait(), "slept")
      end)
      t.case("an endless case", function() while true do end end, { timeout = "300ms" })
      t.case("a case that waits for ever", function()
        mcp.spawn(function() while true do mcp.time.sleep(3600) end end):wait()
      end, { timeout = 0.3 })`),
  });
  const run = await gw.run("test");
  assert.equal(run.code, 1);
  assert.match(run.stdout, /slow_test\.lua:\d+: not done within 0\.3 s/);
  assert.match(run.stdout, /6 tests, 2 failed\n$/, run.stdout);
  assert.equal(run.stdout.match(/^ok /gm).length, 4, run.stdout);
});

test("programs are answered by the test, under the tool's own grants", async (t) => {
  const gw = site(t, {
    "git.lua": `local mcp = require "mcp"
      return mcp.tool { name = "git", needs = { "exec" }, run = function(args)
        local lines = {}
        local r, message, code = mcp.exec.run { argv = args.argv, on_line = function(l, s)
          lines[#lines + 1] = s .. ":" .. l end }
        if not r then return nil, code .. " " .. message end
        return { code = r.code, out = r.stdout, lines = lines } end }`,
    "git_test.lua": tests(`
      local function git(...) return t.call("git", { argv = { ... } }) end
      t.case("answers", function()
        t.exec {
          ["git status"] = { stdout = "a\\nb\\n", stderr = "c" },
          ["git *"] = { code = 1 },
          ["git log *"] = { error = "TIMEOUT", message = "too slow" },
        }
        t.eq(git("git", "status").value,
          { code = 0, out = "a\\nb\\n", lines = { "stdout:a", "stdout:b", "stderr:c" } })
        t.eq(git("git", "x").value.code, 1)
        t.eq(git("git", "log", "-1").text, "TIMEOUT too slow")
        t.eq(git("ls").text:match("^%u+"), "DENIED")
      end)
      t.case("unlisted", function() pcall(git, "git", "push", "origin") end)
      t.case("wrong answers", function()
        t.raises(function() t.exec { ["git"] = { out = "x" } } end, "unknown option")
        t.raises(function() t.http { ["GET http://x/"] = { code = 1 } } end, "unknown option")
        t.raises(function() t.exec { ["git"] = "x" } end, "expected a table")
      end)`),
  }, quiet + "[tool git]\nexec = git\n");
  const run = await gw.run("test");
  assert.equal(run.code, 1);
  assert.match(run.stdout, /FAIL git_test\.lua: unlisted .*\n    exec: no answer is listed for `git push origin`/);
  assert.match(run.stdout, /3 tests, 1 failed\n$/, run.stdout);
});

test("the network is answered by the test, and by nobody else", async (t) => {
  const gw = site(t, {
    "get.lua": `local mcp = require "mcp"
      return mcp.tool { name = "get", needs = { "http" }, run = function(args)
        local r, message, code = mcp.http.get(args.url, { query = args.query })
        if not r then return nil, code .. " " .. message end
        r.headers.seen = "by the tool"
        return { status = r.status, body = r.body, type = r.headers["content-type"],
          n = (r:json() or {}).n } end }`,
    "get_test.lua": tests(`
      local function get(url) return t.call("get", { url = url }) end
      t.case("answers", function()
        t.http {
          ["GET https://example.com/a"] = { body = '{"n":7}',
            headers = { ["content-type"] = "application/json" } },
          ["GET https://example.com/*"] = { status = 404 },
          ["GET https://slow.example/*"] = { error = "TIMEOUT", message = "too slow" },
        }
        for _ = 1, 2 do
          t.eq(get("https://example.com/a").value,
            { status = 200, body = '{"n":7}', type = "application/json", n = 7 })
        end
        t.eq(get("https://example.com/b").value, { status = 404, body = "" })
        t.eq(get("https://slow.example/").text, "TIMEOUT too slow")
      end)
      t.case("unlisted", function() get("https://example.com/x") end)`),
  }, quiet + "[tool get]\nhttp = example.com, slow.example\n");
  const run = await gw.run("test");
  assert.equal(run.code, 1);
  assert.match(run.stdout, /FAIL get_test\.lua: unlisted .*\n    http: no answer is listed for `GET https:\/\/example\.com\/x`/);
  assert.match(run.stdout, /2 tests, 1 failed\n$/, run.stdout);
});

test("a call in a test is a client's: its key, its schema's limits, its refusals", async (t) => {
  const gw = site(t, {
    "who.lua": `local mcp = require "mcp"
      return { mcp.tool { name = "who", run = function(_, ctx)
          ctx:progress(1, 2, "half") ctx:log("info", { x = 1 })
          return { principal = ctx.principal, scopes = ctx.scopes } end },
        mcp.tool { name = "big", limits = { memory = "1M" }, run = function()
          local all = {} while true do all[#all + 1] = {} end end },
        mcp.tool { name = "fails", run = function() return mcp.fail("no", { why = 1 }) end } }`,
    "who_test.lua": tests(`
      t.case("keys", function()
        t.eq(t.call("who").value.principal, "operator")
        local result = t.call("who", {}, { as = "ci" })
        t.eq(result.value, { principal = "ci", scopes = { "read" } })
        t.eq(result.progress, { { done = 1, total = 2, message = "half" } })
        t.eq(result.log, { { level = "info", data = { x = 1 } } })
        result = t.call("big", {}, { as = "ci" })
        t.eq({ result.ok, result.code, result.text }, { false, -32602, "Unknown tool: big" })
        t.raises(function() t.call("who", {}, { as = "nobody" }) end, "no key of the name nobody")
        local _, message = t.call("who", {}, { as = "old" })
        t.eq(message, "the key old has expired")
      end)
      t.case("limits and refusals", function()
        t.eq(t.call("big").outcome, "NO_MEMORY")
        t.eq(t.call("who", "[1]").code, -32602)
        t.eq(t.call("who", '{"a":1}}').code, -32700)
        local result = t.call("fails")
        t.eq({ result.ok, result.text, result.structured }, { false, "no", { why = 1 } })
      end)`),
  }, `${quiet}[key ci]\nsecret = s3cret-ci\ntools = who\nscopes = read\n[key old]\nsecret = s3cret-old\nexpires = 2020-01-01\n`);
  const run = await gw.run("test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
});

test("files that are no tests, broken or empty are told", async (t) => {
  const gw = site(t, { "a_test.lua": "not Lua", "b_test.lua": tests(""), "c.lua": "" });
  const run = await gw.run("test", "a_test.lua", "b_test.lua");
  assert.equal(run.code, 1);
  assert.match(run.stdout, /FAIL a_test\.lua\n    tools\.d\/a_test\.lua:1: /);
  assert.match(run.stdout, /FAIL b_test\.lua\n    b_test\.lua: it names no case/);
  assert.equal((await gw.run("test", "c.lua")).code, 2);
  assert.equal((await gw.run("test", "d_test.lua")).code, 1);
  const none = site(t, {});
  const empty = await none.run("test");
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /there are no tests/);
  const broken = site(t, { "x.lua": "not Lua", "ok_test.lua": tests('t.case("a", function() end)') });
  assert.equal((await broken.run("test")).code, 1, "a tool that does not load is a failure");
  assert.equal((await broken.run("test", "ok_test.lua")).code, 0);
});

test("no tool finds mcp.testing, and a serving gateway loads no tests", async (t) => {
  const gw = await Gateway.start({ ini: quiet, tools: {
    "peek.lua": `local mcp = require "mcp"
      return mcp.tool { name = "peek", run = function() return tostring(mcp.testing) end }`,
    "peek_test.lua": tests('t.case("a", function() t.eq(t.call("peek").text, "nil") end)'),
  } });
  t.after(() => gw.stop());
  withRun(gw);
  assert.equal((await gw.call("peek")).text, "nil");
  const run = await gw.run("test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
});

// ---- may ----

test("may says who may call what, and which line decides", async (t) => {
  const ini = `[auth]
keys = plain-key-1
allow_anonymous = yes
[key ci]
secret = s3cret-ci
tools = gre*, x
[key old]
secret = s3cret-old
expires = 2020-01-01
[tool off]
enabled = no
`;
  const tool = (name) => `return require("mcp").tool { name = "${name}", run = function() end }`;
  const gw = site(t, { "greet.lua": tool("greet"), "other.lua": tool("other"), "off.lua": tool("off") }, ini);
  const cases = [
    ["ci", "greet", 0, /^yes: ci may call greet: .*mcp\.ini:6: \[key ci\] tools = gre\*, x \(gre\* fits\)\n$/],
    ["ci", "other", 1, /^no: ci may not call other: .*mcp\.ini:6: \[key ci\] tools = gre\*, x: none of them fits\n$/],
    ["old", "greet", 1, /^no: .*mcp\.ini:9: \[key old\] expires = 2020/],
    ["key1", "greet", 0, /^yes: .*mcp\.ini:2: \[auth\] keys/],
    ["anonymous", "greet", 0, /^yes: .*mcp\.ini:3: \[auth\] allow_anonymous = yes/],
    ["ci", "off", 1, /^no: .*mcp\.ini:11: \[tool off\] enabled = no/],
  ];
  for (const [key, name, code, text] of cases) {
    const run = await gw.run("may", key, name);
    assert.match(run.stdout, text, `${key} ${name}: ${run.stdout}${run.stderr}`);
    assert.equal(run.code, code);
  }
  for (const [key, name] of [["nobody", "greet"], ["ci", "nothing"], ["key2", "greet"]]) {
    const run = await gw.run("may", key, name);
    assert.equal(run.code, 2, run.stdout);
    assert.equal(run.stdout, "");
  }
  assert.doesNotMatch((await gw.run("may", "key1", "greet")).stdout, /plain-key/);
  const open = site(t, { "greet.lua": tool("greet") });
  assert.match((await open.run("may", "anonymous", "greet")).stdout, /^yes: .*there is no key/);
});

// ---- call ----

const counter = ["counter.lua"];

test("call reads its arguments from standard input", async (t) => {
  const gw = site(t, counter);
  const run = await gw.runWith({ input: '{"id":"a","add":4}' }, "call", "counter", "-");
  assert.equal(JSON.parse(run.stdout).count, 4, run.stderr);
  assert.equal((await gw.runWith({ input: "" }, "call", "counter", "-")).code, 2);
  assert.equal((await gw.runWith({ input: "[]" }, "call", "counter", "-")).code, 2);
});

test("call --as has the key's name and tools", async (t) => {
  const ini = `${quiet}[key ci]\nsecret = s3cret-ci\ntools = who\n[key old]\nsecret = s3cret-old\nexpires = 2020-01-01\n`;
  const gw = site(t, { "who.lua": `local mcp = require "mcp"
    return mcp.tool { name = "who", run = function(_, ctx) return ctx.principal end }`,
  "b.lua": 'return require("mcp").tool { name = "b", run = function() end }' }, ini);
  assert.equal((await gw.run("call", "who")).stdout, "operator\n");
  assert.equal((await gw.run("call", "who", "--as", "ci")).stdout, "ci\n");
  const no = await gw.run("call", "--as", "ci", "b");
  assert.deepEqual([no.code, no.stdout], [1, ""]);
  assert.match(no.stderr, /the key ci may not call b; `moongate may ci b` says why/);
  assert.match((await gw.run("call", "--as", "old", "who")).stderr, /has expired/);
  assert.equal((await gw.run("call", "--as", "x", "who")).code, 2);
});

test("call --commit without a gateway changes the state for good", async (t) => {
  const gw = site(t, counter);
  for (let i = 1; i <= 3; i++) {
    const run = await gw.run("call", "counter", '{"id":"a"}', "--commit");
    assert.equal(run.code, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).count, i);
  }
  assert.equal(JSON.parse((await gw.run("call", "counter", '{"id":"a","add":0}')).stdout).count, 3);
  const served = await Gateway.start({ dir: gw.dir });
  t.after(() => served.stop());
  assert.equal((await served.call("counter", { id: "a", add: 0 })).value.count, 3);
});

test("call --commit goes through the gateway that runs, with a key of the configuration", async (t) => {
  const ini = `${quiet}[key ro]\nsecret = s3cret-ro\ntools = echo\n[key ci]\nsecret = s3cret-ci\n
[key hashed]\nsha256 = ${"ab".repeat(32)}\n`;
  const gw = withRun(await Gateway.start({ ini, tools: ["counter.lua", "echo.lua"] }));
  t.after(() => gw.stop());
  const commit = (...args) => gw.run("call", "counter", '{"id":"a"}', "--commit", ...args);
  let run = await commit();
  assert.equal(run.code, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).count, 1);
  assert.match(run.stderr, /through the gateway at http:\/\/127\.0\.0\.1:\d+\/mcp, as ci\n/);
  run = await commit("--as", "ci");
  assert.equal(JSON.parse(run.stdout).count, 2);
  const line = await gw.logged((l) => l.tool === "counter" && l.key === "ci");
  assert.ok(line);
  assert.doesNotMatch(gw.stderr, /s3cret/);
  run = await commit("--as", "ro");
  assert.deepEqual([run.code, run.stdout], [1, ""]);
  run = await commit("--as", "hashed");
  assert.equal(run.code, 1);
  assert.match(run.stderr, /the digest only: call it with a client that has the key, or stop the gateway/);
  // A result that is an error is one here too.
  run = await gw.run("call", "counter", '{"id":1}', "--commit");
  assert.equal(run.code, 1, run.stdout);
});

test("call --commit repeats in headers what the tool's schema says", async (t) => {
  const gw = withRun(await Gateway.start({ ini: quiet, tools: ["../../conformance/tools.d/test_custom_headers.lua"] }));
  t.after(() => gw.stop());
  for (const args of [
    { region: "eu" },
    { region: "", priority: 42, verbose: false },
    { region: " S\u00e3o Paulo\n", priority: -7, verbose: true },
    { region: "=?base64?eA==?=" },
  ]) {
    const run = await gw.run("call", "test_custom_headers", JSON.stringify(args), "--commit");
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /through the gateway at/);
    assert.deepEqual(JSON.parse(run.stdout), args);
  }
});

test("call --commit gives a key to nobody but the gateway that holds the state", async (t) => {
  const asked = [];
  const other = http.createServer((req, res) => (asked.push(req.headers), res.end("{}")));
  await new Promise((listening) => other.listen(0, "127.0.0.1", listening));
  t.after(() => other.close());
  const gw = withRun(await Gateway.start({ ini: `${quiet}[auth]\nkeys = s3cret-one\n`, tools: counter }));
  t.after(() => gw.stop());
  const env = { MOONGATE_SERVER_PORT: String(other.address().port) };
  const run = await gw.runWith({ env }, "call", "counter", '{"id":"a"}', "--commit");
  assert.equal(run.code, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).count, 1);
  assert.deepEqual(asked, []);
});

test("call --commit where the gateway does not answer says so and changes nothing", async (t) => {
  const gw = withRun(await Gateway.start({ ini: quiet, tools: counter }));
  t.after(() => gw.stop());
  const lock = fs.readdirSync(path.join(gw.dir, "root")).find((name) => name.endsWith(".lock"));
  const said = fs.readFileSync(path.join(gw.dir, "root", lock), "utf8");
  assert.equal(said, `${gw.child.pid}\n127.0.0.1:${gw.port}\n`);
  for (const [text, why] of [
    [said.replace(String(gw.port), "1"), /a gateway holds this state, but does not answer/],
    [`${gw.child.pid}\n`, /does not say where it is reached/], ["", /does not say where it is reached/],
    [said.trimEnd(), /does not say where it is reached/],
  ]) {
    fs.writeFileSync(path.join(gw.dir, "root", lock), text);
    const run = await gw.run("call", "counter", '{"id":"a"}', "--commit");
    assert.equal(run.code, 1);
    assert.match(run.stderr, why);
  }
  assert.equal((await gw.call("counter", { id: "a", add: 0 })).value.count, 0);
});
