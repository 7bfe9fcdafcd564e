// bridges.test.mjs - clients that people start at a command line: the Inspector without its window, and
// mcp-remote, by which programs that only know stdio reach a gateway.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { binary, cleanEnv, repo, slowness } from "./lib/env.mjs";
import { Gateway } from "./lib/gateway.mjs";
import { heard, proxied, teed } from "./lib/proxy.mjs";
import { skip } from "./lib/schemas.mjs";
import { tapCheck } from "./lib/tap.mjs";

const modules = path.join(repo, "tests/node_modules");
const inspector = path.join(modules, "@modelcontextprotocol/inspector/clients/launcher/build/index.js");
const remote = path.join(modules, "mcp-remote/dist/proxy.js");
const KEY = "key-of-the-bridges-0123456789";

async function start(t) {
  const gw = await Gateway.start({
    ini: `[auth]\nkeys = ${KEY}\n`,
    tools: ["echo.lua", "outcomes.lua", "offers.lua"],
  });
  t.after(() => gw.stop());
  // What they keep in their user's home stays in the test's folder.
  gw.home = fs.mkdtempSync(path.join(gw.dir, "home-"));
  gw.env = cleanEnv({ HOME: gw.home, XDG_CONFIG_HOME: gw.home, MCP_REMOTE_CONFIG_DIR: gw.home });
  gw.heardUrl = `http://127.0.0.1:${await proxied(t, gw.port)}/mcp`;
  return gw;
}

// They are processes of their own, and yet each message that they got was held to the schemas.
const wasJudged = (before, least) => assert.ok(skip || tapCheck() - before >= least, `${tapCheck() - before} judged`);

async function inspect(gw, target, ...args) {
  const child = spawn(process.execPath, [inspector, "--cli", ...target, ...args], {
    cwd: gw.dir, env: gw.env, stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"])
    child[name].setEncoding("utf8").on("data", (text) => (out[name] += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000 * slowness);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, ...out };
}

const http = (gw, key = KEY) => [gw.heardUrl, "--transport", "http", "--header", `X-API-Key: ${key}`];

async function inspected(gw, ...args) {
  const res = await inspect(gw, ...args);
  assert.equal(res.code, 0, res.stderr);
  return JSON.parse(res.stdout);
}

test("the Inspector in its CLI mode lists, calls, reads and gets, over HTTP", async (t) => {
  const gw = await start(t);
  const before = tapCheck();
  const listed = await inspected(gw, http(gw), "--method", "tools/list");
  assert.ok(listed.tools.some((tool) => tool.name === "echo"));
  const call = ["--method", "tools/call", "--tool-name"];
  const echoed = await inspected(gw, http(gw), ...call, "echo", "--tool-arg", "message=Grüße");
  assert.deepEqual(JSON.parse(echoed.content[0].text), { message: "Grüße" });
  const resources = await inspected(gw, http(gw), "--method", "resources/list");
  const { uri } = resources.resources[0];
  const read = await inspected(gw, http(gw), "--method", "resources/read", "--uri", uri);
  assert.equal(read.contents[0].uri, uri);
  const prompts = await inspected(gw, http(gw), "--method", "prompts/list");
  assert.ok(prompts.prompts.some((prompt) => prompt.name === "greet"));
  const get = ["--method", "prompts/get", "--prompt-name", "greet", "--prompt-args", "who=Ada"];
  const greeting = await inspected(gw, http(gw), ...get);
  assert.equal(greeting.messages[0].content.text, "Greet Ada");
  wasJudged(before, 6 * 2); // of each the beginning and the answer
});

test("the Inspector is told of a wrong key, and of a tool that failed", async (t) => {
  const gw = await start(t);
  const refused = await inspect(gw, http(gw, "wrong"), "--method", "tools/list");
  assert.notEqual(refused.code, 0);
  const failed = await inspect(gw, http(gw), "--method", "tools/call", "--tool-name", "fail");
  assert.match(failed.stdout, /"isError": true/);
});

test("the Inspector starts the gateway by itself, over stdio", async (t) => {
  const gw = new Gateway({ tools: ["echo.lua"] });
  t.after(() => gw.remove());
  gw.env = cleanEnv({ HOME: gw.dir });
  const before = tapCheck();
  const target = [...teed(gw.dir, [binary, "-c", gw.iniPath, "stdio"]), "--transport", "stdio"];
  const listed = await inspected(gw, target, "--method", "tools/list");
  assert.deepEqual(listed.tools.map((tool) => tool.name), ["echo"]);
  heard(gw.dir);
  wasJudged(before, 2);
});

test("mcp-remote carries a stdio client to the gateway, with its key", async (t) => {
  const gw = await start(t);
  const before = tapCheck();
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [remote, gw.heardUrl, "--header", `X-API-Key:${KEY}`, "--transport", "http-only"],
    cwd: gw.dir, env: gw.env, stderr: "ignore",
  });
  const client = new Client({ name: "moongate-tests", version: "1" });
  await client.connect(transport);
  t.after(() => client.close());
  assert.match(client.getServerVersion().name, /moongate/i);
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === "echo"));
  const calls = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    client.callTool({ name: "echo", arguments: { message: `m${i}` } })));
  assert.deepEqual(calls.map((res) => JSON.parse(res.content[0].text).message),
    Array.from({ length: 20 }, (_, i) => `m${i}`));
  assert.equal((await client.callTool({ name: "fail" })).isError, true);
  wasJudged(before, 2 + 20 + 1);
});
