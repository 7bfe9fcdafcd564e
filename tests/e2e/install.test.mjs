// install.test.mjs - `make install`: everything in its place, nothing of an operator's overwritten.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { cleanEnv, repo, sanitizer, slowness } from "./lib/env.mjs";

function install(dest) {
  const build = process.env.MOONGATE_BUILD ?? path.join(repo, "build");
  const args = ["-s", "-C", repo, `BUILD=${build}`, `SAN=${sanitizer}`, `DESTDIR=${dest}`, "PREFIX=/usr"];
  const env = cleanEnv({ MAKEFLAGS: "", MAKELEVEL: "" });
  const done = spawnSync("make", [...args, "install"], { encoding: "utf8", env, timeout: 110_000 });
  assert.equal(done.status, 0, done.stdout + done.stderr);
}

test("make install puts everything in its place and keeps an mcp.ini that is there", (t) => {
  const dest = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-install-"));
  t.after(() => fs.rmSync(dest, { recursive: true, force: true }));
  const at = (name) => path.join(dest, name);

  install(dest);
  const version = spawnSync(at("usr/bin/moongate"), ["--version"], { encoding: "utf8", env: cleanEnv() });
  assert.equal(version.status, 0, version.stderr);
  assert.match(version.stdout, /\d+\.\d+\.\d+/);

  const ini = at("etc/moongate/mcp.ini");
  const installed = fs.readFileSync(ini, "utf8");
  const shippedIni = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");
  const moved = shippedIni.replace(/^command = (build|config)\/evals\//gm, "command = /usr/libexec/moongate/");
  assert.equal(installed, moved);
  for (const [, program] of installed.matchAll(/^command = (\S+)/gm))
    assert.ok(fs.statSync(at(program)).mode & 0o100, program);
  const shipped = fs.readdirSync(path.join(repo, "tools.d"), { recursive: true, withFileTypes: true });
  for (const file of shipped.filter((f) => f.isFile() && !f.name.endsWith("_test.lua"))) {
    const name = path.relative(path.join(repo, "tools.d"), path.join(file.parentPath, file.name));
    assert.ok(fs.existsSync(at(`etc/moongate/tools.d/${name}`)), name);
  }
  assert.ok(fs.existsSync(at("usr/share/doc/moongate/README.md")));

  const unit = fs.readFileSync(at("lib/systemd/system/moongate.service"), "utf8");
  assert.match(unit, /^ExecStart=\/usr\/bin\/moongate -c \/etc\/moongate\/mcp\.ini$/m);
  assert.doesNotMatch(unit, /@[a-z]+@/);

  const check = spawnSync(at("usr/bin/moongate"), ["-c", ini, "check"], {
    cwd: dest,
    encoding: "utf8",
    env: cleanEnv(),
  });
  assert.equal(check.status, 0, check.stdout + check.stderr);

  assert.equal(fs.statSync(ini).mode & 0o777, 0o644);
  fs.writeFileSync(ini, "# an operator's own\n");
  install(dest);
  assert.equal(fs.readFileSync(ini, "utf8"), "# an operator's own\n");
});

// Starts what the unit starts, as a user who owns nothing but the folders that the unit gives it.
async function serveAsService(dest, unit, user) {
  const value = (name) => unit.match(new RegExp(`^${name}=(.*)$`, "m"))[1];
  const under = (text) => text.replaceAll("%S", "/var/lib").replace(/\/(etc|srv|usr|var)\//g, `${dest}/$1/`);
  for (const folder of [`var/lib/${value("StateDirectory")}`, "srv/repo"]) {
    fs.mkdirSync(path.join(dest, folder), { recursive: true });
    fs.chmodSync(path.join(dest, folder), 0o700);
    if (user) fs.chownSync(path.join(dest, folder), user.uid, user.gid);
  }
  const env = [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, k, v]) => [k, under(v)]);
  const [program, ...args] = under(value("ExecStart")).split(" ");
  const child = spawn(program, args, {
    cwd: under(`${value("WorkingDirectory")}/`),
    env: cleanEnv({ ...Object.fromEntries(env), MOONGATE_SERVER_PORT: "0" }),
    stdio: ["ignore", "ignore", "pipe"],
    ...user,
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log += text;
    if (/"msg":"listening"/.test(log)) child.kill("SIGTERM");
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000 * slowness);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, log };
}

test("the installed unit's user can start what is installed, with a key, and keep the state", async (t) => {
  const dest = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-install-"));
  t.after(() => fs.rmSync(dest, { recursive: true, force: true }));
  fs.chmodSync(dest, 0o755);
  install(dest);
  const unit = fs.readFileSync(path.join(dest, "lib/systemd/system/moongate.service"), "utf8");
  const user = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : undefined;

  // The steps of docs/operations.md: a key in a file of its own, named by mcp.ini.
  const keys = path.join(dest, "etc/moongate/keys");
  fs.writeFileSync(keys, "a-key\n", { mode: 0o640 });
  if (user) fs.chownSync(keys, 0, user.gid);
  const ini = path.join(dest, "etc/moongate/mcp.ini");
  const text = fs.readFileSync(ini, "utf8").replace(/^;keys =$/m, `keys = @${keys}`);
  assert.ok(text.includes(keys));
  fs.writeFileSync(ini, text);

  const { code, log } = await serveAsService(dest, unit, user);
  assert.equal(code, 0, log);
  assert.match(log, /"msg":"listening"/);
  assert.doesNotMatch(log, /authentication is off/);
  assert.ok(fs.existsSync(path.join(dest, "var/lib/moongate/state.json.lock")));
});
