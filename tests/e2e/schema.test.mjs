// schema.test.mjs - every message that the gateway sends fits the specification's schema of the
// revision that the client speaks.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { answerConforms, notificationConforms, skip } from "./lib/schemas.mjs";

const MODERN = "2026-07-28";
const BOTH = { Accept: "application/json, text/event-stream" };
const tools = ["echo.lua", "outcomes.lua", "reports.lua"];
const extra = {
  // Everything a tool can declare, and what older revisions must be spared.
  "rich.lua": `
    local mcp = require "mcp"
    return mcp.tool {
      name = "rich", title = "Rich", description = "Has everything.",
      input = [[{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
        "properties":{"n":{"type":"integer"},"any":true,"none":false},
        "$defs":{"a":{"$anchor":"x","type":"string"}}}]],
      annotations = { title = "R", readOnlyHint = true, destructiveHint = false },
      icons = { { src = "https://example.com/i.png", mimeType = "image/png", sizes = { "48x48" } } },
      meta = { ["com.example/team"] = "x" },
      run = function()
        return mcp.content {
          mcp.text("hello"), mcp.image("png", "image/png"), mcp.audio("wav", "audio/wav"),
          mcp.link { uri = "file:///a", name = "a" },
          mcp.embed { uri = "test://b", mime = "text/plain", text = "b" },
          meta = { ["com.example/cost"] = 3 },
        }
      end,
    }`,
};

const calls = [
  ["echo", { message: "grüße \u{1f600}" }], ["text", {}], ["nothing", {}], ["fail", {}],
  ["raise", {}], ["raise_table", {}], ["hog", {}], ["rich", {}],
];
const slow = [["spin", {}]]; // takes its time to be stopped: once is enough

// How a client of each revision talks: (method, params, meta) -> answer of lib/rpc.mjs.
const speakers = {
  "2025-03-26": legacy,
  "2025-06-18": legacy,
  "2025-11-25": legacy,
  [MODERN]: async (gw) => {
    const headers = BOTH;
    return (method, params = {}, meta = {}) => gw.client.modern(method, params, { headers, meta });
  },
};

async function legacy(gw, revision) {
  const session = await gw.client.session(revision, { headers: BOTH });
  answerConforms(revision, "InitializeResult", session.initialize.body);
  answerConforms(revision, "EmptyResult", (await session("ping")).body);
  answerConforms(revision, "EmptyResult", (await session("logging/setLevel", { level: "debug" })).body);
  return (method, params = {}, meta) => session(method, meta ? { ...params, _meta: meta } : params);
}

const kinds = (result) => result.content.map((block) => block.type);
const all = ["text", "image", "audio", "resource_link", "resource"];
const contents = { "2025-03-26": ["text", "image", "audio", "text", "resource"] };

async function start(t) {
  const gw = await Gateway.start({ ini: "[rate_limit]\nbucket = 0\n", tools: extra });
  t.after(() => gw.stop());
  gw.writeTools(tools);
  await gw.stop({ keep: true });
  await gw.restart();
  return gw;
}

for (const [revision, open] of Object.entries(speakers)) {
  test(`every message fits the schema of ${revision}`, { skip }, async (t) => {
    const gw = await start(t);
    const send = await open(gw, revision);

    const list = await send("tools/list");
    answerConforms(revision, "ListToolsResult", list.body);
    assert.ok(list.body.result.tools.some((tool) => tool.name === "rich"));
    for (const [name, args] of revision === MODERN ? [...calls, ...slow] : calls) {
      const res = await send("tools/call", { name, arguments: args });
      assert.ok(res.body.result, `${name}: ${res.text}`);
      answerConforms(revision, "CallToolResult", res.body);
      if (name === "rich") assert.deepEqual(kinds(res.body.result), contents[revision] ?? all);
    }

    const level = revision === MODERN ? { "io.modelcontextprotocol/logLevel": "debug" } : {};
    const streamed = await send(
      "tools/call", { name: "reports", arguments: {} }, { progressToken: "p-1", ...level });
    const methods = streamed.messages.map((message) => message.method ?? "answer");
    assert.ok(methods.includes("notifications/progress") && methods.includes("notifications/message"));
    for (const message of streamed.messages.slice(0, -1)) notificationConforms(revision, message);
    answerConforms(revision, "CallToolResult", streamed.body);

    for (const [method, params] of [
      ["no/such", {}],
      ["tools/call", { name: "nope" }],
      ["tools/call", { name: "echo", arguments: [] }],
      ["tools/list", { cursor: "nope" }],
    ]) {
      const { body } = await send(method, params);
      assert.ok(body.error, JSON.stringify(body));
      answerConforms(revision, "EmptyResult", body);
    }
  });
}

test("a stateless handshake fits the schema of 2024-11-05", { skip }, async (t) => {
  const gw = await start(t);
  const res = await gw.rpc("initialize", {
    protocolVersion: "2024-11-05",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  assert.equal(res.headers.get("mcp-session-id"), null);
  answerConforms("2024-11-05", "InitializeResult", res.body);
});

test("what a modern client is refused with fits its schema", { skip }, async (t) => {
  const gw = await start(t);
  answerConforms(MODERN, "DiscoverResult", (await gw.client.modern("server/discover")).body);
  const refusals = [
    await gw.client.post("{oops", { headers: { "MCP-Protocol-Version": MODERN } }),
    await gw.client.post("[]", { headers: { "MCP-Protocol-Version": MODERN } }),
    await gw.client.request("tools/list", {}, { headers: { "MCP-Protocol-Version": MODERN } }),
    await gw.client.modern("tools/list", {}, { headers: { "Mcp-Method": "x" } }),
    await gw.client.modern("tools/list", {}, {
      headers: { "MCP-Protocol-Version": "v9" },
      meta: { "io.modelcontextprotocol/protocolVersion": "v9" },
    }),
    await gw.client.modern("ping"),
    await gw.client.modern("tools/list", {}, { headers: { Origin: "http://evil.example" } }),
    await gw.client.modern("tools/list", {}, { headers: { "Content-Type": "text/plain" } }),
    await gw.client.modern("tools/list", {}, { headers: { Accept: "text/html" } }),
  ];
  const statuses = refusals.map((res) => res.status);
  assert.deepEqual(statuses, [400, 400, 400, 400, 400, 404, 403, 415, 406]);
  for (const { body } of refusals) {
    assert.ok(body.error);
    answerConforms(MODERN, "EmptyResult", body);
  }
});
