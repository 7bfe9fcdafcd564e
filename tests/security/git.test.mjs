// git.test.mjs - a caller's words and a repository's configuration, on their way to git.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { start } from "./lib.mjs";

const tool = `local mcp = require "mcp"
return mcp.tool { name = "git", input = { type = "object" }, needs = { "exec" }, run = function(args)
  local ok, result, message = pcall(mcp.git.run, args.words)
  if not ok then return nil, "raised: " .. result end
  if not result then return nil, message end
  return { code = result.code, out = result.stdout }
end }`;

async function repository(t) {
  const gw = await start(t, { ini: "[tool git]\nexec = git\n", tools: { "git.lua": tool } });
  const git = (...argv) => assert.equal(spawnSync("git", ["-C", gw.root, ...argv]).status, 0, argv.join(" "));
  git("init", "-q", "-b", "main");
  fs.writeFileSync(path.join(gw.root, "a.txt"), "a\n");
  git("add", "a.txt");
  git("-c", "user.name=Ada", "-c", "user.email=a@b", "commit", "-q", "-m", "First");
  return { gw, git };
}

// The reference git server took paths and flags as they came.
test("CVE-2025-68143, CVE-2025-68144, CVE-2025-68145: git gets no option, path or verb that leads out", async (t) => {
  const { gw } = await repository(t);
  const owned = path.join(gw.root, "owned");
  fs.writeFileSync(path.join(gw.dir, "secret"), "secret\n");
  for (const words of [
    ["init", owned], ["clone", gw.root, owned], ["-c", `core.pager=touch ${owned}`, "log"],
    ["diff", `--output=${owned}`], ["log", `--output=${owned}`, "HEAD"], ["show", `--output=${owned}`],
    ["diff", "--no-index", "a.txt", `${gw.dir}/secret`], ["diff", "--", "a.txt", "../secret"],
    ["diff", "--", "a.txt", `${gw.dir}/secret`], ["log", "--", "../"], ["add", "../secret"],
    ["grep", `-Otouch ${owned};`, "a"], ["grep", "--no-index", "secret", "--", ".."],
    ["blame", `--contents=${gw.dir}/secret`, "a.txt"], ["commit", `-F${gw.dir}/secret`],
    ["diff", `${gw.dir}/secret`], ["diff", "../secret"], ["diff", "HEAD", "a/../../secret"], ["diff", "/etc"],
    ["checkout", "--", "a.txt"], ["config", "core.pager", "x"], ["archive", `--exec=touch ${owned}`, "HEAD"],
  ]) {
    const { isError, text } = await gw.call("git", { words });
    assert.ok(isError, `${words}: ${text}`);
    assert.match(text, /^raised: /, `${words}`);
    assert.doesNotMatch(text, /secret\n/);
  }
  assert.ok(!fs.existsSync(owned));
  const good = await gw.call("git", { words: ["log", "--format=%s", "--max-count=1", "HEAD", "--", "a.txt"] });
  assert.equal(good.value.out, "First\n");
});

// Of two words `git diff` compares files as soon as one is in no repository: a file named "--" makes two
// of one, and where there is no repository all are.
test("CVE-2025-68145: git diff compares no files that are in no repository", async (t) => {
  const { gw, git } = await repository(t);
  fs.writeFileSync(path.join(gw.dir, "secret"), "secret\n");
  fs.writeFileSync(path.join(gw.root, "--"), "z\n");
  fs.symlinkSync("..", path.join(gw.root, "link"));
  for (const words of [["diff", `${gw.dir}/secret`], ["diff", "../secret"], ["diff", "..", "--", "a.txt"],
    ["diff", "link/secret"]]) {
    const { isError, text } = await gw.call("git", { words });
    assert.ok(isError, `${words}: ${text}`);
    assert.doesNotMatch(text, /secret\n/);
  }
  for (const words of [["diff", "HEAD"], ["diff", "HEAD:a.txt", "HEAD:./a.txt"], ["diff", "HEAD..main"],
    ["grep", "/etc/hosts"], ["grep", "a/../b"]]) {
    const { isError, text } = await gw.call("git", { words });
    assert.ok(!isError, `${words}: ${text}`);
  }
  fs.rmSync(path.join(gw.root, ".git"), { recursive: true });
  const { isError, text } = await gw.call("git", { words: ["diff", "--", "a.txt", "link/secret"] });
  assert.ok(isError || !/secret/.test(text), text);
  assert.match(text, /not a git repository/i);
});

test("a repository's configuration runs nothing", async (t) => {
  const { gw, git } = await repository(t);
  const owned = path.join(gw.root, "owned");
  for (const key of [
    "core.fsmonitor", "core.pager", "diff.external", "diff.x.textconv", "diff.x.command", "filter.x.clean",
    "filter.x.process", "gpg.program", "core.sshCommand", "core.editor",
  ])
    git("config", key, `: >${owned}`);
  git("config", "log.showSignature", "true");
  fs.writeFileSync(path.join(gw.root, ".git/info/attributes"), "* diff=x filter=x\n");
  fs.writeFileSync(path.join(gw.root, "a.txt"), "b\n");
  for (const hook of ["pre-commit", "post-commit", "post-index-change"])
    fs.writeFileSync(path.join(gw.root, ".git/hooks", hook), `#!/bin/sh\n: >${owned}\n`, { mode: 0o755 });
  for (const words of [
    ["status"], ["diff"], ["log", "-p"], ["show"], ["blame", "--", "a.txt"], ["grep", "b"], ["add", "a.txt"],
    ["commit", "--message=second", "--author=Ada <a@b>"], ["ls-files", "-m"],
  ])
    await gw.call("git", { words });
  assert.ok(!fs.existsSync(owned));
});
