// measures.mjs - what is measured of the gateway alone: instructions per call, memory at rest, time to
// the first answer, and what 10,000 idle streams cost.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";

import { binary, cleanEnv, repo } from "../e2e/lib/env.mjs";
import { KEY, freePort, startMoongate } from "./servers.mjs";
import { runWrk, summary } from "./wrk.mjs";

const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "echo", arguments: { message: "hello from the bench" } },
});

// One call over a connection that is kept; -> its answer's text.
function call(port, agent) {
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    "X-API-Key": KEY,
  };
  return new Promise((resolve, reject) => {
    const req = http.request(
      { port, host: "127.0.0.1", path: "/mcp", method: "POST", headers, agent },
      (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (more) => (text += more));
        res.on("end", () => resolve(text)).on("error", reject);
      },
    );
    req.on("error", reject).end(body);
  });
}

// valgrind counts each byte of a `rep stosb` as one instruction, and libmicrohttpd clears its pool of
// 16 KB after every request: the C library is told to do without.
const noRep =
  "glibc.cpu.x86_rep_stosb_threshold=100000000:glibc.cpu.x86_rep_movsb_threshold=100000000";

// Instructions of the whole process for one call: the difference between a long and a short run under
// callgrind, so that start and stop cancel out.
export async function instructionsPerCall({ few = 1_000, many = 6_000 } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-callgrind-"));
  const count = async (calls) => {
    const out = path.join(dir, `callgrind.${calls}`);
    const wrapper = ["valgrind", "--tool=callgrind", `--callgrind-out-file=${out}`];
    const server = await startMoongate({ wrapper, env: { GLIBC_TUNABLES: noRep } });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < calls; i++) {
      const text = await call(server.port, agent);
      if (i === 0) assert.match(text, /hello from the bench/);
    }
    agent.destroy();
    await server.stop();
    return Number(/^(?:summary|totals): (\d+)/m.exec(fs.readFileSync(out, "utf8"))[1]);
  };
  try {
    return Math.round(((await count(many)) - (await count(few))) / (many - few));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function startShipped(dir, port, workers) {
  return spawn(binary, ["-c", path.join(repo, "mcp.ini")], {
    cwd: dir,
    env: cleanEnv({
      MOONGATE_SERVER_PORT: String(port),
      MOONGATE_SERVER_WORKERS: String(workers),
      MOONGATE_PATHS_ROOT: dir,
    }),
    stdio: "ignore",
  });
}

// Milliseconds from exec to the end of the first answer, and the RssAnon at rest after it, with the
// shipped mcp.ini and two workers. Includes what the spawning itself costs.
export async function startAndRest({ runs = 10 } = {}) {
  const ms = [];
  const rss = [];
  for (let i = 0; i < runs; i++) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-start-"));
    const port = await freePort();
    const begin = performance.now();
    const child = startShipped(dir, port, 2);
    const ended = once(child, "exit");
    try {
      await firstAnswer(port, child);
      ms.push(performance.now() - begin);
      rss.push(rssAnon(child.pid));
    } finally {
      child.kill("SIGTERM");
      await ended;
      fs.rmSync(dir, { recursive: true, force: true });
    }
  }
  return { first_answer_ms: summary(ms), idle_rss_anon: summary(rss) };
}

// Connects again as soon as it was refused, asks for the tools, and resolves with the last byte.
async function firstAnswer(port, child) {
  const ask = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const request =
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Connection: close\r\nContent-Length: ${ask.length}\r\n\r\n${ask}`;
  for (;;) {
    assert.equal(child.exitCode, null, "the gateway ended before it answered");
    const text = await new Promise((resolve) => {
      let got = "";
      const socket = net.connect(port, "127.0.0.1", () => socket.write(request));
      socket.on("data", (data) => (got += data));
      socket.on("error", () => resolve(""));
      socket.on("close", () => resolve(got));
    });
    if (text) return assert.match(text, /^HTTP\/1.1 200 [^]*"tools"/);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function rssAnon(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

// Echo's p99 without and with so many idle event streams, and the memory they take.
export async function idleStreams({ streams = 10_000, seconds = 3, runs = 3 } = {}) {
  const more = `max_connections = ${streams + 200}`;
  const server = await startMoongate({ more });
  const sockets = [];
  try {
    const p99 = async () => {
      const found = [];
      for (let i = 0; i < runs; i++) found.push((await runWrk(server, { seconds })).p99);
      return summary(found);
    };
    const alone = await p99();
    const before = rssAnon(server.pid);
    for (let i = 0; i < streams; i += 100)
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, (_, k) => openIdle(server, i + k)))));
    const open = rssAnon(server.pid);
    const beside = await p99();
    return {
      streams,
      rss_anon_before: before,
      rss_anon_open: open,
      rss_anon_after_load: rssAnon(server.pid),
      p99_us_alone: alone,
      p99_us_beside: beside,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

// A stream of its own topic, open once its first event has come.
function openIdle(server, i) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1", () =>
      socket.write(`GET /sse?topic=bench/${i} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${KEY}\r\n\r\n`),
    );
    let got = "";
    const onData = (data) => {
      got += data;
      if (!got.includes("event: open")) return;
      if (!got.startsWith("HTTP/1.1 200")) return reject(new Error(got));
      socket.off("data", onData);
      socket.resume();
      resolve(socket);
    };
    socket.on("data", onData);
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`closed: ${got}`)));
  });
}
