// install.test.mjs - `make install`: everything in its place, nothing of an operator's overwritten.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { cleanEnv, repo, sanitizer } from "./lib/env.mjs";

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

  fs.writeFileSync(ini, "# an operator's own\n");
  install(dest);
  assert.equal(fs.readFileSync(ini, "utf8"), "# an operator's own\n");
});
