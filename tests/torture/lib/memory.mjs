// memory.mjs - says which allocations of a process fail: the other end of ../memory_shim.c.

import fs from "node:fs";
import path from "node:path";

import { program } from "./disk.mjs";

const WORDS = ["first", "last", "seen", "failed", "wants_places"];

export class Memory {
  #orders;
  #notes;

  // The files lie in `dir`.
  constructor(dir) {
    this.#orders = path.join(dir, "memory.orders");
    this.#notes = path.join(dir, "memory.notes");
    fs.writeFileSync(this.#orders, Buffer.alloc(4 * WORDS.length));
    fs.writeFileSync(this.#notes, "");
  }

  get env() {
    return {
      LD_PRELOAD: program("memory_shim.so"),
      MEMORY_SHIM_ORDERS: this.#orders,
      MEMORY_SHIM_NOTES: this.#notes,
    };
  }

  // From now on the allocations first to last fail; those of a process that starts count from its
  // own beginning.
  fail(first, last = first) {
    fs.writeFileSync(this.#notes, "");
    this.#write({ first: 0 });
    this.#write({ first, last, seen: 0, failed: 0 });
  }

  // Counts, and notes each place that allocates.
  watch() {
    fs.writeFileSync(this.#notes, "");
    this.#write({ first: 0, seen: 0, failed: 0, wants_places: 1 });
  }

  // No more failures. -> { seen, failed }
  rest() {
    this.#write({ first: 0, wants_places: 0 });
    const bytes = fs.readFileSync(this.#orders);
    const word = (name) => bytes.readUInt32LE(4 * WORDS.indexOf(name));
    return { seen: word("seen"), failed: word("failed") };
  }

  // Which allocations since watch() were the first of their place.
  places() {
    return [...this.notes().matchAll(/^place (\d+)$/gm)].map((match) => Number(match[1]));
  }

  notes() {
    return fs.readFileSync(this.#notes, "utf8");
  }

  // Little endian, as every machine that this runs on; the order of the writes counts: `first` last.
  #write(words) {
    const fd = fs.openSync(this.#orders, "r+");
    const names = Object.keys(words).sort((a, b) => (a === "first") - (b === "first"));
    for (const name of names) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(words[name]);
      fs.writeSync(fd, bytes, 0, 4, 4 * WORDS.indexOf(name));
    }
    fs.closeSync(fd);
  }
}
