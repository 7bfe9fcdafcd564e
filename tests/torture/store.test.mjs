// store.test.mjs - nothing that the store promised is lost: killed, cut off from power, damaged, on a
// failing disk. And proof that these tests can fail: a store that does not sync is caught by them.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Disk, program } from "./lib/disk.mjs";
import { Drive } from "./lib/drive.mjs";
import { between, random } from "./lib/random.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const storedrive = program("storedrive");
const ROUNDS = short ? 40 : 200;

// No test may hang, nor leave a process behind that does.
const check = (name, body) => test(name, { timeout: short ? 30_000 : 300_000 }, body);
test.afterEach(() => Drive.killAll());

const stateOf = (disk) => path.join(disk.root, "state.json");

function onDisk(t) {
  const disk = new Disk();
  t.after(() => disk.remove());
  return disk;
}

// Rounds of work, an end, and a look at what is left. `end` does to the disk what the test is about;
// `env` is that of each process. Returns what the first look that found something wrong found, as
// text, or undefined.
async function rounds(disk, count, { binary = storedrive, env = () => ({}), end }) {
  let before;
  let promised = 0;
  for (let round = 0; round <= count; round++) {
    const drive = await Drive.start(binary, stateOf(disk), { seed: between(1, 1e6), env: env() });
    if (!drive.promises) return `round ${round}: refused: ${drive.stderr}`;
    const wrong = before?.compare(drive.found) ?? [];
    if (wrong.length > 0) {
      await drive.kill();
      return `round ${round}: ${wrong.join("\n")}`;
    }
    // Often at once: what a start repairs must be repaired by then.
    await sleep(random() < 0.3 ? 0 : between(0, 60));
    await drive.kill();
    end(disk);
    before = drive.promises;
    promised += before.counts.A + before.counts.R;
  }
  assert.ok(promised > count * 10, `only ${promised} promises in ${count} rounds`);
  return undefined;
}

check("kill -9 at any moment", async (t) => {
  assert.equal(await rounds(onDisk(t), ROUNDS, { end: () => {} }), undefined);
});

// Also more than one process between two cuts: what a start has read and told may be in the kernel's
// memory only.
const cutPower = (disk) => random() < 0.7 && disk.powerCut(random() < 0.5 ? random : () => 0);

// Disks of several kinds, since what waits for what shows only when it has to.
const kinds = [{ fsyncUs: 300, fdatasyncUs: 300 }, { fdatasyncUs: 3000 }, { fsyncUs: 1000 }];
const slow = (disk) => () => disk.env(kinds[between(0, 2)]);

check("a power cut at any moment", async (t) => {
  const disk = onDisk(t);
  assert.equal(await rounds(disk, ROUNDS, { env: slow(disk), end: cutPower }), undefined);
});

check("the tests can fail: a journal that is never synced is caught", async (t) => {
  const disk = onDisk(t);
  const binary = program("storedrive-nosync");
  const found = await rounds(disk, 50, { binary, env: slow(disk), end: cutPower });
  assert.match(found ?? "nothing found", /promised|refused/);
});

check("the tests can fail: a disk that lies about syncing is caught", async (t) => {
  const disk = onDisk(t);
  const found = await rounds(disk, 50, { env: () => disk.env({ lie: true }), end: cutPower });
  assert.match(found ?? "nothing found", /promised|refused/);
});

// ---- damage ----

// A state whose journal holds some hundred records in one segment, and what it promised.
async function journalled(disk) {
  const drive = await Drive.start(storedrive, stateOf(disk), { threads: 1, seed: 8 });
  while (drive.code === undefined && drive.promises.counts.A < 100) await sleep(5);
  await drive.kill();
  const name = fs.readdirSync(disk.root).filter((n) => n.includes(".journal.")).sort().at(-1);
  return { promises: drive.promises, files: snapshotOf(disk), journal: name };
}

function snapshotOf(disk) {
  const read = (name) => [name, fs.readFileSync(path.join(disk.root, name))];
  return new Map(fs.readdirSync(disk.root).map(read));
}

function restore(disk, files) {
  for (const name of fs.readdirSync(disk.root)) fs.unlinkSync(path.join(disk.root, name));
  for (const [name, bytes] of files) fs.writeFileSync(path.join(disk.root, name), bytes);
}

// Opens what is there, without any work. It must be whole, or refused with a place and a way out.
async function look(disk) {
  const drive = await Drive.start(storedrive, stateOf(disk), { threads: 0 });
  await drive.ended;
  drive.checkWord();
  if (drive.code === 3) {
    assert.match(drive.stderr, /state\.json(\.journal\.\d+)?:\d+: /);
    assert.match(drive.stderr, /backup/);
    return undefined;
  }
  assert.equal(drive.code, 0, drive.stderr);
  return drive.found;
}

// Nothing newer than was ever written, nothing that was never there; the program checks the texts
// themselves.
function checkNothingInvented(found, promises) {
  for (const [key, version] of found.jobs) {
    const known = promises.keys.get(key);
    assert.ok(version <= (known?.top ?? 0) + 1, `${key} ${version}`);
  }
  for (const [key, version] of found.jobs)
    if (key.startsWith("pair-")) assert.equal(found.models.get(key), version, key);
}

check("the last record cut at every byte", async (t) => {
  const disk = onDisk(t);
  const { promises, files, journal } = await journalled(disk);
  const bytes = files.get(journal);
  const start = bytes.lastIndexOf("\n", bytes.length - 2) + 1;
  for (let cut = start; cut <= bytes.length; cut += short ? 7 : 1) {
    restore(disk, files);
    fs.truncateSync(path.join(disk.root, journal), cut);
    const found = await look(disk);
    assert.ok(found, `cut at ${cut}: refused`);
    checkNothingInvented(found, promises);
    if (cut === bytes.length) assert.deepEqual(promises.compare(found), []);
  }
});

check("one byte flipped in every record and line of the file", async (t) => {
  const disk = onDisk(t);
  const { promises, files, journal } = await journalled(disk);
  for (const name of [journal, "state.json"]) {
    const bytes = files.get(name);
    // With one writer each record says that the one before it was synced: only the end can look torn.
    const lastTwo = bytes.lastIndexOf("\n", bytes.lastIndexOf("\n", bytes.length - 2) - 1) + 1;
    for (let start = 0, line = 0; start < bytes.length; line++) {
      const end = bytes.indexOf("\n", start);
      if (!short || line % 7 === 0) {
        const damaged = Buffer.from(bytes);
        damaged[between(start, end)] ^= 1 << between(0, 7);
        restore(disk, files);
        fs.writeFileSync(path.join(disk.root, name), damaged);
        const found = await look(disk);
        if (found) checkNothingInvented(found, promises);
        if (found && (name !== journal || start < lastTwo))
          assert.deepEqual(promises.compare(found), [], `${name}:${line + 1}`);
      }
      start = end + 1;
    }
  }
});

// ---- faults ----

// One process on a disk that fails as told; then an end in order or by a power cut, and a look at
// what is left.
async function withFault(disk, fail, { persists }) {
  const env = disk.env({ fail, fsyncUs: 200, fdatasyncUs: 200 });
  const drive = await Drive.start(storedrive, stateOf(disk), { seed: between(1, 1e6), env });
  if (drive.promises) {
    // A fault that a snapshot has mended is not seen any more, so end it early too.
    await sleep(persists ? 40 : between(0, 60));
    const { A, U } = drive.promises.counts;
    if (persists && U > 0) {
      await sleep(40); // in trouble it must not acknowledge anything more, but go on reading
      assert.ok(drive.promises.counts.A - A <= 4, `${fail}: acknowledged in trouble`);
    }
    if (random() < 0.5) await drive.close();
    else await drive.kill();
  } else {
    assert.equal(drive.code, 3, `${fail}: ${drive.stderr}`);
  }
  if (drive.code === 0) assert.ok(drive.closed);
  else disk.powerCut(random);

  const after = await Drive.start(storedrive, stateOf(disk), { threads: 0 });
  await after.ended;
  assert.equal(after.code, 0, `${fail}: ${after.stderr}`);
  assert.deepEqual(drive.promises?.compare(after.found) ?? [], [], fail);
  return drive;
}

const faults = [
  ["write", "ENOSPC", 24],
  ["write", "short", 24],
  ["write", "EIO", 12],
  ["sync", "EIO", 32],
  ["rename", "EIO", 6],
  ["rename", "ENOSPC", 6],
  ["open", "ENOSPC", 8],
  ["unlink", "EIO", 6],
  ["truncate", "EIO", 2],
];

for (const [call, error, count] of faults)
  check(`${error} from one ${call}`, async (t) => {
    let healed = 0;
    for (let k = 1; k <= count; k += short ? 4 : 1) {
      const disk = new Disk();
      try {
        const drive = await withFault(disk, `${call}:${k}:${error}`, { persists: false });
        const { counts, lastUnsure } = drive.promises ?? { counts: { U: 0 } };
        if (counts.U > 0 && counts.A > lastUnsure) healed++;
      } finally {
        disk.remove();
      }
    }
    if (call === "sync") assert.ok(healed > 0, "the store never accepted changes again");
  });

const lasting = [
  ["write", "ENOSPC"],
  ["sync", "EIO"],
  ["open", "ENOSPC"],
  ["rename", "EIO"],
];

for (const [call, error] of lasting)
  check(`${error} from every ${call} from some point on`, async () => {
    for (let k = 1; k <= 24; k += short ? 6 : 2) {
      const disk = new Disk();
      try {
        const persists = call === "write" || call === "sync";
        await withFault(disk, `${call}:${k}+:${error}`, { persists });
      } finally {
        disk.remove();
      }
    }
  });
