// files.test.mjs - a tool that may write, and a caller who chooses every path and every byte.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { command, start, write } from "./lib.mjs";

const TOOL = `local mcp = require "mcp"
return mcp.tool { name = "files", input = { type = "object" }, needs = { "fs" },
  run = function(args)
    local all = {}
    if args.op == "lines" then
      local ok, message = pcall(function()
        for line in mcp.fs.lines(args.path) do all[#all + 1] = line end
      end)
      return { ok = ok, message = not ok and message or nil, lines = mcp.json.array(all) }
    end
    local a, b, c = mcp.fs[args.op](args.path, args.data or args.options or args.to, args.data and args.options)
    return { ok = a ~= nil, value = a, message = type(b) == "string" and b or nil, code = c }
  end }`;
const READING = ["read", "stat", "lines", "list", "glob"];

async function begin(t, ini = "", grant = "write") {
  const gw = await start(t, { ini: `[tool files]\nfs = ${grant}\n${ini}`, tools: { "files.lua": TOOL } });
  const op = async (name, args = {}) => (await gw.call("files", { op: name, ...args })).value;
  return { gw, op };
}

// Every function, with a path where it takes one; the two of rename in turn.
const attempts = (op, p, isLink) => [
  ["read", op("read", { path: p })], ["stat", op("stat", { path: p })], ["lines", op("lines", { path: p })],
  ["write", op("write", { path: p, data: "owned" })],
  ["write new", op("write", { path: p, data: "owned", options: { sha256: "" } })],
  ["append", op("append", { path: p, data: "owned" })],
  // A link itself may be removed: what it leads to stays.
  ...(isLink ? [] : [["remove", op("remove", { path: p })]]),
  ["rename from", op("rename", { path: p, to: "stolen" })],
  ["rename to", op("rename", { path: "bait", to: p })], ["mkdir", op("mkdir", { path: `${p}/made` })],
];

async function allRefused(op, p, pattern = /DENIED|INVALID|ENOENT|ENOTDIR|EEXIST/, isLink = false) {
  for (const [name, answer] of attempts(op, p, isLink)) {
    const { ok, code, message } = await answer;
    assert.equal(ok, false, `${name} ${JSON.stringify(p)}`);
    if (code) assert.match(code, pattern, `${name} ${JSON.stringify(p)}: ${message}`);
  }
}

test("CVE-2025-53109, CVE-2025-53110: no path, link or prefix leads out of the root", async (t) => {
  const { gw, op } = await begin(t);
  const beside = `${gw.root}-beside`;
  fs.mkdirSync(beside);
  fs.writeFileSync(path.join(beside, "secret"), "secret");
  write(gw, "bait", "bait");
  write(gw, "sub/x", "x");
  fs.symlinkSync(path.join(beside, "secret"), path.join(gw.root, "link"));
  fs.symlinkSync("../root-beside/secret", path.join(gw.root, "relative"));
  fs.symlinkSync("/proc/self/cwd/root-beside/secret", path.join(gw.root, "magic"));
  fs.symlinkSync(`/proc/${gw.child.pid}/root/etc/passwd`, path.join(gw.root, "magic2"));
  fs.symlinkSync("loop", path.join(gw.root, "loop"));
  fs.symlinkSync(beside, path.join(gw.root, "folder"));
  for (const p of [
    "../root-beside/secret", "sub/../../root-beside/secret", path.join(beside, "secret"), `${gw.root}/../x`,
    "/etc/passwd", "//etc/passwd", "..", "../", "sub/..//../x", "folder/secret", "folder/new", "bait/../../x",
    "/proc/self/environ",
  ]) await allRefused(op, p, /DENIED|INVALID|ENOTDIR|EEXIST/);
  for (const p of ["link", "relative", "magic", "magic2", "loop"])
    await allRefused(op, p, /DENIED|ENOTDIR/, true);
  for (const p of ["folder", "..", "/", "/etc", "sub/../.."])
    assert.equal((await op("list", { path: p })).code, "DENIED", p);
  for (const p of ["../*", "/etc/*", "folder/*", "sub/../../*"])
    assert.deepEqual((await op("glob", { path: p })).value ?? [], [], p);
  assert.deepEqual(fs.readdirSync(beside), ["secret"]);
  assert.equal(fs.readFileSync(path.join(beside, "secret"), "utf8"), "secret");
  assert.equal(fs.readFileSync(path.join(gw.root, "bait"), "utf8"), "bait");
});

test("the gateway's own files and denied names are out of reach, however they are called", async (t) => {
  const { gw, op } = await begin(t, "[paths]\nroot = .\n[state]\npath = state.json\n");
  const put = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(gw.dir, name)), { recursive: true });
    fs.writeFileSync(path.join(gw.dir, name), text);
  };
  put("bait", "bait");
  put(".git/config", "git");
  put("sub/.env", "env");
  put("sub/server.key", "key");
  put("plain", "plain");
  put("work/.git", "gitdir: ../.git/worktrees/work"); // of a worktree, or a submodule
  fs.symlinkSync("mcp.ini", path.join(gw.dir, "soft"));
  fs.symlinkSync("tools.d", path.join(gw.dir, "way"));
  fs.linkSync(path.join(gw.dir, "mcp.ini"), path.join(gw.dir, "hard"));
  fs.linkSync(path.join(gw.dir, "tools.d/files.lua"), path.join(gw.dir, "sub/hard.lua"));
  const own = [
    "mcp.ini", "./mcp.ini", "sub/../mcp.ini", "tools.d/files.lua", "tools.d/new.lua", "soft", "tools.d", "hard",
    "sub/hard.lua", "way/new.lua", "way/files.lua", ".git/config", ".git/hooks", ".git", "sub/.env",
    ".env.production", "sub/server.key", "new.pem", "work/.git", "sub/.git",
  ];
  const state = fs.readdirSync(gw.dir).filter((name) => name.startsWith("state.json"));
  assert.ok(state.length > 0);
  for (const p of [...own, ...state, "state.json.new"])
    await allRefused(op, p, undefined, p === "soft");
  const listed = (await op("list", { path: "", options: { recursive: true, dirs: true } })).value;
  assert.deepEqual(listed, ["bait", "plain", "root/", "sub/", "work/"]);
  assert.deepEqual((await op("glob", { path: "**/*.lua" })).value, {});
  for (const name of ["tools.d", ".git", "sub"])
    assert.equal((await op("rename", { path: name, to: "moved" })).code, "DENIED", name);
  assert.equal((await op("read", { path: "plain" })).value, "plain");
  assert.match(fs.readFileSync(path.join(gw.dir, "mcp.ini"), "utf8"), /^\[rate_limit\]/);
  assert.equal(fs.readFileSync(path.join(gw.dir, "tools.d/files.lua"), "utf8"), TOOL);
});

test("FIFOs and sockets hold nobody, and names that cannot be shown are not made", async (t) => {
  const { gw, op } = await begin(t);
  write(gw, "bait", "bait");
  execFileSync("mkfifo", [path.join(gw.root, "pipe")]);
  await allRefused(op, "pipe");
  assert.equal((await op("read", { path: "pipe" })).code, "INVALID");
  for (const p of ["a\nb", "a\u0007", "a\u001b[31m", "\u007f"])
    assert.equal((await op("write", { path: p, data: "x" })).code, "INVALID", JSON.stringify(p));
  fs.writeFileSync(Buffer.from(`${gw.root}/\xff\n`, "latin1"), "x");
  const listed = await op("list", { path: "" });
  assert.deepEqual(listed.value, ["bait"]);
  assert.match(listed.message, /left out/);
});

test("what is granted is what works", async (t) => {
  const { gw, op } = await begin(t, "", "read");
  write(gw, "bait", "bait");
  for (const name of READING) assert.equal((await op(name, { path: name === "list" ? "" : "bait" })).ok, true, name);
  for (const [name, args] of [
    ["write", { data: "x" }], ["append", { data: "x" }], ["rename", { to: "x" }], ["remove", {}], ["mkdir", {}],
  ]) {
    const { code, message } = await op(name, { path: "bait", ...args });
    assert.equal(code, "DENIED", name);
    assert.match(message, /\[tool files\] fs = write/);
  }
  assert.deepEqual(fs.readdirSync(gw.root).filter((name) => !name.startsWith(".")), ["bait"]);
  const refused = await command(t, ["check"], { tools: { "files.lua": TOOL } });
  assert.equal(refused.code, 1);
  assert.match(refused.stdout + refused.stderr, /files\.lua:\d+.*\[tool files\] fs = read/s);
});

test("of two writers that saw the same bytes one wins", async (t) => {
  const { gw, op } = await begin(t);
  write(gw, "a", "start");
  let { value } = await op("write", { path: "a", data: "0" });
  for (let i = 1; i <= 10; i++) {
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) =>
      op("write", { path: "a", data: `${i}-${n}`, options: { sha256: value.sha256 } })));
    const won = answers.filter((answer) => answer.ok);
    assert.equal(won.length, 1);
    for (const answer of answers.filter((one) => !one.ok)) {
      assert.equal(answer.code, "CONFLICT");
      assert.match(answer.message, new RegExp(won[0].value.sha256));
    }
    value = won[0].value;
  }
  assert.deepEqual(fs.readdirSync(gw.root).filter((name) => !name.startsWith(".mcp-state")), ["a"]);
});
