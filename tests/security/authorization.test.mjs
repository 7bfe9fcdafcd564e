// authorization.test.mjs - ways around the key, and tools that a key may not use.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { BOTH, code, command, rawRequest, start } from "./lib.mjs";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

// Langflow: one of several ways in did not ask for the key.
test("CVE-2026-7663: every way in asks for the key", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = the-key\n" });
  const modern = { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list" };
  const status = async (target, init) => (await gw.fetch(target, init)).status;
  const post = (headers, body = PING) =>
    ["/mcp", { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body }];
  const ways = [
    post({}), post(BOTH), post(modern), post({ "Mcp-Session-Id": "x" }), post({}, "{oops"), post({}, "[]"),
    post({}, '{"jsonrpc":"2.0","method":"notifications/initialized"}'),
    post({}, '{"jsonrpc":"2.0","id":1,"method":"initialize"}'),
    post({ Authorization: "Bearer wrong" }), post({ "X-API-Key": "" }), post({ "X-API-Key": "the-ke" }),
    post({ "X-API-Key": "the-key2" }), post({ Authorization: "Basic dGhlLWtleQ==" }),
    ["/mcp?key=the-key", post({})[1]],
    ["/mcp", { method: "DELETE", headers: { "Mcp-Session-Id": "x" } }],
    ["/mcp", { headers: { Accept: "text/event-stream" } }],
    ["/sse?topic=x", {}], ["/sse?topic=x&key=wrong", {}],
    ["/metrics", {}], ["/metrics?key=the-key", {}], // in a URL a key is for event streams only
  ];
  for (const [target, init] of ways)
    assert.equal(await status(target, init), 401, `${init.method} ${target} ${JSON.stringify(init.headers)}`);
  assert.equal(await status(...post({ "X-API-Key": "the-key" })), 200);
  assert.equal(await status(...post({ Authorization: "bEARER the-key" })), 200);
  const doubled = await rawRequest(t, gw, "POST /mcp HTTP/1.1", [
    `Host: 127.0.0.1:${gw.port}`, "Content-Type: application/json", "Authorization: Bearer wrong",
    "Authorization: Bearer the-key"], PING);
  assert.equal(doubled.status, 400);
});

// MCP Inspector's proxy started processes for whoever found it.
test("CVE-2025-49596: what needs no key tells little and does nothing", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = the-key\n" });
  const open = ["/healthz", "/readyz", "/health", "/", "/favicon.ico", "/admin", "/mcp/"];
  for (const target of open) {
    const res = await gw.fetch(target);
    const text = await res.text();
    assert.doesNotMatch(text, /the-key|tools\.d|mcp\.ini|moongate-e2e-/, target);
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const tried = await gw.fetch(target, { method });
      assert.ok([404, 405].includes(tried.status), `${method} ${target}: ${tried.status}`);
    }
  }
});

// Kong showed denied tools in tools/list.
test("lesson: tools/list shows exactly what tools/call runs, for every key", async (t) => {
  const names = ["aa", "ab", "abc", "b.x", "b.y", "b-z", "c_1", "c_2", "long.name.d", "Z"];
  const globs = ["a*", "*", "b.?", "?", "nothing", "*.*", "a*, c_1", "aa, ab", "*c*", "long.*.d", "A*"];
  const tools = names.map((name) => `mcp.tool { name = "${name}", input = { type = "object" },
    run = function() return "ran" end }`);
  const sections = globs.map((glob, i) => `[key k${i}]\nsecret = secret-${i}\ntools = ${glob}\n`);
  const gw = await start(t, {
    ini: sections.join(""),
    tools: { "many.lua": `local mcp = require "mcp"\nreturn { ${tools.join(",\n")} }` },
  });
  let shown = 0;
  for (const i of globs.keys()) {
    const key = `secret-${i}`;
    for (const send of [gw.rpc.bind(gw), gw.client.modern.bind(gw.client)]) {
      const listed = (await send("tools/list", {}, { key })).body.result.tools.map((entry) => entry.name);
      shown += listed.length;
      for (const name of [...names, "echo"]) {
        const res = await send("tools/call", { name, arguments: { message: "m" } }, { key });
        const ran = res.body.result !== undefined;
        assert.equal(ran, listed.includes(name), `${globs[i]}: ${name}`);
        if (ran) continue;
        const absent = await send("tools/call", { name: "no.such.tool" }, { key });
        assert.equal(res.text.replace(name, "no.such.tool").replace(/"id":\d+/, ""),
          absent.text.replace(/"id":\d+/, ""), "a denied tool looks like one that does not exist");
      }
    }
  }
  assert.ok(shown > 40);
});

// Kuadrant's gateway fell back to a shared secret that stood in its source, and put the key in argv.
test("GHSA-g53w-w6mj-hrpp: no built-in key, and keys show up nowhere", async (t) => {
  const secret = "s3cr3t-that-must-not-show";
  const gw = await start(t, { ini: `[auth]\nkeys = ${secret}\n[log]\nlevel = debug\n` });
  for (const key of ["secret-api-key", "changeme", "admin", "moongate", "test", "default", "null", "undefined"])
    assert.equal((await gw.rpc("ping", {}, { key })).status, 401, key);
  await gw.rpc("tools/list", {}, { key: secret });
  const stream = await gw.events(`/sse?topic=x&key=${secret}`);
  assert.equal(stream.status, 200);
  stream.close();
  await gw.fetch(`/sse?topic=x&k%65y=${secret}`).then((res) => res.body?.cancel());
  await gw.rpc("ping", {}, { headers: { Authorization: `Bearer ${secret}` } });
  const argv = fs.readFileSync(`/proc/${gw.child.pid}/cmdline`, "utf8");
  assert.doesNotMatch(argv, new RegExp(secret));
  await gw.stop({ keep: true });
  assert.ok(gw.log.length > 3);
  assert.doesNotMatch(gw.stderr, new RegExp(secret));
  const shown = await command(t, ["config"], { ini: `[auth]\nkeys = ${secret}\n` });
  assert.equal(shown.code, 0, shown.stderr);
  assert.doesNotMatch(shown.stdout + shown.stderr, new RegExp(secret));
  const state = fs.readdirSync(gw.root).map((name) => fs.readFileSync(path.join(gw.root, name), "utf8"));
  assert.doesNotMatch(state.join("\n"), new RegExp(secret));
});

test("lesson: a key that has expired, or was taken away, is no key", async (t) => {
  const gw = await start(t, {
    ini: "[key old]\nsecret = old-key\nexpires = 2020-01-01\n[key new]\nsecret = new-key\n",
  });
  assert.equal((await gw.rpc("ping", {}, { key: "old-key" })).status, 401);
  assert.equal((await gw.rpc("ping", {}, { key: "new-key" })).status, 200);
  const session = await gw.client.session("2025-11-25", { key: "new-key", headers: BOTH });
  gw.writeIni("[key other]\nsecret = other-key\n");
  gw.signal("SIGHUP");
  await gw.logged((line) => /reload/.test(line.msg ?? ""));
  assert.equal((await session("ping")).status, 401);
  assert.equal(code(await session("ping", {}, { key: "other-key" })), -32001);
});
