// tasks_clients.test.mjs - ways to a task: streams of notices, the official client of the extension, lines.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import readline from "node:readline";
import test from "node:test";

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient } from "@modelcontextprotocol/ext-tasks/client";

import { binary, cleanEnv } from "./lib/env.mjs";
import { Gateway } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";
import {
  KNOWS, META, create, ended, get, grants, modern, quick, start, tools, value,
} from "./lib/tasks.mjs";

test("notifications/tasks on streams that asked for them, whichever worker has them", async (t) => {
  const gw = await start(t, { ini: "[server]\nworkers = 4\n[auth]\nkeys = k1, k2\n" });
  const listen = (taskIds, key, capabilities = KNOWS.meta) => openEventStream(gw.url, {
    method: "POST", key,
    headers: {
      "Content-Type": "application/json", Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen",
    },
    body: JSON.stringify({
      jsonrpc: "2.0", id: "listen", method: "subscriptions/listen",
      params: { notifications: { taskIds }, _meta: { [`${META}protocolVersion`]: "2026-07-28", ...capabilities } },
    }),
  });
  const { taskId } = await create(gw, "asks", {}, { key: "k1" });
  const streams = await Promise.all(Array.from({ length: 8 }, () => listen([taskId, "task_none"], "k1")));
  t.after(() => streams.forEach((stream) => stream.close()));
  const each = (of) => Promise.all(streams.map(of));
  await each(async (stream) => {
    const first = (await stream.next()).json;
    assert.equal(first.method, "notifications/subscriptions/acknowledged");
    assert.deepEqual(first.params.notifications, { taskIds: [taskId] });
  });
  const told = async (stream, status) => {
    for (;;) {
      const { method, params } = (await stream.next()).json;
      assert.equal(method, "notifications/tasks");
      assert.equal(params.taskId, taskId);
      assert.equal(params._meta[`${META}subscriptionId`], "listen");
      if (params.status === status) return params;
    }
  };
  await each((stream) => told(stream, "input_required"));
  await modern(gw, "tasks/update", {
    taskId,
    inputResponses: { a: { action: "accept", content: { n: 1 } }, b: { action: "accept", content: { s: "!" } } },
  }, { key: "k1" });
  await each(async (stream) => {
    const { _meta, ...params } = await told(stream, "completed");
    const { _meta: own, resultType, ...task } = await get(gw, taskId, { key: "k1" });
    assert.deepEqual(params, task);
  });

  const foreign = await listen([taskId], "k2");
  assert.deepEqual((await foreign.next()).json.params.notifications, { taskIds: [] });
  foreign.close();
  const late = await listen([taskId], "k1"); // what it has missed
  assert.equal((await late.next()).json.method, "notifications/subscriptions/acknowledged");
  await told(late, "completed");
  late.close();
  const ignorant = await listen([taskId], "k1", { [`${META}clientCapabilities`]: {} });
  assert.equal(ignorant.status, 400);
  assert.equal(JSON.parse(ignorant.text).error.code, -32021);
});

test("the official client of the extension follows a task to its end, and answers it", async (t) => {
  const gw = await start(t);
  const clientInfo = { name: "moongate-tests", version: "1" };
  const clientCapabilities = { elicitation: { form: {} }, extensions: { [`${META}tasks`]: {} } };
  const client = new Client(clientInfo, {
    capabilities: clientCapabilities, versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  let id = 0;
  const session = createTaskSessionFromClient(client, {
    endpointId: "moongate",
    v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities },
    rawDispatch: async (request) => {
      const name = request.params.name ?? request.params.taskId;
      const headers = {
        Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": request.method, ...(name ? { "Mcp-Name": name } : {}),
      };
      return (await gw.client.post({ jsonrpc: "2.0", id: ++id, ...request }, { headers })).body;
    },
    onInputRequest: async ({ params }) => ({
      action: "accept", content: params.requestedSchema.properties.n ? { n: 3 } : { s: "x" },
    }),
  });
  const outcome = async (name, args = {}) => (await (await session.callTool(name, args)).settle()).outcome;
  assert.equal((await outcome("asks")).result.content[0].text, "3x");
  assert.equal(JSON.parse((await outcome("sum", { a: 1, b: 1, wait: 0.1, poll: 0.05 })).result.content[0].text).sum, 2);
  const failed = await outcome("fails", { how: "crash" });
  assert.equal(failed.status, "failed");
  assert.equal((await outcome("ended")).result.content[0].text, "not yet"); // that one is no task
  await session.close();
  await client.close();
});

test("the same over lines", async (t) => {
  const gw = new Gateway({ ini: quick(`[rate_limit]\nbucket = 0\n${grants}`), tools: { "tasks.lua": tools } });
  t.after(() => gw.remove());
  const child = spawn(binary, ["-c", gw.iniPath, "stdio"], { cwd: gw.dir, env: cleanEnv(), stdio: ["pipe", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (method, params) => {
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", ...KNOWS.meta };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: method, method, params: { ...params, _meta } })}\n`);
    return JSON.parse((await lines.next()).value).result;
  };
  const { taskId } = await ask("tools/call", { name: "sum", arguments: { a: 4, b: 5, wait: 0.1 } });
  let task;
  do task = await ask("tasks/get", { taskId });
  while (!ended(task));
  assert.equal(value(task).sum, 9);
  const waits = await ask("tools/call", { name: "sum", arguments: { wait: 600 } });
  assert.deepEqual(Object.keys(await ask("tasks/cancel", { taskId: waits.taskId })).sort(), ["_meta", "resultType"]);
  do task = await ask("tasks/get", { taskId: waits.taskId });
  while (!ended(task));
  assert.equal(task.status, "cancelled");
  child.stdin.end();
  assert.equal((await exited)[0], 0);
});
