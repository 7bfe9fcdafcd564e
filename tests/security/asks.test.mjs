// asks.test.mjs - what a client carries from one round of a call to the next is the client's to
// change, to keep and to give away; none of that must get it anything.

import assert from "node:assert/strict";
import test from "node:test";

import { start } from "./lib.mjs";

const ask = `local mcp = require "mcp"
local function run(args, ctx)
  local price = ctx:once("price", function() return args.price end)
  local answer, message = ctx:elicit("confirm", { message = "Buy?", schema = {
    type = "object", properties = { ok = { type = "boolean" } }, required = { "ok" } } })
  if not answer then return nil, message end
  return ("bought for %d: %s"):format(price, answer.content and answer.content.ok)
end
local function tool(name)
  return mcp.tool { name = name, description = "Buy.", run = run,
    input = { type = "object", properties = { price = { type = "integer" } } } }
end
return { tool "buy", tool "sell",
  mcp.prompt { name = "buy", description = "Buy.", run = function(_, ctx)
    return assert(ctx:roots("confirm"))[1].uri
  end } }`;
const keys = "[key ann]\nsecret = ann-key-0123456789\n[key bob]\nsecret = bob-key-0123456789\n";
const META = { "io.modelcontextprotocol/clientCapabilities": { elicitation: {}, roots: {} } };
const ANN = "ann-key-0123456789", BOB = "bob-key-0123456789";
const inputResponses = { confirm: { action: "accept", content: { ok: true } } };

function call(gw, params, { key = ANN, method = "tools/call" } = {}) {
  return gw.client.modern(method, params, { key, meta: META });
}

async function state(gw, params) {
  const res = await call(gw, params);
  assert.equal(res.body.result.resultType, "input_required", res.text);
  return res.body.result.requestState;
}

function refused(res, why) {
  assert.equal(res.status, 200, res.text);
  assert.equal(res.body.error?.code, -32602, res.text);
  assert.match(res.body.error.message, why);
  assert.match(res.body.error.message, /call again without requestState and inputResponses/);
}

const BUY = { name: "buy", arguments: { price: 5 } };

test("state that clients carry: a changed requestState is refused, wherever it was changed, and tells nothing", async (t) => {
  const gw = await start(t, { ini: keys, tools: { "ask.lua": ask } });
  const good = await state(gw, BUY);
  assert.doesNotMatch(Buffer.from(good, "base64url").toString("latin1"), /price|once|buy|ann/);
  const changed = [
    `${good}-TAMPERED`, `${good}A`, `A${good}`, good.slice(0, -1), good.slice(4), "", "AAAA", `${good}=`, `${good}\n`,
    good.toUpperCase(), good.split("").reverse().join(""), `${good}${good}`, "\u0000", "\u{1f600}", "x".repeat(100_000),
  ];
  for (let i = 0; i < good.length; i += 7)
    changed.push(good.slice(0, i) + (good[i] === "A" ? "B" : "A") + good.slice(i + 1));
  for (const requestState of changed) {
    const res = await call(gw, { ...BUY, requestState, inputResponses });
    // \\u0000 is refused before anybody looks at it.
    if (requestState === "\u0000") assert.equal(res.body.error.code, -32700, res.text);
    else refused(res, /requestState is not what this gateway gave/);
  }
  const res = await call(gw, { ...BUY, requestState: good, inputResponses });
  assert.equal(res.body.result.content[0].text, "bought for 5: true");
});

test("state that clients carry: a requestState is good for the call that it was given to, once", async (t) => {
  const gw = await start(t, { ini: keys, tools: { "ask.lua": ask } });
  const good = await state(gw, BUY);
  const other = /belongs to another call/;
  refused(await call(gw, { ...BUY, requestState: good, inputResponses }, { key: BOB }), other);
  refused(await call(gw, { name: "sell", arguments: { price: 5 }, requestState: good, inputResponses }), other);
  refused(await call(gw, { name: "buy", arguments: { price: 500 }, requestState: good, inputResponses }), other);
  refused(await call(gw, { name: "buy", requestState: good, inputResponses }), other);
  refused(await call(gw, { name: "buy", requestState: good, inputResponses }, { method: "prompts/get" }), other);
  // Of twenty at the same time one is served.
  const all = await Promise.all(Array.from({ length: 20 }, () =>
    call(gw, { ...BUY, requestState: good, inputResponses })));
  assert.equal(all.filter((res) => res.body.result).length, 1);
  for (const res of all) if (!res.body.result) refused(res, /was used already/);
});

test("state that clients carry: a requestState expires", async (t) => {
  const gw = await start(t, { ini: `${keys}[tools]\nask_timeout = 10ms\n`, tools: { "ask.lua": ask } });
  const given = await state(gw, BUY);
  const late = Date.now() + 15;
  while (Date.now() < late) await new Promise(setImmediate);
  refused(await call(gw, { ...BUY, requestState: given, inputResponses }), /has expired \(\[tools\] ask_timeout\)/);
});

test("state that clients carry: another gateway's requestState is nothing here", async (t) => {
  const [one, two] = [await start(t, { ini: keys, tools: { "ask.lua": ask } }),
    await start(t, { ini: keys, tools: { "ask.lua": ask } })];
  refused(await call(two, { ...BUY, requestState: await state(one, BUY), inputResponses }), /not what this gateway gave/);
});

test("elicitation: answers of every shape are answers, asked for again, or refused", async (t) => {
  const gw = await start(t, { ini: keys, tools: { "ask.lua": ask } });
  const shapes = [
    null, [], "x", 7, true, { confirm: null }, { confirm: 12345 }, { confirm: [] }, { confirm: "accept" },
    { confirm: {} }, { confirm: { action: 1 } }, { confirm: { action: "accept" } },
    { confirm: { action: "accept", content: null } }, { confirm: { action: "accept", content: { ok: "true" } } },
    { confirm: { action: "accept", content: { OK: true } } }, { confirm: { action: "ACCEPT", content: { ok: true } } },
    { confirm: { content: { ok: true } } }, { confirm: { roots: [] } }, { __proto__: { x: 1 } },
    { ["k".repeat(10_000)]: {} },
  ];
  for (const given of shapes) {
    const requestState = await state(gw, BUY);
    const res = await call(gw, { ...BUY, requestState, inputResponses: given });
    assert.equal(res.status, 200, res.text);
    const isAsked = res.body.result?.resultType === "input_required";
    assert.ok(isAsked || res.body.error?.code === -32602, `${JSON.stringify(given)?.slice(0, 80)}: ${res.text}`);
  }
  const big = await call(gw, { ...BUY, inputResponses: { confirm: { action: "accept", content: { ok: true, x: "y".repeat(300_000) } } } });
  assert.equal(big.body.result.isError, true);
  assert.match(big.body.result.content[0].text, /what this call was told and keeps is over 262144 bytes/);
});
