// posture.test.mjs - what holds before anybody has configured anything.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import test from "node:test";

import { Gateway } from "../e2e/lib/gateway.mjs";
import { openEventStream } from "../e2e/lib/sse.mjs";
import { BOTH, code, rawRequest, start } from "./lib.mjs";

const JSON_TYPE = "Content-Type: application/json";

test("posture: only loopback is bound", async (t) => {
  const gw = await start(t);
  const hex = gw.port.toString(16).toUpperCase().padStart(4, "0");
  const bound = ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((table) => fs.readFileSync(table, "utf8").split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter((field) => field[1]?.endsWith(`:${hex}`) && field[3] === "0A")
    .map((field) => field[1].split(":")[0]);
  assert.ok(bound.length > 0);
  for (const address of bound)
    assert.ok(["0100007F", "00000000000000000000000001000000"].includes(address), address);
  for (const { address, family, internal } of Object.values(os.networkInterfaces()).flat()) {
    if (internal || family !== "IPv4") continue;
    const refused = await new Promise((resolve) => {
      const socket = net.connect({ port: gw.port, host: address });
      socket.once("connect", () => resolve(false)).once("error", () => resolve(true));
      t.after(() => socket.destroy());
    });
    assert.ok(refused, address);
  }
});

test("posture: bodies, headers, JSON and ids are bounded", async (t) => {
  const gw = await start(t);
  const size = 4 * 1024 * 1024;
  const body = (n) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"${"x".repeat(n)}"}}`;
  const frame = body(0).length;
  assert.equal((await gw.client.post(body(size - frame))).status, 200);
  assert.equal((await gw.client.post(body(size - frame + 1))).status, 413);
  const deep = (n) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${"[".repeat(n)}${"]".repeat(n)}}}`;
  assert.equal((await gw.client.post(deep(62))).status, 200);
  assert.equal(code(await gw.client.post(deep(63))), -32600);
  assert.equal(code(await gw.client.post(deep(1_000_000))), -32600);
  const id = (n) => gw.client.post(`{"jsonrpc":"2.0","id":"${"i".repeat(n)}","method":"ping"}`);
  assert.equal((await id(254)).status, 200);
  assert.equal((await id(255)).status, 400);
  const many = await rawRequest(t, gw, "GET /healthz HTTP/1.1",
    ["Host: localhost", `X-Filler: ${"x".repeat(64 * 1024)}`]);
  assert.ok(many === null || many.status === 431 || many.status === 400, `${many?.status}`);
});

test("posture: requests that two servers would read in two ways are refused and cut off", async (t) => {
  const gw = await start(t);
  const host = `Host: 127.0.0.1:${gw.port}`;
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const chunked = `${ping.length.toString(16)}\r\n${ping}\r\n0\r\n\r\n`;
  for (const [name, lines, body] of [
    ["both lengths", [`Content-Length: ${ping.length}`, "Transfer-Encoding: chunked"], chunked],
    ["two lengths", [`Content-Length: ${ping.length}`, `Content-Length: ${ping.length}`], ping],
    ["two different lengths", [`Content-Length: ${ping.length}`, "Content-Length: 0"], ping],
    ["a blank before the colon", [`Content-Length : ${ping.length}`], ping],
    ["another coding", ["Transfer-Encoding: gzip, chunked"], chunked],
    ["a signed length", [`Content-Length: +${ping.length}`], ping],
    ["two sessions", [`Content-Length: ${ping.length}`, "Mcp-Session-Id: a", "Mcp-Session-Id: b"], ping],
    ["two methods", [`Content-Length: ${ping.length}`, "Mcp-Method: a", "Mcp-Method: a"], ping],
    ["two origins", [`Content-Length: ${ping.length}`, "Origin: null", "Origin: http://localhost"], ping],
  ]) {
    const raw = await gw.raw();
    t.after(() => raw.destroy());
    raw.send(["POST /mcp HTTP/1.1", host, JSON_TYPE, ...lines, "", body].join("\r\n"));
    raw.send(`GET /healthz HTTP/1.1\r\n${host}\r\n\r\n`);
    const res = await raw.response();
    assert.equal(res?.status, 400, name);
    assert.equal(await raw.response(), null, `${name}: nothing behind it is read`);
  }
});

test("posture: sessions are bounded: a flood of one key's drives out its own, those in use last, and nobody else's", async (t) => {
  const ini = "[rate_limit]\nbucket = 0\n[auth]\nkeys = k1, k2\n[server]\nmax_sessions = 40\nworkers = 2\n";
  const tools = { "wait.lua": `local mcp = require "mcp"
    return mcp.tool { name = "wait", input = { type = "object" }, run = function(args)
      if args.over then mcp.cache.set("over", true) end
      while not mcp.cache.get("over") do mcp.time.sleep(0.01) end
      return "waited"
    end }` };
  const gw = await Gateway.start({ ini, tools });
  t.after(() => gw.stop());
  const open = async (key) => {
    const res = await gw.client.request("initialize",
      { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } }, { headers: BOTH, key });
    return { ...BOTH, Authorization: `Bearer ${key}`, "Mcp-Session-Id": res.headers.get("mcp-session-id") };
  };
  const status = async (headers) => (await gw.client.request("ping", {}, { headers })).status;
  const theirs = [await open("k2"), await open("k2")];
  const streaming = await open("k1"), idle = await open("k1");
  const stream = await openEventStream(gw.url, { headers: streaming });
  assert.equal(stream.status, 200);
  const calling = await open("k1");
  const waits = gw.client.request("tools/call", { name: "wait", arguments: {} },
    { headers: { ...calling, Accept: "application/json" } });
  while ((await gw.metric("moongate_calls_running", {}, { key: "k1" })) !== 1);
  let last;
  const flood = async (n) => { for (let i = 0; i < n; i++) last = await open("k1"); };
  await Promise.all(Array.from({ length: 8 }, () => flood(25)));
  // 2 are another key's; of the other 38 it leaves as many as it has.
  assert.equal(await gw.metric("moongate_sessions", {}, { key: "k1" }), 2 + 19);
  assert.deepEqual(await Promise.all(theirs.map(status)), [200, 200]);
  assert.equal(await status(idle), 404);
  assert.deepEqual(await Promise.all([streaming, calling, last].map(status)), [200, 200, 200]);
  await gw.call("wait", { over: true }, { key: "k1" });
  assert.equal((await waits).body.result.content[0].text, "waited");
  stream.close();
});

test("posture: the log holds the shape of a call, not what was in it", async (t) => {
  const gw = await start(t, { ini: "[log]\nlevel = debug\n" });
  const secret = "password-in-an-argument";
  await gw.call("echo", { message: secret });
  await gw.client.modern("tools/call", { name: "echo", arguments: { message: secret } });
  await gw.rpc("tools/call", { name: "nope", arguments: { message: secret } });
  await gw.client.post(`{"${secret}`);
  await gw.stop({ keep: true });
  assert.ok(gw.log.filter((line) => line.tool === "echo").length >= 2);
  assert.doesNotMatch(gw.stderr, new RegExp(secret));
});

test("posture: guessing keys is limited before the key is looked at", async (t) => {
  const gw = await Gateway.start({ ini: "[auth]\nkeys = the-key\n[rate_limit]\nbucket = 10\nwindow = 1h\n" });
  t.after(() => gw.stop());
  const statuses = [];
  for (let i = 0; i < 15; i++) statuses.push((await gw.rpc("ping", {}, { key: `guess-${i}` })).status);
  assert.deepEqual(statuses, [...Array(10).fill(401), ...Array(5).fill(429)]);
  const right = await gw.rpc("ping", {}, { key: "the-key" });
  assert.deepEqual([right.status, code(right)], [429, -32001]);
  assert.ok(Number(right.headers.get("retry-after")) > 0);
});
