// followers.mjs - subscribers to a job's events: some come early, some late, some leave, some never read; and what must
// hold of everything that any of them was told.

import { openEventStream } from "../../e2e/lib/sse.mjs";
import { slowness } from "../../e2e/lib/gateway.mjs";

export const ends = new Set(["completed", "failed", "cancelled"]);
const rank = { queued: 0, running: 1, progress: 2, completed: 3, failed: 3, cancelled: 3 };
const LIMIT_MS = 30_000 * slowness;

// The text behind "line " of a progress is a number that grows.
const number = (event) => Number(/^line (\d+)/.exec(event.json.line ?? "")?.[1] ?? NaN);

// What is wrong with events of one job as one stream brought them, or undefined. is_whole: from the first to the last.
export function disorder(jobId, events, isWhole) {
  const told = events.map((e) => e.event).join(" ").replace(/(progress ?){3,}/g, "progress ... ");
  let last = { rank: -1, ts: "", line: 0 };
  const ids = new Set();
  for (const event of events) {
    const now = { rank: rank[event.event], ts: event.json?.ts, line: last.line };
    if (now.rank === undefined || !event.json) return `an unknown event: ${JSON.stringify(event).slice(0, 200)}`;
    if (event.json.jobId !== jobId) return `an event of ${event.json.jobId}`;
    if (event.id !== undefined && (ids.has(event.id) || ids.size > 0 && Number(event.id) < Math.max(...ids)))
      return `id ${event.id} after ${[...ids]}`;
    if (event.id !== undefined) ids.add(Number(event.id));
    if (now.rank < last.rank || now.rank === last.rank && event.event !== "progress") return `backwards or twice: ${told}`;
    if (event.event === "progress") now.ts = last.ts; // what is cancelled may talk until it is told so
    else if (now.ts < last.ts) return `${event.event} at ${now.ts} after ${last.ts}`;
    if (event.event === "progress" && !Number.isNaN(number(event))) {
      if (number(event) <= last.line) return `line ${number(event)} after ${last.line}`;
      now.line = number(event);
    }
    last = now;
  }
  if (!isWhole) return undefined;
  const main = events.map((e) => e.event).filter((name) => name !== "progress");
  if (!ends.has(main.at(-1)) || main[0] !== "queued") return `not whole: ${told}`;
  return main.length === 2 && main[1] === "completed" ? `never running: ${told}` : undefined;
}

// Follows job/ID. leaveAfter: the number of events after which it goes. -> { events, isWhole }, when it is over; what
// came before the gateway was killed counts, too.
export class Follower {
  events = [];
  isWhole = false;

  constructor(gw, jobId, { leaveAfter = Infinity } = {}) {
    this.jobId = jobId;
    this.over = this.#follow(gw, leaveAfter);
  }

  async #follow(gw, leaveAfter) {
    let stream;
    try {
      stream = await gw.events(`/sse?topic=job/${this.jobId}`, { limitMs: LIMIT_MS });
      for (let event = await stream.next(); event; event = await stream.next()) {
        if (event.event === "open") continue;
        this.events.push(event);
        if (ends.has(event.event)) {
          this.isWhole = true;
          break;
        }
        if (this.events.length >= leaveAfter) break;
      }
    } catch (error) {
      this.error = error; // of a gateway that was killed, or nothing came
    }
    stream?.close();
    return this;
  }

  get end() {
    return this.events.find((e) => ends.has(e.event));
  }
}

// Follows all jobs at once from before the first; -> what each job was told to be.
export class Watcher {
  jobs = new Map(); // jobId -> events

  static async open(gw) {
    const w = new Watcher();
    w.stream = await openEventStream(`${gw.base}/sse?topic=jobs`, { limitMs: LIMIT_MS });
    w.over = w.#read();
    return w;
  }

  async #read() {
    try {
      for (let event = await this.stream.next(); event; event = await this.stream.next()) {
        const id = event.json?.jobId;
        if (id && !this.jobs.has(id)) this.jobs.set(id, []);
        if (id) this.jobs.get(id).push(event);
      }
    } catch {
      // closed by us, or the gateway is gone
    }
  }

  close() {
    this.stream.close();
    return this.over;
  }
}

// Asks for a topic and never reads.
export async function stall(gw, topic) {
  const raw = await gw.raw();
  raw.pause();
  raw.send(`GET /sse?topic=${topic} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`);
  return raw;
}
