// modules.test.mjs - what tools share beyond one worker and one reload: the cache and their metrics; and the
// examples of config/examples/tools.d, as they stand there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { clients } from "./lib/clients.mjs";
import { Gateway, repo } from "./lib/gateway.mjs";

const examples = path.join(repo, "config/examples/tools.d");
const ini = "[server]\nworkers = 4\nport = 0\n[rate_limit]\nbucket = 0\n[tool changes]\nexec = git\n[tool machine]\nfs = read\n";

const counter = `local mcp = require "mcp"
local calls = mcp.metrics.counter("test_calls_total", "Calls.")
return mcp.tool { name = "count", run = function()
  calls:inc(1, { path = "/a" })
  return { n = mcp.cache.incr("n"), first = mcp.cache.add("once", true) }
end }`;

async function reload(gw) {
  const before = gw.log.length;
  gw.signal("SIGHUP");
  return gw.logged((l) => gw.log.indexOf(l) >= before && /^reload(ed| failed)/.test(l.msg));
}

test("all workers count in one cache and under one name, and a reload loses nothing", async (t) => {
  const gw = await Gateway.start({ ini, tools: { "count.lua": counter } });
  t.after(() => gw.stop());
  const answers = await Promise.all(Array.from({ length: 60 }, () => gw.call("count")));
  assert.deepEqual(answers.map((a) => a.value.n).sort((a, b) => a - b), Array.from({ length: 60 }, (_, i) => i + 1));
  assert.equal(answers.filter((a) => a.value.first).length, 1);
  fs.appendFileSync(path.join(gw.toolsDir, "count.lua"), "\n-- changed\n");
  assert.match((await reload(gw)).msg, /^reloaded/);
  assert.equal((await gw.call("count")).value.n, 61);
  assert.equal(await gw.metric("moongate_tool_test_calls_total", { tool: "count", path: "/a" }), 61);
  const text = await (await gw.fetch("/metrics")).text();
  assert.match(text, /\n# HELP moongate_tool_test_calls_total Calls\.\n# TYPE moongate_tool_test_calls_total counter\n/);
  assert.ok((await gw.metric("moongate_cache_entries")) === 2);
});

test("a name that is something else already keeps the file out, and the old one serves", async (t) => {
  const gw = await Gateway.start({ ini, tools: { "count.lua": counter } });
  t.after(() => gw.stop());
  await gw.call("count");
  fs.writeFileSync(path.join(gw.toolsDir, "other.lua"), `local mcp = require "mcp"
    mcp.metrics.gauge("test_calls_total", "Not a counter.")
    return mcp.tool { name = "other", run = function() return "never" end }`);
  const before = gw.log.length;
  await reload(gw);
  const said = gw.log.slice(before).map((l) => JSON.stringify(l)).join("\n");
  assert.match(said, /other\.lua:2: .*test_calls_total is a counter already and cannot be a gauge/);
  assert.equal((await gw.call("count")).value.n, 2);
});

test("the examples do what they say", async (t) => {
  const tools = Object.fromEntries(["redact.lua", "visits.lua", "changes.lua", "machine.lua"]
    .map((f) => [f, fs.readFileSync(path.join(examples, f), "utf8")]));
  const gw = await Gateway.start({ ini, tools });
  t.after(() => gw.stop());
  const redacted = await gw.call("redact", {
    text: "ada@example.org paid with 4111 1111 1111 1111, not with 4111 1111 1111 1112",
  });
  assert.deepEqual(redacted.value, {
    text: "<mail> paid with <card>, not with 4111 1111 1111 1112", mails: 1, cards: 1,
  });
  assert.deepEqual((await gw.call("visits", { who: "Ada" })).value, { who: "Ada", count: 1, first: true });
  assert.deepEqual((await gw.call("visits", { who: "Ada" })).value, { who: "Ada", count: 2, first: false });
  assert.equal(await gw.metric("moongate_tool_visits_total", { first: "false" }), 1);
  fs.mkdirSync(path.join(gw.root, "src"));
  fs.writeFileSync(path.join(gw.root, "src/a.c"), "/* a */\nint a;\n\nint b; // b\n");
  const machine = (await gw.call("machine", { folder: "src" })).value;
  assert.equal(machine.lines, 2);
  assert.ok(machine.memory.available <= machine.memory.total);
  assert.match((await gw.call("changes")).text, /not a git repository/);
  const git = (...argv) => assert.equal(spawnSync("git", ["-C", gw.root, ...argv]).status, 0);
  fs.writeFileSync(path.join(gw.root, "a.txt"), "a\n");
  git("init", "-q", "-b", "main");
  git("add", "a.txt");
  git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "-m", "First");
  const { value } = await gw.call("changes", { path: "a.txt" });
  assert.equal(value.branch, "main");
  assert.equal(value.commits.length, 1);
  assert.equal(value.commits[0].subject + value.commits[0].by, "FirstAda");
});

test("the example of a board tells its subscribers", async (t) => {
  const gw = await Gateway.start({
    ini: `${ini}[tool put_up]\nstate = board:rw\n[tool resource:board]\nstate = board:r\n`,
    tools: { "board.lua": fs.readFileSync(path.join(examples, "board.lua"), "utf8") },
  });
  t.after(() => gw.stop());
  const client = await clients["client 2.x, 2026-07-28"]({ url: gw.url });
  const uri = "board:///today";
  const told = new Promise((resolve) => client.setNotificationHandler("notifications/resources/updated", resolve));
  await client.listen({ resourceSubscriptions: [uri] });
  await client.callTool({ name: "put_up", arguments: { text: "Cake in the kitchen" } });
  assert.equal((await told).params.uri, uri);
  assert.match((await client.readResource({ uri })).contents[0].text, / Cake in the kitchen$/);
  await client.close();
});
