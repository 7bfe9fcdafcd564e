// lint.test.mjs - every rule of tests/lint finds what it is there for, and lets its opposite pass.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { repo } from "./lib/env.mjs";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-lint-"));
test.after(() => fs.rmSync(dir, { recursive: true, force: true }));
fs.copyFileSync(path.join(repo, "Makefile"), path.join(dir, "Makefile"));

// Runs one rule file over `files`, { path: text }; -> its findings, one a line.
function lint(rule, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.join(dir, path.dirname(name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text);
  }
  const script = path.join(repo, "tests/lint", rule);
  const before = rule === "edges.awk" ? ["Makefile"] : [];
  const done = spawnSync("awk", ["-f", script, ...before, ...Object.keys(files)], {
    cwd: dir,
    encoding: "utf8",
  });
  const findings = done.stdout.split("\n").filter(Boolean);
  assert.equal(done.status, findings.length ? 1 : 0, done.stderr);
  return findings;
}

function finds(rule, name, text, pattern) {
  const findings = lint(rule, { [name]: text });
  assert.equal(findings.length, 1, `${text}: ${findings.join("; ")}`);
  assert.match(findings[0], pattern);
}

function passes(rule, name, text) {
  assert.deepEqual(lint(rule, { [name]: text }), [], text);
}

test("edges: a layer includes what is below it, and nothing else", () => {
  const edge = (from, to, pattern) => {
    const text = `#include "${to}"\n`;
    if (pattern) finds("edges.awk", from, text, pattern);
    else passes("edges.awk", from, text);
  };
  edge("gateway/base/x.c", "base/err.h");
  edge("gateway/base/x.c", "io/loop.h", /base may not include io/);
  edge("gateway/mcp/x.c", "tools/toolset.h");
  edge("gateway/mcp/x.c", "io/loop.h", /mcp may not include io/);
  edge("gateway/store/x.h", "io/loop.h");
  edge("gateway/store/x.h", "hub/topics.h", /store may not include hub/);
  edge("lua/api/x.c", "vm/task.h");
  edge("lua/api/x.c", "store/store.h");
  edge("lua/vm/x.c", "api/api.h", /vm may not include api/);
  edge("gateway/http/x.c", "worker/worker.h", /http may not include worker/);
  edge("gateway/worker/x.c", "http/server.h");
  edge("gateway/kit/x.c", "base/buf.h");
  edge("gateway/kit/x.c", "store/store.h", /kit may not include store/);
  edge("gateway/main.c", "worker/worker.h");
  edge("tests/unit/support/x.c", "vm/vm.h");
  edge("tests/unit/base/x.c", "support/x.h");
  edge("tests/unit/base/x.c", "vm/vm.h", /base may not include vm/);
  edge("gateway/worker/x.c", "support/x.h", /unknown layer support/);
  edge("gateway/base/x.c", "nowhere/x.h", /unknown layer nowhere/);
  edge("gateway/base/x.c", "err.h", /not written from the tree's top/);
  edge("tests/unit/mcp/test_x.c", "helper.h");
  edge("tests/unit/mcp/test_x.c", "io/loop.h", /mcp may not include io/);
});

test("edges: libraries stay in their folders", () => {
  const library = (from, header, pattern) => {
    const text = `#include <${header}>\n`;
    if (pattern) finds("edges.awk", from, text, pattern);
    else passes("edges.awk", from, text);
  };
  library("lua/vm/x.c", "lua.h");
  library("gateway/worker/x.c", "lauxlib.h", /outside lua/);
  library("gateway/http/x.c", "microhttpd.h");
  library("gateway/worker/x.c", "microhttpd.h", /outside gateway\/http/);
  library("gateway/base/x.c", "curl/curl.h", /outside gateway\/io/);
  library("gateway/store/json.c", "hiredis/hiredis.h", /outside the redis files/);
});

test("sizes: files, functions, columns", () => {
  const lines = (n, line = "    x();") => `${line}\n`.repeat(n);
  passes("sizes.awk", "a.c", `int f(void)\n{\n${lines(58)}}\n`);
  finds("sizes.awk", "a.c", `int f(void)\n{\n${lines(59)}}\n`, /function of 61 lines/);
  finds("sizes.awk", "a.c", `int f(void) {\n${lines(59)}}\n`, /function of 61 lines/);
  passes("sizes.awk", "a.c", lines(500));
  finds("sizes.awk", "a.c", lines(501), /501 lines/);
  finds("sizes.awk", "a.mjs", lines(501), /501 lines/);
  passes("sizes.awk", "a.c", `${"x".repeat(100)}\n`);
  finds("sizes.awk", "a.c", `${"x".repeat(101)}\n`, /101 columns/);
  passes("sizes.awk", "a.lua", `local function f()\n${lines(58, "  x()")}end\n`);
  finds("sizes.awk", "a.lua", `local function f()\n${lines(59, "  x()")}end\n`, /61 lines/);
  const inner = `  g(function()\n${lines(40, "    x()")}  end)\n`;
  finds("sizes.awk", "a.lua", `function M.f()\n${inner}${lines(30, "  x()")}end\n`, /74 lines/);
});

test("calls: what is not used here, and descriptors that would leak", () => {
  const inFunction = (text) => `static void f(void)\n{\n    ${text}\n}\n`;
  for (const name of ["system", "popen", "strcpy", "sprintf", "rand", "accept", "dup2"])
    finds("calls.awk", "a.c", inFunction(`${name}(x);`), /is not used here/);
  for (const text of ["open(p, O_RDONLY);", "socket(AF_INET, SOCK_STREAM, 0);", "pipe2(p, 0);"])
    finds("calls.awk", "a.c", inFunction(text), /without a CLOEXEC flag/);
  finds("calls.awk", "a.c", inFunction('fopen(p, "r");'), /fopen\(\) without the mode e/);
  for (const text of [
    "open(p,\n         O_RDONLY | O_CLOEXEC);",
    "accept4(s, 0, 0, SOCK_CLOEXEC);",
    'fopen(p, "re");',
    "snprintf(b, n, x);",
    "log_open(p);",
    "s->open(p);",
    'say("system(1)"); /* never system() */',
  ])
    passes("calls.awk", "a.c", inFunction(text));
});

test("doors: one file for each door into Lua", () => {
  const one = { "lua/vm/a.c": "lua_resume(L, 0, 0, &n);\n" };
  assert.deepEqual(lint("doors.awk", { ...one, "lua/vm/b.c": " * lua_resume() is in a.c\n" }), []);
  const findings = lint("doors.awk", { ...one, "lua/vm/b.c": "lua_resume(L, 0, 0, &n);\n" });
  assert.match(findings.join(), /^lua\/vm\/b.c:1: lua_resume is called in lua\/vm\/a.c already$/);
  const calls = { "lua/vm/a.c": "lua_pcall(L, 0, 0, 0);\n", "lua/vm/b.c": "lua_pcallk(L);\n" };
  assert.equal(lint("doors.awk", calls).length, 1);
});

test("words: no machine, no registry, nothing unfinished", () => {
  finds("words.awk", "a.c", `/* ${["", "home", "someone"].join("/")} */\n`, /path of one machine/);
  finds("words.awk", "a.json", `https://${["registry", "npmjs", "org"].join(".")}/x\n`, /registry/);
  finds("words.awk", "a.c", `/* ${"TO" + "DO"}: later */\n`, /unfinished/);
  passes("words.awk", "a.c", 'mkstemp("/tmp/x-XXXXXX"); the framework/homework/x\n');
});
