// bootstrap.test.mjs - what ./bootstrap does to a machine, seen with stand-ins for every command
// that could change one: a PATH that holds nothing else decides what is "installed".

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { repo } from "./lib/env.mjs";

// What bootstrap itself runs, taken from the real machine.
const real = ["sh", "dirname", "sed", "find", "head", "env", "touch", "cat", "tee", "rm", "mv", "chmod"];
const tools = ["make", "valgrind", "strace", "cppcheck", "clang-tidy", "luacheck", "curl", "jq", "npm", "wrk", "nginx"];
const runLibraries = ["libmicrohttpd", "gnutls", "lua5.4", "libcjson", "inih", "libpcre2-8", "libcurl", "sqlite3"];

class Machine {
  constructor({ uid = 0, libraries = runLibraries, headers = ["stdlib.h", "uthash.h"] } = {}) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-bootstrap-"));
    this.bin = path.join(this.dir, "bin");
    this.lists = path.join(this.dir, "lists");
    this.calls = path.join(this.dir, "calls");
    this.policy = path.join(this.dir, "sbin/policy-rc.d");
    this.clone = path.join(this.dir, "a clone");
    for (const dir of ["bin", "lists/partial", "sbin", "libraries", "headers", "a clone/build"])
      fs.mkdirSync(path.join(this.dir, dir), { recursive: true });
    fs.copyFileSync(path.join(repo, "bootstrap"), path.join(this.clone, "bootstrap"));
    fs.writeFileSync(this.calls, "");
    for (const name of real) fs.symlinkSync(which(name), path.join(this.bin, name));
    for (const name of libraries) this.touch(`libraries/${name}`);
    for (const name of headers) this.touch(`headers/${name}`);

    this.command("id", `echo ${uid}`);
    this.command("getconf", "echo 2");
    this.command("pkg-config", `[ "$1" = --exists ] && [ -e "${this.dir}/libraries/$2" ]`);
    // Reads the probe `#include <NAME>` as a preprocessor would.
    this.command("cc", `read -r line; line=\${line#*<}; [ -e "${this.dir}/headers/\${line%>}" ]`);
    this.record("make");
    this.freshLists();
  }

  touch(name) {
    fs.writeFileSync(path.join(this.dir, name), "");
  }

  command(name, body) {
    fs.writeFileSync(path.join(this.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  // A command that only writes down that it was called, and then does `body`.
  record(name, body = "") {
    this.command(name, `echo "${name} $*" >>"${this.calls}"\n${body}`);
  }

  // apt-get that "installs" whatever it is asked for.
  apt(body = "") {
    const libs = runLibraries.map((name) => `: >"${this.dir}/libraries/${name}"`).join("\n");
    this.record("apt-get", body || `[ "$1" = update ] || {\n${libs}\n: >"${this.dir}/headers/uthash.h"\n}`);
  }

  freshLists() {
    fs.writeFileSync(path.join(this.lists, "mirror_main_Packages"), "");
  }

  oldLists() {
    const then = Date.now() / 1000 - 2 * 86400;
    for (const dir of ["partial", "."]) fs.utimesSync(path.join(this.lists, dir), then, then);
  }

  bootstrap(...args) {
    const done = spawnSync(path.join(this.clone, "bootstrap"), args, {
      cwd: this.dir,
      env: { PATH: this.bin, APT_LISTS: this.lists, SBIN: path.join(this.dir, "sbin") },
      encoding: "utf8",
      timeout: 30_000,
    });
    const calls = fs.readFileSync(this.calls, "utf8").split("\n").filter(Boolean);
    fs.writeFileSync(this.calls, "");
    return { status: done.status, stdout: done.stdout, stderr: done.stderr, calls };
  }
}

function which(name) {
  const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
  assert.ok(found.startsWith("/"), name);
  return found;
}

function machine(t, options) {
  const m = new Machine(options);
  t.after(() => fs.rmSync(m.dir, { recursive: true, force: true }));
  return m;
}

const aptLine = "apt-get install -y --no-install-recommends --no-remove";

test("with everything present apt is never called", (t) => {
  const m = machine(t);
  m.apt();
  const done = m.bootstrap("deps");
  assert.deepEqual(done, { status: 0, stdout: "", stderr: "", calls: [] });
  const build = m.bootstrap("build");
  assert.equal(build.status, 0, build.stderr);
  assert.deepEqual(build.calls, [`make -s -C ${m.clone} -j 2 all`]);
});

test("as root, what is missing is installed in one call, and nothing is removed", (t) => {
  const m = machine(t, { libraries: ["gnutls", "lua5.4"], headers: ["stdlib.h"] });
  m.apt();
  const done = m.bootstrap("deps", "run");
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(done.calls, [`${aptLine} libmicrohttpd-dev libcjson-dev libinih-dev libpcre2-dev libcurl4-gnutls-dev libsqlite3-dev uthash-dev`]);
});

test("the lists are updated when they are empty, and when they are older than a day", (t) => {
  for (const stale of ["empty", "old"]) {
    const m = machine(t, { libraries: runLibraries.slice(1) });
    m.apt();
    if (stale === "empty") fs.rmSync(path.join(m.lists, "mirror_main_Packages"));
    else m.oldLists();
    const done = m.bootstrap("deps");
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(done.calls, ["apt-get update", `${aptLine} libmicrohttpd-dev`]);
  }
});

test("a version that the mirror no longer has is looked up again, once", (t) => {
  const m = machine(t, { libraries: runLibraries.slice(1) });
  m.apt(`[ "$1" = update ] && : >"${m.dir}/updated"
[ -e "${m.dir}/updated" ] || exit 100
: >"${m.dir}/libraries/libmicrohttpd"`);
  const done = m.bootstrap("deps");
  assert.equal(done.status, 0, done.stderr);
  const install = `${aptLine} libmicrohttpd-dev`;
  assert.deepEqual(done.calls, [install, "apt-get update", install]);
});

test("what apt cannot install is a failure that names it", (t) => {
  const m = machine(t, { libraries: runLibraries.slice(1) });
  m.apt("exit 100");
  const done = m.bootstrap("run");
  assert.equal(done.status, 1);
  assert.match(done.stderr, /could not install libmicrohttpd-dev/);
});

test("what is installed and still not usable is a failure", (t) => {
  const m = machine(t, { libraries: runLibraries.slice(1) });
  m.apt("exit 0");
  const done = m.bootstrap("run");
  assert.equal(done.status, 1);
  assert.match(done.stderr, /still not usable: libmicrohttpd-dev/);
});

test("a user with sudo installs through it", (t) => {
  const m = machine(t, { uid: 1000, libraries: runLibraries.slice(1) });
  m.apt();
  m.record("sudo", '[ "$1" != -n ] || shift\nexec "$@"');
  m.command("true", "exit 0");
  const done = m.bootstrap("deps");
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.calls.filter((line) => line.startsWith("sudo env ")).length, 1);
  assert.equal(done.calls.at(-1), `${aptLine} libmicrohttpd-dev`);
});

test("with neither root nor sudo: the one line on standard output, and exit 2", (t) => {
  const noSudo = machine(t, { uid: 1000, libraries: runLibraries.slice(2) });
  const needsPassword = machine(t, { uid: 1000, libraries: runLibraries.slice(2) });
  needsPassword.command("sudo", "exit 1");
  for (const m of [noSudo, needsPassword]) {
    m.apt();
    const done = m.bootstrap("run");
    assert.equal(done.status, 2);
    assert.equal(done.stdout, `${aptLine} libmicrohttpd-dev libgnutls28-dev\n`);
    assert.deepEqual(done.calls, []);
  }
});

test("deps --print changes nothing, and prints nothing when nothing is missing", (t) => {
  const m = machine(t, { libraries: runLibraries.slice(1) });
  m.apt();
  const lacking = m.bootstrap("deps", "--print");
  assert.deepEqual([lacking.status, lacking.stdout], [0, `${aptLine} libmicrohttpd-dev\n`]);
  assert.deepEqual(lacking.calls, []);
  m.touch("libraries/libmicrohttpd");
  assert.equal(m.bootstrap("deps", "--print").stdout, "");
  const bench = m.bootstrap("deps", "bench", "--print").stdout;
  assert.match(bench, / wrk /);
  assert.match(bench, / nginx-light/);
  assert.doesNotMatch(bench, /cmocka/);
  assert.match(m.bootstrap("deps", "test", "--print").stdout, / libcmocka-dev /);
});

test("a machine without a compiler lacks what only a compiler could show", (t) => {
  const m = machine(t);
  for (const name of ["cc", "pkg-config", "make"]) fs.rmSync(path.join(m.bin, name));
  const line = m.bootstrap("deps", "--print").stdout;
  for (const name of ["gcc", "make", "pkg-config", "libmicrohttpd-dev"])
    assert.match(line, new RegExp(` ${name}( |\\n)`));
});

test("run serves with the shipped mcp.ini, from the caller's folder, and passes arguments on", (t) => {
  const m = machine(t);
  m.apt();
  const binary = path.join(m.clone, "build/moongate");
  fs.writeFileSync(binary, '#!/bin/sh\necho "$PWD"\nprintf "<%s>" "$@"\n', { mode: 0o755 });
  const ini = path.join(m.clone, "mcp.ini");
  assert.equal(m.bootstrap("run").stdout, `${fs.realpathSync(m.dir)}\n<-c><${ini}>`);
  assert.match(m.bootstrap("run", "--", "--version", "a b").stdout, /<--version><a b>$/);
});

test("the suite's packages are installed when the lock file is newer, else left alone", (t) => {
  const m = machine(t, { libraries: [...runLibraries, "cmocka"] });
  for (const name of tools) if (name !== "make") m.record(name);
  m.record("npm", 'mkdir -p node_modules; : >node_modules/.package-lock.json');
  fs.symlinkSync(which("mkdir"), path.join(m.bin, "mkdir"));
  fs.mkdirSync(path.join(m.clone, "tests"));
  const lock = path.join(m.clone, "tests/package-lock.json");
  fs.writeFileSync(lock, "{}");
  const ci = ["npm ci --ignore-scripts --no-audit --no-fund --loglevel=error"];
  assert.deepEqual(m.bootstrap("deps", "test").calls, ci);
  assert.deepEqual(m.bootstrap("deps", "test").calls, []);
  const later = Date.now() / 1000 + 60;
  fs.utimesSync(lock, later, later);
  assert.deepEqual(m.bootstrap("deps", "test").calls, ci);
});

test("no service starts while a server is installed, and no policy stays behind", (t) => {
  const installsNginx = (m) => {
    for (const name of tools) if (name !== "make" && name !== "nginx") m.record(name);
    m.apt(`"${m.policy}" nginx start; echo "policy says $?" >>"${m.calls}"; exit 100`);
    const done = m.bootstrap("deps", "bench");
    assert.equal(done.status, 1, done.stderr); // this apt-get installs nothing
    assert.ok(done.calls.includes("policy says 101"), done.calls.join());
  };
  const plain = machine(t);
  installsNginx(plain);
  assert.equal(fs.existsSync(plain.policy), false);

  // An administrator's own policy is put back when it allows, and not touched when it forbids.
  for (const status of [0, 101]) {
    const m = machine(t);
    const text = `#!/bin/sh\nexit ${status} # ours\n`;
    fs.writeFileSync(m.policy, text, { mode: 0o755 });
    installsNginx(m);
    assert.equal(fs.readFileSync(m.policy, "utf8"), text);
    assert.deepEqual(fs.readdirSync(path.dirname(m.policy)), ["policy-rc.d"]);
  }
});

test("usage errors exit with 2", (t) => {
  const m = machine(t);
  for (const args of [[], ["frobnicate"], ["deps", "everything"], ["build", "now"], ["test", "x"]])
    assert.equal(m.bootstrap(...args).status, 2, args.join(" "));
  assert.equal(m.bootstrap("--help").status, 0);
});
