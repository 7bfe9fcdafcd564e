// hostile.test.mjs - thousands of generated paths, patches, globs and messages for the shipped file tools, whose
// root is full of bait. The gateway and all it starts are watched from outside: what it answers is not believed.
//
// make hostile, or MOONGATE_HOSTILE=COUNT, for more inputs; MOONGATE_HOSTILE_SEED=N for those of a printed seed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { binary, sanitizer, slowness } from "../e2e/lib/env.mjs";
import { startShipped } from "../e2e/lib/shipped.mjs";
import { hostileCalls } from "./hostile.mjs";
import { cannotTrace, changes, isHeld, readTrace, wrapper } from "./trace.mjs";

const COUNT = Number(process.env.MOONGATE_HOSTILE || (sanitizer === "" ? 1000 : 250));
const SEED = Number(process.env.MOONGATE_HOSTILE_SEED || 20261128);
const CONNECTIONS = 8;
const MARK = "BAIT-4d1f-never-shown";
const untraced = cannotTrace();

const sha = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");
const GIT_ENV = { PATH: process.env.PATH, HOME: "/nonexistent", LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" };
function git(dir, ...argv) {
  const run = spawnSync("git", ["-C", dir, ...argv], { encoding: "latin1", env: GIT_ENV, maxBuffer: 1 << 28 });
  assert.equal(run.status, 0, `git ${argv.join(" ")}: ${run.stderr}`);
  return run.stdout;
}

// ---- bait ----

const SECRETS = [".env", "k/server.key", "sub/.env.local", "sub/id_rsa"];

function lay(dir, beside) {
  const put = (name, text, mode) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode });
  };
  for (const [name, text] of [["a.txt", "a\n"], ["src/b.c", "a\nb\nc\n"], ["docs/c.md", "# C\n"], ["docs/x y.md", "x\n"], ["scripts/x.sh", "true\n"]])
    put(name, text);
  for (const name of SECRETS) put(name, `${MARK} ${name}\n`);
  fs.mkdirSync(beside);
  fs.writeFileSync(path.join(beside, "secret"), `${MARK}\n`);
  fs.writeFileSync(path.join(dir, ".gitignore"), "/build\n/config\n.mcp-state*\n");
  git(dir, "init", "-q", "-b", "main");
  for (const [key, value] of [["user.name", "Ada"], ["user.email", "ada@example.org"], ["core.fsmonitor", `touch ${beside}/ran; false`],
    ["core.editor", `touch ${beside}/ran`], ["core.pager", `touch ${beside}/ran`], ["filter.x.clean", `touch ${beside}/ran; cat`]])
    git(dir, "config", key, value);
  git(dir, "-c", "core.fsmonitor=", "add", "a.txt", "src", "docs", ".gitignore");
  git(dir, "-c", "core.fsmonitor=", "commit", "-q", "-m", "first");
  for (const hook of ["pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"])
    put(`.git/hooks/${hook}`, `#!/bin/sh\ntouch ${beside}/ran\n`, 0o755);
  fs.writeFileSync(path.join(dir, ".gitattributes"), "*.txt filter=x diff=x\n");
  for (const [name, to] of [["out", "/etc"], ["beside", beside], ["soft", "mcp.ini"], ["loop", "loop"], ["magic", "/proc/self/root"], ["cwd", "/proc/self/cwd"], ["tolink", path.join(beside, "secret")]])
    fs.symlinkSync(to, path.join(dir, name));
  fs.linkSync(path.join(dir, "tools.d/status.lua"), path.join(dir, "hard"));
  assert.equal(spawnSync("mkfifo", [path.join(dir, "fifo")]).status, 0);
}

// { path: type and digest } of all below dir; links are not followed.
function snapshot(dir, skip = () => false) {
  const seen = {};
  const walk = (folder) => {
    for (const entry of fs.readdirSync(path.join(dir, folder), { withFileTypes: true })) {
      const name = path.join(folder, entry.name);
      const whole = path.join(dir, name);
      if (skip(name)) continue;
      if (entry.isDirectory()) {
        seen[name] = `folder ${fs.lstatSync(whole).mode}`;
        walk(name);
      } else if (entry.isSymbolicLink()) seen[name] = `link ${fs.readlinkSync(whole)}`;
      else if (entry.isFile()) seen[name] = `file ${fs.lstatSync(whole).mode} ${sha(fs.readFileSync(whole))}`;
      else seen[name] = `special ${fs.lstatSync(whole).mode}`;
    }
  };
  walk("");
  return seen;
}

// What git and the state change as they should.
const LIVING = /^\.git\/(objects|index|refs|logs|HEAD|COMMIT_EDITMSG)|^\.mcp-state/;
// What a tool must neither change nor make.
const OURS = /(^|\/)(\.git|\.env[^/]*|id_[^/]*|[^/]*\.(pem|key))(\/|$)|^(mcp\.ini|tools\.d|build|config|out|beside|soft|hard|loop|magic|cwd|tolink|fifo)(\/|$)/;
const bait = (all) => Object.fromEntries(Object.entries(all).filter(([name]) => OURS.test(name)));

// ---- calls ----

function post(gw, agent, id, { name, args }) {
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream", "Content-Length": Buffer.byteLength(body) };
    const req = http.request({ host: "127.0.0.1", port: gw.port, path: "/mcp", method: "POST", agent, headers, timeout: 90_000 * slowness }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve({ status: res.statusCode, text })).on("error", reject);
    });
    req.on("timeout", () => req.destroy(new Error(`no answer to ${body.slice(0, 600)}`))).on("error", reject).end(body);
  });
}

// -> the tool's value, or null for a refusal, which must say why.
function judge(call, { status, text }) {
  const told = `${call.name} ${JSON.stringify(call.args).slice(0, 600)} -> ${status} ${text.slice(0, 600)}`;
  assert.ok(status === 200 || (status >= 400 && status < 500), told);
  assert.ok(!text.includes(MARK), `bait was shown: ${told}`);
  assert.doesNotMatch(text, /root:x:0:0/, `/etc/passwd was shown: ${told}`);
  const { result, error } = JSON.parse(text);
  const refusal = error ? error.message : result.isError ? result.content[0].text : null;
  if (refusal === null) {
    assert.ok(result.content[0].text.length > 0, told);
    return JSON.parse(result.content[0].text);
  }
  assert.ok(typeof refusal === "string" && refusal.trim().length > 3, told);
  assert.doesNotMatch(refusal, /adding files failed/, told);
  assert.doesNotMatch(refusal, /internal error|attempt to|stack traceback|bad argument|\.lua:\d+/i, told);
  if (error) assert.ok(error.code !== -32603, told);
  return null;
}

async function sendAll(gw, calls) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const told = { sent: 0, done: 0, refused: 0, commits: [] };
  const worker = async () => {
    for (let next = calls.next(); !next.done; next = calls.next()) {
      const call = next.value;
      const value = judge(call, await post(gw, agent, ++told.sent, call));
      if (value === null || value.success === false) told.refused++;
      else told.done++;
      if (value && call.name === "git_commit") told.commits.push({ call, value });
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  } finally {
    agent.destroy();
  }
  return told;
}

// What `git commit --cleanup=whitespace` makes of a message: no blanks at the ends of lines, of empty lines one.
function kept(message) {
  const lines = message.replace(/^[\s]+|[\s]+$/g, "").split("\n").map((line) => line.replace(/[ \t\r]+$/, ""));
  return lines.filter((line, i) => line !== "" || (i > 0 && lines[i - 1] !== "")).join("\n");
}

function checkCommits(dir, commits) {
  const made = new Set(git(dir, "rev-list", "HEAD").trim().split("\n"));
  assert.equal(made.size, new Set(commits.map(({ value }) => value.commit)).size + 1, "commits that no answer told of");
  for (const { call, value } of commits) {
    assert.ok(made.has(value.commit), JSON.stringify(value));
    const raw = Buffer.from(git(dir, "cat-file", "commit", value.commit), "latin1").toString("utf8");
    const got = raw.slice(raw.indexOf("\n\n") + 2);
    const want = kept(call.args.message);
    if (call.args.signoff) assert.ok(got.startsWith(want) && /\nSigned-off-by: Ada <ada@example\.org>\n$/.test(got), JSON.stringify([want, got]));
    else assert.equal(got, `${want}\n`);
  }
  for (const name of git(dir, "log", "--all", "--format=", "--name-only", "-z").split("\0"))
    assert.doesNotMatch(name, /(^|\/)(\.env|id_)|\.(key|pem)$|^(mcp\.ini|\.mcp-state\.json(\.journal\.\d+)?)$|^tools\.d\//, "a denied file was committed");
}

// ---- the trace ----

const GIT = path.join(spawnSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).stdout.trim());
const CORE = path.join(spawnSync("git", ["--exec-path"], { encoding: "utf8" }).stdout.trim(), "git");
// Where the gateway and git may look, without changing anything, and why.
const REASONS = [
  ["/lib", "libraries of git"], ["/usr/lib/", "libraries of git, and its own programs"], ["/etc/ld.so.", "where libraries are"],
  [GIT, "the granted program"], ["/usr/share/", "git's messages, and the time zone behind /etc/localtime"], ["/nonexistent/git/", "what a user has git ignore: git has none"],
  ["/proc/self/fd/", "a new file without a name gets one"], ["/dev/null", "in place of files that git shall not read"],
  ["/dev/urandom", "names of git's temporary files"], ["/etc/localtime", "the time zone of a commit"],
  ["/proc/sys/vm/overcommit_memory", "the C library, before it gives memory back"],
];
// The gateway's own program, those of [eval ...] and their folders are looked at so that no tool changes them; the
// way there is a link.
const LOOKED_AT = ["config/evals", "config/evals/demo.sh", "build/evals", "build/evals/exact_match"];
const program = fs.realpathSync(binary);
// Beside a folder "build" lie the sources.
const OWN = [program, path.dirname(program), path.join(path.dirname(path.dirname(program)), "lua")];
const isLookedAt = (call, p, dir) => call.name === "newfstatat" && (OWN.includes(p) || LOOKED_AT.includes(path.relative(dir, p)));

const isBelow = (p, folder) => p === folder || p.startsWith(`${folder}/`);

// The calls that went where they must not, as texts; of those that the kernel held to the root none.
function strays(calls, dir, links) {
  const out = [];
  const judgePath = (call, p) => {
    const inRoot = isBelow(p, dir);
    const first = inRoot ? path.relative(dir, p).split("/") : [];
    // A link is looked at, not gone through.
    if (isLookedAt(call, p, dir)) return "";
    if (inRoot && links.includes(first[0]) && first.length > 1 && !isHeld(call) && !call.error) return "through a link";
    if (inRoot) return "";
    if (isHeld(call) && call.error) return "";
    if (dir.startsWith(`${p}/`) || p === "/") return changes(call, p) && !call.error ? "changes a folder above" : "";
    if (!REASONS.some(([prefix]) => p.startsWith(prefix))) return "outside";
    return changes(call, p) && p !== "/dev/null" ? "changes what is outside" : "";
  };
  for (const call of calls) {
    if (/^(connect|sendto|bind)$/.test(call.name)) {
      if (call.name !== "sendto" || /sa_family/.test(call.text)) out.push(`network: ${call.text}`);
    }
    for (const p of call.opened ? [...call.paths, call.opened] : call.paths) {
      const why = judgePath(call, p);
      if (why) out.push(`${why}: ${p}: ${call.text.replace(/0x[0-9a-f]+/g, "").slice(0, 300)}`);
    }
    if (!/^execve/.test(call.name)) continue;
    const isGit = /(^|\/)git$/.test(call.argv[0] ?? "") && call.paths.every((p) => p === GIT || p === CORE);
    if (!isGit) out.push(`program: ${call.text.slice(0, 300)}`);
  }
  return [...new Set(out)];
}

const countBy = (list, key) => list.reduce((all, one) => ({ ...all, [key(one)]: (all[key(one)] ?? 0) + 1 }), {});

// A shipped gateway under strace in a folder of its own, with the bait; stop() -> its calls since it listened.
async function watched(t, options = {}) {
  const above = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "moongate-hostile-"));
  const traceDir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-trace-"));
  const file = path.join(traceDir, "trace");
  const tmp = process.env.TMPDIR;
  t.after(() => { for (const one of [above, traceDir]) fs.rmSync(one, { recursive: true, force: true }); });
  let beside;
  process.env.TMPDIR = above;
  // Leaks cannot be looked for in a process that is traced.
  const env = { LUKHAS_REPO_ROOT: ".", HOME: "/nonexistent", PATH: `${path.dirname(GIT)}:/usr/bin:/bin`,
    ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:detect_leaks=${untraced ? 1 : 0}` };
  let gw;
  try {
    gw = await startShipped(t, {
      ...options, env, ...(untraced ? {} : { wrapper: wrapper(file) }),
      before: (dir) => { beside = `${dir}-beside`; lay(dir, beside); options.more?.(dir); },
    });
  } finally {
    if (tmp === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = tmp;
  }
  // The signal is for the gateway: strace would only let go of it.
  if (!untraced) {
    const pid = Number(fs.readFileSync(`/proc/${gw.child.pid}/task/${gw.child.pid}/children`, "utf8").trim().split(" ")[0]);
    gw.signal = (name) => process.kill(pid, name);
  }
  const from = Date.now() / 1000;
  const stop = async () => {
    const to = Date.now() / 1000;
    await gw.stop({ keep: true });
    return untraced ? [] : readTrace(file, gw.dir).filter((call) => call.time >= from && call.time <= to);
  };
  return { gw, above, beside, stop };
}

// A gateway of its own for each batch: what the calls leave behind in the root makes listing it slower.
const BATCH = 1000;
for (let first = 0; first < COUNT; first += BATCH) {
  const [seed, count] = [SEED + first / BATCH, Math.min(BATCH, COUNT - first)];
  test(`${count} hostile calls (seed ${seed}) leave the root, the bait and the machine as they were`,
    { timeout: 100_000 * slowness }, (t) => attack(t, seed, count));
}

async function attack(t, seed, count) {
  if (untraced) t.diagnostic(`NOT WATCHED: processes cannot be traced here (${untraced}); answers and files are checked all the same`);
  const { gw, above, beside, stop } = await watched(t);
  const { dir } = gw;
  const outside = (name) => isBelow(name, path.basename(dir));
  const before = { bait: bait(snapshot(dir, (name) => LIVING.test(name))), outside: snapshot(above, outside) };
  assert.ok([...SECRETS, ".git/config", "mcp.ini", "tools.d/status.lua", "fifo", "magic"].every((name) => before.bait[name]));
  const digests = ["a.txt", "src/b.c", "docs/c.md", "docs/x y.md", "mcp.ini", ".env", "k/server.key", ".git/config", "tools.d/status.lua", "hard"]
    .map((name) => sha(fs.readFileSync(path.join(dir, name))));

  const began = Date.now();
  await gw.call("write_file", { path: "sure.txt", contents: "sure\n" });
  const sure = { name: "git_commit", args: { message: " --amend\n\n\n$(touch owned)  \n#kept\n", add: ["sure.txt"] } };
  const { value } = await gw.call(sure.name, sure.args);
  const told = await sendAll(gw, hostileCalls(seed, count, { dir, beside, digests }));
  t.diagnostic(`${told.sent} calls in ${Date.now() - began} ms: ${told.done} done, ${told.refused} refused, ${told.commits.length} commits`);
  told.commits.push({ call: sure, value });
  assert.equal(told.sent, count);
  assert.ok(told.done > count / 20 && told.refused > count / 4 && told.commits.length > 0,
    JSON.stringify([told.done, told.refused]));
  const calls = await stop();

  assert.deepEqual(bait(snapshot(dir, (name) => LIVING.test(name))), before.bait);
  assert.deepEqual(snapshot(above, outside), before.outside);
  assert.ok(!gw.log.some((line) => line.level === "error"), gw.tail());
  git(dir, "-c", "core.fsmonitor=", "fsck", "--full", "--strict");
  checkCommits(dir, told.commits);

  if (untraced) return;
  assert.ok(calls.length > count, `${calls.length} calls were traced`);
  const started = calls.filter((call) => call.name === "execve" && !call.error);
  assert.ok(started.length >= told.commits.length, "git was not seen");
  t.diagnostic(`${calls.length} system calls; programs ${JSON.stringify(countBy(started, (call) => call.paths[0]))}`);
  const links = Object.entries(before.bait).filter(([, what]) => what.startsWith("link")).map(([name]) => name);
  const found = strays(calls, dir, links);
  assert.deepEqual(found.slice(0, 40), [], `${found.length} strays`);
}

test("a tool that does stray is found in the trace", { skip: untraced ? `processes cannot be traced here: ${untraced}` : false }, async (t) => {
  const tool = `local mcp = require "mcp"
return mcp.tool { name = "stray", input = { type = "object" }, needs = { "fs", "exec" },
  run = function() return mcp.exec.run { argv = { "cat", "/etc/hostname" } } end }`;
  const { gw, stop } = await watched(t, {
    ini: "[tool stray]\nfs = read\nexec = cat\n", more: (dir) => fs.writeFileSync(path.join(dir, "tools.d/stray.lua"), tool),
  });
  await gw.call("list_dir", { path: "src" });
  const { text } = await gw.call("stray");
  assert.equal(JSON.parse(text).code, 0, text);
  const found = strays(await stop(), gw.dir, []);
  assert.ok(found.some((text) => /^program: .*cat/.test(text)), found.join("\n"));
  assert.ok(found.some((text) => /^outside: \/etc\/hostname/.test(text)), found.join("\n"));
});
