// tap.test.mjs - what holds every message of the other tests to the schemas: that it hears each way in
// which messages come, and that it finds those that do not fit.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import test from "node:test";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary } from "./lib/gateway.mjs";
import { MODERN } from "./lib/rpc.mjs";
import { skip } from "./lib/schemas.mjs";
import { tapCheck, tapPort } from "./lib/tap.mjs";

const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
const good = { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "a", inputSchema: { type: "object" } }] } };
const bad = { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "a" }] } };

// A server that answers each request with what `answer(res)` sends.
async function impostor(t, answer) {
  const server = http.createServer((req, res) => req.resume().on("end", () => answer(res)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address();
  tapPort(port);
  return `http://127.0.0.1:${port}/mcp`;
}

const post = async (url, body, headers = {}) =>
  (await fetch(url, { method: "POST", body, headers: { "Content-Type": "application/json", ...headers } })).text();

function json(message) {
  return (res) => {
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify(message));
  };
}

// In pieces that end in the middle of an event.
function events(...messages) {
  return (res) => {
    res.setHeader("Content-Type", "text/event-stream");
    const text = messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`).join("");
    res.write(text.slice(0, 40));
    res.end(text.slice(40));
  };
}

test("an answer is judged by what was asked, over JSON and over event streams", { skip }, async (t) => {
  const notice = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1 } };
  for (const [answer, what] of [
    [json(bad), /inputSchema/], [json({ ...good, id: 1.5 }), /id/], [json({ jsonrpc: "2.0", id: 1 }), /result/],
    [events(notice, good), /progress/], [events(good, bad), /inputSchema/],
  ]) {
    await post(await impostor(t, answer), list);
    assert.throws(tapCheck, what);
  }
  const before = tapCheck();
  await post(await impostor(t, json(good)), list);
  await post(await impostor(t, events(good)), list);
  assert.equal(tapCheck(), before + 2);
});

test("the revision is the one that the request names", { skip }, async (t) => {
  const url = await impostor(t, json({ jsonrpc: "2.0", id: 1, result: {} }));
  await post(url, ping);
  tapCheck();
  await post(url, ping, { "MCP-Protocol-Version": MODERN });
  assert.throws(tapCheck, /2026-07-28 .*resultType/);
});

test("a gateway is heard over HTTP and over lines", { skip }, async (t) => {
  const gw = await Gateway.start({ tools: ["echo.lua"] });
  t.after(() => gw.stop());
  const before = tapCheck();
  await gw.call("echo", { message: "x" });
  const raw = await gw.raw();
  raw.send(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${ping.length}\r\n\r\n${ping}`);
  assert.equal((await raw.response()).status, 200);
  raw.destroy();
  const child = spawn(binary, ["stdio", "-c", gw.iniPath], { cwd: gw.dir, env: cleanEnv(), stdio: "pipe" });
  child.stdin.end(`${ping}\n`);
  child.stdout.resume();
  await once(child, "close");
  assert.equal(tapCheck(), before + 3);
});
