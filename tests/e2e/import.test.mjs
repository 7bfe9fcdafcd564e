// import.test.mjs - moongate import: the kit's SQLite state, all of it or nothing.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "node:test";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary, runBinary } from "./lib/gateway.mjs";

const schema = `
  CREATE TABLE jobs (jobId TEXT PRIMARY KEY, taskId, configId, status, startedAt, updatedAt, result);
  CREATE TABLE models (modelId TEXT PRIMARY KEY, promoted INTEGER, promotedAt TEXT);
  CREATE TABLE model_gates (modelId TEXT, gate TEXT);
  CREATE TABLE audits (id INTEGER PRIMARY KEY, what TEXT);`;
const now = new Date().toISOString();
const rows = `
  INSERT INTO jobs VALUES ('job_a', 't', 'c', 'COMPLETED', '${now}', '${now}', '{"metrics":{"x":1}}'),
    ('job_old', 't', 'c', 'COMPLETED', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', NULL);
  INSERT INTO models VALUES ('m', 1, '${now}');
  INSERT INTO model_gates VALUES ('m', 'dev');
  INSERT INTO audits VALUES (1, 'promoted');`;

const shipped = (name) => fs.readFileSync(new URL(`../../tools.d/${name}`, import.meta.url), "utf8");
const tools = {};
for (const name of ["status.lua", "promote_model.lua", "lib/args.lua", "lib/evaljob.lua"]) tools[name] = shipped(name);
const ini = "[tool status]\nstate = jobs:r\n[tool promote_model]\nstate = models:rw\n";

function site(t) {
  const gw = new Gateway({ ini, tools });
  t.after(() => gw.remove());
  const file = path.join(gw.dir, "kit.db");
  gw.sql = (text) => {
    const db = new DatabaseSync(file);
    db.exec(text);
    db.close();
  };
  gw.import = (...options) => runBinary(["-c", gw.iniPath, "import", file, ...options], { cwd: gw.dir });
  gw.file = file;
  return gw;
}

test("what is imported is served, and a second time nothing changes", async (t) => {
  const gw = site(t);
  gw.sql(schema + rows);
  const before = [fs.readFileSync(gw.file), fs.readdirSync(gw.dir)];
  const dry = await gw.import("--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^jobs +2 rows: 2 would be imported$/m);
  assert.match(dry.stdout, /^nothing was changed$/m);
  assert.deepEqual(fs.readdirSync(gw.root), []);
  const done = await gw.import();
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^models +1 row: 1 imported$/m);
  assert.match(done.stdout, /^1 of the jobs ended longer ago than \[state\] job_ttl/m);
  assert.deepEqual([fs.readFileSync(gw.file), fs.readdirSync(gw.dir)], before);
  const state = fs.readFileSync(gw.statePath);
  const again = await gw.import();
  assert.match(again.stdout, /^audits +1 row: 0 imported, 1 there already and left as they are$/m);
  assert.deepEqual(JSON.parse(fs.readFileSync(gw.statePath)).audits, [{ id: "1", what: "promoted" }]);
  assert.deepEqual(JSON.parse(fs.readFileSync(gw.statePath)).jobs, JSON.parse(state).jobs);

  const live = await Gateway.start({ dir: gw.dir });
  t.after(() => live.kill()); // when something below fails; a folder's owner removes it first
  const status = (await live.call("status", { jobId: "job_a" })).value;
  assert.deepEqual([status.status, status.result.metrics], ["COMPLETED", { x: 1 }]);
  const model = (await live.call("promote_model", { modelId: "m", gate: "dev" })).value;
  assert.deepEqual([model.changed, model.currentGates, model.promotedAt], [false, ["dev"], now]);

  // Its owner alone changes a state; a dry run looks at a copy.
  const held = await gw.import();
  assert.equal(held.code, 1);
  assert.match(held.stderr, new RegExp(`is in use by process ${live.child.pid}\\b`));
  assert.equal((await gw.import("--dry-run")).code, 0);
  await live.stop();
});

test("rows that are there stay, and go with --overwrite", async (t) => {
  const gw = site(t);
  gw.sql(schema + rows);
  fs.writeFileSync(gw.statePath, '{"jobs":[],"models":[{"modelId":"m","gates":["mine"],"promoted":true}]}');
  await gw.import();
  assert.deepEqual(JSON.parse(fs.readFileSync(gw.statePath)).models[0].gates, ["mine"]);
  const over = await gw.import("--overwrite");
  assert.match(over.stdout, /^models +1 row: 0 imported, 1 replaced$/m);
  assert.deepEqual(JSON.parse(fs.readFileSync(gw.statePath)).models[0].gates, ["dev"]);
});

test("one row that cannot be taken refuses everything, and the state is as it was", async (t) => {
  const gw = site(t);
  gw.sql(schema + rows);
  await gw.import();
  const state = fs.readFileSync(gw.statePath);
  const refused = async (change, message) => {
    gw.sql(change);
    const run = await gw.import("--overwrite");
    assert.equal(run.code, 1, run.stdout);
    assert.match(run.stderr, message);
    assert.match(run.stderr, /^moongate: nothing was imported$/m);
    assert.equal(run.stdout, "");
    assert.deepEqual(fs.readFileSync(gw.statePath), state);
  };
  await refused("INSERT INTO audits VALUES (9, CAST(x'ff' AS TEXT))", /table audits, rowid 9, column what: is not UTF-8/);
  const long = "x".repeat(600);
  await refused(`DELETE FROM audits; INSERT INTO models VALUES ('${long}', 0, NULL)`, /modelId x+: models: a key may have 512 bytes/);
  await refused("DELETE FROM models; DELETE FROM model_gates; INSERT INTO audits VALUES (2, hex(zeroblob(2100000)))",
    /id 2: audits: an object may have 4194304 bytes/);
});

test("killed at any moment it has imported all or nothing", async (t) => {
  const gw = site(t);
  const count = 5000;
  gw.sql(`${schema} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO jobs SELECT 'job_' || i, 't', 'c', 'COMPLETED', '${now}', '${now}', NULL FROM n`);
  let ended = 0, killed = 0;
  for (let ms = 1; ended === 0; ms += Math.ceil(ms / 4)) {
    fs.rmSync(gw.statePath, { force: true });
    const tmp = fs.mkdtempSync(path.join(gw.dir, "tmp-"));
    const child = spawn(binary, ["-c", gw.iniPath, "import", gw.file], {
      cwd: gw.dir, env: cleanEnv({ TMPDIR: tmp }), stdio: "ignore",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    const [code] = await once(child, "close");
    clearTimeout(timer);
    if (code === 0) ended++;
    else killed++;
    const jobs = fs.existsSync(gw.statePath) ? JSON.parse(fs.readFileSync(gw.statePath)).jobs.length : 0;
    assert.ok(jobs === count || (jobs === 0 && code !== 0), `${jobs} after ${ms} ms`);
  }
  assert.ok(killed > 0);
});

test("misuse of the command", async (t) => {
  const gw = site(t);
  const none = await runBinary(["-c", gw.iniPath, "import"], { cwd: gw.dir });
  assert.deepEqual([none.code, none.stdout], [2, ""]);
  assert.equal((await runBinary(["-c", gw.iniPath, "check", "--dry-run"], { cwd: gw.dir })).code, 2);
  const missing = await gw.import();
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /kit\.db: No such file or directory/);

  // No room for the copy.
  gw.sql(schema);
  const roomless = await runBinary(["-c", gw.iniPath, "import", gw.file], { cwd: gw.dir, env: { TMPDIR: path.join(gw.dir, "no") } });
  assert.equal(roomless.code, 1);
  assert.match(roomless.stderr, /cannot make a folder as .*No such file or directory\nmoongate: nothing was imported\n$/);
  assert.deepEqual(fs.readdirSync(gw.root), []);
});
