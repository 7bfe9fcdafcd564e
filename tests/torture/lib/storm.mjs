// storm.mjs - many evaluations at once, from several connections, with followers, and what is known of each.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { slowness } from "../../e2e/lib/gateway.mjs";
import { kinds } from "./evals.mjs";
import { disorder, ends, Follower, stall, Watcher } from "./followers.mjs";
import { between, random } from "./random.mjs";

const CLIENTS = 24;

export async function until(check, what) {
  for (const stop = Date.now() + 30_000 * slowness; Date.now() < stop; await sleep(15)) {
    const found = await check();
    if (found) return found;
  }
  assert.fail(`never: ${typeof what === "function" ? await what() : what}`);
}

// All jobs there are, as list_jobs has them.
export async function listed(gw, status) {
  const jobs = [];
  let after;
  do {
    const { value, isError, text } = await gw.call("list_jobs", { limit: 200, status, after });
    assert.ok(!isError, text);
    jobs.push(...value.jobs);
    after = value.next;
  } while (after);
  return jobs;
}

export const statusOf = async (gw, jobId) => {
  const { value, isError, text } = await gw.call("status", { jobId });
  assert.ok(!isError, text);
  return value;
};

// Cancels it, or finds that it has ended; the first is true.
export async function cancel(gw, jobId) {
  const { isError, text, value } = await gw.call("cancel_job", { jobId });
  if (isError) assert.match(text, /has already ended: [A-Z]+$/);
  else assert.deepEqual(value, { jobId, status: "CANCELLED" });
  return !isError;
}

// count kinds, as their weights say, in an order that chance makes.
function mixed(count) {
  const all = Object.entries(kinds).flatMap(([kind, { weight }]) => Array(weight).fill(kind));
  for (let i = all.length - 1; i > 0; i--) {
    const j = between(0, i);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return Array.from({ length: count }, (_, i) => all[i % all.length]);
}

export class Storm {
  jobs = new Map(); // jobId -> { jobId, kind, configId, followers, told }, as run_eval answered
  refused = 0;
  stalled = [];
  isOver = false; // the gateway was killed

  // prefix: begins every configId of it.
  static async begin(gw, count, prefix) {
    const s = new Storm();
    s.gw = gw;
    s.watcher = await Watcher.open(gw);
    for (let i = 0; i < 2; i++) s.stalled.push(await stall(gw, "jobs"));
    const left = mixed(count).map((kind, i) => ({ kind, configId: `${prefix}-${i}` }));
    const client = async () => {
      for (let job = left.pop(); job && !s.isOver; job = left.pop()) await s.#submit(job);
    };
    const clients = Array.from({ length: CLIENTS }, () => s.#guarded(client()));
    s.work = Promise.all(clients).then(() => Promise.all([...s.jobs.values()].map((job) => job.acts)));
    return s;
  }

  // What fails once the gateway was killed is no finding.
  async #guarded(promise) {
    try {
      await promise;
    } catch (error) {
      if (!this.isOver) throw error;
    }
  }

  async #submit({ kind, configId }) {
    while (!this.isOver) {
      const { value, isError, text } = await this.gw.call("run_eval", { taskId: kind, configId });
      if (!isError) {
        assert.equal(value.status, "QUEUED");
        const job = { ...value, kind, followers: [] };
        this.jobs.set(job.jobId, job);
        job.acts = this.#guarded(this.#act(job));
        return;
      }
      assert.match(text, /^Too many evaluations are waiting/);
      this.refused++;
      await sleep(between(10, 40)); // others must end first
    }
  }

  #follow(job, options) {
    const follower = new Follower(this.gw, job.jobId, options);
    job.followers.push(follower);
    return follower;
  }

  async #act(job) {
    const early = this.#follow(job);
    if (random() < 0.4) this.#follow(job, { leaveAfter: between(1, 4) });
    if (random() < 0.15 || job.kind === "chatty") this.stalled.push(await stall(this.gw, `job/${job.jobId}`));
    const { cancel: when } = kinds[job.kind];
    if (when === "QUEUED") job.isCancelled = await cancel(this.gw, job.jobId);
    if (when === "RUNNING") {
      await until(() => this.isOver || early.events.some((e) => e.event === "progress"), `${job.jobId} talks`);
      job.isCancelled = await cancel(this.gw, job.jobId);
    }
    if (random() < 0.5) {
      await sleep(between(0, 600)); // somewhere in the middle
      if (!this.isOver) this.#follow(job);
    }
    await early.over;
    if (!this.isOver) job.told = await statusOf(this.gw, job.jobId);
  }

  // Everything that was told of the job, by anybody: { isRunning, end }, end is the last event.
  told(jobId) {
    const streams = [...(this.jobs.get(jobId)?.followers.map((f) => f.events) ?? []), this.watcher.jobs.get(jobId) ?? []];
    const events = streams.flat();
    return { isRunning: events.some((e) => e.event === "running"), end: events.find((e) => ends.has(e.event)) };
  }

  // What is wrong with the order of what followers were told.
  disorders() {
    const wrong = [];
    const note = (who, id, text) => text && wrong.push(`${who} of ${this.jobs.get(id)?.kind} ${id}: ${text}`);
    for (const job of this.jobs.values())
      for (const f of job.followers) note("a follower", job.jobId, disorder(job.jobId, f.events, f.isWhole));
    for (const [id, events] of this.watcher.jobs) note("the watcher", id, disorder(id, events, false));
    return wrong;
  }

  // The gateway is gone, or shall not be asked any more.
  async close() {
    this.isOver = true;
    for (const raw of this.stalled) raw.destroy();
    await this.work;
    await this.watcher.close();
    await Promise.all([...this.jobs.values()].flatMap((job) => job.followers.map((f) => f.over)));
  }
}

// What is wrong with an ended job: as `status` has it, as a late follower is told.
export async function wrongEnd(gw, job, kind, { mayBeInterrupted = false, isCancelled = false } = {}) {
  const known = kinds[kind];
  const text = `${kind} ${job.jobId} ${job.status} ${job.error} ${JSON.stringify(job.result).slice(0, 100)}`;
  const isRight = isCancelled ? job.status === "CANCELLED"
    : job.status === known.status && known.isRight(job) ||
      mayBeInterrupted && job.status === "INTERRUPTED" && job.error === "the gateway ended while it ran" && job.result === null;
  if (!isRight) return `a wrong end: ${text}`;
  const late = await new Follower(gw, job.jobId).over;
  if (!late.isWhole) return `a late follower is not told the end (${late.error}): ${text}`;
  return disorder(job.jobId, late.events, true) ?? unlike(late.end, job);
}

// The last event of a job against its row.
export function unlike(end, job) {
  const name = job.status === "INTERRUPTED" ? "failed" : job.status.toLowerCase();
  const isLike = end.event === name && end.json.ts === job.updatedAt &&
    (name !== "failed" || end.json.error === job.error) &&
    (name !== "completed" || JSON.stringify(end.json.result) === JSON.stringify(job.result));
  return isLike ? undefined : `told ${end.event} ${end.data.slice(0, 200)}, is ${JSON.stringify(job).slice(0, 300)}`;
}
