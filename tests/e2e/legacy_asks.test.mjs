// legacy_asks.test.mjs - tools that ask clients of the legacy revisions: requests on the call's own
// stream, answers on any connection of the session; and the same in lines.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema, ElicitRequestSchema, ElicitationCompleteNotificationSchema, ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary, slowness } from "./lib/gateway.mjs";
import { openEventStream } from "./lib/sse.mjs";

const BOTH = { Accept: "application/json, text/event-stream" };
const ALL = { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: { listChanged: true } };

const asker = `
  local mcp = require "mcp"
  local function form(name) return { message = "Your " .. name .. "?", schema = {
    type = "object", properties = { [name] = { type = "string" } }, required = { name } } } end
  local function tool(name, run)
    return mcp.tool { name = name, input = { type = "object" }, limits = { timeout = "5s" },
      run = function(args, ctx)
        local ok, message, code = run(args, ctx)
        if ok == nil then return mcp.fail(message .. " [" .. (code or "") .. "]") end
        return ok
      end }
  end
  return {
    tool("ask_name", function(args, ctx)
      if args.say then ctx:progress(1) end
      local a, message, code = ctx:elicit("name", form("name"))
      if not a then return nil, message, code end
      if args.say then ctx:progress(2) end
      return a.action .. " " .. (a.content and a.content.name or "")
    end),
    tool("ask_late", function(_, ctx)
      ctx:progress(1)
      mcp.time.sleep(0.5)
      local a, message, code = ctx:elicit("name", form("name"))
      if not a then return nil, message, code end
      return a.action
    end),
    tool("ask_then_tell", function(_, ctx)
      ctx:elicit("name", form("name"))
      for n = 1, 20 do ctx:progress(n, nil, ("x"):rep(1000)) end
      mcp.log.info("all is told")
      return "told"
    end),
    tool("plain", function() return "plain" end),
    tool("ask_many", function(args, ctx)
      local what = {}
      for n = 1, args.n do what["q" .. n] = { roots = {} } end
      local a, message, code = ctx:ask(what)
      if not a then return nil, message, code end
      return "all " .. args.n
    end),
    tool("ask_url", function(_, ctx)
      local a, message, code = ctx:elicit_url("link", { message = "Sign in", url = "https://example.com/in" })
      if not a then return nil, message, code end
      return a.action
    end),
    tool("sign_in", function(_, ctx)
      local a, message, code = ctx:elicit_url("in", { message = "Sign in", url = "https://example.com/in" })
      ctx:elicit_done("out")
      for _ = 1, 3 do ctx:elicit_done("in") end
      if not a then return nil, message, code end
      return "signed in"
    end),
    tool("done", function(args, ctx) ctx:elicit_done(args.key or "in") return "done" end),
    tool("ask_model", function(args, ctx)
      local a, message, code = ctx:sample("model", { maxTokens = 9, messages = { { role = "user",
        content = args.content } } })
      if not a then return nil, message, code end
      return a.content.text
    end),
    tool("ask_all", function(_, ctx)
      local a, message, code = ctx:ask {
        one = { elicit = form("one") },
        two = { sample = { messages = { { role = "user", content = mcp.text("hi") } }, maxTokens = 9 } },
        three = { roots = {} },
      }
      if not a then return nil, message, code end
      return a.one.content.one .. " " .. a.two.content.text .. " " .. a.three[1].uri
    end),
  }`;

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({
    ini: `[rate_limit]\nbucket = 0\n[server]\nworkers = 2\n${ini}`, tools: { "asker.lua": asker }, ...options,
  });
  t.after(() => gw.stop());
  return gw;
}

const answersOf = (name) => ({
  elicit: async (r) => (r.params.mode === "url" ? { action: "accept" }
    : { action: "accept", content: { [Object.keys(r.params.requestedSchema.properties)[0]]: name } }),
  sample: async () => ({ model: "m", role: "assistant", content: { type: "text", text: `model of ${name}` } }),
  roots: async () => ({ roots: [{ uri: `file:///${name}` }] }),
});

function client(name, capabilities = ALL, with_ = {}) {
  const c = new Client({ name, version: "1" }, { capabilities });
  const answers = { ...answersOf(name), ...with_ };
  if (capabilities.elicitation) c.setRequestHandler(ElicitRequestSchema, answers.elicit);
  if (capabilities.sampling) c.setRequestHandler(CreateMessageRequestSchema, answers.sample);
  if (capabilities.roots) c.setRequestHandler(ListRootsRequestSchema, answers.roots);
  return c;
}

async function overStdio(gw, name, capabilities, with_) {
  const c = client(name, capabilities, with_);
  const args = ["-c", gw.iniPath, "stdio"];
  await c.connect(new StdioClientTransport({ command: binary, args, cwd: gw.dir, env: cleanEnv(), stderr: "ignore" }));
  return c;
}

async function overHttp(gw, name, capabilities, with_, headers = {}) {
  const c = client(name, capabilities, with_);
  await c.connect(new StreamableHTTPClientTransport(new URL(gw.url), { requestInit: { headers } }));
  return c;
}

const say = async (c, name, args = {}, options) => {
  const result = await c.callTool({ name, arguments: args }, undefined, options);
  return { text: result.content[0].text, isError: result.isError ?? false };
};

async function asksOf(c, name) {
  assert.deepEqual(await say(c, "ask_name"), { text: `accept ${name}`, isError: false });
  assert.equal((await say(c, "ask_url")).text, "accept");
  assert.equal((await say(c, "ask_all")).text, `${name} model of ${name} file:///${name}`);
}

test("clients answer over HTTP, several at once with the same ids", async (t) => {
  const gw = await start(t);
  const names = ["ada", "bob", "cyd", "dan"];
  const all = await Promise.all(names.map((name) => overHttp(gw, name)));
  for (let round = 0; round < 3; round++)
    await Promise.all(all.map((c, i) => asksOf(c, names[i])));
  assert.equal(await gw.metric("moongate_asks"), 0);
  await Promise.all(all.map((c) => c.close()));
});

test("clients answer over stdio, also through another gateway", async (t) => {
  const gw = await start(t);
  const args = ["-c", gw.iniPath, "stdio"];
  const relayed = client("rel");
  const relay = new StdioClientTransport({ command: binary, args, cwd: gw.dir, env: cleanEnv(), stderr: "ignore" });
  await relayed.connect(relay);
  await asksOf(relayed, "rel");
  await relayed.close();
  await gw.stop({ keep: true });
  const owner = client("own");
  await owner.connect(new StdioClientTransport({ command: binary, args, cwd: gw.dir, env: cleanEnv(), stderr: "ignore" }));
  await asksOf(owner, "own");
  await owner.close();
  await gw.restart();
});

test("only what a client declared is asked for", async (t) => {
  const gw = await start(t);
  const none = await overHttp(gw, "none", {});
  for (const name of ["ask_name", "ask_url", "ask_all"]) {
    const got = await say(none, name);
    assert.ok(got.isError);
    assert.match(got.text, /does not declare the capability .*\[UNSUPPORTED\]/);
  }
  const forms = await overHttp(gw, "forms", { elicitation: {} });
  assert.equal((await say(forms, "ask_name")).text, "accept forms");
  assert.match((await say(forms, "ask_url")).text, /"url"/);
  assert.match((await say(forms, "ask_all")).text, /"(roots|sampling)"/);
  await Promise.all([none, forms].map((c) => c.close()));
  // What the revision does not know is not there, whatever is declared.
  const old = await raw(gw, "2025-03-26", ALL);
  const got = await old("tools/call", { name: "ask_name", arguments: {} });
  assert.match(got.body.result.content[0].text, /UNSUPPORTED/);
});

test("declining, failing and answering wrongly reach the tool", async (t) => {
  const gw = await start(t);
  const decline = await overHttp(gw, "d", ALL, { elicit: async () => ({ action: "decline" }) });
  assert.equal((await say(decline, "ask_name")).text, "decline ");
  const fail = await overHttp(gw, "f", ALL, { elicit: async () => { throw new Error("no screen"); } });
  const got = await say(fail, "ask_name");
  assert.ok(got.isError);
  assert.match(got.text, /no screen.*\[FAILED\]/);
  await Promise.all([decline, fail].map((c) => c.close()));
});

// ---- by hand ----

let ids = 500;

async function raw(gw, version = "2025-11-25", capabilities = ALL, options = {}) {
  const res = await gw.client.request("initialize",
    { protocolVersion: version, capabilities, clientInfo: { name: "raw", version: "1" } },
    { ...options, headers: { ...BOTH, "MCP-Protocol-Version": version } });
  const headers = { ...BOTH, "Mcp-Session-Id": res.headers.get("mcp-session-id"), "MCP-Protocol-Version": version };
  const send = (method, params, more = {}) => gw.client.request(method, params, { ...options, ...more, headers: { ...headers, ...more.headers } });
  return Object.assign(send, {
    headers,
    call: (name, args = {}, meta) => openEventStream(gw.url, {
      ...options, method: "POST", headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: ++ids, method: "tools/call",
        params: { name, arguments: args, ...(meta ? { _meta: meta } : {}) } }),
    }),
    answer: (id, result, more = {}) => gw.client.post(
      { jsonrpc: "2.0", id, ...(result instanceof Error ? { error: { code: -1, message: result.message } } : { result }) },
      { ...options, ...more, headers: { ...headers, ...more.headers } }),
    resume: (id) => openEventStream(gw.url, { ...options, headers: { ...headers, Accept: "text/event-stream", "Last-Event-ID": id } }),
  });
}

async function question(stream) {
  let event;
  do event = await stream.next(); while (event && !event.json?.id);
  return event;
}

const name = (text) => ({ action: "accept", content: { name: text } });

test("the request is as each revision has it", async (t) => {
  const gw = await start(t);
  for (const version of ["2025-06-18", "2025-11-25"]) {
    const s = await raw(gw, version);
    const stream = await s.call("ask_name");
    const { json } = await question(stream);
    assert.equal(json.method, "elicitation/create");
    assert.deepEqual(json.params, { message: "Your name?", requestedSchema:
      { type: "object", properties: { name: { type: "string" } }, required: ["name"] } });
    assert.equal((await s.answer(json.id, name("x"))).status, 202);
    assert.equal((await question(stream)).json.result.content[0].text, "accept x");
    assert.equal(await stream.next(), null);
  }
  const s = await raw(gw);
  const stream = await s.call("ask_url");
  const { json } = await question(stream);
  const { elicitationId, ...params } = json.params;
  assert.match(elicitationId, /^call_[a-z0-9]{11}\.link$/);
  assert.deepEqual(params, { mode: "url", message: "Sign in", url: "https://example.com/in" });
  await s.answer(json.id, { action: "cancel" });
  assert.equal((await question(stream)).json.result.content[0].text, "cancel");
});

test("what a page was opened for is told to be done, on the call's stream and by the question's id", async (t) => {
  const gw = await start(t);
  const asked = [], done = [];
  const with_ = { elicit: async (r) => (asked.push(r.params.elicitationId), { action: "accept" }) };
  for (const open of [overHttp, overStdio]) {
    const c = await open(gw, "url", { elicitation: { url: {} } }, with_);
    c.setNotificationHandler(ElicitationCompleteNotificationSchema, (n) => void done.push(n.params.elicitationId));
    assert.equal((await c.callTool({ name: "sign_in" })).content[0].text, "signed in");
    await c.close();
  }
  assert.equal(new Set(asked).size, 2, "two questions, two ids");
  assert.deepEqual(done, asked);
  // Who was not asked is told nothing: its answer is one piece of JSON.
  for (const version of ["2025-06-18", "2025-11-25"]) {
    const s = await raw(gw, version);
    assert.equal((await s("tools/call", { name: "done", arguments: {} })).body.result.content[0].text, "done");
  }
  const { body } = await gw.client.modern("tools/call", { name: "done", arguments: {} });
  assert.equal(body.result.content[0].text, "done");
  assert.match((await gw.call("done", { key: "a b" })).text, /not a key of ctx:elicit_url/);
});

test("a model is given what the client's revision can carry, and no more", async (t) => {
  const gw = await start(t, { ini: "[tools]\nask_timeout = 5s\n" });
  const sound = { type: "audio", data: "", mimeType: "audio/wav" };
  for (const version of ["2025-03-26", "2025-06-18", "2025-11-25"]) {
    const s = await raw(gw, version);
    for (const content of [sound, [sound], { type: "tool_use", id: "1", name: "a", input: { x: 1 } }]) {
      if (content !== sound && version !== "2025-11-25") {
        const refused = await s("tools/call", { name: "ask_model", arguments: { content } });
        assert.match(refused.body.result.content[0].text, /its revision .*\[UNSUPPORTED\]/, version);
        continue;
      }
      const stream = await s.call("ask_model", { content });
      const { json } = await question(stream);
      assert.deepEqual(json.params.messages[0].content, content, version);
      await s.answer(json.id, { model: "m", role: "assistant", content: { type: "text", text: "heard" } });
      assert.equal((await question(stream)).json.result.content[0].text, "heard");
    }
  }
  const s = await raw(gw);
  const wrong = await s("tools/call", { name: "ask_model", arguments: { content: { type: "resource" } } });
  assert.match(wrong.body.result.content[0].text, /message 1: expected .*tool_result/);
});

test("an answer counts once, from the session and the key that were asked", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = k1, k2\n" });
  const s = await raw(gw, "2025-11-25", ALL, { key: "k1" });
  const same = await raw(gw, "2025-11-25", ALL, { key: "k1" });
  const other = await raw(gw, "2025-11-25", ALL, { key: "k2" });
  const stream = await s.call("ask_name");
  const { json } = await question(stream);
  assert.equal((await same.answer(json.id, name("same key"))).status, 202);
  assert.equal((await other.answer(json.id, name("other key"))).status, 202);
  assert.equal((await s.answer(json.id, name("stolen"), { key: "k2" })).status, 404);
  assert.equal((await gw.client.post({ jsonrpc: "2.0", id: json.id, result: name("nobody") }, { key: "k1" })).status, 400);
  for (const id of ["ask_unknown", 7, `${json.id}x`, ""])
    assert.equal((await s.answer(id, name("unknown"))).status, 202);
  assert.equal((await s.answer(json.id, name("right"))).status, 202);
  assert.equal((await s.answer(json.id, name("twice"))).status, 202);
  assert.equal((await question(stream)).json.result.content[0].text, "accept right");
  assert.equal((await s.answer(json.id, name("late"))).status, 202);
});

test("a stream that is lost while a question is open goes on without a lost or doubled message", async (t) => {
  const gw = await start(t);
  for (let round = 0; round < 6; round++) {
    const s = await raw(gw);
    let stream = await s.call("ask_name", { say: true }, { progressToken: "p" });
    const first = await stream.next(), told = await stream.next();
    assert.equal(told.json.params.progress, 1);
    stream.close(); // the question is on its way, or has been read: the client does not know it
    stream = await s.resume(told.id);
    const asked = await stream.next();
    assert.equal(asked.json.method, "elicitation/create");
    stream.close();
    assert.equal((await s.answer(asked.json.id, name("back"))).status, 202);
    stream = await s.resume(asked.id);
    assert.equal((await stream.next()).json.params.progress, 2);
    const last = await stream.next();
    assert.equal(last.json.result.content[0].text, "accept back");
    assert.equal(await stream.next(), null);
    const again = await s.resume(first.id);
    const seen = [];
    for (let e; (e = await again.next());) seen.push(e.json.method ?? "answer");
    assert.deepEqual(seen, ["notifications/progress", "elicitation/create", "notifications/progress", "answer"]);
  }
});

test("a session has so many questions open, and no more", async (t) => {
  const gw = await start(t);
  const s = await raw(gw), other = await raw(gw);
  const asked = async (n) => {
    const stream = await s.call("ask_many", { n });
    const found = [];
    while (found.length < n) found.push((await question(stream)).json.id);
    return { stream, found };
  };
  const all = [];
  for (const n of [32, 32, 32, 4]) all.push(await asked(n));
  assert.equal(await gw.metric("moongate_asks"), 100);
  const refused = await s("tools/call", { name: "ask_many", arguments: { n: 1 } });
  assert.match(refused.body.result.content[0].text, /too many questions are open.*\[UNSUPPORTED\]/);
  const elsewhere = await other.call("ask_many", { n: 1 });
  assert.equal((await question(elsewhere)).json.method, "roots/list");
  for (const id of all[3].found) await s.answer(id, { roots: [] });
  assert.equal((await question(all[3].stream)).json.result.content[0].text, "all 4");
  const again = await asked(1);
  for (const { stream } of [...all, again, { stream: elsewhere }]) stream.close();
  for (const session of [s, other]) await fetch(gw.url, { method: "DELETE", headers: session.headers });
  while ((await gw.metric("moongate_asks")) !== 0);
});

test("who comes back late gets the question and all that is kept behind it, at once", async (t) => {
  const gw = await start(t, { ini: "max_stream_queue = 16K\n[tools]\nask_timeout = 200ms\n" });
  const s = await raw(gw);
  const stream = await s.call("ask_then_tell", {}, { progressToken: 1 });
  const begin = await stream.next();
  stream.close();
  await gw.logged((l) => l.msg === "all is told");
  const again = await s.resume(begin.id);
  const events = [];
  for (let event; (event = await again.next()) !== null;) events.push(event.json);
  assert.deepEqual(events.slice(0, 2).map((json) => json.method), ["elicitation/create", "notifications/cancelled"]);
  assert.equal(events.at(-1).result.content[0].text, "told");
  assert.equal(events.at(-2).params.progress, 20);
});

test("cancelling takes the question back", async (t) => {
  const gw = await start(t);
  const s = await raw(gw);
  const stream = await s.call("ask_name");
  const { json } = await question(stream);
  await gw.client.notify("notifications/cancelled", { requestId: ids }, { headers: s.headers });
  const end = await stream.next();
  assert.equal(end.json.method, "notifications/cancelled");
  assert.equal(end.json.params.requestId, json.id);
  assert.equal(await stream.next(), null);
  assert.equal((await s.answer(json.id, name("late"))).status, 202);
  assert.equal(await gw.metric("moongate_asks"), 0);
});

test("questions that nobody answers keep nobody out, and a session that has ended is asked none", async (t) => {
  const gw = await start(t, { ini: "[tools]\nmax_concurrent = 2\n" });
  for (let i = 0; i < 3; i++) await question(await (await raw(gw)).call("ask_name"));
  assert.equal((await gw.client.call("plain", {})).content[0].text, "plain");
  const s = await raw(gw);
  const stream = await s.call("ask_late", {}, { progressToken: 1 });
  while ((await stream.next()).json?.method !== "notifications/progress");
  await fetch(gw.url, { method: "DELETE", headers: s.headers });
  const line = await gw.logged((l) => l.tool === "ask_late");
  assert.equal(line.outcome, "TOOL_ERROR");
  assert.equal(await gw.metric("moongate_asks"), 3);
});

test("time for an answer ends, and so does the session", async (t) => {
  const gw = await start(t, { ini: "[tools]\nask_timeout = 200ms\n" });
  const s = await raw(gw);
  let stream = await s.call("ask_name");
  const { json } = await question(stream);
  const end = await stream.next();
  assert.deepEqual([end.json.method, end.json.params.requestId], ["notifications/cancelled", json.id]);
  assert.match((await stream.next()).json.result.content[0].text, /\[TIMEOUT\]/);
  gw.writeIni("[rate_limit]\nbucket = 0\n[server]\nworkers = 2\n[tools]\nask_timeout = 1m\n");
  await gw.stop({ keep: true });
  await gw.restart();
  const again = await raw(gw);
  stream = await again.call("ask_name");
  await question(stream);
  await fetch(gw.url, { method: "DELETE", headers: again.headers });
  await gw.logged((l) => l.tool === "ask_name" && l.outcome === "TOOL_ERROR");
  assert.equal(await stream.next(), null);
});

test("who takes one JSON answer only cannot be asked", async (t) => {
  const gw = await start(t);
  const s = await raw(gw);
  for (const Accept of ["application/json", "*/*"]) {
    const res = await s("tools/call", { name: "ask_name", arguments: {} }, { headers: { Accept } });
    assert.match(res.headers.get("content-type"), /json/);
    assert.ok(res.body.result.isError);
    assert.match(res.body.result.content[0].text, /takes one JSON answer only.*\[UNSUPPORTED\]/);
  }
  const plain = await gw.call("ask_name");
  assert.ok(plain.isError);
  assert.match(plain.text, /UNSUPPORTED/);
});

test("a batch answers, and asks nothing by itself", async (t) => {
  const gw = await start(t);
  const s = await raw(gw, "2025-03-26", { sampling: {}, roots: {} });
  const tools = { "sampler.lua": `local mcp = require "mcp"
    return mcp.tool { name = "sampler", input = { type = "object" }, run = function(_, ctx)
      local a, message = ctx:ask {
        s = { sample = { messages = { { role = "user", content = mcp.text("hi") } }, maxTokens = 9, includeContext = "thisServer" } },
        r = { roots = {} } }
      if not a then return nil, message end
      return a.s.content.text .. #a.r end }` };
  gw.writeTools(tools);
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  const stream = await s.call("sampler");
  const asked = [await question(stream), await question(stream)].map((e) => e.json);
  const result = { "sampling/createMessage": { model: "m", role: "assistant", content: { type: "text", text: "deep" } }, "roots/list": { roots: [] } };
  const res = await gw.client.post(asked.map((q) => ({ jsonrpc: "2.0", id: q.id, result: result[q.method] })), { headers: s.headers });
  assert.equal(res.status, 202);
  assert.equal((await question(stream)).json.result.content[0].text, "deep0");
  const batch = await gw.client.post([{ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "sampler", arguments: {} } }], { headers: s.headers });
  assert.match(batch.body[0].result.content[0].text, /cannot be asked/);
});

test("the end of standard input answers what is open", async (t) => {
  const gw = await start(t);
  await gw.stop({ keep: true });
  const child = spawn(binary, ["-c", gw.iniPath, "stdio"], { cwd: gw.dir, env: cleanEnv(), stdio: ["pipe", "pipe", "ignore"] });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const lines = [];
  let arrived = () => {};
  let rest = "";
  child.stdout.on("data", (data) => {
    const parts = (rest + data).split("\n");
    rest = parts.pop();
    lines.push(...parts.map((line) => JSON.parse(line)));
    arrived();
  });
  const line = async (matches) => {
    for (;;) {
      const found = lines.find(matches);
      if (found) return found;
      await new Promise((resolve) => (arrived = resolve));
    }
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000 * slowness);
  send({ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: ALL, clientInfo: { name: "x", version: "1" } } });
  send({ method: "notifications/initialized" });
  send({ id: 2, method: "tools/call", params: { name: "ask_name", arguments: {} } });
  await line((l) => l.method === "elicitation/create");
  child.stdin.end();
  const got = await line((l) => l.id === 2);
  assert.match(got.result.content[0].text, /the client is gone/);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  assert.equal(code, 0);
  await gw.restart();
});
