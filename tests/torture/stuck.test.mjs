// stuck.test.mjs - a worker that is held inside a C function, where no hook can reach it: the others are routed around
// it, readiness tells, and when it lasts too long the process ends itself and loses nothing. See block_shim.c.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { sanitizer } from "../e2e/lib/env.mjs";
import { Gateway } from "../e2e/lib/gateway.mjs";

const build = process.env.MOONGATE_BUILD;
const quiet = "[rate_limit]\nbucket = 0\n";

// A preloaded library comes before the sanitizer's own, which must be told not to mind.
const options = sanitizer.startsWith("address") ? { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:verify_asan_link_order=0` } : {};

const tools = {
  "block.lua": `local mcp = require "mcp"
    return mcp.tool { name = "block", description = "Asks for the date.", input = { type = "object" },
      run = function() return os.date("!%G") end }`,
};

async function start(ini) {
  const gw = new Gateway({ ini, tools: [] });
  gw.writeTools({ ...tools, "counter.lua": fs.readFileSync(new URL("../e2e/tools.d/counter.lua", import.meta.url)) });
  gw.block = path.join(gw.dir, "block");
  const running = await Gateway.start({
    dir: gw.dir,
    env: { LD_PRELOAD: path.join(build, "torture/block_shim.so"), BLOCK_SHIM_FILE: gw.block, ...options },
  });
  running.block = gw.block;
  running.clean = () => gw.remove();
  return running;
}

// A connection of its own each: one that is kept would lead to the same worker again.
async function say(gw, target) {
  const raw = await gw.raw();
  raw.send(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nConnection: close\r\n\r\n`);
  return raw;
}

async function ask(gw, target) {
  const raw = await say(gw, target);
  const response = await raw.response();
  raw.destroy();
  return { status: response.status, json: JSON.parse(response.body) };
}

test("a held worker is taken out of the way, told of, and taken back", { timeout: 60_000 }, async (t) => {
  const gw = await start(`${quiet}[server]\nworkers = 2\n`);
  t.after(() => (fs.rmSync(gw.block, { force: true }), gw.stop().finally(() => gw.clean())));
  assert.match((await gw.call("block")).text, /^\d{4}$/, "the shim is harmless without its file");
  fs.writeFileSync(gw.block, "");
  const held = gw.call("block");
  for (let i = 0; i < 2000 && fs.statSync(gw.block).size === 0; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  const early = Array.from({ length: 32 }, () => ask(gw, "/healthz"));
  const told = await gw.logged((l) => l.msg === "worker is held by a tool");
  assert.match(told.task, /^block call_[0-9a-z]{11}$/);
  assert.ok(told.held_ms >= 1000 && told.held_ms < 3000, `${told.held_ms} ms`);
  for (const one of await Promise.all(early)) assert.equal(one.status, 200, "who came to it is another's now");
  for (let i = 0; i < 40; i++) assert.equal((await ask(gw, "/healthz")).status, 200);
  assert.equal((await ask(gw, "/readyz")).status, 200, "it may still come back");

  await gw.logged((l) => l.msg === "worker is held by a tool" && l.held_ms >= 10_000, 20_000);
  const ready = await ask(gw, "/readyz");
  assert.equal(ready.status, 503);
  assert.match(ready.json.reasons.join(), /1 of 2 workers held by a tool for over 10 s/);

  fs.rmSync(gw.block);
  assert.match((await held).text, /^\d{4}$/, "its caller gets the answer all the same");
  await gw.logged((l) => l.msg === "worker is back" && l.worker === told.worker);
  assert.equal((await ask(gw, "/readyz")).status, 200);

  // It listens again: of so many connections it gets some.
  const before = gw.log.length;
  for (let i = 0; i < 40; i++) await ask(gw, "/readyz");
  fs.writeFileSync(gw.block, "");
  const again = Array.from({ length: 16 }, async () => {
    const raw = await gw.raw();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "block", arguments: {} } });
    raw.send(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return raw;
  });
  const raws = await Promise.all(again);
  for (const worker of [0, 1])
    await gw.logged((l) => gw.log.indexOf(l) >= before && l.msg === "worker is held by a tool" && l.worker === worker);
  // Nobody is left who could take over: who comes now waits.
  const late = await Promise.all(Array.from({ length: 32 }, () => say(gw, "/healthz")));
  fs.rmSync(gw.block);
  for (const raw of late) assert.equal((await raw.response()).status, 200);
  for (const raw of late) raw.destroy();
  raws.forEach((raw) => raw.destroy());
});

test("over stuck_abort the process ends itself, says why, and loses nothing that was told", { timeout: 60_000 }, async (t) => {
  const gw = await start(`${quiet}[server]\nworkers = 2\nstuck_abort = 2s\n`);
  t.after(() => gw.stop().finally(() => gw.clean()));
  assert.equal((await gw.call("counter", { id: "a" })).value.count, 1);
  fs.writeFileSync(gw.block, "");
  gw.call("block").catch(() => {});
  const exit = await gw.exited;
  assert.ok(exit.signal === "SIGABRT" || exit.code, JSON.stringify(exit));
  const last = gw.log.filter((l) => l.msg === "worker is held by a tool").at(-1);
  assert.ok(last.held_ms >= 2000 && last.held_ms < 4000, gw.tail());
  assert.match(last.task, /^block /);
  fs.rmSync(gw.block);
  await gw.restart();
  assert.equal((await gw.call("counter", { id: "a", add: 0 })).value.count, 1);
});
