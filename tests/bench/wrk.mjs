// wrk.mjs - runs wrk on its own core and reads what it found; medians and ranges of several runs.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { CLIENT_CORE } from "./servers.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

// -> { rate (calls/s), p50, p99 (microseconds), calls }. A run with errors is no measurement.
export async function runWrk(server, { seconds, connections = 32 }) {
  const argv = ["-c", CLIENT_CORE, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  const url = `http://127.0.0.1:${server.port}`;
  const child = spawn("taskset", [...argv, "-s", path.join(here, "call.lua"), url]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more) => (text += more));
  child.stderr.setEncoding("utf8").on("data", (more) => (text += more));
  await once(child, "close");
  const found = /^BENCH (.*)$/m.exec(text);
  if (!found) throw new Error(`wrk: ${text}`);
  const run = JSON.parse(found[1]);
  if (run.errors || !run.calls) throw new Error(`${server.name}: ${run.errors} errors: ${text}`);
  return { rate: run.calls / (run.us / 1e6), p50: run.p50, p99: run.p99, calls: run.calls };
}

export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), n: sorted.length };
}
