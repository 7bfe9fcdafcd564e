// hotreload.test.mjs - calls under load while what they call is replaced, by good and broken files in turn: no call fails,
// none sees half of one version and half of another, and what the versions took is given back.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";

import { sanitizer } from "../e2e/lib/env.mjs";
import { Gateway, slowness } from "../e2e/lib/gateway.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const RELOADS = short ? 60 : 200;
const CALLS = short ? 3_000 : 10_000;
const SETTLED = 20; // reloads after which memory has found its level
const CALLERS = 8;
const LIMIT_MS = 60_000 * slowness;

// Top and bottom of the file, and its helper: all of one version.
const pair = (n, half, broken = false) => `local mcp = require "mcp"
local top, wants, half = ${n}, ${half}, require "half"
return mcp.tool {
  name = "pair",
  description = "Version ${n}.",
  input = { type = "object", properties = { nap = { type = "boolean" } } },
  run = function(args)
    if args.nap then mcp.time.sleep(0.01) end
    return { top = top, half = half, wants = wants, bottom = ${n} }
  end,
}${broken ? "}" : ""}
`;

class Site {
  constructor(dir) {
    this.dir = dir;
    this.half = 0;
  }

  release(n, broken) {
    const folder = path.join(this.dir, `releases/${n}`);
    fs.mkdirSync(path.join(folder, "lib"), { recursive: true });
    fs.writeFileSync(path.join(folder, "lib/half.lua"), `return ${n}`);
    fs.writeFileSync(path.join(folder, "pair.lua"), pair(n, n, broken));
    fs.symlinkSync(`releases/${n}`, path.join(this.dir, "next"));
    fs.renameSync(path.join(this.dir, "next"), path.join(this.dir, "current"));
    fs.rmSync(path.join(this.dir, `releases/${n - 2}`), { recursive: true, force: true });
    this.half = n;
  }

  // As an editor without any care writes it.
  rewrite(n, broken) {
    const text = pair(n, this.half, broken);
    const fd = fs.openSync(path.join(this.dir, "current/pair.lua"), "w");
    for (let i = 0; i < text.length; i += 50) fs.writeSync(fd, text.slice(i, i + 50));
    fs.closeSync(fd);
  }

  change(n) {
    const way = n % 4;
    if (way < 2) this.release(n, way === 1);
    else this.rewrite(n, way === 3);
  }
}

function call(port, agent, args) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "pair", arguments: args } });
  return new Promise((resolve, reject) => {
    const req = http.request(
      { port, host: "127.0.0.1", path: "/mcp", method: "POST", agent,
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } },
      (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (piece) => (text += piece));
        res.on("end", () => resolve({ status: res.statusCode, text }));
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

function judge({ status, text }, versions) {
  assert.equal(status, 200, text);
  const { result } = JSON.parse(text);
  assert.ok(result && !result.isError, text);
  const seen = JSON.parse(result.content[0].text);
  assert.ok(seen.top === seen.bottom && seen.half === seen.wants, text);
  versions.add(seen.top);
}

async function served(gw, agent, n) {
  const end = performance.now() + LIMIT_MS;
  while (performance.now() < end) {
    const { text } = await call(gw.port, agent, {});
    if (JSON.parse(JSON.parse(text).result.content[0].text).top === n) return;
  }
  assert.fail(`version ${n} never serves; ${gw.tail()}`);
}

test(`${CALLS} calls during ${RELOADS} reloads, every other one broken`, async (t) => {
  const gw = new Gateway({ ini: "[server]\nworkers = 2\n[rate_limit]\nbucket = 0\n[log]\naccess = no\n[paths]\nroot = root\ntools = current\n" });
  const site = new Site(gw.dir);
  site.release(0, false);
  const running = await Gateway.start({ dir: gw.dir, follow: true });
  t.after(() => running.stop({ keep: true }).finally(() => gw.remove()));
  const agent = new http.Agent({ keepAlive: true, maxSockets: CALLERS });
  const versions = new Set();
  let calls = 0, is_over = false;
  const callers = Array.from({ length: CALLERS }, async (_, k) => {
    for (let i = k; !is_over || calls < CALLS; i++, calls++)
      judge(await call(running.port, agent, { nap: i % 10 === 0 }), versions);
  });
  let settled = 0;
  const reloads = (async () => {
    try {
      for (let n = 1; n <= RELOADS; n++) {
        const from = running.log.length;
        site.change(n);
        if (n % 2 === 1) await running.logged((l) => l.msg === "tool file did not load" && running.log.indexOf(l) >= from, LIMIT_MS);
        else await served(running, agent, n);
        running.log.length = 0;
        running.stderr = "";
        if (n === SETTLED) settled = running.rssAnon();
      }
    } finally {
      is_over = true;
    }
  })();
  await Promise.all([reloads, ...callers]);
  agent.destroy();
  const last = running.rssAnon();
  t.diagnostic(`${calls} calls, ${versions.size} versions seen; RssAnon ${settled >> 10} KB after ${SETTLED} reloads, ${last >> 10} KB at the end`);
  assert.ok(versions.size >= RELOADS / 4, `only ${versions.size} versions were ever seen`);
  for (const n of versions) assert.equal(n % 2, 0, `version ${n} was broken`);
  if (sanitizer) return; // which keeps what was freed
  assert.ok(last <= settled * 1.02 + 1024 * 1024, `RssAnon grew from ${settled} to ${last} bytes`);
});
