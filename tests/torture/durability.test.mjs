// durability.test.mjs - what a client was answered survives, through the whole gateway: eight
// connections change and read state while the gateway is killed, its machine loses power, or its
// disk fails. store.test.mjs does the same to the store alone, harder. And what an import said it did.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Gateway, runBinary } from "../e2e/lib/gateway.mjs";
import { Disk, healed, troubled } from "./lib/disk.mjs";
import { Clients, found, ini, tools } from "./lib/ledger.mjs";
import { between, random } from "./lib/random.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const ROUNDS = short ? 10 : 200;
const check = (name, body) => test(name, { timeout: short ? 60_000 : 600_000 }, body);

function onDisk(t) {
  const disk = new Disk();
  t.after(() => disk.remove());
  return disk;
}

// Rounds of work, an end, and a look at what is left; the first thing that is wrong, or undefined.
async function rounds(t, disk, count, { env = () => ({}), end }) {
  const gw = new Gateway({ dir: disk.dir, ini, tools });
  t.after(() => gw.kill());
  gw.exit = { code: 0, signal: null };
  let before;
  let promised = 0;
  for (let round = 0; round <= count; round++) {
    try {
      await gw.restart({ env: env() });
    } catch (error) {
      return `round ${round}: refused: ${error.message}`;
    }
    const now = await found(gw);
    const wrong = before?.compare(now) ?? [];
    if (wrong.length > 0) return `round ${round}: ${wrong.join("\n")}`;
    const clients = new Clients(gw, now);
    await sleep(between(0, 80));
    await gw.kill();
    await clients.stop();
    end(disk);
    before = clients.promises;
    promised += before.counts.A + before.counts.R;
  }
  assert.ok(promised > count * 5, `only ${promised} promises in ${count} rounds`);
  return undefined;
}

check("kill -9 at any moment", async (t) => {
  assert.equal(await rounds(t, onDisk(t), ROUNDS, { end: () => {} }), undefined);
});

const cutPower = (disk) => random() < 0.7 && disk.powerCut(random() < 0.5 ? random : () => 0);

check("a power cut at any moment", async (t) => {
  const disk = onDisk(t);
  const env = () => disk.env({ fsyncUs: 300, fdatasyncUs: [300, 3000][between(0, 1)] });
  assert.equal(await rounds(t, disk, ROUNDS, { env, end: cutPower }), undefined);
});

check("the test can fail: a disk that lies about syncing is caught", async (t) => {
  const disk = onDisk(t);
  const result = await rounds(t, disk, 30, { env: () => disk.env({ lie: true }), end: cutPower });
  assert.match(result ?? "nothing found", /promised|refused/);
});

// ---- the disk fails ----

check("a failed sync: changes are refused, reads go on, a snapshot ends it", async (t) => {
  const disk = onDisk(t);
  const env = disk.env({ fail: "sync:12:EIO", fsyncUs: 300, fdatasyncUs: 300 });
  const gw = await Gateway.start({ dir: disk.dir, ini, tools, env });
  t.after(() => gw.kill());
  const clients = new Clients(gw, await found(gw));
  await gw.logged(troubled);
  await gw.logged(healed);
  await sleep(50);
  await clients.stop();
  const { U, A } = clients.promises.counts;
  assert.ok(clients.promises.lastUnsure < A, `${U} unsure, ${A} acknowledged`);
  assert.equal((await gw.fetch("/readyz")).status, 200);
  await gw.kill();
  disk.powerCut(random);
  await gw.restart({ env: {} });
  assert.deepEqual(clients.promises.compare(await found(gw)), []);
  await gw.stop();
});

check("a full disk: read-only with the reason, readyz 503, nothing acknowledged lost", async (t) => {
  const disk = onDisk(t);
  const env = disk.env({ fail: "write:40+:ENOSPC", fdatasyncUs: 300 });
  const gw = await Gateway.start({ dir: disk.dir, ini, tools, env });
  t.after(() => gw.kill());
  const clients = new Clients(gw, await found(gw));
  await gw.logged(troubled);
  const ready = await gw.fetch("/readyz");
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /No space left on device/);
  // A snapshot that was being made may have ended the trouble: then the next write meets the same.
  let refused;
  do {
    refused = await gw.call("ledger", { op: "write", id: "late", version: 1 });
    assert.ok(refused.isError);
  } while (/may or may not survive/.test(refused.text));
  assert.match(refused.text, /read-only.*No space left on device/);
  await clients.stop();
  assert.ok(clients.refused > 0);
  await gw.kill();
  disk.powerCut(random);
  await gw.restart({ env: {} });
  assert.deepEqual(clients.promises.compare(await found(gw)), []);
  await gw.stop();
});

// ---- an import ----

function importing(t) {
  const disk = onDisk(t);
  const gw = new Gateway({ dir: disk.dir, ini: "" });
  const file = path.join(disk.dir, "kit.db");
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE audits (id INTEGER PRIMARY KEY, what TEXT); INSERT INTO audits VALUES (1, 'promoted')");
  db.close();
  const run = (env) => runBinary(["-c", gw.iniPath, "import", file], { cwd: gw.dir, env });
  const rows = () =>
    fs.existsSync(gw.statePath) ? (JSON.parse(fs.readFileSync(gw.statePath)).audits ?? []).length : 0;
  return { disk, run, rows };
}

// Whichever sync fails: what the command says is so, and once more ends it, with a power cut between or without.
check("an import on a failing disk says what stands in the file", async (t) => {
  const ends = { nothing: 0, unsure: 0 };
  const fails = async (k, isCut) => {
    const { disk, run, rows } = importing(t);
    const first = await run(disk.env({ fail: `sync:${k}:EIO` }));
    if (first.code === 0) return false;
    assert.deepEqual([first.code, first.stdout], [1, ""]);
    assert.match(first.stderr, /Input\/output error$/m);
    const isUnsure = /^moongate: the rows stand in .*, but a power cut may take them back: /m.test(first.stderr);
    assert.equal(/^moongate: nothing was imported$/m.test(first.stderr), !isUnsure, first.stderr);
    assert.equal(rows(), isUnsure ? 1 : 0, first.stderr);
    ends[isUnsure ? "unsure" : "nothing"]++;
    if (isCut) {
      disk.powerCut(() => 0);
      assert.equal(rows(), 0, "taken back");
    }
    const again = await run(disk.env());
    assert.equal(again.code, 0, again.stderr);
    disk.powerCut(() => 0);
    assert.equal(rows(), 1, "there to stay");
    return true;
  };
  for (let k = 1; (await fails(k, false)) && (await fails(k, true)); k++);
  assert.equal(ends.unsure, 2, "the last sync");
  assert.ok(ends.nothing > 0);
});
