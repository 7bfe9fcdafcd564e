// judge.test.mjs - the judge of all messages finds what is wrong: planted in each place, beside what is right.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";

import { repo } from "./lib/env.mjs";
import { HttpWire } from "./lib/http_wire.mjs";
import { Judge } from "./lib/judge.mjs";
import { LineWire } from "./lib/line_wire.mjs";
import { MODERN } from "./lib/rpc.mjs";
import { skip } from "./lib/schemas.mjs";

const META = "io.modelcontextprotocol/";
const _meta = { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: {} };
const serverInfo = { [`${META}serverInfo`]: { name: "x", version: "1" } };

// ---- what passes over connections, as bytes ----

const head = (lines, body) => Buffer.from(`${lines.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);

class Wires {
  judge = new Judge();
  all = [];

  open() {
    const wire = new HttpWire();
    this.all.push(wire);
    return {
      send: (line, body = "", headers = []) => wire.sent(head([`${line} HTTP/1.1`, ...headers], body)),
      answer: (body, { status = 200, type = "application/json", headers = [] } = {}) =>
        wire.received(head([`HTTP/1.1 ${status} X`, ...(type ? [`Content-Type: ${type}`] : []), ...headers],
          typeof body === "string" ? body : JSON.stringify(body))),
      stream: () => wire.received(Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")),
      event: (data, name = "message") =>
        wire.received(Buffer.from(`event: ${name}\ndata: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`)),
    };
  }

  problems() {
    for (const wire of this.all) wire.readSent(this.judge);
    for (const wire of this.all) wire.readReceived(this.judge);
    return this.judge.take().join("\n");
  }
}

const ask = (method, params, id = 1) => JSON.stringify({ jsonrpc: "2.0", id, method, params });
const result = (value, id = 1) => ({ jsonrpc: "2.0", id, result: value });
const modernHeaders = [`MCP-Protocol-Version: ${MODERN}`];

// What is said of an answer to one request.
function judged(method, params, answer, options = {}) {
  const wires = new Wires();
  const wire = wires.open();
  const { headers = [], path = "/mcp", ...rest } = options;
  wire.send(`POST ${path}`, method && ask(method, params), headers);
  wire.answer(answer, rest);
  return wires.problems();
}

const modern = (method, params, value, options) =>
  judged(method, { ...params, _meta }, result({ resultType: "complete", _meta: serverInfo, ...value }), { headers: modernHeaders, ...options });

function finds(problems, what, told) {
  if (what) assert.match(problems, what, told);
  else assert.equal(problems, "", told);
}

test("JSON-RPC where it is due, and of what was asked", { skip }, () => {
  const tools = { tools: [] };
  for (const [answer, options, what] of [
    [result(tools), {}, null],
    ["<html>oops</html>", { type: "text/html" }, /HTTP 200: JSON-RPC was due/],
    ["Accepted", { type: "text/plain" }, /HTTP 200: JSON-RPC was due/],
    ["Unauthorized", { type: "text/plain", status: 401 }, /HTTP 401: JSON-RPC was due/],
    [{ error: "no" }, { status: 400 }, /HTTP 400: JSON-RPC was due/],
    ["{\"jsonrpc\":", {}, /JSON-RPC was due/],
    ["", {}, /JSON-RPC was due/],
    ["too large", { status: 413, type: "text/plain" }, null],
    ["", { status: 202, type: null }, null],
    [{ error: "Not Found" }, { path: "/nope", status: 404 }, null],
    ["oops", { path: "/messages?sessionId=a", type: "text/plain" }, /JSON-RPC was due/],
    [result(tools, 2), {}, /answers nothing that was asked/],
    [result(tools, "1"), {}, /answers nothing that was asked/],
    [result({ tools: [{ name: "a" }] }), {}, /inputSchema/],
    [result({ ...tools, resultType: "complete" }), {}, /resultType, which this revision has not/],
    [{ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no" } }, {}, null],
    [{ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no" } }, { headers: modernHeaders }, /HTTP 200 for -32601, which is 404/],
    [{ jsonrpc: "2.0", id: null, error: { code: -32600, message: "no" } }, { headers: modernHeaders, status: 400 }, /id/],
    [{ jsonrpc: "2.0", id: null, error: { code: -32001, message: "no" } }, { status: 429 }, null],
    [{ jsonrpc: "2.0", error: { code: -32001, message: "no" } }, { headers: modernHeaders, status: 429 }, /-32001, which this revision has not/],
    [{ jsonrpc: "2.0", error: { code: -32019, message: "no" } }, { headers: modernHeaders, status: 400 }, /-32019, which/],
    [{ jsonrpc: "2.0", error: { code: -32600, message: "no" } }, { headers: modernHeaders, status: 401 }, null],
  ])
    finds(judged("tools/list", {}, answer, options), what, JSON.stringify(answer));
});

test("what a result of the modern revision holds", { skip }, () => {
  const hints = { ttlMs: 0, cacheScope: "private" };
  for (const [method, value, what] of [
    ["tools/list", { tools: [], ...hints }, null],
    ["tools/list", { tools: [] }, /ttlMs/],
    ["tools/list", { tools: [], ...hints, _meta: {} }, /which server/],
    ["tools/list", { tools: [], ...hints, resultType: "input_required" }, /resultType input_required of tools\/list/],
    ["tools/list", { tools: [], ...hints, resultType: undefined }, /resultType/],
    ["prompts/get", { messages: [], resultType: "task" }, /resultType task of prompts\/get/],
    ["tools/call", { content: [] }, null],
    ["tools/call", { resultType: "input_required", inputRequests: { a: { method: "roots/list", params: {} } }, requestState: "s" }, null],
    ["tools/call", { resultType: "input_required", requestState: "s", ...hints }, /cache hints/],
    ["tools/call", { resultType: "input_required", inputRequests: { a: { method: "tools/list" } } }, /inputRequests/],
  ])
    finds(modern(method, {}, value), what, `${method} ${JSON.stringify(value)}`);
});

test("what comes on the stream of a request is that request's", { skip }, () => {
  const note = (method, params) => ({ jsonrpc: "2.0", method: `notifications/${method}`, params });
  const progress = (progressToken) => note("progress", { progressToken, progress: 1 });
  const message = note("message", { level: "info", data: "x" });
  const notice = (id) => note("tools/list_changed", { _meta: { [`${META}subscriptionId`]: id } });
  const done = result({ content: [], resultType: "complete", _meta: serverInfo });
  const token = { ..._meta, progressToken: 7 }, level = { ..._meta, [`${META}logLevel`]: "info" };
  for (const [meta, messages, what] of [
    [token, [progress(7), done], null],
    [token, [progress("7")], /progress of another request/],
    [_meta, [progress(7)], /progress of another request/],
    [token, [done, progress(7)], /behind the answer/],
    [token, [done, done], /behind the answer/],
    [level, [message, done], null],
    [_meta, [message], /nobody wanted/],
    [_meta, [notice(1)], null],
    [_meta, [notice(2)], /another subscription/],
  ]) {
    const wires = new Wires(), wire = wires.open();
    wire.send("POST /mcp", ask("tools/call", { name: "x", _meta: meta }), modernHeaders);
    wire.stream();
    for (const one of messages) wire.event(one);
    finds(wires.problems(), what, JSON.stringify(messages));
  }
  const wires = new Wires(), wire = wires.open();
  wire.send("POST /mcp", ask("tools/call", { name: "x", _meta: token }), modernHeaders);
  wire.stream();
  wire.event(progress(7), "message\nid: 1");
  finds(wires.problems(), /an event with an id/);
});

test("tasks are what the extension says", { skip }, () => {
  const task = { taskId: "t", status: "working", createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00.5Z", ttlMs: 1 };
  const ok = { content: [], resultType: "complete" };
  for (const [method, value, what] of [
    ["tools/call", { ...task, resultType: "task" }, null],
    ["tools/call", { ...task, resultType: "task", ttlMs: 0 }, /ttlMs 0/],
    ["tools/call", { ...task, resultType: "task", taskId: undefined }, /taskId/],
    ["tools/call", { ...task, resultType: "task", requestState: "s" }, /has requestState/],
    ["tools/call", { ...task, resultType: "task", status: "done" }, /status/],
    ["tasks/get", task, null],
    ["tasks/get", { ...task, taskId: "u" }, /another task/],
    ["tasks/get", { ...task, createdAt: "yesterday" }, /createdAt/],
    ["tasks/get", { ...task, pollIntervalMs: 0 }, /pollIntervalMs/],
    ["tasks/get", { ...task, result: ok }, /that is working has result/],
    ["tasks/get", { ...task, status: "completed", result: ok }, null],
    ["tasks/get", { ...task, status: "completed" }, /result/],
    ["tasks/get", { ...task, status: "completed", result: { content: "x", resultType: "complete" } }, /content/],
    ["tasks/get", { ...task, status: "completed", result: ok, requestState: "s" }, /has requestState/],
    ["tasks/get", { ...task, status: "failed", error: { code: "x", message: "y" } }, /error.code/],
    ["tasks/get", { ...task, status: "input_required", inputRequests: { a: { method: "ping" } } }, /inputRequests/],
    ["tasks/update", {}, null],
    ["tasks/update", { taskId: "t" }, /nothing else/],
    ["tasks/cancel", { status: "cancelled" }, /nothing else/],
  ])
    finds(modern(method, { taskId: "t" }, value), what, `${method} ${JSON.stringify(value)}`);

  for (const [params, what] of [[task, null], [{ ...task, status: "completed" }, /result/], [{ ...task, error: { code: 1, message: "" } }, /has error/]]) {
    const wires = new Wires(), wire = wires.open();
    wire.send("POST /mcp", ask("subscriptions/listen", { notifications: {}, _meta }), modernHeaders);
    wire.stream();
    wire.event({ jsonrpc: "2.0", method: "notifications/tasks", params });
    finds(wires.problems(), what, JSON.stringify(params));
  }
});

test("skills are what the extension says", { skip }, () => {
  const uri = "skill://a/SKILL.md", hints = { ttlMs: 0, cacheScope: "public" };
  const file = { uri, digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const skill = { uri, frontmatter: { name: "a", description: "A." }, resources: [file] };
  const listed = (more) => ({ skills: [{ ...skill, ...more }], ...hints });
  for (const [method, value, what] of [
    ["skills/list", listed({}), null],
    ["skills/list", listed({ resources: "dynamic" }), null],
    ["skills/list", { skills: [skill] }, /ttlMs/],
    ["skills/list", { skills: [skill, skill], ...hints }, /listed twice/],
    ["skills/list", listed({ uri: "skill://a/README.md" }), /uri/],
    ["skills/list", listed({ frontmatter: { name: "b", description: "B." } }), /not named after its head/],
    ["skills/list", listed({ frontmatter: { name: "a--b", description: "B." } }), /name/],
    ["skills/list", listed({ frontmatter: { name: "a" } }), /description/],
    ["skills/list", listed({ resources: [{ ...file, digest: "0" }] }), /digest/],
    ["skills/list", listed({ resources: [{ ...file, size: -1 }] }), /size/],
    ["skills/list", listed({ resources: [file, file] }), /twice/],
    ["skills/list", listed({ resources: [{ ...file, uri: "skill://a/b" }] }), /not among its files/],
    ["skills/list", listed({ resources: [file, { ...file, uri: "skill://b/x" }] }), /no file of/],
    ["skills/list", listed({ resources: [file, { ...file, uri: "skill://a/x", size: 16 << 20 }] }), /bytes/],
    ["skills/get", { skill, ...hints }, null],
    ["skills/get", { skill, ...hints, nextCursor: "x" }, /NOT|not/],
    ["skills/get", { skill: { ...skill, uri: "skill://b/a/SKILL.md", resources: "dynamic" }, ...hints }, /another skill/],
    ["resources/directory/read", { resources: [{ uri: `${uri}/x`, name: "x" }], ...hints }, null],
    ["resources/directory/read", { resources: [{ uri: `${uri}/x/y`, name: "y" }], ...hints }, /does not lie in/],
    ["resources/directory/read", { resources: [{ uri: `${uri}/x` }], ...hints }, /name/],
  ])
    finds(modern(method, { uri }, value), what, `${method} ${JSON.stringify(value)}`);
});

test("each client of the transport of 2024-11-05 has ids of its own", { skip }, () => {
  const opened = (wires, session) => {
    const stream = wires.open();
    stream.send("GET /sse");
    stream.stream();
    stream.event(`/messages?sessionId=${session}`, "endpoint");
    const post = (method, params, id) => {
      const wire = wires.open();
      wire.send(`POST /messages?sessionId=${session}`, ask(method, params, id));
      wire.answer("Accepted", { status: 202, type: "text/plain" });
    };
    return { ...stream, post };
  };
  const tools = result({ tools: [] }), prompts = result({ prompts: [] });
  const agreed = (protocolVersion) => result({ protocolVersion, capabilities: {}, serverInfo: { name: "x", version: "1" } }, 0);
  for (const [first, second, what] of [[tools, prompts, null], [prompts, tools, /tools|prompts/], [tools, result({}, 2), /answers nothing/]]) {
    const wires = new Wires(), [a, b] = [opened(wires, "a"), opened(wires, "b")];
    a.post("tools/list", {});
    b.post("prompts/list", {});
    a.event(first);
    b.event(second);
    finds(wires.problems(), what);
  }
  // The revision is the one that was agreed on; and all that comes is of the protocol.
  for (const [version, content, what] of [
    ["2025-06-18", { type: "resource_link", uri: "x:y", name: "y" }, null], ["2024-11-05", { type: "resource_link", uri: "x:y", name: "y" }, /2024-11-05/],
  ]) {
    const wires = new Wires(), a = opened(wires, "a");
    a.post("initialize", { protocolVersion: version }, 0);
    a.event(agreed(version));
    a.post("tools/call", { name: "x" });
    a.event(result({ content: [content] }));
    finds(wires.problems(), what, version);
  }
  const wires = new Wires(), a = opened(wires, "a"), topics = wires.open();
  a.event("hello");
  finds(wires.problems(), /an event that is no JSON-RPC/);
  topics.send("GET /sse?topic=x");
  topics.stream();
  topics.event({ ok: true }, "open");
  finds(wires.problems(), null);
});

test("an answer on another connection is judged by what its session asked", { skip }, () => {
  const session = ["Mcp-Session-Id: s"];
  for (const [answer, what] of [[result({ tools: [] }), null], [result({ prompts: [] }), /tools/], [result({ tools: [] }, 3), /answers nothing/]]) {
    const wires = new Wires(), [resumed, asking] = [wires.open(), wires.open()];
    resumed.send("GET /mcp", "", session);
    resumed.stream();
    asking.send("POST /mcp", ask("tools/list", {}), session);
    resumed.event("");
    resumed.event(answer);
    finds(wires.problems(), what);
  }
});

test("ids that are used again, over lines", { skip }, () => {
  const tools = { tools: [], ttlMs: 0, cacheScope: "public" };
  const task = (taskId) => ({ taskId, status: "cancelled", createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00Z", ttlMs: 1 });
  for (const [answers, what] of [
    [[task("a"), tools, task("b")], null], [[task("a"), tools, task("b"), task("b")], null],
    [[task("b"), tools, task("a")], /another task/], [[task("a"), task("b"), tools], /ListToolsResult/],
  ]) {
    const wire = new LineWire(), judge = new Judge();
    for (const [method, params] of [["tasks/get", { taskId: "a" }], ["tools/list"], ["tasks/get", { taskId: "b" }]])
      wire.sent(Buffer.from(`${ask(method, { ...params, _meta })}\n`));
    for (const value of answers)
      wire.received(Buffer.from(`${JSON.stringify(result({ resultType: "complete", _meta: serverInfo, ...value }))}\n`));
    wire.readSent(judge);
    wire.readReceived(judge);
    finds(judge.take().join("\n"), what);
  }
});

test("a run without the schemas says once that nothing is judged", () => {
  const run = (env) => execFileSync("make", ["-n", "e2e", "E2E=x"], { cwd: repo, encoding: "utf8", env: { ...process.env, MAKEFLAGS: "", ...env } });
  const said = (text) => text.split("\n").filter((line) => /echo .*MOONGATE_TEST_SCHEMAS is not set/.test(line)).length;
  assert.equal(said(run({ MOONGATE_TEST_SCHEMAS: "" })), 1);
  assert.equal(said(run({ MOONGATE_TEST_SCHEMAS: "/somewhere" })), 0);
});
