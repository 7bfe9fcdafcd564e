// edit.test.mjs - the tools that list, change and commit files of the repository, with the shipped
// mcp.ini and an official client: what the ops kit's clients have always been answered, and what no
// client can do.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { startShipped } from "./lib/shipped.mjs";

const sha = (text) => crypto.createHash("sha256").update(text).digest("hex");
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function connect(t, gw) {
  const client = new Client({ name: "moongate-tests", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${gw.port}/mcp`)));
  t.after(() => client.close());
  return async (name, args) => {
    const { isError = false, content } = await client.callTool({ name, arguments: args });
    return isError ? content[0].text : JSON.parse(content[0].text);
  };
}

const git = (gw, ...args) => {
  const run = spawnSync("git", ["-c", "safe.directory=*", ...args],
    { cwd: gw.root, encoding: "utf8", env: { PATH: process.env.PATH, HOME: gw.root, LC_ALL: "C" } });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
};

// As the kit answered, in the order of its recording. Functions judge; other values are compared.
test("the file tools answer what the kit answered", async (t) => {
  const gw = await startShipped(t, { root: { "plain.txt": "" } });
  const call = await connect(t, gw);
  const at = (name) => path.join(gw.root, name);
  const timed = (want, ...times) => (got) => {
    for (const name of times) assert.match(got[name], iso);
    for (const name of times) delete got[name];
    assert.deepEqual(got, want);
  };
  const rows = [
    ["write_file", { path: "docs/a.md", contents: "# A\n" },
      timed({ path: at("docs/a.md"), relativePath: at("docs/a.md"), size: 4, encoding: "utf8" }, "created", "modified")],
    ["write_file", { path: "docs/a.md", contents: "x" }, "File already exists and overwrite=false: docs/a.md"],
    ["write_file", { path: "../x", contents: "x" }, "Path traversal not allowed: ../x"],
    ["write_file", { path: "/etc/x", contents: "x" }, `Absolute path must be within the repository: ${gw.root}`],
    ["write_file", {}, "path and contents required"],
    ["create_file", { path: "docs/b.py", contents: "x=1\n", template: "Python" }, (got) => {
      assert.deepEqual([got.path, got.relativePath, got.template, got.encoding], [at("docs/b.py"), at("docs/b.py"), "Python", "utf8"]);
      assert.equal(got.size, fs.statSync(at("docs/b.py")).size);
      assert.match(fs.readFileSync(at("docs/b.py"), "utf8"), /^#!.*python3\n[^]*x=1\n$/);
    }],
    ["create_file", { path: "docs/b.py", contents: "x" }, "Cannot create file: File already exists: docs/b.py"],
    ["update_file", { path: "docs/a.md", contents: "# B\n", expectSha256: sha("# A\n") },
      timed({ path: "docs/a.md", sha256: sha("# B\n"), size: 4 }, "modified")],
    ["update_file", { path: "docs/a.md", contents: "x", expectSha256: "0" }, `SHA mismatch: expected 0, got ${sha("# B\n")}`],
    ["update_file", { path: "docs/zz", contents: "x", expectSha256: "0" }, "File does not exist: docs/zz"],
    ["append_file", { path: "docs/a.md", contents: "more\n" },
      { path: "docs/a.md", sha256: sha("# B\n\nmore\n"), size: 10, appended: 5 }],
    ["append_file", { path: "docs/a.md", contents: "é", ensureNewline: false },
      { path: "docs/a.md", sha256: sha("# B\n\nmore\né"), size: 12, appended: 1 }],
    ["rename_file", { from: "docs/a.md", to: "docs/c.md" }, { from: "docs/a.md", to: "docs/c.md", size: 12, moved: true }],
    ["rename_file", { from: "docs/none", to: "docs/c.md" }, "Source file does not exist: docs/none"],
    ["rename_file", { from: "docs/b.py", to: "docs/c.md" }, "Target file exists and overwrite=false: docs/c.md"],
    ["delete_file", { path: "docs/none", expectSha256: "0" }, "File does not exist: docs/none"],
    ["delete_file", { path: "docs/c.md", expectSha256: "0" }, `SHA mismatch: expected 0, got ${sha("# B\n\nmore\né")}`],
    ["writeFile", { path: "w.txt", content: "w" }, timed({ success: true, operation: "writeFile", path: at("w.txt"),
      relativePath: at("w.txt"), size: 1, encoding: "utf8", overwritten: false }, "timestamp")],
    ["writeFile", { path: "w.txt", content: "w" }, timed({ success: false, operation: "writeFile",
      error: "File already exists and overwrite=false: w.txt", path: "w.txt" }, "timestamp")],
    ["writeFile", { path: "w2.txt", content: "" }, "Both path and content are required for writeFile"],
    ["writeFile", { path: "w.txt", content: "ww", overwrite: true }, timed({ success: true, operation: "writeFile",
      path: at("w.txt"), relativePath: at("w.txt"), size: 2, encoding: "utf8", overwritten: true }, "timestamp")],
    ["createFile", { path: "w.txt", content: "w" }, timed({ success: false, operation: "createFile",
      error: "Cannot create file: File already exists: w.txt", path: "w.txt" }, "timestamp")],
    ["createFile", { path: "v.md", content: "w", template: "nope" }, timed({ success: true, operation: "createFile",
      path: at("v.md"), relativePath: at("v.md"), size: 1, template: "nope", encoding: "utf8" }, "timestamp")],
    ["apply_patch", { path: "w.txt", patch: "--- a\n+++ b\n@@ -1 +1 @@\n-ww\n\\ No newline at end of file\n+wx\n", expectSha256: sha("ww") },
      { path: "w.txt", bytesWritten: 3, previousSha256: sha("ww"), sha256: sha("wx\n"), created: false }],
    ["apply_patch", { path: "w.txt", patch: "all new\n", expectSha256: sha("wx\n") }, "Invalid patch: it has no hunks (@@ -1,2 +1,3 @@)"],
    ["apply_patch", { path: "q.txt", patch: "x", expectSha256: "" }, "Missing file: q.txt (allowCreate=false)"],
    ["apply_patch", { path: "w.txt", patch: "x", expectSha256: "0" }, `Precondition failed: sha256=${sha("wx\n")}`],
    ["list_dir", { path: "docs" }, { items: [{ type: "file", path: "docs/b.py" }, { type: "file", path: "docs/c.md" }], truncated: false }],
    ["list_dir", { path: "docs", max: 1000 }, { items: [{ type: "file", path: "docs/b.py" }, { type: "file", path: "docs/c.md" }], truncated: false }],
    ["list_dir", { path: "", max: "3", includeDirs: true, unknown: 1 },
      { items: [{ type: "dir", path: "docs" }, { type: "file", path: "docs/b.py" }, { type: "file", path: "docs/c.md" }], truncated: true }],
    ["list_dir", { path: "none" }, "no such file or folder: none"],
    ["find_files", { glob: "**/*.{txt,md}" }, { items: [{ path: "docs/c.md" }, { path: "plain.txt" }, { path: "v.md" }, { path: "w.txt" }], truncated: false }],
    ["delete_file", { path: "docs/c.md", expectSha256: sha("# B\n\nmore\né") },
      { path: "docs/c.md", deleted: true, previousSha256: sha("# B\n\nmore\né") }],
  ];
  for (const [name, args, want] of rows) {
    const got = await call(name, args);
    if (typeof want === "function") want(got);
    else assert.deepEqual(got, want, `${name} ${JSON.stringify(args)}`);
  }
});

test("a commit holds what was meant, runs nothing of the repository, and leaves out what is not for tools", async (t) => {
  const gw = await startShipped(t, { root: { "a.txt": "a\n", "sub/b.txt": "b\n", ".env": "KEY=1\n" } });
  const call = await connect(t, gw);
  assert.match(await call("git_commit", { message: "m", stageAll: true }), /^git commit failed: .*not a git repository/i);
  git(gw, "init", "-q");
  assert.match(await call("git_commit", { message: "m", add: ["a.txt"] }), /^git commit failed: .*user\.name/);
  const ran = path.join(gw.dir, "ran");
  for (const [key, value] of [["user.name", "Ada"], ["user.email", "ada@example.org"], ["commit.gpgSign", "true"],
    ["core.fsmonitor", `touch ${ran}; false`], ["core.editor", `touch ${ran}; false`], ["gpg.program", "false"],
    ["core.hooksPath", ".hooks"]])
    git(gw, "config", key, value);
  for (const hook of [".hooks/pre-commit", ".git/hooks/pre-commit", ".git/hooks/post-commit"]) {
    fs.mkdirSync(path.dirname(path.join(gw.root, hook)), { recursive: true });
    fs.writeFileSync(path.join(gw.root, hook), `#!/bin/sh\ntouch ${ran}\nexit 1\n`, { mode: 0o755 });
  }
  const first = await call("git_commit", { message: "  first\n", add: ["a.txt"] });
  assert.equal(first.commit, git(gw, "rev-parse", "HEAD").trim());
  assert.deepEqual([first.message, first.staged, first.stageAll], ["first", ["a.txt"], false]);
  assert.equal(git(gw, "show", "--format=%B", "--name-only", "HEAD").trim(), "first\n\n\na.txt");

  const all = await call("git_commit", { message: "all", stageAll: true, signoff: true });
  assert.deepEqual([all.staged, all.stageAll, all.leftOut > 0], [[], true, true]);
  assert.match(all.note, /left out/);
  assert.match(git(gw, "log", "-1", "--format=%B"), /^all\n\nSigned-off-by: Ada <ada@example\.org>/);
  const committed = git(gw, "ls-tree", "-r", "--name-only", "HEAD").trim().split("\n");
  assert.ok(committed.includes("sub/b.txt"));
  assert.ok(!committed.some((name) => /^\.env|mcp-state/.test(name)), committed.join(" "));
  // One name that git refuses keeps nothing else back.
  for (const name of ["GIT~1/x", "sub/git~1", "sub/.git. ", "sub/.git:s"]) {
    fs.mkdirSync(path.dirname(path.join(gw.root, name)), { recursive: true });
    fs.writeFileSync(path.join(gw.root, name), "x");
  }
  fs.writeFileSync(path.join(gw.root, "sub/git~2"), "x");
  assert.equal((await call("git_commit", { message: "names", stageAll: true })).leftOut, all.leftOut + 4);
  assert.equal(git(gw, "show", "--format=", "--name-only", "HEAD").trim(), "sub/git~2");
  assert.equal(await call("git_commit", { message: "none", stageAll: true }), "git commit failed: git: there is nothing to commit");
  assert.match(await call("git_commit", { message: "m", add: [".env"] }), /^git commit failed: \.env is not for tools/);
  assert.match(await call("git_commit", { message: "m", add: ["../x"] }), /^git commit failed: Path traversal not allowed/);
  assert.equal(await call("git_commit", { message: " \n" }), "Commit message required");

  fs.rmSync(path.join(gw.root, "a.txt"));
  assert.deepEqual((await call("git_commit", { message: "gone", add: ["a.txt"], stageAll: true })).staged, ["a.txt"]);
  assert.equal(git(gw, "show", "--format=", "--name-status", "HEAD").trim(), "D\ta.txt");
  // git takes it for .git on other systems.
  assert.match(await call("git_commit", { message: "m", add: ["GIT~1/x"] }), /^git commit failed: .*GIT~1\/x/);
  assert.equal(fs.existsSync(ran), false, "a program of the repository ran");
});

// The clone itself as root is the hardest case: mcp.ini, the tools and the state lie in it.
test("no file tool reaches the gateway's own files, a link's target, or what is no file", async (t) => {
  const gw = await startShipped(t, {
    env: { LUKHAS_REPO_ROOT: "." },
    before: (dir) => {
      fs.writeFileSync(path.join(dir, "free.txt"), "free");
      fs.symlinkSync("/etc", path.join(dir, "out"));
      fs.symlinkSync("mcp.ini", path.join(dir, "soft"));
      fs.linkSync(path.join(dir, "tools.d/status.lua"), path.join(dir, "hard"));
      spawnSync("mkfifo", [path.join(dir, "fifo")]);
    },
  });
  const call = await connect(t, gw);
  const own = ["mcp.ini", "tools.d/status.lua", "tools.d/new.lua", "tools.d/lib/args.lua", ".mcp-state.json", ".mcp-state.json.journal.1",
    "out/passwd", "soft", "hard", "fifo", ".git/config", "build/moongate", "/proc/self/root/etc/passwd", "a\nb", ".env"];
  const before = fs.readdirSync(gw.dir).sort();
  const read = (name) => fs.readFileSync(path.join(gw.dir, name), "utf8");
  const [ini, tool] = [read("mcp.ini"), read("tools.d/status.lua")];
  for (const name of own) {
    const zero = "0".repeat(64);
    const calls = [
      ["write_file", { path: name, contents: "x", overwrite: true }], ["create_file", { path: name, contents: "x" }],
      ["update_file", { path: name, contents: "x", expectSha256: zero }], ["append_file", { path: name, contents: "x" }],
      ["rename_file", { from: name, to: "taken.txt" }], ["rename_file", { from: "free.txt", to: name, overwrite: true }],
      ["delete_file", { path: name, expectSha256: zero }],
      ["apply_patch", { path: name, patch: "@@ -0,0 +1 @@\n+x\n", expectSha256: "", allowCreate: true }],
    ];
    for (const [which, args] of calls) assert.equal(typeof (await call(which, args)), "string", `${which} ${JSON.stringify(args)}`);
    for (const which of ["writeFile", "createFile"])
      assert.equal((await call(which, { path: name, content: "x", overwrite: true })).success, false, `${which} ${name}`);
  }
  assert.deepEqual(fs.readdirSync(gw.dir).sort().filter((name) => !/mcp-state/.test(name)), before.filter((name) => !/mcp-state/.test(name)));
  assert.deepEqual([read("mcp.ini"), read("tools.d/status.lua"), read("free.txt")], [ini, tool, "free"]);
  const listed = (await call("find_files", { glob: "**", max: 500 })).items.map((item) => item.path);
  assert.ok(listed.includes("free.txt"));
  for (const name of listed) assert.doesNotMatch(name, /^(mcp\.ini|tools\.d|build|out|soft|hard|fifo|\.mcp-state)/);
});

// What an evaluation reads its program from runs with the gateway's own rights.
test("no file tool changes what an evaluation runs", async (t) => {
  const gw = await startShipped(t, {
    root: { "scripts/one.sh": "echo one\n", "scripts/two.sh": "echo two\n", "free.sh": "echo\n", "run.sh": "echo\n" },
    ini: ["[eval one]\ncommand = sh scripts/one.sh {taskId}", "[eval two]\ncommand = sh -e {root}/scripts/two.sh",
      "[eval late]\ncommand = sh scripts/late.sh", "[eval here]\ncwd = {root}/scripts\ncommand = sh ../run.sh", ""].join("\n"),
  });
  const call = await connect(t, gw);
  for (const name of ["scripts/one.sh", "scripts/two.sh", "scripts/late.sh", "run.sh"])
    assert.match(await call("write_file", { path: name, contents: "echo owned", overwrite: true }), /is not for tools/, name);
  assert.equal((await call("write_file", { path: "free.sh", contents: "x", overwrite: true })).size, 1);
});

test("of two that change a file with the same digest one wins", async (t) => {
  const gw = await startShipped(t, { root: { f: "0" } });
  const call = await connect(t, gw);
  for (let round = 0; round < 10; round++) {
    const expectSha256 = sha(fs.readFileSync(path.join(gw.root, "f")));
    const got = await Promise.all(Array.from({ length: 4 }, (_, i) =>
      call("update_file", { path: "f", contents: `${round}.${i}`, expectSha256 })));
    const won = got.filter((result) => typeof result === "object");
    assert.equal(won.length, 1, JSON.stringify(got));
    assert.equal(won[0].sha256, sha(fs.readFileSync(path.join(gw.root, "f"))));
  }
  const many = await Promise.all(Array.from({ length: 8 }, (_, i) => call("append_file", { path: "f", contents: `line ${i}` })));
  assert.ok(many.every((result) => typeof result === "object"), JSON.stringify(many));
  const lines = fs.readFileSync(path.join(gw.root, "f"), "utf8").split("\n").slice(1).sort();
  assert.deepEqual(lines, Array.from({ length: 8 }, (_, i) => `line ${i}`), "nothing is lost");
});
