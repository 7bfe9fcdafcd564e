// logged.test.mjs - the log has the shape of what happened, never what was in it, nor who could do it again:
// every place where a client or a tool may put something is given a text of its own, and looked for.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { KNOWS, create, ended, until } from "../e2e/lib/tasks.mjs";
import { BOTH, start } from "./lib.mjs";
import { go } from "./ways.mjs";

const META = "io.modelcontextprotocol/";
const KEY = "s3cr3t-key-of-alice", WRONG = "s3cr3t-key-of-nobody";
const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

const tools = {
  "held.lua": `local mcp = require "mcp"
    local any = { type = "object" }
    local form = { message = "s3cr3t-question", schema = { type = "object", properties = { pin = { type = "string" } }, required = { "pin" } } }
    local function all(ctx)
      local got, message = ctx:ask { form = { elicit = form }, roots = { roots = {} },
        model = { sample = { messages = { { role = "user", content = mcp.text("s3cr3t-prompt-of-sampling") } }, maxTokens = 9 } } }
      if not got then return nil, message end
      return got.form.content.pin .. " " .. got.model.content.text .. " " .. got.roots[1].uri
    end
    return {
      mcp.tool { name = "ask", input = any, run = function(_, ctx) return all(ctx) end },
      mcp.tool { name = "work", input = any, run = function(args, ctx)
        ctx:as_task { poll = 0.05 }
        ctx:progress(1, 2, "s3cr3t-progress")
        local said, message = all(ctx)
        if not said then return nil, message end
        if args.fail then return mcp.fail("s3cr3t-failure " .. said) end
        return said
      end },
      mcp.prompt { name = "p", arguments = { { name = "a" } }, complete = { a = function(value) return { value .. "-s3cr3t-completion" } end },
        run = function(args) return "s3cr3t-prompt " .. args.a end },
      mcp.resource_template { uriTemplate = "x:{id}", name = "x", complete = { id = { "one" } },
        read = function(vars) if vars.id:find("none") then return nil end return "s3cr3t-contents " .. vars.id end },
      mcp.skill { name = "s", description = "S.", files = { ["SKILL.md"] = "s3cr3t-skill" } },
    }`,
};

const answers = (where) => ({
  form: { action: "accept", content: { pin: `s3cr3t-form-${where}` } },
  model: { model: "s3cr3t-model", role: "assistant", content: { type: "text", text: `s3cr3t-sampled-${where}` } },
  roots: { roots: [{ uri: `file:///s3cr3t-root-${where}` }] },
});
const METHODS = { "elicitation/create": "form", "sampling/createMessage": "model", "roots/list": "roots" };
const said = (where) => `s3cr3t-form-${where} s3cr3t-sampled-${where} file:///s3cr3t-root-${where}`;

async function rounds(gw) {
  const meta = { [`${META}clientCapabilities`]: ALL };
  const call = (more) => gw.client.modern("tools/call", { name: "ask", arguments: { a: "s3cr3t-argument" }, ...more }, { key: KEY, meta });
  const { requestState } = (await call({})).body.result;
  const bad = await call({ requestState: `${requestState}x`, inputResponses: answers("tampered") });
  assert.equal(bad.body.error.code, -32602);
  const wrong = await call({ requestState, inputResponses: { form: { action: "accept", content: { pin: ["s3cr3t-form-wrong"] } } } });
  const next = wrong.body.result.requestState;
  const done = await call({ requestState: next, inputResponses: answers("rounds") });
  assert.equal(done.body.result.content[0].text, said("rounds"));
  const again = await call({ requestState: next, inputResponses: answers("again") });
  assert.equal(again.body.error.code, -32602);
  return [requestState, next];
}

// A legacy client's questions, on the stream of its call; post answers them.
async function answered(stream, post, where) {
  for (;;) {
    const { json } = await stream.next();
    if (json?.result?.content) return json.result.content[0].text;
    const kind = METHODS[json?.method];
    if (!kind) continue;
    await post({ jsonrpc: "2.0", id: json.id, result: answers(where)[kind] });
    await post({ jsonrpc: "2.0", id: json.id, error: { code: -1, message: "s3cr3t-error-of-client" } });
  }
}

const initialize = { protocolVersion: "2025-11-25", capabilities: ALL, clientInfo: { name: "s3cr3t-client", version: "1" } };
const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "ask", arguments: { a: "s3cr3t-argument" } } };
const JSON_TYPE = { "Content-Type": "application/json" };

async function session(gw) {
  const opened = await gw.client.request("initialize", initialize, { key: KEY, headers: BOTH });
  const headers = { ...BOTH, "Mcp-Session-Id": opened.headers.get("mcp-session-id") };
  await gw.client.notify("notifications/initialized", {}, { key: KEY, headers });
  const stream = await gw.events("/mcp", { method: "POST", key: KEY, headers: { ...headers, ...JSON_TYPE }, body: JSON.stringify(call) });
  assert.equal(await answered(stream, (message) => gw.client.post(message, { key: KEY, headers }), "session"), said("session"));
  const dead = await gw.client.request("ping", {}, { key: KEY, headers: { ...BOTH, "Mcp-Session-Id": `${headers["Mcp-Session-Id"]}f` } });
  assert.equal(dead.status, 404);
  return headers["Mcp-Session-Id"];
}

async function old(gw) {
  const stream = await gw.events(`/sse?key=${KEY}`);
  const { data: target } = await stream.next();
  const post = (message, to = target, key = KEY) => gw.fetch(to, { method: "POST", headers: { ...JSON_TYPE, ...(key ? { "X-API-Key": key } : {}) },
    body: typeof message === "string" ? message : JSON.stringify(message) });
  await post({ jsonrpc: "2.0", id: 0, method: "initialize", params: initialize });
  await stream.next();
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  await post(call);
  assert.equal(await answered(stream, post, "old"), said("old"));
  assert.equal((await post('{"s3cr3t-broken', target)).status, 400);
  assert.equal((await post(call, `${target}&key=${KEY}`, null)).status, 401);
  assert.equal((await post(call, `/messages?key=${KEY}&sessionId=none`, null)).status, 401);
  assert.equal((await post(call, `${target}&k%65y=${KEY}`, WRONG)).status, 401);
  stream.close();
  return target.split("=")[1];
}

async function tasks(gw) {
  for (const fail of [false, true]) {
    const options = { key: KEY, meta: { [`${META}clientCapabilities`]: { ...ALL, extensions: { [`${META}tasks`]: {} } } } };
    const { taskId } = await create(gw, "work", { fail, a: "s3cr3t-argument" }, options);
    const { inputRequests, statusMessage } = await until(gw, taskId, ({ status }) => status === "input_required", options);
    assert.equal(statusMessage, "s3cr3t-progress");
    const given = Object.fromEntries(Object.entries(inputRequests).map(([key, { method }]) => [key, answers("task")[METHODS[method]]]));
    await gw.client.modern("tasks/update", { taskId, inputResponses: given }, options);
    const { result } = await until(gw, taskId, ended, options);
    assert.equal(result.content[0].text, fail ? `s3cr3t-failure ${said("task")}` : said("task"));
    await gw.client.modern("tasks/update", { taskId, inputResponses: { "s3cr3t-key": answers("late").form } }, options);
    await gw.client.modern("tasks/get", { taskId: "s3cr3t-task" }, options);
    await gw.client.modern("tasks/get", { taskId }, { ...KNOWS, key: WRONG });
  }
}

async function offers(gw) {
  for (const send of [(m, p) => gw.rpc(m, p, { key: KEY }), (m, p) => gw.client.modern(m, p, { key: KEY })]) {
    const text = async (method, params) => (await send(method, params)).text;
    assert.match(await text("prompts/get", { name: "p", arguments: { a: "s3cr3t-argument" } }), /s3cr3t-prompt s3cr3t-argument/);
    assert.match(await text("resources/read", { uri: "x:s3cr3t-variable" }), /s3cr3t-contents s3cr3t-variable/);
    assert.match(await text("resources/read", { uri: "skill://s/SKILL.md" }), /s3cr3t-skill/);
    assert.match(await text("completion/complete", { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "s3cr3t-value" } }), /s3cr3t-value-s3cr3t/);
    for (const [method, params] of [
      ["prompts/get", { name: "s3cr3t-name" }], ["prompts/get", { name: "p", arguments: { a: 1, s3cr3t: "s3cr3t" } }], ["resources/read", { uri: "x:none-s3cr3t" }],
      ["resources/read", { uri: "s3cr3t:///unknown" }], ["tools/call", { name: "s3cr3t-tool" }], ["tools/call", { name: "ask", arguments: "s3cr3t" }],
      ["tools/list", { cursor: "s3cr3t-cursor" }], ["completion/complete", { ref: { type: "ref/resource", uri: "s3cr3t:{x}" }, argument: { name: "s3cr3t", value: "s3cr3t" } }],
    ])
      assert.match(await text(method, params), /"error"/, method);
  }
  await gw.client.post('{"s3cr3t', { key: KEY });
  await gw.client.post('{"jsonrpc":"2.0","id":"s3cr3t-id","method":"ping","params":{"s3cr3t":1}}', { key: KEY });
}

async function keys(gw) {
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const get = (line, headers = {}) => go(gw, { line, headers });
  for (const key of [KEY, WRONG]) {
    for (const query of [`key=${key}`, `k%65y=${key}`, `api_key=${key}`, `topic=x&key=${key}`, `topic=x;key=${key}`, key])
      for (const line of [`GET /sse?${query}`, `GET /mcp?${query}`, `DELETE /mcp?${query}`, `GET /metrics?${query}`, `GET /nope?${query}`, `PUT /mcp?${query}`])
        await get(line, { Accept: "text/event-stream" });
    await go(gw, { line: `POST /mcp?key=${key}`, headers: JSON_TYPE, body: ping });
    for (const headers of [{ "X-API-Key": key }, { Authorization: `Bearer ${key}` }, { Authorization: key }, { Authorization: `Basic ${key}` }])
      await go(gw, { line: "POST /mcp", headers: { ...JSON_TYPE, ...headers }, body: ping });
  }
}

test("posture: what is asked, answered, read and kept stands in no line of the log, and no key and no session do", async (t) => {
  const gw = await start(t, { ini: `[key alice]\nsecret = ${KEY}\n[log]\nlevel = debug\n`, tools });
  const states = await rounds(gw);
  const sessions = [await session(gw), await old(gw)];
  await tasks(gw);
  await offers(gw);
  await keys(gw);
  await gw.stop({ keep: true });
  const lines = gw.stderr.split("\n").filter(Boolean);
  assert.ok(lines.length > 100, `${lines.length} lines`);
  for (const secret of ["s3cr3t", ...states, ...sessions])
    assert.deepEqual(lines.filter((line) => line.includes(secret)), [], secret.slice(0, 20));
  // Keys are nowhere in what is kept, either; what a task came to is.
  const kept = fs.readdirSync(gw.root).map((name) => fs.readFileSync(path.join(gw.root, name), "latin1")).join("\n");
  assert.match(kept, /s3cr3t-failure/);
  for (const secret of [KEY, WRONG, ...states, ...sessions]) assert.ok(!kept.includes(secret), secret.slice(0, 20));
});
