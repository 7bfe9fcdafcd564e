// authorization.test.mjs - ways around the key, and tools that a key may not use.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { BOTH, code, command, start } from "./lib.mjs";
import { absent, go, openSessions, told, tools, ways } from "./ways.mjs";

// Langflow: one of several ways in did not ask for the key.
test("CVE-2026-7663: every way in asks for the key", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = the-key\n", tools });
  const all = ways(await openSessions(t, gw, "the-key"));
  assert.deepEqual(absent(all), []);
  const none = [
    [], ["X-API-Key: "], ["X-API-Key: the-ke"], ["X-API-Key: the-key2"], ["X-API-Key: THE-KEY"],
    ["Authorization: Bearer wrong"], ["Authorization: Bearer"], ["Authorization: Basic dGhlLWtleQ=="],
    ["Cookie: key=the-key"], ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"],
  ];
  for (const way of all.filter(({ door }) => door === "key")) {
    for (const headers of none) assert.equal((await go(gw, way, headers)).status, 401, told(way, headers));
    // In a URL a key is for event streams, which a browser's EventSource opens.
    const inUrl = { ...way, line: `${way.line}${way.line.includes("?") ? "&" : "?"}key=the-key` };
    const isStream = /^GET \/(sse|mcp)/.test(way.line);
    if (!isStream) assert.equal((await go(gw, inUrl)).status, 401, told(inUrl));
    const doubled = ["Authorization: Bearer wrong", "Authorization: Bearer the-key"];
    assert.equal((await go(gw, way, doubled)).status, 400, told(way, doubled));
  }
  const post = (body) => go(gw, { line: "POST /mcp", headers: { "Content-Type": "application/json" }, body });
  for (const body of ["{oops", "[]", "", "null"]) assert.equal((await post(body)).status, 401, body);
  assert.equal((await gw.fetch("/sse?topic=x&key=wrong")).status, 401);
  const bearer = ["Authorization: bEARER the-key"];
  assert.equal((await go(gw, all.find(({ method }) => method === "tools/call"), bearer)).status, 200);
  // With it they are served: nothing that was refused has ended a session.
  for (const way of all) {
    const res = await go(gw, way, ["X-API-Key: the-key"]);
    assert.ok([200, 202, 204].includes(res.status), `${told(way)}: ${res.status}`);
  }
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
