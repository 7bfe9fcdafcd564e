// asks.test.mjs - tools that ask their client: an official client that answers, every round over the
// wire, restarts and reloads in between, and clients that cannot be asked.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { cleanEnv } from "./lib/env.mjs";
import { Gateway, binary, repo, runBinary } from "./lib/gateway.mjs";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const ALL = { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: {} };
const info = { name: "moongate-tests", version: "1" };
const example = fs.readFileSync(path.join(repo, "config/examples/tools.d/release.lua"), "utf8");

const trip = `local mcp = require "mcp"
local function form(message, name)
  return { message = message, schema = {
    type = "object", properties = { [name] = { type = "string", minLength = 2 } }, required = { name },
  } }
end
local seen = mcp.state.open("trip.seen", { key = "id" })
local function run(args, ctx)
  ctx:on_end(function(outcome) mcp.log.info("trip ended", { outcome = outcome }) end)
  local id = ctx:once("id", function() return mcp.codec.uuid() end)
  seen:put { id = "runs", n = (seen:get "runs" or { n = 0 }).n + 1 }
  local from = assert(ctx:elicit("from", form("From?", "city")))
  local to = assert(ctx:elicit("to", form("To?", "city")))
  if to.action ~= "accept" then return "no trip" end
  return { id = id, from = from.content.city, to = to.content.city, runs = seen:get("runs").n,
    class = args.class }
end
return {
  mcp.tool { name = "trip", run = run, description = "Plan a trip.",
    input = { type = "object", properties = { class = { type = "integer", default = 2 } } } },
  mcp.tool { name = "pay", description = "Pay.", input = { type = "object" }, run = function(_, ctx)
    local page, message = ctx:elicit_url("page", { message = "Pay here", url = "https://pay.example.org/1" })
    if not page then return nil, message end
    return page.action
  end },
  mcp.tool { name = "either", description = "Ask somehow.", input = { type = "object" }, run = function(_, ctx)
    local roots, _, code = ctx:roots("r")
    if not roots then return "otherwise: " .. code end
    return #roots .. " roots"
  end },
  mcp.tool { name = "nested", description = "Ask through another.", input = { type = "object" },
    run = function() return mcp.call("pay") end },
  mcp.tool { name = "late", description = "Ask when it is too late.", input = { type = "object" },
    run = function(_, ctx)
      local done
      mcp.jobs.start { run = function() done = select(2, pcall(ctx.roots, ctx, "r")) end }
      while not done do mcp.time.sleep(0.01) end
      return done
    end },
  mcp.tool { name = "everything", description = "Ask in every way.", input = { type = "object" }, run = function(_, ctx)
    local a, message = ctx:ask {
      city = { elicit = form("Where?", "city") },
      page = { elicit_url = { message = "Pay here", url = "https://pay.example.org/1" } },
      poem = { sample = { messages = { { role = "user", content = mcp.text("A poem.") } }, maxTokens = 9 } },
      homes = { roots = true },
    }
    if not a then return nil, message end
    local again = assert(ctx:sample("more", { messages = { { role = "user", content = a.poem.content } }, maxTokens = 9 }))
    return { city = a.city.content.city, page = a.page.action, poem = a.poem.content.text, model = a.poem.model,
      home = a.homes[1].uri, more = again.content.text }
  end },
  mcp.resource { name = "mine", uri = "mine://roots", description = "What the client has.", read = function(ctx)
    return ctx:roots("roots")[1].uri
  end },
}`;

async function start(t, options = {}) {
  const gw = await Gateway.start({ ini: "", tools: { "release.lua": example, "trip.lua": trip }, ...options });
  t.after(() => gw.stop());
  return gw;
}

// One round; -> its whole result.
async function round(gw, params, { method = "tools/call", capabilities = ALL, ...options } = {}) {
  const res = await gw.client.modern(method, params, { meta: { [CAPABILITIES]: capabilities }, ...options });
  assert.equal(res.status, 200, res.text);
  assert.ok(res.body.result, res.text);
  return res.body.result;
}

const accept = (content) => ({ action: "accept", content });

function v2(capabilities) {
  return new Client(info, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
}

test("an official client answers a form, and the answer is checked against it", async (t) => {
  const gw = await start(t);
  const client = v2({ elicitation: { form: {} } });
  const asked = [];
  client.setRequestHandler("elicitation/create", async (request) => {
    asked.push(request.params);
    return accept({ channel: "stable", notes: "Everything is faster.", announce: true });
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  t.after(() => client.close());
  const result = await client.callTool({ name: "release", arguments: { version: "1.2.3" } });
  const value = JSON.parse(result.content[0].text);
  assert.equal(value.channel, "stable");
  assert.equal(asked.length, 1);
  assert.equal(asked[0].message, `${value.ticket}: release version 1.2.3?`);
  assert.deepEqual(asked[0].requestedSchema.properties.channel.enum, ["beta", "stable"]);
  const again = await client.callTool({ name: "release", arguments: { version: "1.2.3" } });
  assert.equal(again.isError, true);
  assert.equal(asked.length, 1);
});

test("an official client answers every kind of question, those of one round and those of the next", async (t) => {
  const gw = await start(t);
  const client = v2({ elicitation: { form: {}, url: {} }, sampling: {}, roots: {} });
  const asked = [];
  const answers = {
    "elicitation/create": ({ mode }) => (mode === "url" ? { action: "accept" } : accept({ city: "Bonn" })),
    "sampling/createMessage": ({ messages }) => ({
      model: "m", role: "assistant", content: { type: "text", text: `${[messages[0].content].flat()[0].text} No.` },
    }),
    "roots/list": () => ({ roots: [{ uri: "file:///home" }] }),
  };
  for (const [method, answer] of Object.entries(answers))
    client.setRequestHandler(method, async ({ params }) => {
      asked.push(params?.mode === "url" ? `${method} ${params.url}` : method);
      return answer(params ?? {});
    });
  await client.connect(new StreamableHTTPClientTransport(new URL(gw.url)));
  t.after(() => client.close());
  const result = await client.callTool({ name: "everything", arguments: {} });
  assert.deepEqual(JSON.parse(result.content[0].text), {
    city: "Bonn", page: "accept", poem: "A poem. No.", model: "m", home: "file:///home", more: "A poem. No. No.",
  });
  assert.deepEqual(asked.slice(0, 4).sort(), ["elicitation/create", "elicitation/create https://pay.example.org/1",
    "roots/list", "sampling/createMessage"]);
  assert.deepEqual(asked.slice(4), ["sampling/createMessage"]);
});

test("a form over stdio, declined", async (t) => {
  const site = new Gateway({ tools: { "release.lua": example } });
  t.after(() => site.remove());
  const client = v2({ elicitation: { form: {} } });
  client.setRequestHandler("elicitation/create", async () => ({ action: "decline" }));
  await client.connect(new StdioClientTransport({
    command: binary, args: ["stdio", "-c", site.iniPath], cwd: site.dir, env: cleanEnv(), stderr: "ignore",
  }));
  const result = await client.callTool({ name: "release", arguments: { version: "1.2.3" } });
  assert.equal(result.content[0].text, "not released: decline");
  await client.close();
});

test("every round runs from the beginning, and what is kept is there again", async (t) => {
  const gw = await start(t);
  const call = { name: "trip", arguments: { class: 1 } };
  const first = await round(gw, call);
  assert.equal(first.resultType, "input_required");
  assert.deepEqual(Object.keys(first.inputRequests), ["from"]);
  assert.deepEqual(first.inputRequests.from, {
    method: "elicitation/create",
    params: {
      message: "From?",
      requestedSchema: {
        type: "object", properties: { city: { type: "string", minLength: 2 } }, required: ["city"],
      },
    },
  });
  assert.equal(first.ttlMs, undefined);
  assert.equal(first.cacheScope, undefined);
  assert.equal(first.content, undefined);
  const line = await gw.logged((l) => l.tool === "trip" && l.outcome === "INPUT_REQUIRED" && l.status === 200);
  assert.equal(line.rpc, "tools/call");
  await gw.logged((l) => l.msg === "trip ended" && l.outcome === "INPUT_REQUIRED");
  // What is no answer is asked for again, and so is what is missing.
  let state = first.requestState;
  for (const inputResponses of [{ from: accept({ city: "B" }) }, { from: {} }, { nobody: accept({}) }, {}]) {
    const again = await round(gw, { ...call, requestState: state, inputResponses });
    assert.deepEqual(Object.keys(again.inputRequests), ["from"]);
    assert.notEqual(again.requestState, state);
    state = again.requestState;
  }
  const second = await round(gw, { ...call, requestState: state, inputResponses: { from: accept({ city: "Bonn" }) } });
  assert.deepEqual(Object.keys(second.inputRequests), ["to"]);
  const third = await round(gw, {
    ...call, requestState: second.requestState, inputResponses: { to: accept({ city: "Rome", more: [1] }) },
  });
  assert.equal(third.resultType, "complete");
  const value = JSON.parse(third.content[0].text);
  assert.match(value.id, /^[0-9a-f-]{36}$/);
  // A change of the state that stands before a question is made in every run.
  assert.deepEqual({ ...value, id: "" }, { id: "", from: "Bonn", to: "Rome", runs: 7, class: 1 });
});

test("answers may come with the first call, and more than were asked for", async (t) => {
  const gw = await start(t);
  const result = await round(gw, {
    name: "trip", arguments: {},
    inputResponses: { from: accept({ city: "Bonn" }), to: { action: "decline" }, other: accept({}) },
  });
  assert.equal(result.content[0].text, "no trip");
});

test("a round outlives a restart, kill -9, and a reload of the tool", async (t) => {
  const gw = await start(t);
  const call = { name: "trip", arguments: {} };
  const first = await round(gw, call);
  const seal = `${gw.statePath}-seal`;
  assert.equal(fs.statSync(seal).mode & 0o777, 0o600);
  await gw.kill();
  await gw.restart();
  const inputResponses = { from: accept({ city: "Bonn" }) };
  const second = await round(gw, { ...call, requestState: first.requestState, inputResponses });
  assert.deepEqual(Object.keys(second.inputRequests), ["to"]);
  fs.appendFileSync(path.join(gw.toolsDir, "trip.lua"), "\n-- changed\n");
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  const third = await round(gw, {
    ...call, requestState: second.requestState, inputResponses: { to: accept({ city: "Rome" }) },
  });
  assert.equal(JSON.parse(third.content[0].text).from, "Bonn");
  // A form that has changed meanwhile is asked again where what was answered does not fit it.
  const short = await round(gw, { ...call, inputResponses });
  fs.writeFileSync(path.join(gw.toolsDir, "trip.lua"), trip.replace("minLength = 2", "minLength = 5"));
  const before = gw.log.length;
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg) && gw.log.indexOf(l) >= before);
  const anew = await round(gw, { ...call, requestState: short.requestState });
  assert.deepEqual(Object.keys(anew.inputRequests), ["from"]);
  const more = await round(gw, {
    ...call, requestState: anew.requestState, inputResponses: { from: accept({ city: "Bremen" }) },
  });
  assert.deepEqual(Object.keys(more.inputRequests), ["to"]);
  const last = await round(gw, {
    ...call, requestState: more.requestState, inputResponses: { to: accept({ city: "Napoli" }) },
  });
  assert.equal(JSON.parse(last.content[0].text).from, "Bremen");
  // Without the key nothing of before means anything.
  const open = await round(gw, call);
  await gw.stop({ keep: true });
  fs.rmSync(seal);
  await gw.restart();
  const res = await gw.client.modern("tools/call", { ...call, requestState: open.requestState, inputResponses });
  assert.equal(res.body.error.code, -32602);
  assert.match(res.body.error.message, /call again without requestState/);
});

test("where the key cannot be kept, the log says so and calls are asked all the same", async (t) => {
  const gw = new Gateway({ tools: { "trip.lua": trip } });
  fs.mkdirSync(`${gw.statePath}-seal`);
  t.after(() => gw.stop());
  gw.launch();
  gw.attach((await gw.logged((l) => l.msg === "listening")).port);
  await gw.logged((l) => l.level === "warn" && /the key of requestState cannot be kept: .*-seal/.test(l.msg));
  const call = { name: "trip", arguments: {} };
  const first = await round(gw, call);
  const second = await round(gw, {
    ...call, requestState: first.requestState, inputResponses: { from: accept({ city: "Bonn" }) },
  });
  assert.deepEqual(Object.keys(second.inputRequests), ["to"]);
});

test("a round that a limit refused may come again", async (t) => {
  const quiet = "[rate_limit]\nbucket = 0\n";
  const gw = await start(t, { ini: `${quiet}[tool trip]\nrate = 2/1h\n` });
  const first = await round(gw, { name: "trip" });
  const second = await round(gw, { name: "trip", requestState: first.requestState, inputResponses: { from: accept({ city: "Oslo" }) } });
  const last = { name: "trip", requestState: second.requestState, inputResponses: { to: accept({ city: "Rome" }) } };
  assert.match((await round(gw, last)).content[0].text, /^rate limit of tool trip/);
  gw.writeIni(quiet);
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  assert.match((await round(gw, last)).content[0].text, /"to":"Rome"/);
  const used = await gw.client.modern("tools/call", last, { meta: { [CAPABILITIES]: ALL } });
  assert.equal(used.body.error.code, -32602);
});

test("only what the client declares with this very request is asked", async (t) => {
  const gw = await start(t);
  const lacking = (name, capabilities) =>
    gw.client.modern("tools/call", { name }, { meta: { [CAPABILITIES]: capabilities } });
  for (const [name, capabilities, required] of [
    ["trip", {}, { elicitation: { form: {} } }],
    ["trip", { elicitation: { url: {} } }, { elicitation: { form: {} } }],
    ["pay", { elicitation: {} }, { elicitation: { url: {} } }],
    ["pay", { elicitation: { form: {} }, sampling: {}, roots: {} }, { elicitation: { url: {} } }],
  ]) {
    const res = await lacking(name, capabilities);
    assert.equal(res.status, 400, res.text);
    assert.equal(res.body.error.code, -32021);
    assert.deepEqual(res.body.error.data, { requiredCapabilities: required });
  }
  await gw.logged((l) => l.tool === "pay" && l.status === 400 && l.rpc_error === -32021);
  const page = await round(gw, { name: "pay" }, { capabilities: { elicitation: { url: {} } } });
  assert.deepEqual(page.inputRequests.page.params, {
    mode: "url", message: "Pay here", url: "https://pay.example.org/1",
  });
  const other = await round(gw, { name: "either" }, { capabilities: {} });
  assert.equal(other.content[0].text, "otherwise: UNSUPPORTED");
  assert.equal(other.isError, undefined);
  // Who could be asked with the call before is not asked with this one.
  const asked = await round(gw, { name: "either" });
  assert.deepEqual(asked.inputRequests, { r: { method: "roots/list", params: {} } });
  const res = await round(gw, { name: "either", requestState: asked.requestState }, { capabilities: {} });
  assert.equal(res.content[0].text, "otherwise: UNSUPPORTED");
});

test("what is told before a question comes first, on the same stream", async (t) => {
  const gw = await start(t);
  gw.writeTools({ "tell.lua": `local mcp = require "mcp"
    return mcp.tool { name = "tell", description = "Tell, then ask.", input = { type = "object" }, run = function(_, ctx)
      ctx:progress(1, 2, "asking")
      local roots, message = ctx:roots("r")
      ctx:progress(2, 2, "asked")
      if not roots then return nil, message end
      return "done"
    end }` });
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  const call = (more, capabilities = ALL) => gw.client.modern("tools/call", { name: "tell", ...more },
    { meta: { [CAPABILITIES]: capabilities, progressToken: 7 } });
  const first = await call();
  assert.deepEqual(first.messages.map((m) => m.params?.message ?? m.result.resultType), ["asking", "input_required"]);
  const { requestState } = first.body.result;
  const second = await call({ requestState, inputResponses: { r: { roots: [] } } });
  assert.deepEqual(second.messages.map((m) => m.params?.message ?? m.result.resultType), ["asking", "asked", "complete"]);
  // A stream that is open has its status already.
  const refused = await call({}, {});
  assert.equal(refused.status, 200);
  assert.equal(refused.body.error.code, -32021);
});

test("prompts and resources ask, lists do not, nor do calls in calls and jobs", async (t) => {
  const brief = `local mcp = require "mcp"
  return mcp.prompt { name = "brief", description = "Asks for what it is to say.", run = function(_, ctx)
    local answer = assert(ctx:elicit("user_context", { message = "About what?", schema = {
      type = "object", properties = { context = { type = "string" } }, required = { "context" } } }))
    return "Use this: " .. answer.content.context
  end }`;
  const gw = await start(t, { tools: { "trip.lua": trip, "brief.lua": brief } });
  const prompt = { name: "brief" };
  const first = await round(gw, prompt, { method: "prompts/get" });
  assert.equal(first.resultType, "input_required");
  const second = await round(gw, {
    ...prompt, requestState: first.requestState, inputResponses: { user_context: accept({ context: "tests" }) },
  }, { method: "prompts/get" });
  assert.equal(second.messages[0].content.text, "Use this: tests");
  const uri = { uri: "mine://roots" };
  const read = await round(gw, uri, { method: "resources/read" });
  assert.equal(read.resultType, "input_required");
  assert.equal(read.ttlMs, undefined);
  const done = await round(gw, {
    ...uri, requestState: read.requestState, inputResponses: { roots: { roots: [{ uri: "file:///home" }] } },
  }, { method: "resources/read" });
  assert.equal(done.contents[0].text, "file:///home");
  assert.equal(done.ttlMs, 0);
  const refused = await gw.client.modern("resources/read", uri);
  assert.equal(refused.body.error.code, -32021);
  for (const name of ["nested", "late"]) {
    const result = await round(gw, { name });
    assert.notEqual(result.resultType, "input_required");
    assert.match(result.content[0].text, /cannot be asked|only while the call itself runs/);
  }
});

test("who cannot be asked is told so", async (t) => {
  const gw = await start(t);
  const client = new ClientV1(info);
  await client.connect(new TransportV1(new URL(gw.url)));
  t.after(() => client.close());
  const result = await client.callTool({ name: "release", arguments: { version: "1.2.3" } });
  assert.equal(result.isError, true);
  assert.match(result.content[0].text, /^nobody can be asked: this client cannot be asked/);
  const plain = await gw.call("release", { version: "1.2.3" });
  assert.equal(plain.isError, true);
});

test("the command line answers what it is given the answers to", async (t) => {
  const site = new Gateway({ tools: { "trip.lua": trip } });
  t.after(() => site.remove());
  const call = (...args) => runBinary(["-c", site.iniPath, "call", "trip", "{}", ...args], { cwd: site.dir });
  const open = await call("--answer", 'from={"action":"accept","content":{"city":"Bonn"}}');
  assert.equal(open.code, 1);
  assert.match(open.stderr, /asked, and no answer is given: to \(elicitation\/create: To\?\); .*--answer KEY=JSON/);
  const wrong = await call("--answer", 'from={"action":"accept","content":{"city":"B"}}');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the answer that is given is none to what is asked: from/);
  const right = ["--answer", 'from={"action":"accept","content":{"city":"Bonn"}}', "--answer",
    'to={"action":"accept","content":{"city":"Rome"}}'];
  const done = await call(...right);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).to, "Rome");
  for (const answer of ["from", "=1", "from=oops", "from=1"]) {
    const bad = await call("--answer", answer);
    assert.equal(bad.code, 2, answer);
    assert.match(bad.stderr, /--answer/);
  }
  // Through the gateway that holds the state.
  const gw = await start(t);
  const live = await runBinary(["-c", gw.iniPath, "call", "trip", "{}", "--commit", ...right], { cwd: gw.dir });
  assert.equal(live.code, 0, live.stderr);
  assert.equal(JSON.parse(live.stdout).runs, 3);
});
