// drain.test.mjs - SIGTERM: no new connections, calls may end, streams end properly, exit 0.

import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

async function until(ask, want, what, times = 500) {
  for (let i = 0; i < times; i++) if ((await ask()) === want) return;
  assert.fail(`${what}: never ${want}`);
}

function refusesConnections(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => (socket.destroy(), resolve(false)));
    socket.once("error", () => resolve(true));
  });
}

test("a call that runs ends, an event stream ends, new connections are refused", async () => {
  const gw = await Gateway.start({ ini: quiet, tools: ["echo.lua", "outcomes.lua"] });
  const slow = gw.call("sleep", { seconds: 1.8 });
  await until(() => gw.metric("moongate_calls_running"), 1, "the call");
  const stream = await gw.events("/sse?topic=job/1");
  assert.equal((await stream.next()).event, "open");
  gw.signal("SIGTERM");
  await gw.logged((l) => /draining/.test(l.msg));
  assert.equal(await stream.next(), null);
  await until(() => refusesConnections(gw.port), true, "closed listeners");
  assert.deepEqual((await slow).value, { slept: 1.8 });
  await gw.stop();
});

test("a call that would outlast the drain is told so, in half of drain_timeout", async () => {
  const gw = await Gateway.start({
    ini: `${quiet}[server]\ndrain_timeout = 2s\n`,
    tools: { "long.lua": `local mcp = require "mcp"
      return mcp.tool { name = "long", description = "Long.", input = { type = "object" }, limits = { timeout = "60s" },
        run = function()
          local ok, message, code = mcp.time.sleep(50)
          if not ok then return nil, message .. " " .. code end
          return "slept"
        end }` },
  });
  const slow = gw.call("long");
  await until(() => gw.metric("moongate_calls_running"), 1, "the call");
  gw.signal("SIGTERM");
  const answer = await slow;
  assert.equal(answer.isError, true);
  assert.match(answer.text, /cancelled|shut/i);
  await gw.stop();
});

test("idle keep-alive connections do not hold a stop up", async () => {
  const gw = await Gateway.start({ ini: `${quiet}[server]\ndrain_timeout = 30s\n`, tools: ["echo.lua"] });
  const idle = await gw.raw();
  idle.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await idle.response();
  const begin = performance.now();
  await gw.stop();
  assert.ok(performance.now() - begin < 10_000);
  idle.destroy();
});

test("a client that never reads does not hold a stop up beyond drain_timeout", async () => {
  const gw = await Gateway.start({ ini: `${quiet}[server]\ndrain_timeout = 1s\n`, tools: ["echo.lua"] });
  const raw = await gw.raw();
  raw.pause();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call",
    params: { name: "echo", arguments: { message: "y".repeat(1_000_000) } } });
  const request = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < 20; i++) raw.send(request);
  await gw.logged((l) => l.tool === "echo");
  const begin = performance.now();
  await gw.stop();
  assert.ok(performance.now() - begin < 9000); // the default is 10 s
  raw.destroy();
});

test("a stream that lags is given what lies in its queue, then the end", async () => {
  const gw = await Gateway.start({ ini: `${quiet}[server]\nworkers = 1\nmax_stream_queue = 64M\n`, tools: {
    "say.lua": `local mcp = require "mcp"
      return mcp.tool { name = "say", input = { type = "object" },
        run = function(args) return mcp.events.publish("lag", "n", { i = args.i, more = ("x"):rep(500000) }) end }` } });
  const lagging = http.get(`${gw.base}/sse?topic=lag`, { agent: false });
  const [res] = await once(lagging, "response");
  // More than the kernel takes for who does not read.
  for (let i = 0; i < 30; i++) await gw.call("say", { i });
  gw.signal("SIGTERM");
  await gw.logged((l) => /draining/.test(l.msg));
  let text = "";
  for await (const part of res.setEncoding("latin1")) text += part.replace(/x+/g, "");
  const seen = [...text.matchAll(/"i":(\d+),/g)].map((match) => Number(match[1]));
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, i) => i));
  assert.ok(res.complete);
  await gw.stop();
});

test("a second gateway on the same state or port is refused and says why", async (t) => {
  const gw = await Gateway.start({ ini: quiet, tools: ["echo.lua"] });
  t.after(() => gw.stop());
  const same = new Gateway({ dir: gw.dir, ini: `${quiet}[server]\nport = ${gw.port}\n` });
  same.launch();
  await same.exited;
  assert.equal(same.exit.code, 1);
  assert.match(same.stderr, new RegExp(`${gw.port}.*in use`));
  const state = new Gateway({ dir: gw.dir, ini: quiet });
  state.launch();
  await state.exited;
  assert.equal(state.exit.code, 1);
  assert.match(state.stderr, new RegExp(`${gw.child.pid}`), "the other's process is named");
});

test("so is one that starts while the first has not read its tools yet", async (t) => {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const slow = `local mcp = require "mcp"
    local begun = mcp.time.mono()
    while mcp.time.mono() - begun < 0.3 do end
    return mcp.tool { name = "slow", description = "For a test.", input = { type = "object" }, run = function() return "1" end }`;
  const gws = [0, 1].map(() => new Gateway({ ini: `${quiet}[server]\nport = ${port}\n`, tools: { "slow.lua": slow } }));
  t.after(() => Promise.all(gws.map((gw) => gw.stop().catch(() => gw.remove()))));
  gws[0].launch();
  await until(() => fs.readdirSync(gws[0].root).some((name) => name.startsWith(".mcp-state")), true, "its state", 100_000);
  gws[1].launch();
  await gws[1].exited;
  assert.match(gws[1].stderr, new RegExp(`${port}.*in use`));
  gws[0].attach((await gws[0].logged((l) => l.msg === "listening")).port);
  assert.equal((await gws[0].call("slow")).text, "1");
});
