// tasks.test.mjs - calls that go on as tasks: from the answer to the end of their time, through kill -9,
// for their own key alone, within the limits of [tasks].

import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";
import {
  META, call, code, create, ended, get, grants, modern, start, tools, until, value,
} from "./lib/tasks.mjs";

test("a call becomes a task, is read to its end, and what it came to stays", async (t) => {
  const gw = await start(t);
  const task = await create(gw, "sum", { a: 2, b: 3, wait: 0.3, ttl: "90s", poll: 0.25 });
  assert.match(task.taskId, /^task_[a-z0-9]{28}$/);
  assert.equal(task.status, "working");
  assert.equal(task.ttlMs, 90_000);
  assert.equal(task.pollIntervalMs, 250);
  assert.match(task.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(task.lastUpdatedAt, task.createdAt);
  for (const name of ["result", "error", "inputRequests", "requestState", "task", "ttl", "pollInterval"])
    assert.ok(!(name in task), name);

  const first = await get(gw, task.taskId); // at once
  assert.equal(first.taskId, task.taskId);
  const last = await until(gw, task.taskId, ended);
  assert.equal(last.status, "completed");
  assert.equal(last.createdAt, task.createdAt);
  assert.ok(last.lastUpdatedAt > task.lastUpdatedAt);
  assert.equal(last.result.resultType, "complete");
  assert.deepEqual(value(last), { id: task.taskId, again: task.taskId, sum: 5, text: "" });

  const log = await gw.logged((line) => line.msg === "task ended");
  assert.equal(log.task, task.taskId);
  assert.equal(log.tool, "sum");
  assert.equal(log.status, "completed");
  const request = gw.log.find((line) => line.msg === "request" && line.task === task.taskId);
  assert.equal(request.call_id, log.call_id);
  assert.ok(!("outcome" in request));
  assert.equal(await gw.metric("moongate_tasks"), 1);
  assert.equal(await gw.metric("moongate_tasks_running"), 0);
  assert.equal(await gw.metric("moongate_tasks_created_total"), 1);
  assert.equal(await gw.metric("moongate_calls_total", { tool: "sum", outcome: "OK" }), 1);

  // The end is final.
  assert.equal((await modern(gw, "tasks/cancel", { taskId: task.taskId })).body.result.resultType, "complete");
  assert.deepEqual(await get(gw, task.taskId), last);
});

test("only for clients that say in this very request that they know tasks", async (t) => {
  const gw = await start(t);
  const plain = await gw.client.modern("tools/call", { name: "sum", arguments: { a: 1 } });
  assert.equal(plain.body.result.resultType, "complete");
  assert.deepEqual(JSON.parse(plain.body.result.content[0].text), { id: false, again: false, sum: 1, text: "" });
  assert.equal((await gw.call("sum", { a: 1 })).value.id, false);

  const refused = await gw.client.modern("tools/call", { name: "needs" });
  assert.equal(refused.status, 400);
  assert.equal(code(refused), -32021);
  assert.deepEqual(refused.body.error.data.requiredCapabilities, { extensions: { [`${META}tasks`]: {} } });
  assert.equal(code(await gw.rpc("tools/call", { name: "needs" })), -32601);
  const { taskId } = await create(gw, "needs");
  assert.equal(value(await until(gw, taskId, ended)).id, taskId);

  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const answer = await gw.client.modern(method, { taskId });
    assert.equal(answer.status, 400, method);
    assert.equal(code(answer), -32021, method);
  }
  for (const method of ["tasks/result", "tasks/list"])
    assert.equal(code(await modern(gw, method, { taskId })), -32601, method);
});

test("how it ends: an error of the tool's is an answer, what is none is a failure", async (t) => {
  const gw = await start(t);
  const end = async (args) => until(gw, (await create(gw, "fails", args)).taskId, ended);
  for (const [how, text] of [["fail", "no luck"], ["error", "bad luck"]]) {
    const task = await end({ how });
    assert.equal(task.status, "completed");
    assert.equal(task.result.isError, true);
    assert.equal(task.result.content[0].text, text);
  }
  const task = await end({ how: "crash" });
  assert.equal(task.status, "failed");
  assert.equal(task.error.code, -32603);
  assert.match(task.error.message, /^internal error \(call call_/);
  assert.ok(!("result" in task));

  const late = await until(gw, (await create(gw, "sum", { wait: 60, timeout: 0.2 })).taskId, ended);
  assert.equal(late.status, "failed");
  assert.match(late.error.message, /^timed out: not done within 200 ms/);
});

test("kill -9: what worked has failed, what was read to its end is still there", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = k1, k2\n" });
  const key = { key: "k1" };
  const done = await create(gw, "sum", { a: 1, b: 2 }, key);
  const before = await until(gw, done.taskId, ended, key);
  const working = await create(gw, "sum", { wait: 600 }, key);
  await gw.kill();
  await gw.restart();

  assert.deepEqual(await get(gw, done.taskId, key), before);
  const after = await get(gw, working.taskId, key);
  assert.equal(after.status, "failed");
  assert.equal(after.error.message, "the gateway ended while the task was at work");
  assert.equal(after.createdAt, working.createdAt);
  assert.equal(after.ttlMs, working.ttlMs);
  assert.equal(code(await modern(gw, "tasks/get", { taskId: done.taskId }, { key: "k2" })), -32602);

  await gw.kill(); // what the start has found is durable as well
  await gw.restart();
  assert.deepEqual(await get(gw, working.taskId, key), after);
  assert.deepEqual(await get(gw, done.taskId, key), before);
});

test("a stop: what has not ended by itself has failed", async (t) => {
  const gw = await start(t);
  const { taskId } = await create(gw, "sum", { wait: 600 });
  await gw.stop({ keep: true });
  await gw.restart();
  const task = await get(gw, taskId);
  assert.equal(task.status, "failed");
  assert.equal(task.error.message, "the gateway stopped the tool before it had ended");
});

test("another key's task is none, nor is one of a tool that the key may not call any more", async (t) => {
  const ini = (tools) => `[server]\ndrain_timeout = 200ms\n[rate_limit]\nbucket = 0\n[key a]\nsecret = aaaaaaaa\ntools = ${tools}\n[key b]\nsecret = bbbbbbbb\n${grants}`;
  const gw = await Gateway.start({ ini: ini("*"), tools: { "tasks.lua": tools } });
  t.after(() => gw.stop());
  const { taskId } = await create(gw, "sum", { wait: 600 }, { key: "aaaaaaaa" });
  for (const [method, more] of [["tasks/get"], ["tasks/cancel"], ["tasks/update", { inputResponses: {} }]]) {
    const foreign = await modern(gw, method, { taskId, ...more }, { key: "bbbbbbbb" });
    const unknown = await modern(gw, method, { taskId: "task_none", ...more }, { key: "bbbbbbbb" });
    assert.equal(foreign.status, 200);
    assert.deepEqual(foreign.body.error, unknown.body.error);
    assert.equal(code(foreign), -32602);
  }
  assert.equal((await get(gw, taskId, { key: "aaaaaaaa" })).status, "working");

  gw.writeIni(ini("fails, needs"));
  gw.signal("SIGHUP");
  await gw.logged((line) => /^reloaded/.test(line.msg));
  assert.equal(code(await modern(gw, "tasks/get", { taskId }, { key: "aaaaaaaa" })), -32602);
  assert.equal(code(await modern(gw, "tasks/cancel", { taskId }, { key: "aaaaaaaa" })), -32602);
  const end = await gw.logged((line) => line.msg === "task ended" && line.task === taskId);
  assert.equal(end.outcome, "CANCELLED", "nobody could cancel it any more");
});

test("no tool reads the tasks of the state, whatever it is granted", async (t) => {
  const gw = await start(t);
  const { taskId } = await create(gw, "sum", {});
  await until(gw, taskId, ended);
  const peek = (await gw.call("peeks")).value;
  assert.equal(peek.code, "DENIED");
  assert.equal(peek.message, "the collection _tasks is the gateway's own");
  assert.ok(!("row" in peek));
});

test("cancelling settles, and only tasks/cancel does it", async (t) => {
  const gw = await start(t);
  const { taskId } = await create(gw, "ends", {}, { id: 77 });
  // Neither the end of the connection, which is over, nor the message that cancels a call.
  await gw.client.notify("notifications/cancelled", {
    requestId: 77, _meta: { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} },
  }, { headers: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "notifications/cancelled" } });
  assert.equal((await get(gw, taskId)).status, "working");

  const ack = await modern(gw, "tasks/cancel", { taskId });
  assert.equal(ack.body.result.resultType, "complete");
  assert.deepEqual(Object.keys(ack.body.result).sort(), ["_meta", "resultType"]);
  const task = await until(gw, taskId, ended);
  assert.equal(task.status, "cancelled");
  assert.ok(!("result" in task) && !("error" in task));
  for (let i = 0; (await gw.call("ended")).text !== "CANCELLED"; i++) assert.ok(i < 2000);
});

test("its time is over at its ttl and not before", async (t) => {
  const gw = await start(t);
  const task = await create(gw, "sum", { a: 1, ttl: 1.5 });
  const ends = Date.parse(task.createdAt) + task.ttlMs;
  let answer;
  for (;;) {
    const asked = Date.now();
    answer = await modern(gw, "tasks/get", { taskId: task.taskId });
    const answered = Date.now();
    if (code(answer) === undefined) {
      assert.ok(asked <= ends, "it is there behind its time");
      continue;
    }
    assert.equal(code(answer), -32602);
    assert.ok(answered >= ends, "it is gone before its time");
    break;
  }
  assert.equal((await create(gw, "sum", {})).status, "working"); // looks for what is over
  assert.equal(await gw.metric("moongate_tasks_expired_total"), 1);

  // One that still works then is stopped: nobody can read what it would come to.
  const late = await create(gw, "sum", { wait: 600, ttl: 0.3 });
  const log = await gw.logged((line) => line.msg === "task ended" && line.task === late.taskId);
  assert.equal(log.outcome, "CANCELLED");
});

test("the limits of [tasks]: beyond them the call goes on as it was", async (t) => {
  const refuses = async (ini, prepare, args, message) => {
    const gw = await start(t, { ini: `[auth]\nkeys = k1, k2\n[tasks]\n${ini}\n` });
    await prepare(gw);
    const { body, text } = await call(gw, "sum", args, { key: "k1" });
    assert.equal(body.result?.resultType, "complete", text);
    const said = JSON.parse(body.result.content[0].text);
    assert.equal(said.code, "LIMIT");
    assert.match(said.message, message);
    return gw;
  };
  const make = (gw, n, args = {}, key = "k1") =>
    Promise.all(Array.from({ length: n }, () => create(gw, "sum", args, { key })));

  await refuses("max_tasks = 3", async (gw) => (await make(gw, 2), await make(gw, 1, {}, "k2")), {}, /3 tasks already \(\[tasks\] max_tasks\)/);
  let gw = await refuses("max_per_key = 2", (gw) => make(gw, 2), {}, /this key has 2 tasks already \(\[tasks\] max_per_key\)/);
  await make(gw, 1, {}, "k2");
  gw = await refuses("max_running = 1", (gw) => make(gw, 1, { wait: 600 }), {}, /1 tasks run already \(\[tasks\] max_running\)/);
  gw = await refuses("max_ttl = 10s\nttl = 5s", async (gw) => {
    assert.equal((await make(gw, 1, { ttl: "10s" }))[0].ttlMs, 10_000);
    assert.equal((await make(gw, 1))[0].ttlMs, 5_000);
  }, { ttl: "10001ms" }, /ttl: at most 10 seconds \(\[tasks\] max_ttl\)/);

  gw = await refuses("max_bytes = 128K\npoll = 3s", async (gw) => {
    assert.equal((await make(gw, 1))[0].pollIntervalMs, 3000);
    const [fits, does_not] = [await make(gw, 1, { bytes: 30_000 }), await make(gw, 1, { bytes: 40_000 })]; // of half of it
    assert.equal((await until(gw, fits[0].taskId, ended, { key: "k1" })).status, "completed");
    const task = await until(gw, does_not[0].taskId, ended, { key: "k1" });
    assert.equal(task.status, "failed");
    assert.match(task.error.message, /no room for a result of 40\d+ bytes .*\[tasks\] max_bytes/);
    for (;;) {
      const { body } = await call(gw, "sum", {}, { key: "k1" });
      if (body.result.resultType === "complete") break;
    }
  }, {}, /the tasks hold \d+ bytes already \(\[tasks\] max_bytes\)/);
});

test("progress becomes its message; what it asks for stands in it until it is answered", async (t) => {
  const gw = await start(t);
  const says = await create(gw, "says");
  await until(gw, says.taskId, (task) => task.statusMessage === "all of it");
  await modern(gw, "tasks/cancel", { taskId: says.taskId });

  const { taskId } = await create(gw, "asks");
  const asking = await until(gw, taskId, (task) => task.status === "input_required");
  assert.deepEqual(Object.keys(asking.inputRequests).sort(), ["a", "b"]);
  assert.equal(asking.inputRequests.a.method, "elicitation/create");
  assert.deepEqual(asking.inputRequests.a.params.requestedSchema.required, ["n"]);

  const answer = async (inputResponses) => {
    const ack = await modern(gw, "tasks/update", { taskId, inputResponses });
    assert.deepEqual(Object.keys(ack.body.result).sort(), ["_meta", "resultType"], ack.text);
  };
  const large = await modern(gw, "tasks/update", { taskId, inputResponses: { a: { action: "accept", content: { n: "x".repeat(1 << 20) } } } });
  assert.equal(large.body.error.code, -32602);
  assert.match(large.body.error.message, /too large/);
  await answer({ nobody: { action: "accept" } });
  await answer({ b: { action: "accept", content: { s: "!" } } });
  const half = await get(gw, taskId);
  assert.equal(half.status, "input_required");
  assert.deepEqual(Object.keys(half.inputRequests), ["a"]);
  await answer({ b: { action: "accept", content: { s: "twice" } } });

  // What is no answer is asked for again, under a key that was not there before.
  await answer({ a: { action: "accept", content: { n: "seven" } } });
  const again = await until(gw, taskId, (task) => task.status === "input_required");
  assert.deepEqual(Object.keys(again.inputRequests), ["a.2"]);
  await answer({ a: { action: "accept", content: { n: 1 } } });
  await answer({ "a.2": { action: "accept", content: { n: 7 } } });
  assert.equal((await until(gw, taskId, ended)).result.content[0].text, "7!");
  await answer({ a: {} }); // to one that has ended: nothing
});

test("what is wrong with ctx:as_task raises, and the file stays small", async (t) => {
  const gw = await start(t);
  for (const [args, text] of [
    [{ ttl: "soon" }, /ttl: expected seconds/], [{ ttl: 0 }, /ttl: expected more than 0/],
    [{ poll: -1 }, /poll: expected seconds/], [{ timeout: "8d" }, /timeout: at most 604800 seconds/],
  ]) {
    const { body } = await call(gw, "sum", args);
    assert.equal(body.result.isError, true);
    assert.match(body.result.content[0].text, text);
  }
  const { taskId } = await create(gw, "sum", {});
  await until(gw, taskId, ended);
  await gw.stop({ keep: true });
  const state = JSON.parse(fs.readFileSync(gw.statePath, "utf8"));
  assert.deepEqual(state._tasks.map((row) => row.taskId), [taskId]);
  await gw.restart();
  assert.equal((await get(gw, taskId)).status, "completed");
});

test("without a journal nothing waits: the call is answered within its first slice", async (t) => {
  const gw = await start(t, { ini: "[state]\ndurability = snapshot\n" });
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => create(gw, "sum", { a: i, wait: i % 2 ? 0.05 : undefined })));
  for (const [i, { taskId }] of all.entries())
    assert.equal(value(await until(gw, taskId, ended)).sum, i);
  const { taskId } = await create(gw, "ends");
  await modern(gw, "tasks/cancel", { taskId });
  assert.equal((await until(gw, taskId, ended)).status, "cancelled");
  await gw.stop({ keep: true });
  await gw.restart();
  assert.equal(value(await get(gw, all[7].taskId)).sum, 7);
});

test("a result that the state cannot keep: the task has failed, before a restart and behind it", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_result = 8M\n[tools]\nmemory = 64M\n" });
  const { taskId } = await create(gw, "sum", { bytes: 5_000_000 });
  const task = await until(gw, taskId, ended);
  assert.equal(task.status, "failed");
  assert.match(task.error.message, /^the result could not be kept: _tasks: an object may have 4194304 bytes, this one has 50\d+$/);
  await gw.kill();
  await gw.restart();
  assert.equal((await get(gw, taskId)).status, "failed");
});

test("the command line follows a call that has to be a task to its end", async (t) => {
  const gw = await start(t, { tools: { "required.lua": `
    local mcp = require "mcp"
    return mcp.tool { name = "required", input = { type = "object" }, task = "required", run = function(args, ctx)
      ctx:as_task { poll = 0.05 }
      mcp.time.sleep(0.2)
      if args.how == "fail" then return mcp.fail("no luck") end
      if args.how == "raise" then error {} end
      if args.how ~= "ask" then return "it was a task" end
      local answer = ctx:elicit("n", { message = "How many?", schema = { type = "object",
        properties = { n = { type = "integer" } }, required = { "n" } } })
      return answer and "n is " .. answer.content.n or "nobody answered"
    end }` } });
  const commit = (how, ...args) =>
    runBinary(["-c", gw.iniPath, "call", "required", JSON.stringify({ how }), "--commit", ...args], { cwd: gw.dir });
  const done = await commit("");
  assert.deepEqual([done.code, done.stdout], [0, "it was a task\n"], done.stderr);
  assert.equal(done.stderr.match(/through the gateway/g).length, 1);
  const failed = await commit("fail");
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /no luck/);
  const raised = await commit("raise");
  assert.deepEqual([raised.code, raised.stdout], [1, ""]);
  assert.match(raised.stderr, /internal error/);
  const asked = await commit("ask", "--answer", 'n={"action":"accept","content":{"n":3}}');
  assert.deepEqual([asked.code, asked.stdout], [0, "n is 3\n"], asked.stderr);
  // What nobody will answer is not left waiting.
  const open = await commit("ask");
  assert.equal(open.code, 1);
  assert.match(open.stderr, /asked, and no answer is given: n /);
  await gw.logged((line) => line.msg === "task ended" && line.status === "cancelled");
});
