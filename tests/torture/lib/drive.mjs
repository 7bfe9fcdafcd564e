// drive.mjs - runs ../storedrive.c and knows what the store has promised it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import readline from "node:readline";

// Every fifth version of a key is its removal.
const state = (version) => (version % 5 === 0 ? 0 : version);

// What must be there of one key: the state of some version from `floor`, the newest that was
// promised, up to `top` + 1: the newest that was heard of and the one that may have been under way.
class Key {
  constructor(version) {
    this.floor = this.top = version;
  }

  allows(version) {
    for (let v = this.floor; v <= this.top + 1; v++) if (state(v) === version) return true;
    return false;
  }
}

export class Promises {
  keys = new Map();
  counts = { A: 0, U: 0, R: 0 };
  lastUnsure = -1; // how many A there were when the last U came

  hear(what, key, version) {
    this.counts[what]++;
    const k = this.#key(key);
    k.top = Math.max(k.top, version);
    if (what === "U") this.lastUnsure = this.counts.A;
    else k.floor = Math.max(k.floor, version);
  }

  // Against what a later start found: { jobs: Map, models: Map } of versions. Returns what is wrong,
  // line by line.
  compare({ jobs, models }) {
    const wrong = [];
    for (const [key, k] of this.keys) {
      const found = jobs.get(key) ?? 0;
      if (!k.allows(found))
        wrong.push(`${key}: found ${found}, promised ${k.floor}, heard of ${k.top}`);
      if (key.startsWith("pair-") && found !== (models.get(key) ?? 0))
        wrong.push(`${key}: ${found} and ${models.get(key) ?? 0} are half of a batch`);
    }
    // The first version of a key may have been under way.
    for (const [key, found] of jobs)
      if (!this.keys.has(key) && found > 1) wrong.push(`${key}: found ${found}, never heard of`);
    return wrong;
  }

  #key(name) {
    if (!this.keys.has(name)) this.keys.set(name, new Key(0));
    return this.keys.get(name);
  }

  // A new process counts from what it found.
  static from({ jobs }) {
    const p = new Promises();
    for (const [key, version] of jobs) p.keys.set(key, new Key(version));
    return p;
  }
}

// One process. Resolves when it has said what it found and works, or has ended.
export class Drive {
  found = { jobs: new Map(), models: new Map() };
  promises = undefined; // once it works
  closed = false;
  stderr = "";
  code = undefined;

  static #all = new Set();

  static killAll() {
    for (const d of Drive.#all) d.child.kill("SIGKILL");
  }

  static async start(binary, state, { threads = 4, seed = 1, env = {} } = {}) {
    const d = new Drive();
    d.child = spawn(binary, [state, String(threads), String(seed)], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    d.child.stderr.setEncoding("utf8").on("data", (text) => (d.stderr += text));
    Drive.#all.add(d);
    d.ended = once(d.child, "close").then(([code, signal]) => {
      Drive.#all.delete(d);
      d.code = code ?? signal;
    });
    const working = new Promise((resolve) => {
      const lines = readline.createInterface({ input: d.child.stdout });
      lines.on("line", (line) => d.#line(line, resolve));
    });
    await Promise.race([working, d.ended]);
    return d;
  }

  #line(line, working) {
    const [what, key, version] = line.split(" ");
    if (what === "S" && key.startsWith("m/")) this.found.models.set(key.slice(2), Number(version));
    else if (what === "S") this.found.jobs.set(key, Number(version));
    else if (what === "E") {
      this.promises = Promises.from(this.found);
      working();
    } else if (what === "C") this.closed = true;
    else this.promises.hear(what, key, Number(version));
  }

  // After this everything that the process said has been heard.
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
    this.checkWord();
  }

  async close() {
    this.child.kill("SIGTERM");
    await this.ended;
  }

  // Exit status 1: the store broke its word within one run.
  checkWord() {
    assert.notEqual(this.code, 1, this.stderr);
  }
}
