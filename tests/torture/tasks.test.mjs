// tasks.test.mjs - what a client was told of a task is there after a power cut; what a disk that fails
// makes of tasks.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway } from "../e2e/lib/gateway.mjs";
import { call, create, ended, get, grants, modern, tools, until, value } from "../e2e/lib/tasks.mjs";
import { Disk, failing, healed, troubled } from "./lib/disk.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const ROUNDS = short ? 5 : 30;
const check = (name, body) => test(name, { timeout: short ? 60_000 : 300_000 }, body);

const bump = `local mcp = require "mcp"
  local rows = mcp.state.open("bump.rows")
  return mcp.tool { name = "bump", input = { type = "object" }, run = function() return rows:put { id = "a" } end }`;

function start(t, more = "") {
  const disk = new Disk();
  t.after(() => disk.remove());
  const ini = `[rate_limit]\nbucket = 0\n[state]\nautosave = 60s\n${grants}${more}`;
  const gw = new Gateway({ dir: disk.dir, ini, tools: { "tasks.lua": tools, "bump.lua": bump } });
  gw.exit = { code: 0, signal: null };
  t.after(() => gw.kill());
  return { disk, gw };
}

check("a power cut after any answer: the task is there, and an end that was read is its end", async (t) => {
  const { disk, gw } = start(t);
  const known = new Map(); // id -> what is known of it
  for (let i = 0; i < ROUNDS; i++) {
    await gw.restart({ env: disk.env({ fsyncUs: 300, fdatasyncUs: 5_000 }) });
    for (const [id, task] of known) {
      const now = await get(gw, id);
      if (task) assert.deepEqual(now, task);
      else assert.equal(now.status, "failed", "it was at work");
      known.set(id, now);
    }
    const { taskId } = await create(gw, "sum", { a: i });
    known.set(taskId, await until(gw, taskId, ended));
    assert.equal(value(known.get(taskId)).sum, i);
    known.set((await create(gw, "sum", { wait: 600 })).taskId, undefined);
    await gw.kill();
    disk.powerCut(() => 0);
  }
});

check("a client that leaves while its task is being made durable has cancelled its call", async (t) => {
  const { disk, gw } = start(t);
  await gw.restart({ env: disk.env({ fdatasyncUs: 700_000 }) });
  const controller = new AbortController();
  const answer = call(gw, "ends", {}, { signal: controller.signal }).catch(() => "gone");
  for (let n = 0; !n; ) n = await gw.metric("moongate_tasks");
  controller.abort();
  assert.equal(await answer, "gone");
  for (let n = 1; n; ) n = await gw.metric("moongate_tasks");
  for (let i = 0; (await gw.call("ended")).text !== "CANCELLED"; i++) assert.ok(i < 1000);
  // The record of what never was is gone, too.
  const { taskId } = await create(gw, "sum");
  await until(gw, taskId, ended);
  await gw.kill();
  await gw.restart({ env: {} });
  assert.equal(await gw.metric("moongate_tasks"), 1);
});

const syncs = (disk) => fs.readFileSync(path.join(disk.side, "log"), "utf8").match(/^[sd] /gm).length;

// A task that waits for an answer, which answer() gives: then it ends.
async function ask(gw) {
  const { taskId } = await create(gw, "asks");
  await until(gw, taskId, (task) => task.status === "input_required");
  return taskId;
}

async function answer(gw, taskId) {
  const answers = { a: { action: "accept", content: { n: 1 } }, b: { action: "accept", content: { s: "x" } } };
  await modern(gw, "tasks/update", { taskId, inputResponses: answers });
}

// It has completed, and is so after a power cut.
async function keepsItsEnd({ disk, gw }, taskId) {
  const task = await until(gw, taskId, ended);
  assert.equal(task.status, "completed", JSON.stringify(task));
  assert.equal(task.result.content[0].text, "1x");
  await gw.kill();
  if (disk.side) disk.powerCut(() => 0);
  await gw.restart({ env: {} });
  assert.deepEqual(await get(gw, taskId), task);
}

// A task whose end is under the sync that fails; -> its id
async function endUnderTrouble({ disk, gw }, snapshots) {
  await gw.restart({ env: disk.env({ fail: failing(40, snapshots) }) });
  const taskId = await ask(gw);
  while (syncs(disk) < 39) assert.ok(!(await gw.call("bump")).isError);
  await answer(gw, taskId);
  await gw.logged(troubled);
  return taskId;
}

check("a failed sync of its end: the task works on until the state has kept it", async (t) => {
  const made = start(t);
  const { gw } = made;
  const taskId = await endUnderTrouble(made, 2);
  assert.equal((await get(gw, taskId)).status, "working");
  await gw.logged(healed, 30_000);
  await keepsItsEnd(made, taskId);
});

check("what ends while the state takes no change keeps its end", async (t) => {
  const made = start(t);
  const { disk, gw } = made;
  await gw.restart({ env: disk.env({ fail: failing(40, 3) }) });
  const taskId = await ask(gw);
  for (let i = 0; !(await gw.call("bump")).isError; i++) assert.ok(i < 100, "never in trouble");
  await gw.logged(troubled);
  await answer(gw, taskId);
  assert.equal((await get(gw, taskId)).status, "working");
  await gw.logged(healed, 30_000);
  await keepsItsEnd(made, taskId);
});

check("an end that cannot be kept within the task's ttl is given up", async (t) => {
  const { disk, gw } = start(t);
  await gw.restart({ env: disk.env({ fail: "sync:40+:EIO" }) });
  const { taskId, createdAt, ttlMs } = await create(gw, "sum", { ttl: 4, wait: 2 });
  for (let i = 0; !(await gw.call("bump")).isError; i++) assert.ok(i < 100, "never in trouble");
  const line = await gw.logged((l) => l.msg === "task ended" && l.task === taskId, 30_000);
  assert.equal(line.status, "failed");
  assert.ok(Date.parse(line.ts) >= Date.parse(createdAt) + ttlMs, `${line.ts}, created ${createdAt}`);
});

check("a stop does not wait for an end that the disk does not keep, and the next start says what became of it", async (t) => {
  const { disk, gw } = start(t, "[server]\ndrain_timeout = 10m\n");
  for (const isSubmitted of [true, false]) {
    await gw.restart({ env: disk.env({ fail: "sync:40+:EIO" }) });
    const taskId = await ask(gw);
    if (isSubmitted) while (syncs(disk) < 39) await gw.call("bump");
    else while (!(await gw.call("bump")).isError);
    await answer(gw, taskId);
    await gw.logged(troubled);
    gw.signal("SIGTERM");
    assert.deepEqual(await gw.exited, { code: 1, signal: null }, "the last snapshot fails, too");
    disk.powerCut(() => 0);
    await gw.restart({ env: {} });
    const task = await get(gw, taskId);
    assert.equal(task.status, "failed");
    assert.match(task.error.message, /^the gateway ended while the task was at work/);
    await gw.stop({ keep: true });
  }
});

check("an unsure end that the last snapshot keeps is the end", async (t) => {
  const made = start(t);
  const { gw } = made;
  const taskId = await endUnderTrouble(made, 1);
  await gw.stop({ keep: true });
  await gw.restart({ env: {} });
  await keepsItsEnd(made, taskId);
});

check("a disk that fails: no task is promised, one at work has failed after the restart", async (t) => {
  const { disk, gw } = start(t);
  await gw.restart({ env: disk.env({ fail: "write:12+:ENOSPC", fdatasyncUs: 300 }) });
  const taskId = await ask(gw);
  const seen = new Set();
  while (!seen.has("READONLY")) {
    const { body, text } = await call(gw, "sum");
    if (body.result?.resultType === "task") continue;
    const [{ text: said }] = body.result?.content ?? [{ text }];
    seen.add(JSON.parse(said).code);
  }
  for (const code of seen) assert.match(code, /^(READONLY|UNSURE|IO)$/);
  await answer(gw, taskId);
  for (let i = 0; i < 100; i++) assert.equal((await get(gw, taskId)).status, "working");
  await gw.kill();
  disk.powerCut(() => 0);
  await gw.restart({ env: {} });
  assert.equal((await get(gw, taskId)).status, "failed");
});
