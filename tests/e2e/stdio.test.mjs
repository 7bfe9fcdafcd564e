// stdio.test.mjs - `moongate stdio`: the official clients of both generations, lines that no client
// would write, and what happens when the client goes away.

import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";

import { cleanEnv } from "./lib/env.mjs";
import { binary, slowness } from "./lib/gateway.mjs";
import { Stdio, clean, info, modern, site as emptySite } from "./lib/stdio.mjs";

const tools = ["echo.lua", "outcomes.lua", "reports.lua", "counter.lua"];
const site = (t, options) => emptySite(t, { tools, ...options });

const clients = {
  "sdk 1.x": [() => new ClientV1(info), TransportV1],
  "client 2.x, legacy": [() => v2("legacy"), TransportV2],
  "client 2.x, auto": [() => v2("auto"), TransportV2],
  "client 2.x, 2026-07-28": [() => v2({ pin: "2026-07-28" }), TransportV2],
};

function v2(mode) {
  return new ClientV2(info, { versionNegotiation: { mode } });
}

for (const [label, [make, Transport]] of Object.entries(clients))
  test(`${label}: connects, lists, calls, hears of progress, closes`, async (t) => {
    const gw = site(t);
    const client = make();
    await client.connect(
      new Transport({
        command: binary, args: ["stdio", "-c", gw.iniPath], cwd: gw.dir, env: cleanEnv(),
        stderr: "ignore",
      }),
    );
    t.after(() => client.close());
    const list = await client.listTools();
    assert.ok(list.tools.some((tool) => tool.name === "echo"));
    const echo = await client.callTool({ name: "echo", arguments: { message: "ä\n" } });
    assert.deepEqual(JSON.parse(echo.content[0].text), { message: "ä\n" });
    const steps = [];
    const params = { name: "reports", arguments: { steps: 3 } };
    const options = { onprogress: (p) => steps.push(p.progress) };
    if (Transport === TransportV1) await client.callTool(params, undefined, options);
    else await client.callTool(params, options);
    // The clients forget a call's progress that they read together with the answer; that all of it is
    // sent is tested on the wire, below.
    assert.deepEqual(steps, [1, 2, 3].slice(0, steps.length));
  });

test("both eras are served in one process", async (t) => {
  const s = new Stdio(t, site(t));
  const found = await s.request("server/discover", { _meta: modern });
  assert.ok(found.result.supportedVersions.includes("2026-07-28"));
  const made = await s.initialize();
  assert.equal(made.protocolVersion, "2025-11-25");
  assert.deepEqual(made.capabilities, { tools: { listChanged: true }, logging: {} });
  assert.deepEqual((await s.request("ping")).result, {});
  const call = { name: "echo", arguments: { message: "x" } };
  assert.equal((await s.request("tools/call", call)).result.resultType, undefined);
  const again = await s.request("tools/call", { ...call, _meta: modern });
  assert.equal(again.result.resultType, "complete");
  assert.deepEqual(await s.end(), clean);
});

test("calls run side by side and are answered as they end", async (t) => {
  const s = new Stdio(t, site(t));
  await s.initialize();
  s.send({ id: "slow", method: "tools/call", params: { name: "sleep", arguments: { seconds: 1 } } });
  s.send({ id: "fast", method: "tools/call", params: { name: "echo", arguments: { message: "x" } } });
  await s.answer("slow");
  const order = s.messages.filter((m) => m.id === "slow" || m.id === "fast").map((m) => m.id);
  assert.deepEqual(order, ["fast", "slow"]);
});

test("an endless loop holds nobody up", async (t) => {
  const s = new Stdio(t, site(t));
  s.send({ id: "spin", method: "tools/call", params: { name: "spin" } });
  assert.deepEqual((await s.request("ping")).result, {});
  assert.equal((await s.answer("spin")).result.isError, true);
});

for (const era of ["legacy", "modern"])
  test(`a ${era} call is cancelled by a notification and not answered`, async (t) => {
    const s = new Stdio(t, site(t));
    const meta = era === "modern" ? { _meta: modern } : {};
    if (era === "legacy") await s.initialize();
    s.send({
      id: "long", method: "tools/call",
      params: { name: "sleep", arguments: { seconds: 60 }, ...meta },
    });
    s.send({ method: "notifications/cancelled", params: { requestId: "long", ...meta } });
    await s.said('"outcome":"CANCELLED"');
    await s.request("tools/list", meta);
    assert.equal(s.messages.find((m) => m.id === "long"), undefined);
    assert.deepEqual(await s.end(), clean);
  });

test("log messages come at the level that was set", async (t) => {
  const s = new Stdio(t, site(t));
  await s.initialize();
  await s.request("logging/setLevel", { level: "info" });
  const _meta = { progressToken: "p" };
  await s.request("tools/call", { name: "reports", arguments: { steps: 2 }, _meta });
  const steps = s.messages.filter((m) => m.method === "notifications/progress");
  assert.deepEqual(steps.map((m) => m.params.progress), [1, 2]);
  const logs = s.messages.filter((m) => m.method === "notifications/message");
  assert.deepEqual(logs.map((m) => m.params.data), [{ step: 1 }, { step: 2 }]);
});

test("bad lines are refused without an id, and the next line is read", async (t) => {
  const s = new Stdio(t, site(t, { ini: "[server]\nmax_body = 64K\n" }));
  const bad = [
    "garbage", '{"jsonrpc":"2.0",', Buffer.from([0, 0, 0]), Buffer.from('{"a":"\xff"}', "latin1"),
    "x".repeat(65537), `{"jsonrpc":"2.0","id":1,"method":"${"x".repeat(300000)}"}`, "1", "[]",
  ];
  for (const [i, line] of bad.entries()) {
    s.write(line);
    s.write("\r\n\n");
    assert.deepEqual((await s.request("ping")).result, {});
    const refused = s.messages.filter((m) => m.error);
    assert.equal(refused.length, i + 1, String(line).slice(0, 40));
    assert.ok([-32700, -32600].includes(refused[i].error.code));
    assert.equal("id" in refused[i], false);
  }
  // The longest line that is taken.
  const message = { jsonrpc: "2.0", id: "edge", method: "ping", params: { x: "" } };
  message.params.x = "x".repeat(65536 - JSON.stringify(message).length);
  s.write(`${JSON.stringify(message)}\r\n`);
  assert.deepEqual((await s.answer("edge")).result, {});
  message.params.x += "x";
  s.write(`${JSON.stringify(message)}\n`);
  await s.message((m) => m.error?.message.includes("max_body") && s.messages.at(-1) === m);
  assert.deepEqual(await s.end(), clean);
});

test("batches are for 2025-03-26", async (t) => {
  const s = new Stdio(t, site(t));
  const call = { jsonrpc: "2.0", method: "tools/call" };
  const batch = [
    { ...call, id: "a", params: { name: "sleep", arguments: { seconds: 0.05 } } },
    { jsonrpc: "2.0", id: "b", method: "ping" },
    { jsonrpc: "2.0", method: "notifications/initialized" },
  ];
  await s.initialize("2025-03-26");
  s.write(`${JSON.stringify(batch)}\n`);
  const answers = await s.message((m) => Array.isArray(m));
  assert.deepEqual(answers.map((m) => m.id).sort(), ["a", "b"]);
  for (const wrong of [[], [7], [batch[1], batch[1]], [{ jsonrpc: "2.0", id: 1, method: "initialize" }]]) {
    const before = s.messages.length;
    s.write(`${JSON.stringify(wrong)}\n`);
    await s.until(() => s.messages.length > before);
    assert.equal(s.messages.at(-1).error.code, -32600);
  }
  await s.initialize("2025-06-18");
  const before = s.messages.length;
  s.write(`${JSON.stringify(batch)}\n`);
  await s.until(() => s.messages.length > before);
  assert.equal(s.messages.at(-1).error.code, -32600);
});

test("a changed tool is told of once the client has initialized", async (t) => {
  const gw = site(t);
  const s = new Stdio(t, gw);
  const added = `local mcp = require "mcp"
return mcp.tool { name = "added", description = "New.", input = { type = "object" },
  run = function() print("chatter") return {} end }`;
  await s.initialize();
  await s.request("ping");
  gw.writeTools({ "added.lua": added });
  s.child.kill("SIGHUP");
  await s.message((m) => m.method === "notifications/tools/list_changed");
  assert.equal((await s.request("tools/call", { name: "added" })).result.isError, undefined);
});

test("the end of the input: what runs is finished, the state is there", async (t) => {
  const gw = site(t);
  const s = new Stdio(t, gw);
  s.send({ id: 1, method: "tools/call", params: { name: "counter", arguments: { id: "c" } } });
  s.send({ id: 2, method: "tools/call", params: { name: "sleep", arguments: { seconds: 0.3 } } });
  assert.deepEqual(await s.end(), clean);
  assert.equal(s.messages.find((m) => m.id === 2).result.isError, undefined);
  const next = new Stdio(t, gw);
  const args = { id: "c", add: 0 };
  const read = await next.request("tools/call", { name: "counter", arguments: args });
  assert.equal(JSON.parse(read.result.content[0].text).count, 1);
  next.child.kill("SIGTERM");
  await next.exited;
  assert.deepEqual(next.exit, clean);
});

test("keys are no matter, what a tool was not granted is", async (t) => {
  const s = new Stdio(t, site(t, { ini: "[auth]\nkeys = secret-key\n[tool echo]\nenabled = no\n" }));
  const { result } = await s.request("tools/list");
  assert.ok(result.tools.some((tool) => tool.name === "counter"));
  assert.ok(!result.tools.some((tool) => tool.name === "echo"));
});

test("a client that does not read stops being read", async (t) => {
  const s = new Stdio(t, site(t));
  await s.request("ping");
  s.child.stdout.pause();
  const line = `${JSON.stringify({
    jsonrpc: "2.0", id: 9, method: "tools/call",
    params: { name: "echo", arguments: { message: "x".repeat(10000) } },
  })}\n`;
  let asked = 0;
  const rss = () =>
    Number(/^RssAnon:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${s.child.pid}/status`, "utf8"))[1]);
  const before = rss();
  // Until standard input takes no more for good: the pipe, then the queue, are full.
  const written = () =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), 1500 * slowness);
      s.child.stdin.write(line, () => (clearTimeout(timer), resolve(true)));
    });
  while (asked++ < 20000 && (await written()));
  assert.ok(asked < 20000, "standard input was read without end");
  assert.ok(rss() - before < 64 * 1024 * slowness, `it grew by ${rss() - before} kB`);
  s.child.stdout.resume();
  await s.until(() => s.messages.filter((m) => m.id === 9).length >= asked, "every answer");
  assert.deepEqual(await s.end(), clean);
});
