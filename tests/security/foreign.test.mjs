// foreign.test.mjs - all that one caller holds (sessions, streams, questions, tasks, subscriptions), tried by
// another key and by who has none; and callers whose ids are the same, on several workers.

import assert from "node:assert/strict";
import test from "node:test";

import { MODERN } from "../e2e/lib/rpc.mjs";
import { KNOWS, create, ended, until } from "../e2e/lib/tasks.mjs";
import { BOTH, code, start } from "./lib.mjs";

const META = "io.modelcontextprotocol/";
const JSON_TYPE = { "Content-Type": "application/json" };
const STREAM = { Accept: "text/event-stream" };
const ALICE = "alice-key-0123", BOB = "bob-key-012345";

const ini = `[server]
workers = 2
[auth]
allow_anonymous = yes
[key alice]
secret = ${ALICE}
[key bob]
secret = ${BOB}
tools = ask, work, touch, resource:*
`;

// Each worker has a machine of its own: which one it was stands in what it says.
const tools = {
  "held.lua": `local mcp = require "mcp"
    local any = { type = "object" }
    local machine = mcp.codec.uuid()
    local form = { message = "Who?", schema = { type = "object", properties = { who = { type = "string" } }, required = { "who" } } }
    return {
      mcp.tool { name = "ask", input = any, run = function(args, ctx)
        ctx:progress(1, 2, "asked by " .. args.by)
        local answer, message = ctx:elicit("who", form)
        if not answer then return nil, message end
        return { by = args.by, who = answer.content.who, machine = machine }
      end },
      mcp.tool { name = "work", input = any, run = function(_, ctx)
        ctx:as_task { poll = 0.05 }
        local answer, message = ctx:elicit("who", form)
        if not answer then return nil, message end
        return answer.content.who
      end },
      mcp.tool { name = "touch", input = any, run = function() mcp.resources.updated("x:one") return "touched" end },
      mcp.resource { uri = "x:one", name = "one", read = function() return "1" end },
    }`,
};

const initialize = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "x", version: "1" } };
const keyed = (key) => (key ? { "X-API-Key": key } : {});

async function openSession(gw, key) {
  const res = await gw.client.request("initialize", initialize, { key, headers: BOTH });
  const headers = { ...BOTH, "Mcp-Session-Id": res.headers.get("mcp-session-id"), "MCP-Protocol-Version": "2025-11-25" };
  await gw.client.notify("notifications/initialized", {}, { key, headers });
  return headers;
}

// The transport of 2024-11-05; -> { next, post, target, close }.
async function openOld(gw, key) {
  const stream = await gw.events("/sse", { key });
  const target = (await stream.next()).data;
  const post = (message) => gw.fetch(target, { method: "POST", headers: { ...JSON_TYPE, ...keyed(key) },
    body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
  await post({ id: 0, method: "initialize", params: { ...initialize, protocolVersion: "2025-06-18" } });
  await stream.next();
  await post({ method: "notifications/initialized" });
  return Object.assign(stream, { target, post });
}

const call = (gw, key, headers, id, by) => gw.events("/mcp", {
  method: "POST", headers: { ...JSON_TYPE, ...headers, ...keyed(key) },
  body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "ask", arguments: { by }, _meta: { progressToken: 1 } } }),
});

// All that alice holds, with something of hers waiting in each.
async function held(gw) {
  const headers = await openSession(gw, ALICE);
  const own = (method, params) => gw.client.request(method, params, { key: ALICE, headers });
  await own("resources/subscribe", { uri: "x:one" });
  const notices = await gw.events("/mcp", { headers: { ...headers, ...STREAM, ...keyed(ALICE) } });
  const asking = await call(gw, ALICE, headers, 7, "alice");
  const events = [await asking.next(), await asking.next(), await asking.next()];
  assert.equal(events[2].json.method, "elicitation/create");
  const task = await create(gw, "work", {}, { key: ALICE });
  const waiting = await until(gw, task.taskId, ({ status }) => status === "input_required", { key: ALICE });
  const heard = await listen(gw, ALICE, [task.taskId]);
  assert.equal((await heard.next()).json.params.taskId, task.taskId);
  const old = await openOld(gw, ALICE);
  await old.post({ id: 7, method: "tools/call", params: { name: "ask", arguments: { by: "alice" }, _meta: { progressToken: 1 } } });
  const oldAsked = [await old.next(), await old.next()].find(({ json }) => json.method === "elicitation/create").json.id;
  return { headers, own, notices, asking, events, task, question: Object.keys(waiting.inputRequests)[0], heard, old, oldAsked };
}

async function listen(gw, key, taskIds, id = 7) {
  const stream = await openTaskSubscription(gw, { resourceSubscriptions: ["x:one"], taskIds }, { key, id });
  const { notifications } = (await stream.next()).json.params;
  return Object.assign(stream, { notifications });
}

const openTaskSubscription = (gw, notifications, { key, id }) => gw.events("/mcp", {
  method: "POST",
  headers: { ...JSON_TYPE, ...BOTH, ...keyed(key), "MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen" },
  body: JSON.stringify({ jsonrpc: "2.0", id, method: "subscriptions/listen", params: { notifications,
    _meta: { [`${META}protocolVersion`]: MODERN, ...KNOWS.meta } } }),
});

// What a thief does with what is alice's; each is refused as what does not exist.
async function steal(gw, key, hers) {
  const send = { key, headers: { ...hers.headers } };
  const answer = (id, headers) => gw.client.post({ jsonrpc: "2.0", id, result: { action: "accept", content: { who: "thief" } } }, { key, headers });
  const name = key ?? "nobody";
  for (const [method, params] of [
    ["ping"], ["tools/list"], ["tools/call", { name: "touch", arguments: {} }], ["prompts/list"], ["resources/list"], ["resources/read", { uri: "x:one" }],
    ["resources/subscribe", { uri: "x:one" }], ["resources/unsubscribe", { uri: "x:one" }], ["logging/setLevel", { level: "debug" }],
    ["completion/complete", { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } }],
  ]) {
    const res = await gw.client.request(method, params, send);
    assert.deepEqual([res.status, code(res)], [404, -32001], `${name} ${method}`);
    assert.doesNotMatch(res.text, /alice/);
  }
  for (const method of ["notifications/cancelled", "notifications/initialized", "notifications/roots/list_changed"])
    assert.equal((await gw.client.notify(method, { requestId: 7 }, send)).status, 404, `${name} ${method}`);
  assert.equal((await answer(hers.events[2].json.id, hers.headers)).status, 404, name);
  const ids = [...hers.events.map(({ id }) => id), undefined];
  for (const id of ids) {
    const stream = await gw.events("/mcp", { headers: { ...hers.headers, ...STREAM, ...keyed(key), ...(id ? { "Last-Event-ID": id } : {}) } });
    assert.equal(stream.status, 404, `${name} GET ${id}`);
    assert.doesNotMatch(stream.text, /alice|elicit/);
  }
  assert.equal((await gw.fetch("/mcp", { method: "DELETE", headers: { ...hers.headers, ...keyed(key) } })).status, 404, name);
  const post = (target, body) => gw.fetch(target, { method: "POST", headers: { ...JSON_TYPE, ...keyed(key) }, body: JSON.stringify(body) });
  for (const body of [{ jsonrpc: "2.0", id: 1, method: "ping" }, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } },
    { jsonrpc: "2.0", id: hers.oldAsked, result: { action: "accept", content: { who: "thief" } } }])
    assert.equal((await post(hers.old.target, body)).status, 404, name);
  // Neither session is one in the other's place.
  const oldId = hers.old.target.split("=")[1];
  const swapped = await gw.client.request("tools/list", {}, { key, headers: { ...hers.headers, "Mcp-Session-Id": oldId } });
  assert.equal(swapped.status, 404, name);
}

async function stealFromOwnSession(gw, key, hers, mine) {
  const name = key ?? "nobody";
  for (const { id } of hers.events) {
    const stream = await gw.events("/mcp", { headers: { ...mine, ...STREAM, ...keyed(key), "Last-Event-ID": id } });
    assert.deepEqual([stream.status, /alice|elicit/.test(stream.text)], [400, false], `${name} ${id}`);
  }
  // Taken, and nothing comes of it: the id of a question counts where it was asked.
  for (const headers of [mine, {}])
    for (const id of [hers.events[2].json.id, hers.oldAsked]) {
      const res = await gw.client.post({ jsonrpc: "2.0", id, result: { action: "accept", content: { who: "thief" } } }, { key, headers });
      assert.ok([202, 400].includes(res.status), res.text);
    }
  for (const headers of [mine, {}, { "MCP-Protocol-Version": MODERN, "Mcp-Method": "notifications/cancelled" }])
    for (const requestId of [7, hers.events[2].json.id])
      assert.equal((await gw.client.notify("notifications/cancelled", { requestId }, { key, headers })).status, 202, name);
}

async function stealTasks(gw, key, hers) {
  const name = key ?? "nobody";
  for (const [method, more] of [["tasks/get"], ["tasks/cancel"], ["tasks/update", { inputResponses: { [hers.question]: { action: "accept", content: { who: "thief" } } } }]]) {
    const [theirs, none] = [hers.task.taskId, "task_none"].map((taskId) => gw.client.modern(method, { taskId, ...more }, { key, ...KNOWS }));
    assert.deepEqual([(await theirs).status, (await theirs).body.error], [200, (await none).body.error], `${name} ${method}`);
    assert.equal(code(await theirs), -32602, `${name} ${method}`);
  }
}

// The Ruby SDK took a session from anybody who knew its id.
test("CVE-2026-33946: what a key holds does not exist for another key, nor for who has none", async (t) => {
  const gw = await start(t, { ini, tools });
  const hers = await held(gw);
  const streams = [hers.notices, hers.asking, hers.heard, hers.old];
  t.after(() => streams.forEach((stream) => stream.close()));
  const thieves = [];
  for (const key of [BOB, undefined]) {
    const mine = await openSession(gw, key);
    await steal(gw, key, hers);
    await stealFromOwnSession(gw, key, hers, mine);
    await stealTasks(gw, key, hers);
    await gw.client.request("resources/subscribe", { uri: "x:one" }, { key, headers: mine });
    const notices = await gw.events("/mcp", { headers: { ...mine, ...STREAM, ...keyed(key) } });
    const heard = await listen(gw, key, [hers.task.taskId]);
    assert.deepEqual(heard.notifications.taskIds ?? [], [], "a task of another's cannot be listened to");
    const old = await openOld(gw, key);
    thieves.push({ key, notices, heard, old });
    streams.push(notices, heard, old);
  }
  for (const topic of ["jobs", "job/1", "*", "tools"])
    assert.equal((await gw.events(`/sse?topic=${topic}`, { key: BOB })).status, 403, topic);

  // Nothing of hers has changed, and what comes of it reaches her alone.
  const accept = (who) => ({ action: "accept", content: { who } });
  await hers.own("ping");
  await gw.client.post({ jsonrpc: "2.0", id: hers.events[2].json.id, result: accept("alice") }, { key: ALICE, headers: hers.headers });
  const done = (await hers.asking.next()).json;
  assert.deepEqual([done.id, JSON.parse(done.result.content[0].text).who], [7, "alice"]);
  await hers.old.post({ id: hers.oldAsked, result: accept("alice") });
  assert.equal(JSON.parse((await hers.old.next()).json.result.content[0].text).who, "alice");
  const update = await gw.client.modern("tasks/update", { taskId: hers.task.taskId, inputResponses: { [hers.question]: accept("alice") } }, { key: ALICE, ...KNOWS });
  assert.ok(update.body.result, update.text);
  const last = await until(gw, hers.task.taskId, ended, { key: ALICE });
  assert.equal(last.result.content[0].text, "alice");
  // What all of them subscribed to comes to all: had anything else come, it would have come before.
  await gw.call("touch", {}, { key: ALICE });
  assert.equal((await hers.notices.next()).data, "");
  assert.equal((await hers.notices.next()).json.method, "notifications/resources/updated");
  for (const { key, notices, heard, old } of thieves) {
    assert.equal((await heard.next()).json.method, "notifications/resources/updated", key);
    assert.equal((await notices.next()).data, "", key);
    assert.equal((await notices.next()).json.method, "notifications/resources/updated", key);
    await old.post({ id: 99, method: "ping" });
    assert.equal((await old.next()).json.id, 99, key);
  }
});

// ---- the same ids ----

const machineOf = (result, by) => {
  const { by: called, who, machine } = JSON.parse(result.content[0].text);
  assert.deepEqual([called, who], [by, by]);
  return machine;
};

async function overSession(gw, by) {
  const headers = await openSession(gw);
  const stream = await call(gw, undefined, headers, 1, by);
  const events = [await stream.next(), await stream.next(), await stream.next()].map(({ json }) => json);
  return async () => {
    assert.equal(events[1].params.message, `asked by ${by}`);
    await gw.client.post({ jsonrpc: "2.0", id: events[2].id, result: { action: "accept", content: { who: by } } }, { headers });
    const { json } = await stream.next();
    assert.deepEqual([json.id, await stream.next()], [1, null]);
    return machineOf(json.result, by);
  };
}

async function overOld(gw, by) {
  const stream = await openOld(gw);
  await stream.post({ id: 1, method: "tools/call", params: { name: "ask", arguments: { by }, _meta: { progressToken: 1 } } });
  const [progress, question] = [(await stream.next()).json, (await stream.next()).json];
  return async () => {
    assert.equal(progress.params.message, `asked by ${by}`);
    await stream.post({ id: question.id, result: { action: "accept", content: { who: by } } });
    const { json } = await stream.next();
    stream.close();
    assert.equal(json.id, 1);
    return machineOf(json.result, by);
  };
}

async function overRounds(gw, by) {
  const meta = { [`${META}clientCapabilities`]: { elicitation: {} }, progressToken: 1 };
  const params = { name: "ask", arguments: { by } };
  const { body, messages } = await gw.client.modern("tools/call", params, { id: 1, meta });
  return async () => {
    assert.equal(messages[0].params.message, `asked by ${by}`);
    const inputResponses = { who: { action: "accept", content: { who: by } } };
    const last = await gw.client.modern("tools/call", { ...params, requestState: body.result.requestState, inputResponses }, { id: 1, meta });
    assert.equal(last.body.id, 1);
    return machineOf(last.body.result, by);
  };
}

// The TypeScript SDK sent answers to whoever used the same JSON-RPC id.
test("CVE-2026-25536: clients on several workers with the same ids are told, asked and answered each for itself", async (t) => {
  const gw = await start(t, { ini: "[server]\nworkers = 2\n", tools });
  const kinds = [overSession, overOld, overRounds];
  // All are asked before the first one answers.
  const asked = await Promise.all(Array.from({ length: 24 }, (_, i) => kinds[i % 3](gw, `client-${i}`)));
  const machines = await Promise.all(asked.reverse().map((answer) => answer()));
  assert.ok(new Set(machines).size > 1, "they were served by one worker alone");
});
