// messages.test.mjs - texts that two readers would read in two ways, and state that clients carry.

import assert from "node:assert/strict";
import test from "node:test";

import { code, start } from "./lib.mjs";

const META = "io.modelcontextprotocol/";

// The Go SDK matched keys in any case, and by Unicode's folding: policies in front of it did not.
test("CVE-2026-27896: keys are compared byte for byte, and none may stand there twice", async (t) => {
  const gw = await start(t);
  const post = (body) => gw.client.post(body);
  const call = (params) => post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  const good = await call('{"name":"echo","arguments":{"message":"m"}}');
  assert.ok(good.body.result);
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"Method":"ping"}', '{"jsonrpc":"2.0","id":1,"METHOD":"ping"}',
    '{"JSONRPC":"2.0","id":1,"method":"ping"}', '{"j\u017fonrpc":"2.0","id":1,"method":"ping"}',
  ])
    assert.equal(code(await post(body)), -32600, body);
  for (const params of [
    '{"Name":"echo"}', '{"NAME":"echo"}', '{"name":null,"Name":"echo"}', '{"n\u00e0me":"echo"}',
  ])
    assert.equal(code(await call(params)), -32602, params);
  // The call is told by what the exact keys say; look-alikes are members that nobody knows.
  const both = await call('{"name":"echo","Name":"x","arguments":{"message":"a"},"Arguments":{"message":"b"}}');
  assert.equal(both.body.result.content[0].text, '{"message":"a"}');
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/list"}',
    '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
  ])
    assert.equal(code(await post(body)), -32700, body);
  for (const params of [
    '{"name":"echo","name":"x"}', '{"name":"echo","n\\u0061me":"x"}',
    '{"name":"echo","arguments":{"message":"a","message":"b"}}',
  ])
    assert.equal(code(await call(params)), -32700, params);
});

test("CVE-2026-27896: headers that decide say what the body says, or nothing is done", async (t) => {
  const gw = await start(t);
  const call = (headers) =>
    gw.client.modern("tools/call", { name: "echo", arguments: { message: "m" } }, { headers });
  assert.ok((await call({})).body.result);
  for (const headers of [
    { "Mcp-Name": "other" }, { "Mcp-Name": "ECHO" }, { "Mcp-Method": "tools/list" },
    { "Mcp-Method": "Tools/Call" }, { "MCP-Protocol-Version": "2025-11-25" },
    { "Mcp-Name": "=?base64?b3RoZXI=?=" },
  ]) {
    const res = await call(headers);
    assert.deepEqual([res.status, code(res)], [400, -32020], JSON.stringify(headers));
  }
});

test("lesson: numbers, strings and nesting that parsers disagree about are refused", async (t) => {
  const gw = await start(t);
  const ping = (x) => gw.client.post(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${x}}}`);
  for (const x of [
    "01", "1.", ".5", "+1", "1e400", "NaN", "0x1", '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', "'a'",
    "[1,]", '{"a":1,}', '"\t"', "tru", "//\n1", '"\\x41"',
  ])
    assert.equal(code(await ping(x)), -32700, x);
  assert.equal(code(await gw.client.post('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}')), -32700);
  for (const bytes of [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xff]]) {
    const [before, after] = ['{"jsonrpc":"2.0","id":"', '","method":"ping"}'].map((x) => Buffer.from(x));
    const res = await gw.client.post(Buffer.concat([before, Buffer.from(bytes), after]));
    assert.equal(code(res), -32700);
  }
});

// A cursor is not authenticated: nothing that stands in one shows more than a plain list does.
test("lesson: state that a client carries is worth nothing forged", async (t) => {
  const tool = (name) => `mcp.tool { name = "${name}", input = { type = "object" }, run = function() end }`;
  const gw = await start(t, {
    ini: "[key limited]\nsecret = limited-key\ntools = aa, zz\n[key all]\nsecret = all-key\n",
    tools: { "many.lua": `local mcp = require "mcp"
      return { ${["aa", "mm", "zz"].map(tool).join(", ")} }` },
  });
  const list = async (text, key) => {
    const cursor = Buffer.from(text).toString("base64url");
    const res = await gw.rpc("tools/list", { cursor }, { key });
    return res.body.result?.tools.map((entry) => entry.name) ?? code(res);
  };
  assert.deepEqual(await list("tools:aa", "all-key"), ["echo", "mm", "zz"]);
  assert.deepEqual(await list("tools:aa", "limited-key"), ["zz"]);
  assert.deepEqual(await list("tools:mm", "limited-key"), ["zz"]);
  assert.deepEqual(await list("tools:ml", "limited-key"), ["zz"]);
  for (const forged of ["prompts:aa", "tools:", "tools", "tools:a\0b", `tools:${"z".repeat(129)}`])
    assert.equal(await list(forged, "limited-key"), -32602, forged);
  const modern = await gw.client.modern("tools/list", {}, { key: "limited-key" });
  assert.equal(modern.body.result.cacheScope, "private");
  assert.equal(modern.body.result._meta[`${META}serverInfo`].name, "moongate");
});
