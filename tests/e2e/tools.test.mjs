// tools.test.mjs - the tools and evaluations that come with the gateway, with the shipped mcp.ini: the
// contract's CI section, every end of a job, restarts by kill -9 and by SIGTERM, the evaluations' figures.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { repo, slowness } from "./lib/gateway.mjs";
import { startShipped as start } from "./lib/shipped.mjs";

const build = process.env.MOONGATE_BUILD || path.join(repo, "build");
const exactMatch = path.join(build, "evals/exact_match");
const sample = fs.readFileSync(path.join(repo, "config/evals/sample.jsonl"), "utf8");

async function runEval(gw, taskId, configId) {
  const { value, isError, text } = await gw.call("run_eval", { taskId, configId });
  assert.ok(!isError, text);
  assert.match(value.jobId, /^job_[0-9a-z]{8,}$/);
  assert.equal(value.status, "QUEUED");
  assert.match(value.startedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return value.jobId;
}

const ends = new Set(["completed", "failed", "cancelled"]);

// Follows the job to its end; -> the events after `open`.
async function follow(gw, jobId) {
  const stream = await gw.events(`/sse?topic=job/${jobId}`);
  const events = [];
  assert.deepEqual((await stream.next()).json, { ok: true, topic: `job/${jobId}` });
  for (;;) {
    const event = await stream.next();
    events.push(event);
    if (ends.has(event.event)) break;
  }
  stream.close();
  return events;
}

const names = (events) => events.map((e) => e.event).filter((name) => name !== "progress");
const statusOf = async (gw, jobId) => (await gw.call("status", { jobId })).value;

test("the contract's CI finds what it looks for", async (t) => {
  const gw = await start(t);
  const list = await gw.rpc("tools/list");
  assert.deepEqual(list.body.result.tools.map((tool) => tool.name),
    ["search", "fetch", "append_file", "apply_patch", "cancel_job", "createFile", "create_file", "delete_file",
      "find_files", "get_code_analysis", "get_development_utilities", "get_infrastructure_status",
      "get_module_structure", "git_commit", "list_dir", "list_jobs", "promote_model", "rename_file", "run_eval",
      "status", "update_file", "writeFile", "write_file"]);
  const begun = Date.now();
  const jobId = await runEval(gw, "matriz.quick", "default");
  const stream = await gw.events(`/sse?topic=job/${jobId}`);
  assert.equal((await stream.next()).event, "open");
  assert.equal((await stream.next(3000)).event, "queued");
  assert.ok(Date.now() - begun < 3000 * slowness);
  stream.close();
  await follow(gw, jobId);
  const job = await statusOf(gw, jobId);
  assert.equal(job.status, "COMPLETED");
  assert.equal(job.result.taskId, "matriz.quick");
  assert.equal(job.result.configId, "default");
  assert.deepEqual(job.result.artifacts, []);
});

// SQuAD's measure, written a second time.
function score(text) {
  const words = (s) => s.toLowerCase().replace(/[!-/:-@[-`{-~]/g, "").replace(/\b(a|an|the)\b/g, " ")
    .split(/\s+/).filter(Boolean);
  const f1 = (a, b) => {
    if (!a.length || !b.length) return Number(a.length === b.length);
    const left = [...b];
    const common = a.filter((w) => left.includes(w) && left.splice(left.indexOf(w), 1)).length;
    return (2 * common) / (a.length + b.length);
  };
  const rows = text.trim().split("\n").map((line) => JSON.parse(line));
  const best = (row, measure) =>
    Math.max(...[row.references ?? row.reference].flat().map((ref) => measure(words(row.prediction), words(ref))));
  const mean = (measure) => rows.reduce((sum, row) => sum + best(row, measure), 0) / rows.length;
  return { accuracy: mean((a, b) => Number(a.join(" ") === b.join(" "))), f1: mean(f1), count: rows.length };
}

function assertScore(metrics, text) {
  const want = score(text);
  assert.equal(metrics.count, want.count);
  assert.ok(Math.abs(metrics.accuracy - want.accuracy) < 1e-12, `${metrics.accuracy} ${want.accuracy}`);
  assert.ok(Math.abs(metrics.f1 - want.f1) < 1e-12, `${metrics.f1} ${want.f1}`);
}

test("exact_match counts right, on the sample and on a file of the operator's", async (t) => {
  const own = ['{"prediction":"A b a","reference":"a B"}', "", '{"prediction":"x x y","references":["y","x y x x"]}',
    '{"prediction":"Straße, \\u00c9T\\u00c9!","reference":"strasse ÉTÉ"}', '{"prediction":"the","reference":""}'].join("\n");
  const gw = await start(t, { root: { "data/own.jsonl": own } });
  const first = await runEval(gw, "anything", "x");
  await follow(gw, first);
  assertScore((await statusOf(gw, first)).result.metrics, sample);
  const second = await runEval(gw, "exact_match", "data/own.jsonl");
  const events = await follow(gw, second);
  assert.deepEqual(names(events), ["queued", "running", "completed"]);
  assert.ok(events.some((e) => e.event === "progress" && / of 5 lines$/.test(e.json.line)));
  assertScore((await statusOf(gw, second)).result.metrics, own.replace("\n\n", "\n"));
});

test("exact_match reads nothing outside the root, and does not say what it could not read", async (t) => {
  const gw = await start(t, { root: { "bad.jsonl": '{"prediction":"secret-word"', "empty.jsonl": "\n" } });
  fs.symlinkSync("/etc/passwd", path.join(gw.root, "link"));
  fs.symlinkSync("/etc", path.join(gw.root, "folder"));
  for (const [configId, error] of [
    ["../else", /leaves the root/], ["/etc/passwd", /leaves the root/], ["link", /leaves the root/],
    ["folder/passwd", /leaves the root/], ["none", /No such file/], [".", /not a regular file/],
    ["bad.jsonl", /line 1: not a JSON object/], ["empty.jsonl", /nothing to evaluate/],
  ]) {
    const jobId = await runEval(gw, "exact_match", configId);
    assert.deepEqual(names(await follow(gw, jobId)).at(-1), "failed");
    const job = await statusOf(gw, jobId);
    assert.match(job.error, error, configId);
    assert.doesNotMatch(JSON.stringify(job), /secret-word|root:x/);
    assert.equal(job.result, null);
  }
});

// The clone itself as root: its mcp.ini and its tools lie there, a file of keys, the state, what is denied.
test("where the clone is the root, no evaluation reads what belongs to the gateway", async (t) => {
  const gw = await start(t, { env: { LUKHAS_REPO_ROOT: "." }, ini: "[key ci]\nsecret = @keys.jsonl\n[eval peek]\ncommand = cat {configId}\n",
    before: (dir) => {
      const line = '{"prediction":"a","reference":"a"}\n';
      for (const name of ["keys.jsonl", ".env.jsonl", "plain.jsonl", "id_x", ".mcp-state.json.jsonl"])
        fs.writeFileSync(path.join(dir, name), line, { mode: 0o600 });
      fs.linkSync(path.join(dir, "keys.jsonl"), path.join(dir, "hard.jsonl"));
      fs.symlinkSync("keys.jsonl", path.join(dir, "soft.jsonl"));
      fs.mkdirSync(path.join(dir, "sub"));
      fs.symlinkSync("../tools.d", path.join(dir, "sub/way"));
      // A tool that is kept elsewhere is a tool there, too.
      fs.renameSync(path.join(dir, "tools.d/status.lua"), path.join(dir, "sub/status.lua"));
      fs.symlinkSync("../sub/status.lua", path.join(dir, "tools.d/status.lua"));
    } });
  const key = '{"prediction":"a","reference":"a"}';
  const of = { headers: { Authorization: `Bearer ${key}` } };
  const evaluate = async (taskId, configId) => {
    const { value } = await gw.call("run_eval", { taskId, configId }, of);
    const stream = await gw.events(`/sse?topic=job/${value.jobId}`, of);
    for (;;) if (ends.has((await stream.next()).event)) break;
    stream.close();
    return (await gw.call("status", { jobId: value.jobId }, of)).value;
  };
  const files = fs.readdirSync(gw.dir).filter((name) => name.startsWith(".mcp-state.json"));
  assert.ok(files.some((name) => name.includes("journal")));
  const own = [...files, "mcp.ini", "./mcp.ini", "sub/../mcp.ini", path.join(gw.dir, "mcp.ini"), "keys.jsonl", "hard.jsonl", "soft.jsonl",
    "tools.d", "tools.d/run_eval.lua", "sub/way/lib/args.lua", "sub/status.lua", ".env.jsonl", "id_x", ".mcp-state.json.jsonl"];
  const before = ["mcp.ini", "keys.jsonl", "tools.d/run_eval.lua"].map((name) => fs.readFileSync(path.join(gw.dir, name), "utf8"));
  for (const configId of own) {
    for (const taskId of ["exact_match", "peek", "anything"]) {
      const job = await evaluate(taskId, configId);
      assert.equal(job.error, `${configId} is not for tools`, taskId);
      assert.equal(job.result, null);
    }
  }
  assert.equal((await evaluate("tools.d/status.lua", "x")).error, "tools.d/status.lua is not for tools");
  const plain = await evaluate("exact_match", "plain.jsonl");
  assert.equal(plain.result.metrics.count, 1);
  assert.deepEqual(["mcp.ini", "keys.jsonl", "tools.d/run_eval.lua"].map((name) => fs.readFileSync(path.join(gw.dir, name), "utf8")), before);
});

test("exact_match says how to use it", () => {
  for (const args of [[], ["--sample", "--root", "/", "--file", "x"], ["--root", "/"], ["--nope", "x"], ["--file"]]) {
    const run = spawnSync(exactMatch, args, { encoding: "utf8" });
    assert.equal(run.status, 2, args.join(" "));
    assert.match(run.stderr, /^exact_match: /);
    assert.equal(run.stdout, "");
  }
  const long = `{"prediction":"${"x".repeat(1 << 20)}","reference":"x"}\n`;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-eval-"));
  fs.writeFileSync(path.join(dir, "long"), long);
  const run = spawnSync(exactMatch, ["--root", dir, "--file", "long"], { encoding: "utf8" });
  fs.rmSync(dir, { recursive: true });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /line 1: longer than 1 MB/);
});

test("the demonstration takes its time, tells how far it is, and fails on demand", async (t) => {
  const gw = await start(t);
  const good = await runEval(gw, "demo", "any");
  const bad = await runEval(gw, "demo", "fail");
  const failed = await follow(gw, bad);
  assert.deepEqual(names(failed), ["queued", "running", "failed"]);
  assert.equal(failed.at(-1).json.error, "exit code 3: asked to fail, and failing at step 2");
  const events = await follow(gw, good);
  assert.deepEqual(names(events), ["queued", "running", "completed"]);
  assert.ok(events.filter((e) => /^step \d of 6$/.test(e.json.line ?? "")).length === 6);
  assert.ok(Date.parse(events.at(-1).json.ts) - Date.parse(events[0].json.ts) > 2500);
  assert.deepEqual(events.at(-1).json.result.metrics, { steps: 6, seconds: 3 });
  const page = (await gw.call("list_jobs", { status: "FAILED", limit: "7" })).value;
  assert.deepEqual(page.jobs.map((job) => job.jobId), [bad]);
});

test("a kept result that [server] max_result does not let through is left out of status, which says so", async (t) => {
  const printed = JSON.stringify({ metrics: { text: '"\\\\'.repeat(400) } });
  const gw = await start(t, { ini: "[eval quoted]\ncommand = cat {root}/printed\n", root: { printed: `${printed}\n` } });
  const jobId = await runEval(gw, "quoted", "x");
  await follow(gw, jobId);
  const whole = await gw.call("status", { jobId });
  assert.equal(whole.value.result.metrics.text.length, 1200);
  const size = JSON.stringify([{ type: "text", text: whole.text }]).length;
  const again = async (max) => {
    await gw.stop({ keep: true });
    await gw.restart({ env: { ...gw.options.env, MOONGATE_SERVER_MAX_RESULT: String(max) } });
    return gw.call("status", { jobId });
  };
  assert.equal((await again(size)).text, whole.text);
  const { result, note, ...rest } = (await again(size - 1)).value;
  assert.equal(result, null);
  assert.equal(note, `the result is left out: the answer would have ${size} bytes, more than the ${size - 1} of [server] max_result`);
  assert.deepEqual({ ...rest, result: whole.value.result }, whole.value);
  assert.equal((await again(size)).text, whole.text, "it is kept");
});

test("jobs are cancelled from every connection, and told of once", async (t) => {
  const gw = await start(t, { ini: "[eval hour]\ncommand = sleep 3600\n" });
  for (let i = 0; i < 6; i++) {
    const ids = await Promise.all([1, 2, 3].map(() => runEval(gw, "hour", "x")));
    const streams = ids.map((id) => follow(gw, id));
    const answers = await Promise.all(ids.map((jobId) => gw.call("cancel_job", { jobId }, { headers: { Connection: "close" } })));
    for (const answer of answers) assert.equal(answer.value.status, "CANCELLED");
    for (const events of await Promise.all(streams)) {
      assert.equal(events[0].event, "queued");
      assert.equal(events.filter((e) => ends.has(e.event)).length, 1);
    }
    for (const id of ids) assert.equal((await statusOf(gw, id)).status, "CANCELLED");
  }
  const again = await gw.call("cancel_job", { jobId: (await gw.call("list_jobs")).value.jobs[0].jobId });
  assert.ok(again.isError);
  assert.match(again.text, /has already ended: CANCELLED$/);
});

test("that a job was cancelled is the last that is told of it, however much it says", async (t) => {
  const gw = await start(t, {
    ini: "[eval talk]\ncommand = bin/talk\n", env: { MOONGATE_EVALS_PARALLEL: "8", MOONGATE_SERVER_WORKERS: "4" },
    before: (dir) => {
      fs.mkdirSync(path.join(dir, "bin"));
      fs.writeFileSync(path.join(dir, "bin/talk"), "#!/bin/sh\nwhile :; do echo a line; done\n", { mode: 0o755 });
    },
  });
  const jobs = await gw.events("/sse?topic=jobs");
  const told = new Map();
  const take = async () => {
    const { event, json } = await jobs.next();
    if (json.jobId) told.set(json.jobId, [...(told.get(json.jobId) ?? []), event]);
    return json.jobId && { event, jobId: json.jobId };
  };
  for (let i = 0; i < 4; i++) {
    const ids = await Promise.all(Array.from({ length: 8 }, () => runEval(gw, "talk", "x")));
    const cancelled = ids.map((jobId) => gw.call("cancel_job", { jobId }));
    for (const answer of await Promise.all(cancelled)) assert.equal(answer.value.status, "CANCELLED");
    while (!ids.every((id) => told.get(id)?.includes("cancelled"))) await take();
  }
  const last = await runEval(gw, "matriz", "x");
  while (!told.get(last)?.includes("completed")) await take();
  jobs.close();
  for (const [id, events] of told)
    if (id !== last) assert.deepEqual(events.filter((event, n) => event === "cancelled" || n === events.length - 1), ["cancelled"], `${events}`);
});

async function reachRunning(gw, jobId) {
  const stream = await gw.events(`/sse?topic=job/${jobId}`);
  await stream.until("running");
  stream.close();
}

for (const [how, error] of [["kill", "the gateway ended while it ran"], ["stop", "the gateway stopped it, or replaced its tools"]]) {
  test(`after ${how} what ran is INTERRUPTED, what waited runs, and the past is told`, async (t) => {
    const gw = await start(t, { ini: "[eval hour]\ncommand = sleep 3600\n" });
    const running = [await runEval(gw, "hour", "x"), await runEval(gw, "hour", "x")];
    for (const id of running) await reachRunning(gw, id);
    const waiting = await runEval(gw, "matriz", "later");
    const promoted = (await gw.call("promote_model", { modelId: "m", gate: "dev" })).value;
    await (how === "kill" ? gw.kill() : gw.stop({ keep: true }));
    await gw.restart();
    gw.killed = false;
    const events = await follow(gw, waiting);
    assert.deepEqual(names(events), ["queued", "running", "completed"]);
    assert.equal(events[0].json.configId, "later");
    for (const id of running) {
      const job = await statusOf(gw, id);
      assert.equal(job.status, "INTERRUPTED");
      assert.equal(job.error, error);
      const past = await follow(gw, id);
      assert.deepEqual(names(past), ["queued", "running", "failed"]);
      assert.equal(past.at(-1).json.error, error);
      assert.equal(past[0].json.ts, job.startedAt);
    }
    const again = (await gw.call("promote_model", { modelId: "m", gate: "dev" })).value;
    assert.deepEqual(again, { ...promoted, changed: false });
  });
}

test("a result that is kept can be read, also where many are large", async (t) => {
  // A result of as many bytes as configId says and 72 more, half of which are quoted once more in an answer.
  const script = "#!/bin/sh\nprintf '{\"x\":\"'; yes '\\\"' | tr -d '\\n' | head -c \"$1\"; echo '\"}'\n";
  const gw = await start(t, {
    ini: "[eval size]\ncommand = sh {root}/size.sh {configId}\n", root: { "size.sh": script },
  });
  const end = async (bytes) => {
    const jobId = await runEval(gw, "size", String(bytes));
    const event = (await follow(gw, jobId)).at(-1);
    const job = await statusOf(gw, jobId);
    assert.equal(event.event, job.status.toLowerCase());
    return { event: event.json, job };
  };
  for (let i = 0; i < 20; i++) assert.equal(JSON.stringify((await end(999928)).job.result).length, 1000000);
  assert.equal((await end(999930)).job.error, "its result has 1000002 bytes, at most 1000000 are kept");
  // An event that no stream could carry leaves the result to status.
  const small = await end(99928);
  assert.deepEqual(small.event.result, small.job.result);
  const large = await end(99930);
  assert.equal(large.event.result, null);
  assert.equal(large.event.note, "the result is large: ask status for it");
  assert.equal(large.job.result.x.length, 99930 / 2);
  assert.equal((await gw.call("list_jobs")).value.jobs.length, 23);
  await gw.stop({ keep: true });
  await gw.restart();
  assert.equal((await gw.call("list_jobs", { status: "COMPLETED" })).value.jobs.length, 22);
  assert.ok(!gw.log.some((line) => /^start function/.test(line.msg)));
});

test("one row that no job can be made of does not keep the next from its turn", async (t) => {
  const jobs = [{ jobId: "q2", status: "QUEUED" },
    { jobId: "q3", status: "QUEUED", taskId: "nonl", configId: "c" }];
  const gw = await start(t, { root: { ".mcp-state.json": JSON.stringify({ jobs }) } });
  assert.deepEqual(names(await follow(gw, "q3")), ["queued", "running", "completed"]);
  const bad = await statusOf(gw, "q2");
  assert.equal(bad.status, "FAILED");
  assert.equal(bad.error, "taskId is no text of 1 to 1000 bytes");
});

test("a state file of the ops kit loads as it is", async (t) => {
  const job = { jobId: "job_kit00001", taskId: "t", configId: "c", status: "COMPLETED",
    startedAt: "2026-11-20T07:30:41.647Z", updatedAt: new Date().toISOString(),
    result: { taskId: "t", configId: "c", metrics: { accuracy: 0.91 }, artifacts: [] } };
  const model = { modelId: "m", gates: ["g"], promoted: true, promotedAt: "2026-11-20T07:30:41.647Z" };
  const gw = await start(t, { root: { ".mcp-state.json": JSON.stringify({ jobs: [job], models: [model] }) } });
  assert.deepEqual(await statusOf(gw, job.jobId), job);
  const events = await follow(gw, job.jobId);
  assert.deepEqual(names(events), ["queued", "completed"]);
  assert.deepEqual(events[1].json, { jobId: job.jobId, ts: job.updatedAt, result: job.result });
  assert.deepEqual((await gw.call("promote_model", { modelId: "m", gate: "g" })).value,
    { modelId: "m", gate: "g", dryRun: false, changed: false, currentGates: ["g"], promoted: true,
      promotedAt: model.promotedAt });
});

test("careless arguments are read as they are meant", async (t) => {
  const gw = await start(t);
  const dry = (await gw.call("run_eval", { taskId: 7, configId: "c", dryRun: "true", extra: [1] })).value;
  assert.equal(dry.status, "DRY_RUN");
  assert.equal(dry.taskId, "7");
  assert.equal((await statusOf(gw, dry.jobId)).status, "DRY_RUN");
  assert.equal((await gw.call("list_jobs", { limit: "1", status: "DRY_RUN" })).value.jobs.length, 1);
  assert.equal((await gw.call("list_jobs", { limit: -5 })).value.jobs.length, 1);
  for (const [name, args, text] of [
    ["run_eval", { taskId: "x" }, "taskId and configId are required"],
    ["run_eval", { taskId: "x".repeat(1001), configId: "c" }, "taskId and configId have at most 1000 bytes"],
    ["run_eval", { taskId: "exact_match", configId: "--sample" }, 'taskId and configId must not begin with "-"'],
    ["status", {}, "jobId is required"],
    ["status", { jobId: "x" }, "Unknown jobId: x"],
    ["list_jobs", { after: "nope" }, "Unknown jobId: nope"],
    ["list_jobs", { status: "done" }, "invalid arguments: at /status: expected one of "
      + '["QUEUED","RUNNING","COMPLETED","FAILED","CANCELLED","INTERRUPTED","DRY_RUN"], got "done"'],
    ["cancel_job", { jobId: "nope" }, "Unknown jobId: nope"],
    ["promote_model", { modelId: "m" }, "modelId and gate are required"],
  ]) {
    const answer = await gw.call(name, args);
    assert.ok(answer.isError, name);
    assert.equal(answer.text, text);
  }
});

test("gates in order, and no more evaluations than may wait", async (t) => {
  const env = { MOONGATE_GATES_ORDER: "dev, prod", MOONGATE_GATES_STRICT: "yes",
    MOONGATE_EVALS_PARALLEL: "1", MOONGATE_EVALS_MAX_QUEUED: "1" };
  const gw = await start(t, { ini: "[eval hour]\ncommand = sleep 3600\n", env });
  const early = await gw.call("promote_model", { modelId: "m", gate: "prod" });
  assert.equal(early.text, "Gate prod needs gate dev first");
  assert.ok(!(await gw.call("promote_model", { modelId: "m", gate: "dev" })).isError);
  assert.deepEqual((await gw.call("promote_model", { modelId: "m", gate: "prod" })).value.currentGates, ["dev", "prod"]);
  assert.equal((await gw.call("promote_model", { modelId: "m", gate: "x" })).text, "Unknown gate: x (known: dev, prod)");
  const ids = [await runEval(gw, "hour", "x"), await runEval(gw, "hour", "x")];
  const refused = await gw.call("run_eval", { taskId: "hour", configId: "x" });
  assert.match(refused.text, /^Too many evaluations are waiting/);
  assert.deepEqual((await gw.call("list_jobs")).value.jobs.map((job) => job.jobId), ids.reverse());
});

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    // One that ended and was not yet waited for is gone, too.
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

async function until(check, what) {
  for (const stop = Date.now() + 15_000 * slowness; Date.now() < stop;) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never: ${what}`);
}

test("cancelling and the end of its time kill an evaluation with all that it started", async (t) => {
  const gw = await start(t, {
    ini: "[eval tree]\ncommand = bin/tree {root}/{configId}\n" +
      "[eval short]\ntimeout = 3s\ncommand = bin/tree {root}/{configId}\n",
    before: (dir) => {
      fs.mkdirSync(path.join(dir, "bin"));
      fs.writeFileSync(path.join(dir, "bin/tree"),
        `#!/bin/sh\nsleep 600 &\necho $! >"$1.child"\necho $$ >"$1.self"\nwait\n`, { mode: 0o755 });
    },
  });
  const pids = (name) => ["self", "child"].map((which) => {
    try {
      return Number(fs.readFileSync(path.join(gw.root, `${name}.${which}`), "utf8"));
    } catch {
      return 0;
    }
  });
  const cancelled = await runEval(gw, "tree", "a");
  await until(() => pids("a").every((pid) => pid > 0), "the tree runs");
  assert.ok(pids("a").every(isAlive));
  await gw.call("cancel_job", { jobId: cancelled });
  await until(() => !pids("a").some(isAlive), "the cancelled tree is gone");
  const late = await runEval(gw, "short", "b");
  assert.equal((await follow(gw, late)).at(-1).event, "failed");
  assert.match((await statusOf(gw, late)).error, /did not end within 3 s/);
  await until(() => pids("b").every((pid) => pid > 0) && !pids("b").some(isAlive), "the late tree is gone");
  const stopped = await runEval(gw, "tree", "c");
  await until(() => pids("c").every((pid) => pid > 0), "the third tree runs");
  await gw.stop({ keep: true });
  await until(() => !pids("c").some(isAlive), "the stopped tree is gone");
  await gw.restart();
  assert.equal((await statusOf(gw, stopped)).status, "INTERRUPTED");
});

test("[evals] max_output drops the middle, and the result at the end is still read", async (t) => {
  const print = `for i in $(seq 3000); do echo a line of no interest; done; echo '{"metrics":{"n":1},"artifacts":["out/a.json"]}'`;
  const gw = await start(t, {
    env: { MOONGATE_EVALS_MAX_OUTPUT: "1K" },
    ini: "[eval loud]\ncommand = bin/loud\n",
    before: (dir) => {
      fs.mkdirSync(path.join(dir, "bin"));
      fs.writeFileSync(path.join(dir, "bin/loud"), `#!/bin/sh\n${print}\n`, { mode: 0o755 });
    },
  });
  const jobId = await runEval(gw, "loud", "c");
  assert.equal((await follow(gw, jobId)).at(-1).event, "completed");
  assert.deepEqual((await statusOf(gw, jobId)).result,
    { taskId: "loud", configId: "c", metrics: { n: 1 }, artifacts: ["out/a.json"] });
});

test("a model's row remembers who promoted it, from where and when", async (t) => {
  const gw = await start(t, { ini: "[key ann]\nsecret = ann-key\n[key bob]\nsecret = bob-key\n" });
  const promote = async (key, gate) => {
    const { body } = await gw.rpc("tools/call", { name: "promote_model", arguments: { modelId: "m", gate } }, { key });
    return JSON.parse(body.result.content[0].text);
  };
  const first = await promote("ann-key", "dev");
  assert.deepEqual(Object.keys(first).sort(),
    ["changed", "currentGates", "dryRun", "gate", "modelId", "promoted", "promotedAt"]);
  assert.equal((await promote("bob-key", "dev")).changed, false);
  const second = await promote("bob-key", "prod");
  await gw.stop({ keep: true });
  const [model] = JSON.parse(fs.readFileSync(gw.statePath, "utf8")).models;
  assert.deepEqual(model.gates, ["dev", "prod"]);
  assert.deepEqual(model.history.map(({ gate, at, by, from }) => ({ gate, at, by, from })), [
    { gate: "dev", at: first.promotedAt, by: "ann", from: "127.0.0.1" },
    { gate: "prod", at: second.promotedAt, by: "bob", from: "127.0.0.1" },
  ]);
});
