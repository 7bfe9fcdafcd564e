// smoke.test.mjs - config/ci/smoke.sh and the workflow that calls it, run as a pipeline would.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { binary, cleanEnv, repo, sanitizer, slowness } from "./lib/env.mjs";

const build = process.env.MOONGATE_BUILD ?? path.join(repo, "build");
// A step takes some seconds, half of them a stream that is let run; more where others build as well.
const STEP_MS = 110_000 * slowness;

// A clone: everything of the repository, its own mcp.ini, and the build that is being tested.
function clone(t, change = (ini) => ini) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-smoke-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  for (const name of fs.readdirSync(repo))
    if (!["build", "mcp.ini", "bootstrap"].includes(name))
      fs.symlinkSync(path.join(repo, name), path.join(dir, name));
  fs.copyFileSync(path.join(repo, "bootstrap"), path.join(dir, "bootstrap"));
  fs.symlinkSync(build, path.join(dir, "build"));
  const ini = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");
  fs.writeFileSync(path.join(dir, "mcp.ini"), change(ini));
  return dir;
}

function run(dir, line) {
  const env = cleanEnv({ MAKEFLAGS: "", MAKELEVEL: "", SAN: sanitizer, BUILD: build, SMOKE_PATIENCE: "60" });
  return spawnSync("sh", ["-c", line], { cwd: dir, env, encoding: "utf8", timeout: STEP_MS });
}

test("the steps of the workflow only call scripts, and they succeed", { timeout: 3 * STEP_MS }, (t) => {
  const text = fs.readFileSync(path.join(repo, "config/ci/github-actions.yml"), "utf8");
  const lines = [...text.matchAll(/^ +run: (.*)$/gm)].map((m) => m[1]);
  assert.equal(lines.length, [...text.matchAll(/\brun:/g)].length, "every run is one line");
  assert.ok(lines.length > 0);
  const dir = clone(t);
  for (const line of lines) {
    assert.match(line, /^(\.\/bootstrap|config\/ci\/smoke\.sh)( [\w./]+)*$/);
    const done = run(dir, line);
    assert.equal(done.status, 0, `${line} (${done.error ?? "ended"})\n${done.stdout}${done.stderr}`);
  }
});

test("an evaluation that fails, a tool that is missing, a program that is none: each is told", { timeout: 3 * STEP_MS }, (t) => {
  const smoke = path.join(repo, "config/ci/smoke.sh");
  const fails = (dir, program, message) => {
    const done = run(dir, `${smoke} ${program} mcp.ini`);
    assert.equal(done.status, 1, done.stdout + done.stderr);
    assert.match(done.stderr, message);
    assert.equal(done.stdout, "");
  };
  fails(clone(t, (ini) => ini.replace(/^command = build\/evals\/.*--sample.*$/m, "command = false")), binary,
    /^smoke: the evaluation ended as FAILED: .*exit code 1/m);
  fails(clone(t, (ini) => `${ini}\n[tool status]\nenabled = no\n`.replace(/^\[tool status\]\nstate = jobs:r\n/m, "")), binary,
    /^smoke: tools are missing: /m);
  fails(clone(t), "/bin/false", /^smoke: no port in the log: the gateway has ended/m);
});
