// tasks_memory.test.mjs - when an allocation fails anywhere in the life of a task: it ends all the same, or never was, and
// afterwards everything works as before. See memory.test.mjs.

import assert from "node:assert/strict";
import test from "node:test";

import { sanitizer } from "../e2e/lib/env.mjs";
import { Gateway } from "../e2e/lib/gateway.mjs";
import { call, ended, grants, modern, tools } from "../e2e/lib/tasks.mjs";
import { Memory } from "./lib/memory.mjs";
import { between } from "./lib/random.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const SPANS = [1, 3, 40];
const skip = sanitizer !== "" && "a sanitizer has an allocator of its own";
const ANSWERS = { a: { action: "accept", content: { n: 1 } }, b: { action: "accept", content: { s: "x" } } };

// -> { result } or {}: every error names memory, is a plain 5xx, a closed connection, or says that there is no such task.
async function ask(gw, method, params) {
  const send = method === "tools/call" ? call(gw, params.name) : modern(gw, method, params);
  const got = await send.catch((error) => assert.match(String(error), /fetch failed|terminated/));
  if (!got?.body || got.status >= 500) return {};
  if (got.body.result) return got.body;
  assert.match(got.body.error.message, /memory|unknown task/i, got.text);
  return got.body;
}

// The life of a task that asks, as far as it goes; what it ended with, "unknown", or undefined.
async function live(gw, relief = () => {}) {
  const { result } = await ask(gw, "tools/call", { name: "asks" });
  if (result?.resultType !== "task") return relief(), undefined;
  const { taskId } = result;
  for (let i = 0; i < 2000; i++) {
    if (i === 20) relief();
    const { result: task, error } = await ask(gw, "tasks/get", { taskId });
    if (/unknown task/.test(error?.message)) return relief(), "unknown";
    if (task && ended(task)) return relief(), task;
    if (task?.status === "input_required") {
      const inputResponses = Object.fromEntries(Object.keys(task.inputRequests).map((key) => [key, ANSWERS[key[0]]]));
      await ask(gw, "tasks/update", { taskId, inputResponses });
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail("it never ended");
}

async function isWell(gw) {
  const task = await live(gw);
  assert.equal(task?.result?.content[0].text, "1x", JSON.stringify(task));
  // One whose client never learnt its id ends when nobody has answered it.
  for (let n = 1, i = 0; n; i++) {
    n = await gw.metric("moongate_tasks_running");
    assert.ok(i < 2000, `${n} still run`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("an allocation that fails in the life of a task", { timeout: short ? 120_000 : 3_600_000, skip }, async (t) => {
  const gw = new Gateway({
    ini: `[server]\nworkers = 1\n[rate_limit]\nbucket = 0\n[tools]\nask_timeout = 2s\n[tasks]\nmax_running = 3\nttl = 60s\n${grants}`,
    tools: { "tasks.lua": tools },
  });
  const memory = new Memory(gw.dir);
  gw.options.env = memory.env;
  gw.exit = { code: 0, signal: null };
  t.after(() => gw.kill().then(() => gw.remove()));
  await gw.restart();
  await isWell(gw);
  memory.watch();
  await isWell(gw);
  memory.rest();
  const all = memory.places().flatMap((first) => SPANS.map((span) => ({ first, last: first + span - 1 })));
  assert.ok(all.length > 50, `${all.length} places`);
  const chosen = short ? Array.from({ length: 25 }, () => all[between(0, all.length - 1)]) : all;
  let failed = 0;
  for (const { first, last } of chosen) {
    memory.fail(first, last);
    await live(gw, () => (failed += memory.rest().failed));
    await isWell(gw);
    assert.equal(gw.exit, null, gw.tail());
  }
  assert.ok(failed > chosen.length / 4, `only ${failed} failed`);
});
