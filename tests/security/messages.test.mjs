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
const declare = {
  tool: (n) => `mcp.tool { name = "${n}", input = { type = "object" }, run = function() end }`,
  prompt: (n) => `mcp.prompt { name = "${n}", run = function() return "p" end }`,
  resource: (n) => `mcp.resource { name = "${n}", uri = "r:${n}", read = function() return "r" end }`,
  template: (n) => `mcp.resource_template { name = "t-${n}", uriTemplate = "t:${n}/{id}",
    list = function() return { { uri = "t:${n}/1", name = "l-${n}" } } end, read = function() return "t" end }`,
  skill: (n) => `mcp.skill { name = "${n}", description = "d", files = { ["SKILL.md"] = "x" } }`,
};

const listed = ["l-aa", "l-mm", "l-zz"];

// Each list with the lists that its cursors may be of, and what stands behind "aa" for who may see all.
const lists = [
  { method: "tools/list", member: "tools", cursors: { tools: ["echo", "mm", "zz"] } },
  { method: "prompts/list", member: "prompts", cursors: { prompts: ["mm", "zz"] } },
  { method: "resources/list", member: "resources",
    cursors: { resources: ["mm", "zz", "aa", "mm", "zz", ...listed], skilltexts: ["mm", "zz", ...listed], listed } },
  { method: "resources/templates/list", member: "resourceTemplates", cursors: { templates: ["t-aa", "t-mm", "t-zz"] } },
  { method: "skills/list", member: "skills", isModern: true, cursors: { skills: ["mm", "zz"] } },
];

test("state that clients carry: a forged cursor of any list shows what a plain list does, or is refused", async (t) => {
  const all = Object.values(declare).flatMap((one) => ["aa", "mm", "zz"].map(one));
  const globs = ["", "prompt:", "resource:", "resource:t-", "skill:"].flatMap((kind) => [`${kind}aa`, `${kind}zz`]);
  const gw = await start(t, {
    ini: `[key limited]\nsecret = limited-key\ntools = ${globs.join(", ")}\n[key all]\nsecret = all-key\n`,
    tools: { "many.lua": `local mcp = require "mcp"\nreturn { ${all.join(",\n")} }` },
  });
  const nameOf = (entry) => entry.name ?? entry.uri.split("/").at(-2);
  const eras = {
    legacy: (method, params, options) => gw.rpc(method, params, options),
    modern: (method, params, options) => gw.client.modern(method, params, { ...options,
      meta: { [`${META}clientCapabilities`]: { extensions: { [`${META}skills`]: {} } } } }),
  };
  for (const [era, send] of Object.entries(eras))
    for (const { method, member, cursors } of lists.filter(({ isModern }) => !isModern || era === "modern")) {
      const page = async (text, key) => {
        const cursor = text === undefined ? undefined : Buffer.from(text).toString("base64url");
        const res = await send(method, { cursor }, { key });
        return res.body.result?.[member].map(nameOf) ?? code(res);
      };
      const mine = await page(undefined, "limited-key");
      const context = `${era} ${method}`;
      assert.ok(mine.length > 0 && !mine.some((name) => /mm|echo/.test(name)), `${context}: ${mine}`);
      for (const [list, names] of Object.entries(cursors)) {
        assert.deepEqual(await page(`${list}:aa`, "all-key"), names, `${context} ${list}`);
        for (const after of ["aa", "mm", "ml", "zz", "t-aa", "t-mm"]) {
          const got = await page(`${list}:${after}`, "limited-key");
          assert.ok(Array.isArray(got) && !got.some((name) => /mm|echo/.test(name)), `${context} ${list}:${after}: ${got}`);
        }
        for (const forged of [`${list}:`, list, `${list}:a\0b`, `${list}:${"z".repeat(129)}`])
          assert.equal(await page(forged, "limited-key"), -32602, `${context} ${forged}`);
      }
      for (const other of ["tools", "prompts", "resources", "skilltexts", "listed", "templates", "skills"])
        if (!(other in cursors)) assert.equal(await page(`${other}:aa`, "limited-key"), -32602, `${context} ${other}`);
    }
  const modern = await gw.client.modern("tools/list", {}, { key: "limited-key" });
  assert.equal(modern.body.result.cacheScope, "private");
  assert.equal(modern.body.result._meta[`${META}serverInfo`].name, "moongate");
});
