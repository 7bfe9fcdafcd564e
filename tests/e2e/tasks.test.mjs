// tasks.test.mjs - calls that go on as tasks: from the answer to the end of their time, through kill -9,
// for their own key alone, within the limits of [tasks].

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import readline from "node:readline";
import test from "node:test";

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient } from "@modelcontextprotocol/ext-tasks/client";

import { binary, cleanEnv } from "./lib/env.mjs";
import { Gateway, slowness } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const META = "io.modelcontextprotocol/";
const KNOWS = {
  meta: { [`${META}clientCapabilities`]: { elicitation: {}, extensions: { [`${META}tasks`]: {} } } },
};

const tools = `
  local mcp = require "mcp"
  local any = { type = "object" }
  local function form(name, kind)
    return { message = "What?", schema = { type = "object", properties = { [name] = { type = kind } }, required = { name } } }
  end
  return {
    mcp.tool { name = "sum", input = any, run = function(args, ctx)
      local id, message, code = ctx:as_task { ttl = args.ttl, poll = args.poll, timeout = args.timeout }
      if id == nil then return { code = code, message = message } end
      if args.wait then
        local ok, _, why = mcp.time.sleep(args.wait)
        if not ok then return nil, why end
      end
      return { id = id, again = ctx:as_task(), sum = (args.a or 0) + (args.b or 0), text = ("x"):rep(args.bytes or 0) }
    end },
    mcp.tool { name = "needs", input = any, task = "required", run = function(_, ctx)
      return { id = ctx:as_task() }
    end },
    mcp.tool { name = "says", input = any, run = function(_, ctx)
      ctx:as_task { poll = 0.05 }
      ctx:progress(1, 2)
      mcp.time.sleep(0.1)
      ctx:progress(2, 2, "all of it")
      ctx:log("error", "nobody hears this")
      mcp.time.sleep(60)
    end },
    mcp.tool { name = "fails", input = any, run = function(args, ctx)
      ctx:as_task()
      if args.how == "fail" then return mcp.fail("no luck") end
      if args.how == "error" then error("bad luck") end
      if args.how == "late" then mcp.time.sleep(60) end
      error {}
    end },
    mcp.tool { name = "asks", input = any, run = function(_, ctx)
      ctx:as_task()
      local both, message = ctx:ask { a = { elicit = form("n", "integer") }, b = { elicit = form("s", "string") } }
      if not both then return nil, message end
      return both.a.content.n .. both.b.content.s
    end },
    mcp.tool { name = "ends", input = any, needs = { "state:ended" }, run = function(args, ctx)
      ctx:on_end(function(outcome) mcp.state.open("ended"):put { id = "x", outcome = outcome } end)
      ctx:as_task()
      mcp.time.sleep(60)
    end },
    mcp.tool { name = "ended", input = any, needs = { "state:ended" }, run = function()
      local row = mcp.state.open("ended"):get("x")
      return row and row.outcome or "not yet"
    end },
    mcp.tool { name = "peeks", input = any, needs = { "state:*" }, run = function()
      local row, message, code = mcp.state.open("_tasks", { key = "taskId" }):list()
      return { row = row, message = message, code = code }
    end },
  }`;

const grants = "[tool ends]\nstate = ended:rw\n[tool ended]\nstate = ended:rw\n[tool peeks]\nstate = *:rw\n";

// Tools that sleep on are not waited for at the end.
const quick = (ini) => (ini.includes("[server]") ? ini.replace("[server]", "$&\ndrain_timeout = 200ms") : `[server]\ndrain_timeout = 200ms\n${ini}`);

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({
    ini: quick(`[rate_limit]\nbucket = 0\n${grants}${ini}`), tools: { "tasks.lua": tools }, ...options,
  });
  t.after(() => (gw.killed ? gw.remove() : gw.stop()));
  return gw;
}

const modern = (gw, method, params, options = {}) =>
  gw.client.modern(method, params, { ...KNOWS, ...options });

const call = (gw, name, args = {}, options) =>
  modern(gw, "tools/call", { name, arguments: args }, options);

async function create(gw, name, args, options) {
  const { body, text } = await call(gw, name, args, options);
  assert.equal(body.result?.resultType, "task", text);
  return body.result;
}

async function get(gw, taskId, options) {
  const { body, text } = await modern(gw, "tasks/get", { taskId }, options);
  assert.equal(body.result?.resultType, "complete", text);
  return body.result;
}

// Asks until the task is as it should be; what it is then.
async function until(gw, taskId, is, options) {
  const end = Date.now() + 20_000 * slowness;
  for (;;) {
    const task = await get(gw, taskId, options);
    if (is(task)) return task;
    assert.ok(Date.now() < end, `never: ${JSON.stringify(task)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const ended = (task) => ["completed", "failed", "cancelled"].includes(task.status);
const code = (answer) => answer.body.error?.code;
const value = (task) => JSON.parse(task.result.content[0].text);

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

  gw = await refuses("max_bytes = 64K\npoll = 3s", async (gw) => {
    assert.equal((await make(gw, 1))[0].pollIntervalMs, 3000);
    const [fits, does_not] = [await make(gw, 1, { bytes: 30_000 }), await make(gw, 1, { bytes: 40_000 })];
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

test("notifications/tasks on streams that asked for them, whichever worker has them", async (t) => {
  const gw = await start(t, { ini: "[server]\nworkers = 4\n[auth]\nkeys = k1, k2\n" });
  const listen = (taskIds, key, capabilities = KNOWS.meta) => openEventStream(gw.url, {
    method: "POST", key,
    headers: {
      "Content-Type": "application/json", Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen",
    },
    body: JSON.stringify({
      jsonrpc: "2.0", id: "listen", method: "subscriptions/listen",
      params: { notifications: { taskIds }, _meta: { [`${META}protocolVersion`]: "2026-07-28", ...capabilities } },
    }),
  });
  const { taskId } = await create(gw, "asks", {}, { key: "k1" });
  const streams = await Promise.all(Array.from({ length: 8 }, () => listen([taskId, "task_none"], "k1")));
  t.after(() => streams.forEach((stream) => stream.close()));
  const each = (of) => Promise.all(streams.map(of));
  await each(async (stream) => {
    const first = (await stream.next()).json;
    assert.equal(first.method, "notifications/subscriptions/acknowledged");
    assert.deepEqual(first.params.notifications, { taskIds: [taskId] });
  });
  const told = async (stream, status) => {
    for (;;) {
      const { method, params } = (await stream.next()).json;
      assert.equal(method, "notifications/tasks");
      assert.equal(params.taskId, taskId);
      assert.equal(params._meta[`${META}subscriptionId`], "listen");
      if (params.status === status) return params;
    }
  };
  await each((stream) => told(stream, "input_required"));
  await modern(gw, "tasks/update", {
    taskId,
    inputResponses: { a: { action: "accept", content: { n: 1 } }, b: { action: "accept", content: { s: "!" } } },
  }, { key: "k1" });
  await each(async (stream) => {
    const { _meta, ...params } = await told(stream, "completed");
    const { _meta: own, resultType, ...task } = await get(gw, taskId, { key: "k1" });
    assert.deepEqual(params, task);
  });

  const foreign = await listen([taskId], "k2");
  assert.deepEqual((await foreign.next()).json.params.notifications, { taskIds: [] });
  foreign.close();
  const late = await listen([taskId], "k1"); // what it has missed
  assert.equal((await late.next()).json.method, "notifications/subscriptions/acknowledged");
  await told(late, "completed");
  late.close();
  const ignorant = await listen([taskId], "k1", { [`${META}clientCapabilities`]: {} });
  assert.equal(ignorant.status, 400);
  assert.equal(JSON.parse(ignorant.text).error.code, -32021);
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

test("the official client of the extension follows a task to its end, and answers it", async (t) => {
  const gw = await start(t);
  const clientInfo = { name: "moongate-tests", version: "1" };
  const clientCapabilities = { elicitation: { form: {} }, extensions: { [`${META}tasks`]: {} } };
  const client = new Client(clientInfo, {
    capabilities: clientCapabilities, versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  let id = 0;
  const session = createTaskSessionFromClient(client, {
    endpointId: "moongate",
    v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities },
    rawDispatch: async (request) => {
      const name = request.params.name ?? request.params.taskId;
      const headers = {
        Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": request.method, ...(name ? { "Mcp-Name": name } : {}),
      };
      return (await gw.client.post({ jsonrpc: "2.0", id: ++id, ...request }, { headers })).body;
    },
    onInputRequest: async ({ params }) => ({
      action: "accept", content: params.requestedSchema.properties.n ? { n: 3 } : { s: "x" },
    }),
  });
  const outcome = async (name, args = {}) => (await (await session.callTool(name, args)).settle()).outcome;
  assert.equal((await outcome("asks")).result.content[0].text, "3x");
  assert.equal(JSON.parse((await outcome("sum", { a: 1, b: 1, wait: 0.1, poll: 0.05 })).result.content[0].text).sum, 2);
  const failed = await outcome("fails", { how: "crash" });
  assert.equal(failed.status, "failed");
  assert.equal((await outcome("ended")).result.content[0].text, "not yet"); // that one is no task
  await session.close();
  await client.close();
});

test("the same over lines", async (t) => {
  const gw = new Gateway({ ini: quick(`[rate_limit]\nbucket = 0\n${grants}`), tools: { "tasks.lua": tools } });
  t.after(() => gw.remove());
  const child = spawn(binary, ["-c", gw.iniPath, "stdio"], { cwd: gw.dir, env: cleanEnv(), stdio: ["pipe", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (method, params) => {
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", ...KNOWS.meta };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: method, method, params: { ...params, _meta } })}\n`);
    return JSON.parse((await lines.next()).value).result;
  };
  const { taskId } = await ask("tools/call", { name: "sum", arguments: { a: 4, b: 5, wait: 0.1 } });
  let task;
  do task = await ask("tasks/get", { taskId });
  while (!ended(task));
  assert.equal(value(task).sum, 9);
  const waits = await ask("tools/call", { name: "sum", arguments: { wait: 600 } });
  assert.deepEqual(Object.keys(await ask("tasks/cancel", { taskId: waits.taskId })).sort(), ["_meta", "resultType"]);
  do task = await ask("tasks/get", { taskId: waits.taskId });
  while (!ended(task));
  assert.equal(task.status, "cancelled");
  child.stdin.end();
  assert.equal((await exited)[0], 0);
});
