// tasks.test.mjs - what a client was told of a task is there after a power cut; what a disk that fails
// makes of tasks.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "../e2e/lib/gateway.mjs";
import { call, create, ended, get, grants, modern, tools, until, value } from "../e2e/lib/tasks.mjs";
import { Disk } from "./lib/disk.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const ROUNDS = short ? 5 : 30;
const check = (name, body) => test(name, { timeout: short ? 60_000 : 300_000 }, body);

function start(t) {
  const disk = new Disk();
  t.after(() => disk.remove());
  const ini = `[rate_limit]\nbucket = 0\n[state]\nautosave = 60s\n${grants}`;
  const gw = new Gateway({ dir: disk.dir, ini, tools: { "tasks.lua": tools } });
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

check("a disk that fails: no task is promised, one at work has failed and says why", async (t) => {
  const { disk, gw } = start(t);
  await gw.restart({ env: disk.env({ fail: "write:12+:ENOSPC", fdatasyncUs: 300 }) });
  const working = await create(gw, "asks");
  await until(gw, working.taskId, (task) => task.status === "input_required");
  const seen = new Set();
  while (!seen.has("READONLY")) {
    const { body, text } = await call(gw, "sum");
    if (body.result?.resultType === "task") continue;
    const [{ text: said }] = body.result?.content ?? [{ text }];
    seen.add(JSON.parse(said).code);
  }
  for (const code of seen) assert.match(code, /^(READONLY|UNSURE|IO)$/);
  const answers = { a: { action: "accept", content: { n: 1 } }, b: { action: "accept", content: { s: "x" } } };
  await modern(gw, "tasks/update", { taskId: working.taskId, inputResponses: answers });
  const task = await until(gw, working.taskId, ended);
  assert.equal(task.status, "failed");
  assert.match(task.error.message, /^the result could not be kept: the state is read-only: .*No space left on device/);
  await gw.kill();
  disk.powerCut(() => 0);
  await gw.restart({ env: {} });
  assert.equal((await get(gw, working.taskId)).status, "failed");
});
