// clients.test.mjs - the official MCP clients, both generations, with and without keys: they connect,
// list what there is and call it, as an operator's users do.

import assert from "node:assert/strict";
import test from "node:test";

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";

import { clients } from "./lib/clients.mjs";
import { Gateway } from "./lib/gateway.mjs";

const tools = ["echo.lua", "outcomes.lua", "reports.lua", "counter.lua"];
const names = [
  "counter", "echo", "fail", "hog", "nil_message", "nothing", "raise", "raise_table",
  "reports", "sleep", "spin", "text",
];

for (const keyed of [false, true]) {
  for (const [label, open] of Object.entries(clients)) {
    test(`${label} lists and calls, ${keyed ? "with a key" : "without keys"}`, async (t) => {
      const ini = keyed ? "[auth]\nkeys = first-key, second-key\n" : "";
      const gw = await Gateway.start({ ini, tools });
      t.after(() => gw.stop());
      if (keyed) await assert.rejects(open({ url: gw.url }), /401|[Uu]nauthorized/);

      const headers = keyed ? { Authorization: "Bearer second-key" } : {};
      const client = await open({ url: gw.url, headers });
      const session = client.getServerVersion();
      assert.match(session.name, /moongate/i);
      await listsAndCalls(client);
      await client.close();
    });
  }
}

test("arguments that are repeated in headers: client 2.x sends them, and they must agree", async (t) => {
  const gw = await Gateway.start({ tools: ["../../conformance/tools.d/test_custom_headers.lua"] });
  t.after(() => gw.stop());
  const args = { region: "São Paulo\n", priority: 42, verbose: false };
  const name = "test_custom_headers";
  for (const [label, open] of Object.entries(clients)) {
    const client = await open({ url: gw.url });
    await client.listTools();
    const result = await client.callTool({ name, arguments: args });
    assert.deepEqual(JSON.parse(result.content[0].text), args, label);
    await client.close();
  }
  const call = (headers) => gw.client.modern("tools/call", { name, arguments: { region: "eu" } }, { headers });
  assert.ok((await call({ "Mcp-Param-Region": "eu", "Mcp-Param-Else": "x" })).body.result);
  for (const headers of [{}, { "Mcp-Param-Region": "us" }]) {
    const res = await call(headers);
    assert.deepEqual([res.status, res.body.error.code], [400, -32020]);
    assert.deepEqual(res.body.error.data, { header: "Mcp-Param-Region" });
  }
});

// Older clients refuse the whole list for a boolean, which JSON Schema has for "anything" and "nothing".
test("properties without a schema of their own are listed, and mean what they say", async (t) => {
  const gw = await Gateway.start({ tools: { "loose.lua": `
    local mcp = require "mcp"
    return mcp.tool {
      name = "loose", run = function(args) return args end,
      input = [[{"type":"object","properties":{"any":true,"none":false}}]],
      output = [[{"type":"object","properties":{"any":true,"none":false}}]],
    }` } });
  t.after(() => gw.stop());
  for (const [label, open] of Object.entries(clients)) {
    const client = await open({ url: gw.url });
    const [{ inputSchema, outputSchema }] = (await client.listTools()).tools;
    const properties = label.includes("2026") || label.includes("auto")
      ? { any: true, none: false } : { any: {}, none: { not: {} } };
    assert.deepEqual([inputSchema.properties, outputSchema.properties], [properties, properties], label);
    const { structuredContent } = await client.callTool({ name: "loose", arguments: { any: [1] } });
    assert.deepEqual(structuredContent, { any: [1] }, label);
    assert.equal((await client.callTool({ name: "loose", arguments: { none: 1 } })).isError, true, label);
    await client.close();
  }
});

async function listsAndCalls(client) {
  const listed = (await client.listTools()).tools;
  assert.deepEqual(listed.map((tool) => tool.name), names);
  const echo = listed.find((tool) => tool.name === "echo");
  assert.equal(echo.title, "Echo");
  assert.deepEqual(echo.annotations, { readOnlyHint: true });
  assert.deepEqual(echo.inputSchema.required, ["message"]);

  const said = "grüße, 世界 \u{1f600} \" \\ \n \u2028";
  assert.deepEqual(value(await client.callTool(call("echo", { message: said }))), { message: said });
  const text = await client.callTool(call("text"));
  assert.deepEqual(text.content, [{ type: "text", text: "plain text" }]);
  assert.deepEqual((await client.callTool(call("nothing"))).content, []);

  assert.deepEqual(failure(await client.callTool(call("fail"))), "it did not work");
  assert.deepEqual(failure(await client.callTool(call("nil_message"))), "there is no such thing");
  assert.deepEqual(failure(await client.callTool(call("raise"))), "something broke");
  assert.match(failure(await client.callTool(call("raise_table"))), /^internal error/);

  assert.deepEqual(value(await client.callTool(call("counter", { id: "a" }))), { count: 1, id: "a" });
  assert.deepEqual(value(await client.callTool(call("counter", { id: "a", add: 0 }))).count, 1);
  await assert.rejects(client.callTool(call("no_such_tool")), /Unknown tool: no_such_tool/);

  const seen = [];
  const onprogress = ({ progress, total, message }) => seen.push([progress, total, message]);
  const reported = await progressCall(client, call("reports", { steps: 3 }), onprogress);
  assert.deepEqual(value(reported), { steps: 3 });
  assert.deepEqual(seen, [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]]);
}

// The two generations differ in where the options stand.
function progressCall(client, params, onprogress) {
  if (client instanceof ClientV1) return client.callTool(params, undefined, { onprogress });
  return client.callTool(params, { onprogress });
}

const call = (name, args = {}) => ({ name, arguments: args });

function value(result) {
  assert.ok(!result.isError, JSON.stringify(result));
  assert.equal(result.content.length, 1);
  return JSON.parse(result.content[0].text);
}

function failure(result) {
  assert.equal(result.isError, true, JSON.stringify(result));
  return result.content[0].text;
}
