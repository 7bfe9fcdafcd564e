// cli.test.mjs - the command line: what it prints where, and with which exit code.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { binary, fixtures, repo, runBinary } from "./lib/gateway.mjs";

// A folder with an mcp.ini and tools, removed after the test.
function folder(t, { ini = "", tools = {} } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-cli-"));
  t.after(() => fs.rmSync(dir, { recursive: true }));
  if (ini !== null) fs.writeFileSync(path.join(dir, "mcp.ini"), ini);
  fs.mkdirSync(path.join(dir, "tools.d"));
  for (const [name, text] of Object.entries(tools))
    fs.writeFileSync(path.join(dir, "tools.d", name), text);
  return dir;
}

const echo = fs.readFileSync(path.join(fixtures, "echo.lua"), "utf8");

test("help and version go to standard output and end with 0", async () => {
  for (const option of ["--help", "-h"]) {
    const help = await runBinary([option]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^usage: moongate /);
    for (const word of ["serve", "check", "config", "tools", "call", "-c FILE"])
      assert.ok(help.stdout.includes(word), word);
    assert.equal(help.stderr, "");
  }
  const version = await runBinary(["--version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^moongate \d+\.\d+\.\d+\n$/);
});

test("misuse ends with 2, says what is wrong on standard error and prints nothing", async (t) => {
  const dir = folder(t);
  const cases = [
    [["nonsense"], "unknown command: nonsense"],
    [["call"], "needs a name"],
    [["call", "a", "{}", "b"], "one word too many: b"],
    [["serve", "x"], "one word too many: x"],
    [["config", "--json"], "--json belongs to tools"],
    [["tools", "--ini"], "--ini and --markdown belong to config"],
    [["config", "--ini", "--markdown"], "not both"],
    [["--frobnicate"], "unrecognized option '--frobnicate'"],
    [["-c"], "requires an argument"],
    [["-c", "a", "-c", "b"], "-c was given twice"],
  ];
  for (const [args, text] of cases) {
    const run = await runBinary(args, { cwd: dir });
    assert.equal(run.code, 2, args.join(" "));
    assert.ok(run.stderr.includes(text), `${args.join(" ")}: ${run.stderr}`);
    assert.equal(run.stdout, "");
  }
});

test("without a file nothing is guessed", async (t) => {
  const dir = folder(t, { ini: null });
  for (const args of [[], ["serve"], ["check"], ["config"], ["tools"], ["call", "x"]]) {
    const run = await runBinary(args, { cwd: dir });
    assert.equal(run.code, 2, args.join(" "));
    assert.match(run.stderr, /no mcp\.ini here; name one with -c FILE, or make one: moongate config --ini/);
  }
  const named = await runBinary(["-c", "other.ini", "config"], { cwd: dir });
  assert.equal(named.code, 2);
  assert.equal(named.stderr, "other.ini: cannot open it: No such file or directory\n");
});

test("a fresh file is what is shipped, can be read, and changes nothing", async (t) => {
  const fresh = await runBinary(["config", "--ini"]);
  assert.equal(fresh.code, 0);
  const shipped = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");
  assert.equal(shipped.slice(0, fresh.stdout.length), fresh.stdout);

  const dir = folder(t, { ini: fresh.stdout });
  const run = await runBinary(["config"], { cwd: dir });
  assert.equal(run.code, 0);
  for (const line of run.stdout.split("\n").filter((l) => l.includes(" = ")))
    assert.match(line, /; default$/);

  const manual = await runBinary(["config", "--markdown"]);
  assert.equal(manual.stdout, fs.readFileSync(path.join(repo, "docs/config.md"), "utf8"));
});

test("config shows every value with its origin, and no secret", async (t) => {
  const dir = folder(t, {
    ini: "[server]\nport = 1234\n[auth]\nkeys = hush-hush\n[key ci]\nsecret = @ci.key\n",
  });
  fs.writeFileSync(path.join(dir, "ci.key"), "hush-file\n", { mode: 0o600 });
  const env = { MOONGATE_SERVER_WORKERS: "3", MCP_RL_BUCKET: "7" };
  const run = await runBinary(["config"], { cwd: dir, env });
  assert.equal(run.code, 0);
  const line = (key) => run.stdout.split("\n").find((l) => l.startsWith(`${key} =`));
  assert.match(line("port"), /^port = 1234 +; mcp\.ini:2$/);
  assert.match(line("workers"), /^workers = 3 +; environment MOONGATE_SERVER_WORKERS$/);
  assert.match(line("bucket"), /^bucket = 7 +; environment MCP_RL_BUCKET$/);
  assert.match(line("path"), /^path = \/mcp +; default$/);
  assert.match(line("keys"), /^keys = \*\*\* +; mcp\.ini:4$/);
  assert.match(line("secret"), /^secret = \*\*\* +; mcp\.ini:6$/);
  assert.ok(!run.stdout.includes("hush"));
});

test("check prints everything that is wrong with the file and ends with 2", async (t) => {
  const dir = folder(t, { ini: "[server]\nprot = 1\nport = x\n[nix]\n" });
  for (const args of [["check"], ["config"], ["tools"], ["call", "x"], []]) {
    const run = await runBinary(args, { cwd: dir });
    assert.equal(run.code, 2, args.join(" "));
    assert.equal(
      run.stderr,
      "mcp.ini:2: server.prot: unknown key; did you mean port?\n" +
        "mcp.ini:4: [nix]: unknown section\n" +
        "mcp.ini:3: server.port: expected a number from 0 to 65535, got 'x'\n",
    );
    assert.equal(run.stdout, "");
  }
});

test("check tells of a tool that does not load, with file and line, and ends with 1", async (t) => {
  const dir = folder(t, { tools: { "echo.lua": echo, "broken.lua": "return {\n  name = \n}\n" } });
  const all = await runBinary(["check"], { cwd: dir });
  assert.equal(all.code, 1);
  assert.match(all.stderr, /^tools\.d\/broken\.lua:3: unexpected symbol near '}'\n    3 \| }\n      \| \^$/m);
  assert.ok(!all.stderr.includes("echo.lua"));
  const one = await runBinary(["check", "tools.d/echo.lua"], { cwd: dir });
  assert.equal(one.code, 0, one.stderr);
  const other = await runBinary(["check", "broken.lua"], { cwd: dir });
  assert.equal(other.code, 1);
});

test("a section's setting that its tool does not declare is an error with its line", async (t) => {
  const dir = folder(t, { ini: "[tool echo]\ntimout = 1s\n", tools: { "echo.lua": echo } });
  const run = await runBinary(["check"], { cwd: dir });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /mcp\.ini:2\b.*timout/);
});

test("folders that are not there are found before anything starts, with file and line", async (t) => {
  const cases = [
    ["[state]\npath = no/s.json\n", /^mcp\.ini:2: state\.path: the folder \S+\/no: No such file/],
    ["[log]\nfile = no/x.log\n", /^mcp\.ini:2: log\.file: the folder \S+\/no: No such file/],
    ["[paths]\ntools = no\n", /^mcp\.ini:2: paths\.tools: the folder \S+\/no: No such file/],
    ["[paths]\nroot = no\n", /^mcp\.ini:2: paths\.root: \S+\/no: No such file/],
  ];
  for (const [ini, text] of cases) {
    const dir = folder(t, { ini });
    for (const args of [["check"], ["serve"]]) {
      const run = await runBinary(args, { cwd: dir });
      assert.equal(run.code, 2, `${ini}: ${run.stderr}`);
      assert.match(run.stderr, text);
      assert.equal(run.stderr.match(/\n/g).length, 1, run.stderr);
    }
  }
});

test("a section of no tool is a problem, with file, line and the nearest name", async (t) => {
  const dir = folder(t, {
    ini: "[tool echo]\nenabled = no\n[tool e*]\ntimeout = 1s\n[tool ecoh]\nenabled = no\n",
    tools: { "echo.lua": echo },
  });
  const run = await runBinary(["check"], { cwd: dir });
  assert.equal(run.code, 1);
  assert.equal(run.stderr, "mcp.ini:5: [tool ecoh]: no file declares this tool; did you mean echo?\n");
  const one = await runBinary(["check", "echo.lua"], { cwd: dir });
  assert.equal(one.code, 0, one.stderr);
});

test("the line to add for a grant is the one that helps, and off needs none", async (t) => {
  const tools = {};
  for (const name of ["run_eval", "status"])
    tools[`${name}.lua`] = fs.readFileSync(path.join(repo, "tools.d", `${name}.lua`), "utf8");
  const lib = path.join(repo, "tools.d/lib");
  const dir = folder(t, { tools });
  if (fs.existsSync(lib)) fs.cpSync(lib, path.join(dir, "tools.d/lib"), { recursive: true });
  const run = await runBinary(["check"], { cwd: dir });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /\[tool run_eval\] exec = @evals$/m);
  assert.match(run.stderr, /\[tool status\] state = jobs:r \(or :rw, /m);

  const granted = "[tool run_eval]\nexec = @evals\nstate = jobs:rw\n[tool status]\nstate = jobs:r\n";
  fs.writeFileSync(path.join(dir, "mcp.ini"), granted);
  const right = await runBinary(["check"], { cwd: dir });
  assert.equal(right.code, 0, right.stderr);

  fs.writeFileSync(path.join(dir, "mcp.ini"), "[tool *]\nenabled = no\n");
  const off = await runBinary(["check"], { cwd: dir });
  assert.equal(off.code, 0, off.stderr);
  assert.match(off.stdout, /0 tools load/);
});

test("tools and call work without serving", async (t) => {
  const dir = folder(t, { tools: { "echo.lua": echo } });
  const list = await runBinary(["tools"], { cwd: dir });
  assert.equal(list.code, 0);
  assert.match(list.stdout, /^echo +/m);
  const json = JSON.parse((await runBinary(["tools", "--json"], { cwd: dir })).stdout);
  assert.deepEqual(json.map((tool) => tool.name), ["echo"]);
  assert.equal(json[0].inputSchema.type, "object");

  const call = await runBinary(["call", "echo", '{"message":"h\\u00e9"}'], { cwd: dir });
  assert.equal(call.code, 0, call.stderr);
  assert.ok(call.stdout.includes("h\u00e9"));
  const unknown = await runBinary(["call", "nix"], { cwd: dir });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /nix/);
  for (const bad of ["{", "[]", "1", '{"a":1,"a":2}', "{} {}"]) {
    const run = await runBinary(["call", "echo", bad], { cwd: dir });
    assert.notEqual(run.code, 0, bad);
    assert.notEqual(run.stderr, "", bad);
  }
  assert.deepEqual(fs.readdirSync(dir).sort(), ["mcp.ini", "tools.d"]);      // no state was made
});

test("the shipped files and the examples are right, with the tools that are shipped", async () => {
  const files = ["mcp.ini", "config/examples/team.ini", "config/examples/container.ini"];
  for (const file of files) {
    // The folders of state and logs are those of the machines that the examples are for.
    const env = {
      MCP_KEYS: "a,b",
      MOONGATE_LOG_FILE: path.join(os.tmpdir(), "access.log"),
      MCP_STATE_PATH: path.join(os.tmpdir(), "state.json"),
    };
    const run = await runBinary(["-c", file, "check"], { cwd: repo, env });
    assert.equal(run.code, 0, `${file}: ${run.stderr}`);
  }
});

test("output that cannot be written is a failure", async (t) => {
  const dir = folder(t, { tools: { "echo.lua": echo } });
  for (const args of [["config", "--ini"], ["--help"], ["tools"]]) {
    const full = fs.openSync("/dev/full", "w");
    const run = spawnSync(binary, args, { cwd: dir, stdio: ["ignore", full, "pipe"] });
    fs.closeSync(full);
    assert.equal(run.status, 1, args.join(" "));
    assert.match(run.stderr.toString(), /standard output: No space left/);
  }
});
