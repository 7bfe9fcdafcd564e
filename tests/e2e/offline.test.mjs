// offline.test.mjs - check, tools and call: the same tools, limits and state as when serving, and nothing changed.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";
const tool = (name, run, more = "") => `local mcp = require "mcp"
  return mcp.tool { name = "${name}", title = "T", description = "For a test \\u{e9}.", input = { type = "object" }, ${more}
    run = ${run} }`;

function site(t, tools, ini = quiet) {
  const gw = new Gateway({ ini, tools });
  t.after(() => gw.remove());
  gw.run = (...args) => runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir });
  return gw;
}

test("tools --json is what tools/list sends", async (t) => {
  const gw = await Gateway.start({ ini: quiet, tools: {
    "b.lua": tool("b", "function() end", 'annotations = { readOnlyHint = true },'),
    "a.lua": tool("a", "function() return {} end", 'output = { type = "object", properties = { x = { type = "integer" } } },'),
  } });
  t.after(() => gw.stop());
  const listed = await gw.client.modern("tools/list", {});
  const run = await runBinary(["-c", gw.iniPath, "tools", "--json"], { cwd: gw.dir });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(JSON.parse(run.stdout), listed.body.result.tools);
});

test("call sees the state of a gateway that runs, and changes it for itself alone", async (t) => {
  // No snapshot comes between the two looks at the folder.
  const gw = await Gateway.start({ ini: `${quiet}[state]\nautosave = 1h\n`, tools: ["counter.lua"] });
  t.after(() => gw.stop());
  for (let i = 0; i < 5; i++) await gw.call("counter", { id: "a" });
  const before = fs.readdirSync(gw.root).sort();
  const offline = (json) => runBinary(["-c", gw.iniPath, "call", "counter", json], { cwd: gw.dir });
  for (let i = 0; i < 2; i++) {
    const run = await offline('{"id":"a"}');
    assert.equal(run.code, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).count, 6);
  }
  assert.deepEqual(fs.readdirSync(gw.root).sort(), before);
  assert.equal((await gw.call("counter", { id: "a" })).value.count, 6);
  // Also while it is written: no copy is ever torn.
  let writing = true;
  const writer = (async () => { while (writing) await gw.call("counter", { id: "b" }); })();
  for (let i = 0; i < 10; i++) {
    const run = await offline('{"id":"a","add":0}');
    assert.equal(run.code, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).count, 6);
  }
  writing = false;
  await writer;
});

test("call ends what never ends, and fails as the call does", async (t) => {
  const gw = site(t, {
    "loop.lua": tool("loop", "function() while true do end end", 'limits = { timeout = "300ms" },'),
    "fail.lua": tool("fail", 'function() return nil, "there is none" end'),
    "hog.lua": tool("hog", "function() local all = {} while true do all[#all + 1] = {} end end", 'limits = { memory = "1M" },'),
    "job.lua": tool("job", `function()
      local id = mcp.jobs.start { run = function() mcp.time.sleep(0.05) error("the job broke") end }
      return id end`),
  });
  const loop = await gw.run("call", "loop");
  assert.equal(loop.code, 1);
  assert.match(loop.stderr, /time/);
  const fail = await gw.run("call", "fail");
  assert.deepEqual([fail.code, fail.stdout, fail.stderr], [1, "", "there is none\n"]);
  const hog = await gw.run("call", "hog");
  assert.equal(hog.code, 1);
  assert.match(hog.stderr, /out of memory/);
  const job = await gw.run("call", "job");
  assert.equal(job.code, 0, "the call did not fail, its job did");
  assert.match(job.stdout, /^job_/);
  assert.match(job.stderr, /the job broke/);
});

test("a state that is damaged is told of, not skipped", async (t) => {
  const gw = site(t, ["counter.lua"]);
  fs.writeFileSync(gw.statePath, '{"jobs":');
  const run = await gw.run("call", "counter", '{"id":"a"}');
  assert.equal(run.code, 1);
  assert.ok(run.stderr.includes(fs.realpathSync(gw.statePath)), run.stderr);
  assert.equal(run.stdout, "");
  assert.equal(fs.readFileSync(gw.statePath, "utf8"), '{"jobs":');
  assert.deepEqual(fs.readdirSync(gw.root), [path.basename(gw.statePath)]);
});

test("check of one file tells of that file alone", async (t) => {
  const gw = site(t, { "one.lua": "not Lua", "two.lua": "nor this", "three.lua": tool("three", "function() end") });
  const all = await gw.run("check");
  assert.equal(all.code, 1);
  assert.match(all.stderr, /one\.lua:1/);
  assert.match(all.stderr, /two\.lua:1/);
  const one = await gw.run("check", "tools.d/one.lua");
  assert.equal(one.code, 1);
  assert.doesNotMatch(one.stderr, /two\.lua/);
  const three = await gw.run("check", "three.lua");
  assert.deepEqual([three.code, three.stderr], [0, ""]);
  const none = await gw.run("check", "four.lua");
  assert.equal(none.code, 1);
  assert.match(none.stderr, /four\.lua/);
});
