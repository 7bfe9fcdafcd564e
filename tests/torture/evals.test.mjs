// evals.test.mjs - failing, slow, chatty, forking and crashing evaluations at once, under followers that come late, go
// and stall: each job ends as it must, its events come in order, nothing of it runs on; also over kill -9.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Gateway, repo, slowness } from "../e2e/lib/gateway.mjs";
import { json, startOrchestrator } from "../e2e/lib/orchestrator.mjs";
import { Disk, failing, healed, troubled } from "./lib/disk.mjs";
import { evalsIni, kinds, Programs } from "./lib/evals.mjs";
import { Follower } from "./lib/followers.mjs";
import { between } from "./lib/random.mjs";
import { cancel, listed, statusOf, Storm, unlike, until, wrongEnd } from "./lib/storm.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const ROUNDS = short ? 2 : 20;
const JOBS = 60;
const PARALLEL = 4;
const MAX_QUEUED = 16;
const check = (name, body) => test(name, { timeout: (short ? 60_000 : 900_000) * slowness }, body);

// A gateway with what ships and the evaluations, not yet running.
function prepare(t) {
  const disk = new Disk(os.tmpdir());
  const { dir } = disk;
  fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
  fs.symlinkSync(process.env.MOONGATE_BUILD || path.join(repo, "build"), path.join(dir, "build"));
  fs.symlinkSync(path.join(repo, "config"), path.join(dir, "config"));
  const shipped = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");
  const gw = new Gateway({
    dir, ini: `${shipped}\n${evalsIni}`,
    env: {
      MOONGATE_RATE_LIMIT_BUCKET: "0", MOONGATE_LOG_ACCESS: "no", MOONGATE_EVALS_PARALLEL: String(PARALLEL),
      MOONGATE_EVALS_MAX_QUEUED: String(MAX_QUEUED), MOONGATE_EVALS_MAX_OUTPUT: "256K", MOONGATE_STATE_AUTOSAVE: "1s",
    },
  });
  const programs = new Programs(dir);
  gw.exit = { code: 0, signal: null };
  t.after(async () => {
    await gw.kill();
    endOrphans(programs);
    disk.remove();
  });
  return { gw, programs, disk };
}

function endOrphans(programs) {
  for (const { pid } of programs.living()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it ended meanwhile
    }
  }
}

const show = (processes) => JSON.stringify(processes.map(({ pid, command }) => `${pid} ${command.replaceAll("\0", " ")}`));

const nothingRuns = (programs) =>
  until(() => programs.living().length === 0, () => `nothing runs: ${show(programs.living())}`);

// What is wrong with how often the job's program was started.
function wrongStarts(programs, job, kind, wasRunning) {
  const starts = programs.written(job.jobId, "self").length;
  const least = job.status === "COMPLETED" || job.status === "FAILED" && kind !== "missing" ? 1 : 0;
  const most = wasRunning && kind !== "missing" ? 1 : 0;
  return starts < least || starts > most ? `${kind} ${job.jobId} ${job.status} was started ${starts} times` : undefined;
}

check("60 evaluations at once: every one ends as it must, and its events come in order", async (t) => {
  const { gw, programs } = prepare(t);
  await gw.restart();
  const storm = await Storm.begin(gw, JOBS, "c");
  t.after(() => storm.close());
  let most = 0;
  const looks = (async () => {
    while (!storm.isOver) {
      most = Math.max(most, (await listed(gw, "RUNNING")).length);
      await sleep(30);
    }
  })();
  await storm.work;
  storm.isOver = true;
  await looks;
  await nothingRuns(programs);
  const rows = await listed(gw);
  assert.equal(rows.length, JOBS, "one that was refused leaves nothing behind");
  assert.ok(storm.refused > 0 && most > 1 && most <= PARALLEL, `${storm.refused} refused, ${most} at once`);
  const wrong = storm.disorders();
  for (const row of rows) {
    const job = await statusOf(gw, row.jobId);
    const { kind, told, followers, isCancelled } = storm.jobs.get(job.jobId);
    const { result, ...rest } = job;
    assert.deepEqual(rest, row);
    assert.deepEqual(job, told, "an ended job stays as it is");
    assert.ok(isCancelled || !kinds[kind].cancel, "cancelled in time");
    wrong.push(await wrongEnd(gw, job, kind));
    for (const f of followers) if (f.end) wrong.push(unlike(f.end, job));
    wrong.push(followers[0].isWhole ? undefined : `the first follower of ${kind} was left alone: ${followers[0].error}`);
    const { isRunning } = storm.told(job.jobId);
    wrong.push(wrongStarts(programs, job, kind, isRunning));
    if (kind === "forks") assert.equal(programs.written(job.jobId, "child").length, 6);
  }
  assert.deepEqual(wrong.filter(Boolean), []);
  await storm.close();
  await gw.stop({ keep: true });
});

check("what is cancelled while it waits is never started", async (t) => {
  const { gw, programs } = prepare(t);
  await gw.restart();
  const begin = async () => (await gw.call("run_eval", { taskId: "waits", configId: "q" })).value.jobId;
  const first = [];
  while (first.length < PARALLEL) first.push(await begin());
  await until(async () => (await listed(gw, "RUNNING")).length === PARALLEL, "all places are taken");
  const waiting = await begin();
  assert.equal((await statusOf(gw, waiting)).status, "QUEUED");
  for (const jobId of [waiting, ...first]) await gw.call("cancel_job", { jobId });
  await until(async () => (await listed(gw, "CANCELLED")).length === PARALLEL + 1, "all are cancelled");
  await nothingRuns(programs);
  assert.equal(programs.written(waiting, "self").length, 0);
  await gw.stop({ keep: true });
});

// The gateway was killed: the programs that it started are gone; what these forked may live on (docs/operations.md).
async function orphans(programs) {
  const forked = programs.groups("forks");
  const started = programs.groups();
  const unexpected = () => programs.living().filter(({ pid, group }) => started.has(pid) || !forked.has(group));
  await until(() => unexpected().length === 0, () => `gone with the gateway: ${show(unexpected())}`);
  const left = programs.living().length;
  endOrphans(programs);
  return left;
}

check("what begins is durably RUNNING before: no power cut has it begin twice, or unknown", async (t) => {
  const { gw, programs, disk } = prepare(t);
  const { env } = gw.options;
  await gw.restart({ env: { ...env, ...disk.env({ fdatasyncUs: 300_000 * slowness }) } });
  const asked = gw.call("run_eval", { taskId: "waits", configId: "q" }).catch(() => {});
  await until(() => programs.groups("waits").size > 0, "it has begun");
  await gw.kill();
  await asked;
  disk.powerCut(() => 0);
  await gw.restart({ env });
  await calm(gw);
  const jobs = await listed(gw);
  assert.deepEqual(jobs.map((job) => job.status), ["INTERRUPTED"]);
  assert.equal(programs.written(jobs[0].jobId, "self").length, 1);
  await gw.stop({ keep: true });
});

const edit = (file, ...changes) => {
  let text = fs.readFileSync(file, "utf8");
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  fs.writeFileSync(file, text);
};

function restartOnFailing({ gw, disk }, snapshots, more = {}) {
  const fails = disk.env({ fail: failing(25, snapshots) });
  return gw.restart({ env: { ...gw.options.env, ...fails, MOONGATE_STATE_AUTOSAVE: "60s", ...more } });
}

async function runEval(gw, taskId) {
  const { value, isError, text } = await gw.call("run_eval", { taskId, configId: "q" });
  assert.ok(!isError, text);
  return value.jobId;
}

async function provokeTrouble(gw) {
  const change = () => gw.call("run_eval", { taskId: "ok", configId: "dry", dryRun: true });
  for (let i = 0; !(await change()).isError; i++) assert.ok(i < 50, "never in trouble");
  await gw.logged(troubled);
}

async function endAfterTrouble(gw, jobId) {
  await gw.logged(healed, 20_000 * slowness);
  await until(async () => !/QUEUED|RUNNING/.test((await statusOf(gw, jobId)).status), "its end is kept");
  return statusOf(gw, jobId);
}

check("what ends while the disk is in trouble keeps its end", async (t) => {
  const made = prepare(t);
  const { gw, programs } = made;
  await restartOnFailing(made, 2);
  const jobId = await runEval(gw, "held");
  await until(() => programs.groups("held").size > 0, "it has begun");
  await provokeTrouble(gw);
  fs.writeFileSync(path.join(gw.dir, "root/go"), "");
  await nothingRuns(programs);
  assert.equal(await wrongEnd(gw, await endAfterTrouble(gw, jobId), "held"), undefined);
  await gw.stop({ keep: true });
});

check("what an orchestrator took while the disk was in trouble is followed by its id", async (t) => {
  let answer;
  const o = await startOrchestrator(t, {
    POST: (req, res) => (answer = () => json(res, 202, { jobId: "theirs" })),
    GET: (req, res) => json(res, 200, { status: "COMPLETED", result: { metrics: { n: 1 } } }),
  });
  const made = prepare(t);
  const { gw } = made;
  gw.writeIni(`${fs.readFileSync(gw.iniPath, "utf8")}\n[tool run_*]\nallow_private = yes\n[eval remote]\nurl = ${o.url}\npoll = 50ms\n`);
  await restartOnFailing(made, 2);
  const jobId = await runEval(gw, "remote");
  await until(() => answer, "it was asked");
  await provokeTrouble(gw);
  answer();
  const job = await endAfterTrouble(gw, jobId);
  assert.deepEqual([job.status, job.result?.metrics, job.remoteId], ["COMPLETED", { n: 1 }, "theirs"]);
  assert.deepEqual([...new Set(o.of("GET").map((r) => r.url))], ["/jobs/theirs"]);
  assert.equal(o.of("DELETE").length, 0);
  await gw.stop({ keep: true });
});

check("what had no time left to begin or to keep its end stays neither QUEUED nor RUNNING", async (t) => {
  const made = prepare(t);
  const { gw, programs } = made;
  edit(path.join(gw.toolsDir, "run_eval.lua"), ["local JOB_GRACE = 60 ", "local JOB_GRACE = 0.1 "],
    ["local SETTLED = 60 ", "local SETTLED = 0.1 "], ['{ "1m", adopt }', '{ "1s", adopt }']);
  edit(gw.iniPath, ["timeout = 300ms", "timeout = 2s"]);
  await restartOnFailing(made, 3, { MOONGATE_EVALS_PARALLEL: "1" });
  const jobId = await runEval(gw, "slow");
  const waiting = await runEval(gw, "ok");
  await until(() => programs.groups("slow").size > 0, "it has begun");
  await provokeTrouble(gw);
  const job = await endAfterTrouble(gw, jobId);
  assert.deepEqual([job.status, job.error], ["INTERRUPTED", "its end is not known"]);
  assert.equal((await new Follower(gw, jobId).over).end.event, "failed");
  assert.equal(await wrongEnd(gw, await endAfterTrouble(gw, waiting), "ok"), undefined);
  assert.equal(programs.written(waiting, "self").length, 1);
  await gw.stop({ keep: true });
});

check("who follows what a crash ended is told so, however many rows came later", async (t) => {
  const { gw, programs } = prepare(t);
  await gw.restart();
  const jobId = await runEval(gw, "waits");
  await until(() => programs.groups("waits").size > 0, "it has begun");
  const dry = () => gw.call("run_eval", { taskId: "ok", configId: "dry", dryRun: true });
  for (let i = 0; i < 21; i++) await Promise.all(Array.from({ length: 50 }, dry));
  await gw.kill();
  await gw.restart();
  const { end } = await new Follower(gw, jobId).over;
  assert.equal(end.json.error, "the gateway ended while it ran");
  await gw.stop({ keep: true });
});

// Whatever would go on for ever is cancelled; -> when nothing is QUEUED or RUNNING any more.
const calm = (gw) => until(async () => {
  const left = [...await listed(gw, "QUEUED"), ...await listed(gw, "RUNNING")];
  for (const { jobId, taskId } of left) if (kinds[taskId].cancel) await cancel(gw, jobId);
  return left.length === 0;
}, async () => `calm: ${JSON.stringify(await listed(gw, "RUNNING"))}`);

// What the rows of a storm must be once the gateway is back, before what waited has ended.
function wrongAtStart(storm, rows) {
  const wrong = [];
  const found = new Set(rows.map((row) => row.jobId));
  for (const { jobId, kind } of storm.jobs.values())
    if (!found.has(jobId)) wrong.push(`${kind} ${jobId} was acknowledged and is gone`);
  for (const id of storm.watcher.jobs.keys()) if (!found.has(id)) wrong.push(`${id} was told of and is gone`);
  for (const row of rows)
    if (storm.told(row.jobId).isRunning && row.status === "QUEUED") wrong.push(`${row.taskId} ${row.jobId} ran before, and waits`);
  return wrong;
}

// The gateway serves while it looks at what was left: what ran is INTERRUPTED soon after.
const looked = (gw, storm) => until(async () =>
  (await listed(gw, "RUNNING")).every((row) => !storm.told(row.jobId).isRunning), "what ran is INTERRUPTED");

async function wrongLater(gw, programs, storm, row, seen) {
  const job = await statusOf(gw, row.jobId);
  const { end, isRunning } = storm.told(row.jobId);
  const mine = storm.jobs.get(row.jobId);
  const wrong = [];
  if (end) wrong.push(unlike(end, job));
  if (mine?.told) assert.deepEqual(job, mine.told, "what had ended stays as it was");
  if (mine?.isCancelled && job.status !== "CANCELLED") wrong.push(`${row.jobId} was cancelled and is ${job.status}`);
  wrong.push(await wrongEnd(gw, job, row.taskId, { mayBeInterrupted: !end }));
  wrong.push(wrongStarts(programs, job, row.taskId, isRunning || end?.event !== "cancelled"));
  if (job.status === "INTERRUPTED") seen.interrupted++;
  if (row.status === "QUEUED" && !kinds[row.taskId].cancel) seen.resumed++;
  if (end) seen.kept++;
  return wrong;
}

check("kill -9 in the middle, again and again: what ran is INTERRUPTED, what waited runs, what ended stays", async (t) => {
  const { gw, programs } = prepare(t);
  const seen = { interrupted: 0, resumed: 0, kept: 0, orphans: 0 };
  await gw.restart();
  for (let round = 0; round < ROUNDS; round++) {
    const storm = await Storm.begin(gw, JOBS, `r${round}`);
    t.after(() => storm.close());
    const delay = between(150, 1500);
    await sleep(delay);
    storm.isOver = true;
    await gw.kill();
    await storm.close();
    seen.orphans += await orphans(programs);
    await gw.restart();
    const rows = (await listed(gw)).filter((row) => row.configId.startsWith(`r${round}-`));
    const wrong = [...storm.disorders(), ...wrongAtStart(storm, rows)];
    if (round % 2 === 0) await looked(gw, storm); // else some are cancelled before
    await calm(gw);
    await nothingRuns(programs);
    for (const row of rows) wrong.push(...await wrongLater(gw, programs, storm, row, seen));
    assert.deepEqual(wrong.filter(Boolean), [], `round ${round}, killed after ${delay} ms`);
  }
  t.diagnostic(JSON.stringify(seen));
  assert.ok(seen.interrupted > 0 && seen.resumed > 0 && seen.kept > 0, JSON.stringify(seen));
});
