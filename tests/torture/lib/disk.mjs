// disk.mjs - a folder on a disk that can lose its power, or fail: see ../fs_shim.c, which watches the
// folder for one process and writes down what each sync covered.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const build = process.env.MOONGATE_BUILD;
export const program = (name) => path.join(build, "torture", name);

// Memory, where there is such a folder: tested is what the program asks of a disk, not the disk.
const place = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();

// Log lines: the journal could not be written or synced, and then a snapshot could.
export const troubled = (l) => l.msg === "the state is read-only";
export const healed = (l) => l.msg === "the state accepts changes again";

// For `fail`: the first-th sync, one of the journal, and those of as many snapshots, which are tried at once, 1 s, 3 s and
// 7 s later.
export const failing = (first, snapshots) =>
  Array.from({ length: snapshots + 1 }, (_, i) => `sync:${first + i}:EIO`).join();

const inode = (file) => {
  try {
    return String(fs.statSync(file, { bigint: true }).ino);
  } catch {
    return undefined;
  }
};

export class Disk {
  // under: another place for the folder, such as one from which programs may be run.
  constructor(under = place) {
    this.dir = fs.mkdtempSync(path.join(under, "moongate-disk-"));
    this.root = path.join(this.dir, "root");
    this.side = undefined;
    this.runs = 0;
    fs.mkdirSync(this.root);
  }

  remove() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  // The environment of the next process that works on the folder. Options: fail, lie, and what syncs
  // take: fsyncUs, fdatasyncUs. What an earlier process left unsynced is still so, until powerCut().
  env({ fail, lie, fsyncUs = 0, fdatasyncUs = 0 } = {}) {
    if (!this.side) {
      this.side = path.join(this.dir, `side-${++this.runs}`);
      fs.mkdirSync(this.side);
    }
    const env = {
      LD_PRELOAD: program("fs_shim.so"),
      FS_SHIM_ROOT: this.root,
      FS_SHIM_SIDE: this.side,
    };
    if (fail) env.FS_SHIM_FAIL = fail;
    if (lie) env.FS_SHIM_LIE = "1";
    if (fsyncUs) env.FS_SHIM_FSYNC_US = String(fsyncUs);
    if (fdatasyncUs) env.FS_SHIM_FDATASYNC_US = String(fdatasyncUs);
    return env;
  }

  // Leaves what a power cut would have left. Of what no sync covered, chance decides how much the
  // disk had got all the same: any of the operations on names, for nothing but a sync orders them; of
  // a file's bytes up to some length, perhaps with a hole. With chance = () => 0 none of it survives.
  powerCut(chance) {
    const { ops, durable, synced, truncated } = this.#facts();
    const settled = new Set(); // names that a later operation, which survived, has been at
    for (const op of ops.slice(durable).reverse()) {
      const names = [op.name, op.from].filter(Boolean);
      if (chance() < 0.5 && !names.some((name) => settled.has(name))) this.#undo(op);
      else names.forEach((name) => settled.add(name));
    }
    for (const name of fs.readdirSync(this.root)) {
      const file = path.join(this.root, name);
      const ino = inode(file);
      if (truncated.has(ino) && chance() < 0.5)
        fs.writeFileSync(file, fs.readFileSync(path.join(this.side, truncated.get(ino))));
      else this.#cut(file, synced.get(ino), chance);
    }
    fs.rmSync(this.side, { recursive: true });
    this.side = undefined;
  }

  #facts() {
    const facts = { ops: [], durable: 0, synced: new Map(), truncated: new Map() };
    let before = 0; // operations of earlier processes
    for (const line of fs.readFileSync(path.join(this.side, "log"), "utf8").split("\n")) {
      const [what, a, b, c, d] = line.split(" ");
      if (what === "n") before = facts.ops.length;
      if (what === "b") facts.synced.set(a, Number(b));
      if (what === "s") {
        facts.synced.set(a, Number(b));
        facts.truncated.delete(a);
      }
      if (what === "c") {
        facts.ops.push({ what, ino: a, name: b });
        facts.synced.set(a, 0);
      }
      if (what === "r") facts.ops.push({ what, ino: a, from: b, name: c, kept: d });
      if (what === "u") facts.ops.push({ what, ino: a, name: b, kept: c });
      if (what === "d") facts.durable = Math.max(facts.durable, before + Number(a));
      if (what === "t") facts.truncated.set(a, b);
    }
    return facts;
  }

  // A fact is written before the operation, which a kill may then have prevented: so each is looked
  // for first.
  #undo({ what, ino, from, name, kept }) {
    const file = path.join(this.root, name);
    const back = () => kept !== "-" && fs.renameSync(path.join(this.side, kept), file);
    if (what === "c" && inode(file) === ino) fs.unlinkSync(file);
    if (what === "u" && inode(file) === undefined) back();
    if (what === "r" && inode(file) === ino) {
      fs.renameSync(file, path.join(this.root, from));
      back();
    }
  }

  #cut(file, covered, chance) {
    const size = fs.statSync(file).size;
    if (covered === undefined || size <= covered) return;
    const left = covered + Math.floor(chance() * (size - covered + 1));
    fs.truncateSync(file, left);
    if (left > covered && chance() < 0.3) {
      const from = covered + Math.floor(chance() * (left - covered));
      const hole = Buffer.alloc(Math.min(left - from, 1 + Math.floor(chance() * 4096)));
      const fd = fs.openSync(file, "r+");
      fs.writeSync(fd, hole, 0, hole.length, from);
      fs.closeSync(fd);
    }
  }
}
