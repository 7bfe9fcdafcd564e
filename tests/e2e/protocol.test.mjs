// protocol.test.mjs - both eras over real HTTP: what a client finds on the wire, status by status.
// The rules themselves are tested in tests/unit/mcp; here they pass through headers, bodies, keys.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const META = "io.modelcontextprotocol/";
const BOTH = { Accept: "application/json, text/event-stream" };
const tools = ["echo.lua", "outcomes.lua"];

// Tests ask more often than clients may.
const unlimited = "[rate_limit]\nbucket = 0\n";

async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({ tools, ...options, ini: unlimited + ini });
  t.after(() => gw.stop());
  return gw;
}

const code = (res) => res.body?.error?.code ?? 0;

test("a modern request is checked in the order of the specification", async (t) => {
  const gw = await start(t);
  const discover = (options) => gw.client.modern("server/discover", {}, options);
  const bare = (params, id) =>
    gw.client.request("server/discover", params, {
      id,
      headers: { ...BOTH, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "server/discover" },
    });
  const version = `${META}protocolVersion`;
  const capabilities = `${META}clientCapabilities`;

  const probes = [
    ["no _meta", await bare({}, 101), 400, -32602],
    ["no version", await bare({ _meta: { [capabilities]: {} } }, 102), 400, -32602],
    ["no capabilities", await bare({ _meta: { [version]: "2026-07-28" } }, 104), 400, -32602],
    ["no clientInfo",
      await bare({ _meta: { [version]: "2026-07-28", [capabilities]: {} } }, 105), 200, 0],
    ["unsupported version", await discover({
      headers: { "MCP-Protocol-Version": "v999.0.0" }, meta: { [version]: "v999.0.0" } }), 400, -32022],
    ["header and body disagree", await discover({ meta: { [version]: "v999.0.0" } }), 400, -32020],
    ["method header", await discover({ headers: { "Mcp-Method": "tools/list" } }), 400, -32020],
    ["method header's case",
      await discover({ headers: { "Mcp-Method": "SERVER/DISCOVER" } }), 400, -32020],
    ["removed method", await gw.client.modern("ping"), 404, -32601],
    ["unknown method", await gw.client.modern("unknown/method"), 404, -32601],
    ["unknown tool", await gw.client.modern("tools/call", { name: "nope" }), 200, -32602],
    ["initialize", await gw.client.modern("initialize"), 404, -32601],
  ];
  for (const [name, res, status, error] of probes) {
    assert.equal(res.status, status, `${name}: ${res.text}`);
    assert.equal(code(res), error, `${name}: ${res.text}`);
    assert.match(res.headers.get("content-type"), /^application\/json/);
    assert.equal(res.headers.get("mcp-session-id"), null, name);
  }
  assert.deepEqual(probes.slice(0, 3).map(([, res]) => res.body.id), [101, 102, 104]);
  const { data } = probes[4][1].body.error;
  assert.deepEqual(data, { supported: ["2026-07-28"], requested: "v999.0.0" });
});

test("the modern headers: names in any case, values exact, encoded names", async (t) => {
  const gw = await start(t);
  const call = (headers, name = "echo") =>
    gw.client.modern("tools/call", { name, arguments: { message: "m" } }, { headers });
  const base64 = (text) => `=?base64?${Buffer.from(text).toString("base64")}?=`;

  assert.equal((await call({ "Mcp-Name": "  echo\t" })).body.result.isError, undefined);
  assert.ok((await call({ "Mcp-Name": base64("echo") })).body.result);
  for (const value of ["wrong", "Echo", "=?base64?ZWNobw?=", "=?base64?ZW!!bw==?="]) {
    const res = await call({ "Mcp-Name": value });
    assert.deepEqual([res.status, code(res)], [400, -32020], value);
  }
  // No fetch sends a header without a value or in odd case; a socket does.
  const body = JSON.stringify({
    jsonrpc: "2.0", id: 1, method: "tools/list",
    params: { _meta: { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} } },
  });
  const send = async (lines) => {
    const raw = await gw.raw();
    t.after(() => raw.destroy());
    raw.send(
      ["POST /mcp HTTP/1.1", `Host: 127.0.0.1:${gw.port}`, "Content-Type: application/json",
        `Content-Length: ${body.length}`, ...lines, "", body].join("\r\n"));
    const res = await raw.response();
    return [res.status, JSON.parse(res.body).error?.code ?? 0];
  };
  const version = "MCP-PROTOCOL-version: 2026-07-28";
  assert.deepEqual(await send([version, "MCP-METHOD: tools/list"]), [200, 0]);
  assert.deepEqual(await send([version, "mcp-method:tools/list"]), [200, 0]);
  assert.deepEqual(await send([version]), [400, -32020]);
  assert.deepEqual(await send(["Mcp-Method: tools/list"]), [400, -32020]);
  assert.deepEqual(await send([version, "Mcp-Method:"]), [400, -32020]);
});

test("ids of every shape come back as the bytes that were sent", async (t) => {
  const gw = await start(t);
  for (const id of ["1730000000000", "-1", "9007199254740993", "1.0", '"x"', '"\\u0061\\n"', '""']) {
    const res = await gw.client.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    assert.equal(res.text, `{"jsonrpc":"2.0","id":${id},"result":{}}`);
  }
  for (const id of ["null", "1.5", "{}", "[1]", "true"]) {
    const res = await gw.client.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    assert.deepEqual([res.status, code(res), res.body.id], [400, -32600, null]);
  }
});

test("what is no message is refused with a reason", async (t) => {
  const gw = await start(t);
  const modern = { "MCP-Protocol-Version": "2026-07-28" };
  const cases = [
    ["", 400, -32700], ["{oops", 400, -32700], ["5", 400, -32600], ["[]", 400, -32600],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"},1]', 400, -32600],
    ['{"id":1,"method":"ping"}', 400, -32600],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32600],
  ];
  for (const [body, status, error] of cases) {
    const legacy = await gw.client.post(body);
    assert.deepEqual([legacy.status, code(legacy)], [status, error], body);
    assert.ok("id" in legacy.body, body);
    const res = await gw.client.post(body, { headers: modern });
    assert.deepEqual([res.status, code(res)], [status, error], body);
    assert.notEqual(res.body.id, null, body);
  }
});

test("a session: opened, used, ended, and gone for good", async (t) => {
  const gw = await start(t);
  for (const version of ["2025-03-26", "2025-06-18", "2025-11-25"]) {
    const session = await gw.client.session(version, { headers: BOTH });
    assert.match(session.id, /^[\x21-\x7e]{32,}$/);
    assert.equal(session.initialize.body.result.protocolVersion, version);
    assert.deepEqual((await session("ping")).body.result, {});
    assert.equal((await session("tools/list")).body.result.tools.length, 10);
    assert.equal(code(await session("no/such")), -32601);
    assert.equal((await session("no/such")).status, 200);

    const noSession = await gw.rpc("ping", {}, { headers: { "MCP-Protocol-Version": version } });
    assert.deepEqual([noSession.status, code(noSession)], [400, -32000]);
    const odd = await session("ping", {}, { headers: { "MCP-Protocol-Version": "2025-01-01" } });
    assert.equal(odd.status, 400);
    const posted = await gw.client.post('{"jsonrpc":"2.0","id":1,"result":{}}', session);
    assert.deepEqual([posted.status, posted.text], [202, ""]);

    const remove = () => fetch(gw.url, { method: "DELETE", headers: session.headers });
    assert.equal((await remove()).status, 204);
    assert.equal((await remove()).status, 404);
    const dead = await session("tools/list");
    assert.deepEqual([dead.status, code(dead)], [404, -32001]);
    assert.equal((await gw.client.notify("notifications/initialized", {}, session)).status, 404);
  }
  assert.equal((await fetch(gw.url, { method: "DELETE" })).status, 400);
});

test("a session that nobody used for its time is gone, and its client is told to begin anew", async (t) => {
  const gw = await start(t, { ini: "[server]\nsession_idle = 2s\n" });
  const session = await gw.client.session("2025-11-25", { headers: BOTH });
  assert.deepEqual((await session("ping")).body.result, {});
  while ((await gw.metric("moongate_sessions")) !== 0);
  const expired = await session("tools/list");
  assert.deepEqual([expired.status, code(expired)], [404, -32001]);
  assert.equal((await gw.client.notify("notifications/initialized", {}, session)).status, 404);
  const stream = await fetch(gw.url, { headers: { ...session.headers, Accept: "text/event-stream" } });
  assert.equal(stream.status, 404);
  await stream.text();
  const again = await gw.client.session("2025-11-25", { headers: BOTH });
  assert.notEqual(again.id, session.id);
  assert.deepEqual((await again("ping")).body.result, {});
});

test("initialize negotiates, and gives no session to who would not send it back", async (t) => {
  const gw = await start(t);
  const initialize = (protocolVersion, headers) =>
    gw.rpc("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "c", version: "1" } },
      { headers });
  for (const [asked, answered] of [
    ["2024-11-05", "2024-11-05"], ["2026-07-28", "2025-11-25"], ["2099-01-01", "2025-11-25"],
  ]) {
    const res = await initialize(asked, { Accept: "*/*" });
    assert.equal(res.body.result.protocolVersion, answered);
    assert.equal(res.headers.get("mcp-session-id"), null);
    assert.equal(res.body.result.capabilities.logging, undefined);
  }
  assert.equal((await initialize("2024-11-05", BOTH)).headers.get("mcp-session-id"), null);
  const real = await initialize("2025-11-25", BOTH);
  assert.notEqual(real.headers.get("mcp-session-id"), null);
  assert.deepEqual(real.body.result.capabilities.logging, {});
  const mixed = await initialize("2025-11-25", { "MCP-Protocol-Version": "2026-07-28" });
  assert.deepEqual([mixed.status, code(mixed)], [400, -32020]);
});

test("without a session and a version a request is served by itself, as JSON", async (t) => {
  const gw = await start(t);
  for (const accept of ["*/*", "application/json", BOTH.Accept]) {
    const headers = { Accept: accept, "Mcp-Method": "whatever" };
    const res = await gw.rpc("tools/call", { name: "echo", arguments: { message: "m" } }, { headers });
    assert.equal(res.headers.get("content-type"), "application/json");
    assert.deepEqual(res.body.result.content, [{ type: "text", text: '{"message":"m"}' }]);
    assert.equal(res.body.result.resultType, undefined);
  }
  const headers = { Accept: "text/event-stream, application/json" };
  const streamed = await gw.rpc("tools/list", {}, { headers });
  assert.match(streamed.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(streamed.text.split("\n").filter((line) => line.startsWith("data: ")).length, 1);
  assert.equal(streamed.body.result.tools.length, 10);
  const notified = await gw.client.notify("notifications/initialized");
  assert.deepEqual([notified.status, notified.text], [202, ""]);
  assert.equal(notified.headers.get("content-type"), null);
});

test("other verbs, forms and sizes", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_body = 64K\n" });
  const status = async (options) => (await fetch(gw.url, options)).status;
  for (const method of ["PUT", "PATCH", "GET"]) {
    const res = await fetch(gw.url, { method });
    assert.equal(res.status, 405, method);
    assert.match(res.headers.get("allow"), /POST/);
  }
  assert.equal(await status({ method: "HEAD" }), 200);
  const post = (headers, body = '{"jsonrpc":"2.0","id":1,"method":"ping"}') =>
    status({ method: "POST", headers, body });
  assert.equal(await post({ "Content-Type": "application/json; charset=utf-8" }), 200);
  assert.equal(await post({ "Content-Type": "text/plain" }), 415);
  assert.equal(await post({ "Content-Type": "application/x-www-form-urlencoded" }), 415);
  assert.equal(await post({ "Content-Type": "application/json", Accept: "text/html" }), 406);
  const json = { "Content-Type": "application/json" };
  assert.equal(await post(json, `"${"x".repeat(64 * 1024)}"`), 413);
  assert.equal(await post(json, `"${"x".repeat(64 * 1024 - 2)}"`), 400);
});

test("tools/list: search and fetch first, exact schemas, hints for modern clients only", async (t) => {
  const schema = '{"type":"object","properties":{"z":{},"a":{"default":[],"x-y":1e2}},"required":[]}';
  const tool = (name) => `mcp.tool { name = "${name}", input = [[${schema}]],
    run = function() return "x" end }`;
  const gw = await start(t, {
    tools: { "many.lua": `local mcp = require "mcp"
      return { ${["zz", "fetch", "aa", "search", "Aa"].map(tool).join(", ")} }` },
  });
  const legacy = await gw.rpc("tools/list");
  const names = legacy.body.result.tools.map((entry) => entry.name);
  assert.deepEqual(names, ["search", "fetch", "Aa", "aa", "zz"]);
  assert.equal(legacy.text.split(`"inputSchema":${schema}`).length, 6);
  assert.deepEqual(Object.keys(legacy.body.result), ["tools"]);
  const modern = await gw.client.modern("tools/list");
  assert.deepEqual(modern.body.result.tools.map((entry) => entry.name), names);
  assert.equal(modern.body.result.resultType, "complete");
  assert.ok(Number.isInteger(modern.body.result.ttlMs));
  assert.equal(modern.body.result.cacheScope, "public");
  assert.equal(modern.body.result._meta[`${META}serverInfo`].name, "moongate");
});

test("limits of JSON: depth and number of values, at their edge", async (t) => {
  const gw = await start(t, { ini: "[server]\nmax_json_values = 100\n" });
  const ping = (x) => gw.client.post(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${x}}}`);
  // The message, its jsonrpc, id, method and params, and x itself are six.
  assert.equal((await ping(`[${Array(94).fill(0)}]`)).status, 200);
  assert.deepEqual(code(await ping(`[${Array(95).fill(0)}]`)), -32600);
  assert.equal((await ping("[".repeat(62) + "]".repeat(62))).status, 200);
  assert.deepEqual(code(await ping("[".repeat(63) + "]".repeat(63))), -32600);
});
