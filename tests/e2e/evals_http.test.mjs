// evals_http.test.mjs - evaluations that an orchestrator runs, a real small server: slow, failing, dropping, garbage,
// redirecting, gone; cancelled jobs, and jobs that go on over a kill -9.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./lib/gateway.mjs";
import { json, startOrchestrator } from "./lib/orchestrator.mjs";

const shipped = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");
const wait = (check) => new Promise((resolve, reject) => {
  const give_up = Date.now() + 20_000 * slowness;
  const look = async () => {
    const found = await check();
    if (found) return resolve(found);
    if (Date.now() > give_up) return reject(new Error(`never: ${check}`));
    setTimeout(look, 20);
  };
  look();
});

async function start(t, o, { more = "", grant = "allow_private = yes", env = {}, every } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-evals-"));
  fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
  if (every) {
    const file = path.join(dir, "tools.d/run_eval.lua");
    const text = fs.readFileSync(file, "utf8");
    assert.ok(text.includes('every       = { "1m", adopt }'));
    fs.writeFileSync(file, text.replace('{ "1m", adopt }', `{ "${every}", adopt }`));
  }
  const gw = await Gateway.start({
    dir,
    ini: `${shipped}\n[tool run_*]\n${grant}\n[eval remote]\nurl = ${o.url}\npoll = 50ms\n${more}`,
    env: { MOONGATE_RATE_LIMIT_BUCKET: "0", ...env },
  });
  t.after(async () => {
    await gw.stop({ keep: true });
    fs.rmSync(dir, { recursive: true, force: true });
  });
  return gw;
}

async function runEval(gw, configId = "c1", taskId = "remote") {
  const { value, isError, text } = await gw.call("run_eval", { taskId, configId });
  assert.ok(!isError, text);
  assert.equal(value.status, "QUEUED");
  return value.jobId;
}

const statusOf = async (gw, jobId) => (await gw.call("status", { jobId })).value;
const alive = new Set(["QUEUED", "RUNNING"]);
const end = (gw, jobId) => wait(async () => {
  const job = await statusOf(gw, jobId);
  return !alive.has(job.status) && job;
});
const remoteId = (gw, jobId) => wait(async () => (await statusOf(gw, jobId)).remoteId);
const row = (gw, jobId) => JSON.parse(fs.readFileSync(gw.statePath)).jobs.find((job) => job.jobId === jobId);

test("a job is handed over, followed with its progress, and has the orchestrator's result", async (t) => {
  const o = await startOrchestrator(t, {
    POST: (req, res) => json(res, 202, { jobId: "theirs 1/ü" }),
    GET: (req, res, body, n) => {
      if (n === 0) return json(res, 200, { status: "QUEUED" });
      if (n < 4) return json(res, 200, { status: "RUNNING", progress: { done: n, total: 3, line: `step ${n}` } });
      return json(res, 200, { status: "COMPLETED", result: { metrics: { f1: 0.5 }, artifacts: ["s3://a/b"], extra: 1 } });
    },
  });
  const gw = await start(t, o, { more: "headers = @headers.txt, X-Env: ${TOKEN}\n", env: { TOKEN: "of the environment" } })
    .catch((e) => e);
  assert.match(String(gw), /headers.txt/); // a file that is not there is said at once
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-headers-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  fs.writeFileSync(path.join(dir, "h"), "# secret\nAuthorization: Bearer a,b c\n", { mode: 0o600 });
  const good = await start(t, o, { more: `headers = @${dir}/h, X-Env: \${TOKEN}\n`, env: { TOKEN: "of the environment" } });
  const jobId = await runEval(good);
  const stream = await good.events(`/sse?topic=job/${jobId}`);
  const events = [];
  do events.push(await stream.next());
  while (events.at(-1).event !== "completed");
  stream.close();
  assert.deepEqual(events.map((e) => e.event), ["open", "queued", "running", "progress", "progress", "progress", "completed"]);
  assert.deepEqual(events.slice(3, 6).map(({ json: { done, total, line } }) => [done, total, line]),
    [1, 2, 3].map((n) => [n, 3, `step ${n}`]));
  const job = await statusOf(good, jobId);
  assert.equal(job.status, "COMPLETED");
  assert.equal(job.remoteId, "theirs 1/ü");
  assert.deepEqual(job.result, {
    taskId: "remote", configId: "c1", metrics: { f1: 0.5 }, artifacts: ["s3://a/b"], extra: 1,
  });
  const [post] = o.of("POST");
  assert.equal(post.url, "/jobs");
  assert.deepEqual(JSON.parse(post.body), { taskId: "remote", configId: "c1", jobId, dryRun: false });
  for (const request of o.requests) {
    assert.equal(request.headers.authorization, "Bearer a,b c");
    assert.equal(request.headers["x-env"], "of the environment");
  }
  assert.ok(o.of("GET").every((r) => r.url === "/jobs/theirs%201%2F%C3%BC"));
  assert.equal(o.of("DELETE").length, 0); // it ended by itself
  assert.ok(!good.stderr.includes("Bearer"));
});

test("without an id of theirs, ours is asked for; a dry run asks nothing", async (t) => {
  const o = await startOrchestrator(t, {
    POST: (req, res) => { res.writeHead(204); res.end(); },
    GET: (req, res) => json(res, 200, { status: "COMPLETED" }),
  });
  const gw = await start(t, o);
  const dry = await gw.call("run_eval", { taskId: "remote", configId: "c", dryRun: true });
  assert.equal(dry.value.status, "DRY_RUN");
  const jobId = await runEval(gw);
  const job = await end(gw, jobId);
  assert.equal(job.status, "COMPLETED");
  assert.deepEqual(job.result, { taskId: "remote", configId: "c1", metrics: {}, artifacts: [] });
  assert.equal(o.of("POST").length, 1);
  assert.equal(o.of("GET")[0].url, `/jobs/${jobId}`);
});

test("what fails for a while is tried again, with pauses that grow", async (t) => {
  const times = [];
  const o = await startOrchestrator(t, {
    POST: (req, res, body, n) => {
      times.push(Date.now());
      res.setHeader("Connection", "close"); // one that was kept and is dropped, libcurl asks again itself
      if (n === 0) return json(res, 500, {});
      if (n === 1) return req.socket.destroy();
      if (n === 2) return json(res, 429, {});
      return json(res, 201, { jobId: 42 });
    },
    GET: (req, res, body, n) => {
      if (n === 0) return json(res, 503, {});
      if (n === 1) return req.socket.destroy();
      if (n === 2) return setTimeout(() => json(res, 200, { status: "RUNNING", progress: 0.5 }), 300);
      return json(res, 200, { status: "COMPLETED", result: {} });
    },
  });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  assert.equal((await end(gw, jobId)).status, "COMPLETED");
  assert.equal(o.of("POST").length, 4);
  assert.ok(o.of("POST").every((r) => JSON.parse(r.body).jobId === jobId)); // it can know the second for the first
  assert.ok(o.of("GET").every((r) => r.url === "/jobs/42"));
  const pauses = times.slice(1).map((time, i) => time - times[i]);
  for (const [i, least] of [50, 100, 200].entries()) assert.ok(pauses[i] >= least - 2, `${pauses}`);
});

test("what fails for good ends the job, and the orchestrator is told", async (t) => {
  const o = await startOrchestrator(t, {
    POST: (req, res) => json(res, 200, { jobId: "x1" }),
    GET: (req, res) => json(res, 500, { error: "down" }),
  });
  const gw = await start(t, o);
  const job = await end(gw, await runEval(gw));
  assert.equal(job.status, "FAILED");
  assert.equal(job.error, "the orchestrator: it answered 500, 6 times in a row");
  assert.equal(job.result, null);
  await wait(() => o.of("DELETE").length === 1);
  assert.equal(o.of("DELETE")[0].url, "/jobs/x1");
  o.on.POST = (req) => req.socket.destroy();
  const lost = await end(gw, await runEval(gw));
  assert.match(lost.error, /^the orchestrator: .*, 6 times in a row$/);
  await wait(() => o.of("DELETE").length === 2); // it may have heard one of the six
  assert.equal(o.of("DELETE")[1].url, `/jobs/${lost.jobId}`);
});

const moved = (req, res) => { res.writeHead(302, { Location: "/elsewhere" }); res.end(); };
const text = (body, status = 200) => (req, res) => { res.writeHead(status); res.end(body); };
const says = (value, status = 200) => (req, res) => json(res, status, value);
const flood = (req, res) => {
  res.writeHead(200);
  const more = () => { while (!res.destroyed && res.write(Buffer.alloc(65536, 120))); };
  res.on("drain", more);
  more();
};

test("garbage in every place has a defined end", async (t) => {
  const o = await startOrchestrator(t, {});
  const gw = await start(t, o);
  const accepted = says({ jobId: "g" });
  const long = "the orchestrator: its jobId is no text of 1 to 256 bytes";
  const rows = [
    // answer to POST, answer to GET, error, is there a DELETE?
    [says({ error: "no such suite" }, 422), null, "it answered 422: no such suite", false],
    [text("nope", 404), null, "it answered 404", false],
    [moved, null, "it answered 302, and redirects are not followed", false],
    [text("<html>"), null, "its answer to POST is not a JSON object", true],
    [text("[1]"), null, "its answer to POST is not a JSON object", true],
    [says({ jobId: "" }), null, long.slice(18), true],
    [says({ jobId: ".." }), null, long.slice(18), true],
    [says({ jobId: "a\nb" }), null, long.slice(18), true],
    [says({ jobId: "x".repeat(257) }), null, long.slice(18), true],
    [says({ jobId: { a: 1 } }), null, long.slice(18), true],
    [flood, null, /more than|over|TOO|bytes/i, true],
    [accepted, text("{"), "its answer to GET is not a JSON object", true],
    [accepted, text(""), "its answer to GET is not a JSON object", true],
    [accepted, says(["RUNNING"]), "its answer to GET is not a JSON object", true],
    [accepted, says({}), "it says no status", true],
    [accepted, says({ status: 5 }), "it says no status", true],
    [accepted, says({ status: "done" }), "it says an unknown status, done", true],
    [accepted, says({ status: "DRY_RUN" }), "it says an unknown status, DRY_RUN", true],
    [accepted, flood, /more than|over|TOO|bytes/i, true],
    [accepted, moved, "it answered 302, and redirects are not followed", true],
    [accepted, says({ error: "who are you" }, 403), "it answered 403: who are you", true],
    [accepted, text("", 404), "it does not know the job any more", false],
    [accepted, text("", 410), "it does not know the job any more", false],
    [accepted, says({ status: "FAILED", error: "out of GPUs" }), "out of GPUs", false],
    [accepted, says({ status: "FAILED", error: { code: 1 } }), "it gave no reason", false],
    [accepted, says({ status: "FAILED", error: "y".repeat(5000) }), `${"y".repeat(500)} ...`, false],
    [accepted, says({ status: "COMPLETED", result: [1] }), "its result is not a JSON object", false],
    [accepted, says({ status: "COMPLETED", result: "fine" }), "its result is not a JSON object", false],
  ];
  for (const [post, get, error, is_told] of rows) {
    o.on = { POST: post, GET: get };
    const before = o.of("DELETE").length;
    const job = await end(gw, await runEval(gw));
    assert.equal(job.status, "FAILED");
    const reason = job.error.replace("the orchestrator: ", "");
    if (error instanceof RegExp) assert.match(reason, error);
    else assert.equal(reason, error);
    if (is_told) await wait(() => o.of("DELETE").length === before + 1);
    else assert.equal(o.of("DELETE").length, before, reason);
  }
  const large = await (o.on = { POST: accepted, GET: says({ status: "COMPLETED", result: { x: "z".repeat(1_000_001) } }) },
    end(gw, await runEval(gw)));
  assert.match(large.error, /^its result has \d+ bytes, at most 1000000 are kept$/);
  for (const status of ["CANCELLED", "INTERRUPTED"]) {
    o.on = { POST: accepted, GET: says({ status }) };
    assert.equal((await end(gw, await runEval(gw))).status, status);
  }
  assert.ok(o.requests.every((r) => r.url !== "/elsewhere"));
});

test("time that is over ends the job, also while the orchestrator says nothing at all", async (t) => {
  const o = await startOrchestrator(t, { POST: says({ jobId: "t" }), GET: says({ status: "RUNNING" }) });
  const gw = await start(t, o, { more: "timeout = 400ms\n" });
  assert.equal((await end(gw, await runEval(gw))).error, "the orchestrator: not done within 0.4 s");
  o.on.GET = () => {};
  assert.match((await end(gw, await runEval(gw))).error, /not done within 0\.4 s/);
  o.on.POST = () => {};
  assert.match((await end(gw, await runEval(gw))).error, /not done within 0\.4 s/);
  await wait(() => o.of("DELETE").length === 3);
});

test("a cancelled job is taken back, even by an orchestrator that fails at first", async (t) => {
  const o = await startOrchestrator(t, {
    POST: says({ jobId: "c" }), GET: says({ status: "RUNNING" }),
    DELETE: (req, res, body, n) => json(res, n < 2 ? 500 : 200, {}),
  });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await remoteId(gw, jobId);
  const { value } = await gw.call("cancel_job", { jobId });
  assert.equal(value.status, "CANCELLED");
  await wait(() => o.of("DELETE").length === 3);
  assert.ok(o.of("DELETE").every((r) => r.url === "/jobs/c"));
  assert.equal((await statusOf(gw, jobId)).status, "CANCELLED");
  const asked = o.of("GET").length;
  const other = await end(gw, await (o.on.GET = says({ status: "COMPLETED" }), runEval(gw)));
  assert.equal(other.status, "COMPLETED");
  assert.equal(o.of("GET").length, asked + 1);          // nobody follows the first any more
});

test("a job that is cancelled before the orchestrator answered is taken back by our id", async (t) => {
  const o = await startOrchestrator(t, { POST: () => {} });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await wait(() => o.of("POST").length === 1);
  assert.ok(!(await gw.call("cancel_job", { jobId })).isError);
  await wait(() => o.of("DELETE").length === 1);
  assert.equal(o.of("DELETE")[0].url, `/jobs/${jobId}`);
  assert.equal((await statusOf(gw, jobId)).status, "CANCELLED");
  assert.equal(o.of("GET").length, 0);
});

test("kill -9 and a stop leave a job to the orchestrator, which is asked again afterwards", async (t) => {
  let answer = { status: "RUNNING" };
  const o = await startOrchestrator(t, {
    POST: (req, res, body, n) => json(res, 200, { jobId: `r${n}` }), GET: (req, res) => json(res, 200, answer),
  });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await remoteId(gw, jobId);
  for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"]) {
    if (signal === "SIGKILL") await gw.kill();
    else await gw.stop({ keep: true });
    const before = o.of("GET").length;
    await gw.restart();
    await wait(() => o.of("GET").length > before + 1);
    assert.equal((await statusOf(gw, jobId)).status, "RUNNING");
  }
  answer = { status: "COMPLETED", result: { metrics: { n: 1 } } };
  const job = await end(gw, jobId);
  assert.equal(job.status, "COMPLETED");
  assert.deepEqual(job.result.metrics, { n: 1 });
  assert.equal(o.of("POST").length, 1);
  assert.equal(o.of("DELETE").length, 0);
  const late = await gw.events(`/sse?topic=job/${jobId}`);
  const names = [];
  while (names.at(-1) !== "completed") names.push((await late.next()).event);
  late.close();
  assert.deepEqual(names, ["open", "queued", "running", "completed"]);
});

test("killed before the orchestrator answered: INTERRUPTED, and taken back by our id", async (t) => {
  const o = await startOrchestrator(t, { POST: () => {} });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await wait(() => o.of("POST").length === 1);
  await gw.kill();
  await gw.restart();
  const job = await end(gw, jobId);
  assert.equal(job.status, "INTERRUPTED");
  await wait(() => o.of("DELETE").length === 1);
  assert.equal(o.of("DELETE")[0].url, `/jobs/${jobId}`);
});

test("killed before a cancelled job was taken back: the next start does it", async (t) => {
  const o = await startOrchestrator(t, {
    POST: says({ jobId: "late" }), GET: says({ status: "RUNNING" }), DELETE: () => {},
  });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await remoteId(gw, jobId);
  await gw.call("cancel_job", { jobId });
  await wait(() => o.of("DELETE").length === 1);
  await gw.kill();
  o.on.DELETE = says({});
  await gw.restart();
  await wait(() => o.of("DELETE").length === 2);
  await wait(() => row(gw, jobId)?.isRemote === false);
  assert.equal((await statusOf(gw, jobId)).status, "CANCELLED");
});

test("jobs that found no room after a start are followed when there is, and taken back when they were cancelled", async (t) => {
  const answers = {};
  const o = await startOrchestrator(t, {
    POST: (req, res, body, n) => json(res, 200, { jobId: `r${n}` }),
    GET: (req, res) => json(res, 200, answers[req.url] ?? { status: "RUNNING" }),
  });
  const gw = await start(t, o, { every: "1s", env: { MOONGATE_EVALS_PARALLEL: "3" } });
  const jobs = {};
  for (let i = 0; i < 3; i++) {
    const jobId = await runEval(gw);
    jobs[await remoteId(gw, jobId)] = jobId;
  }
  await gw.kill();
  o.requests.length = 0;
  const env = { MOONGATE_RATE_LIMIT_BUCKET: "0", MOONGATE_EVALS_PARALLEL: "1", MOONGATE_EVALS_MAX_QUEUED: "0" };
  await gw.restart({ env });
  await wait(() => o.of("GET").some((r) => r.url === "/jobs/r0"));
  await gw.call("cancel_job", { jobId: jobs.r1 });            // no job of the gateway is behind it
  await wait(() => o.of("DELETE").length === 1);
  assert.equal(o.of("DELETE")[0].url, "/jobs/r1");
  assert.ok(o.of("GET").every((r) => r.url === "/jobs/r0"));
  assert.equal((await statusOf(gw, jobs.r2)).status, "RUNNING");
  answers["/jobs/r0"] = answers["/jobs/r2"] = { status: "COMPLETED", result: {} };
  for (const id of ["r0", "r2"]) assert.equal((await end(gw, jobs[id])).status, "COMPLETED");
  assert.equal(o.of("DELETE").length, 1);
});

test("a section that has a command by now does not get the job; its row says so", async (t) => {
  const o = await startOrchestrator(t, { POST: says({ jobId: "n" }), GET: says({ status: "RUNNING" }) });
  const gw = await start(t, o);
  const jobId = await runEval(gw);
  await remoteId(gw, jobId);
  await gw.kill();
  gw.writeIni(shipped);
  await gw.restart();
  const job = await end(gw, jobId);
  assert.equal(job.status, "INTERRUPTED");
  assert.equal(job.error, "mcp.ini names no orchestrator for it any more");
});

test("private addresses only when the operator says so; no address but the url's", async (t) => {
  const o = await startOrchestrator(t, { POST: says({ jobId: "p" }), GET: says({ status: "COMPLETED" }) });
  const closed = await start(t, o, { grant: "memory = 16M" });
  assert.match((await end(closed, await runEval(closed))).error, /allow_private = yes/);
  assert.equal(o.requests.length, 0);
  const probe = `local mcp = require "mcp"
return mcp.tool { name = "run_probe", description = "x", input = { type = "object" }, needs = { "exec", "http" },
  run = function(args)
    if args.url then
      local r, message, code = mcp.http.get(args.url)
      return { status = r and r.status, code = code }
    end
    local r, message, code = mcp.evals.ask { task = args.task, method = "GET", id = args.id }
    return { status = r and r.status, code = code, message = message }
  end }`;
  const gw = await start(t, o);
  gw.writeTools({ "run_probe.lua": probe });
  await gw.stop({ keep: true });
  gw.writeIni(fs.readFileSync(gw.iniPath, "utf8") + "[tool run_probe]\nexec = @evals\nhttp = @evals\n");
  await gw.restart();
  assert.equal((await gw.call("run_probe", { url: `${o.url}/x` })).value.code, "DENIED");
  assert.equal((await gw.call("run_probe", { task: "remote", id: "a/../b" })).value.status, 200);
  assert.equal(o.requests.at(-1).url, "/jobs/a%2F..%2Fb");
  assert.equal((await gw.call("run_probe", { task: "remote", id: ".." })).isError, true);
});
