// rebinding.test.mjs - browsers that are made to speak to a gateway on their own machine.

import assert from "node:assert/strict";
import os from "node:os";
import test from "node:test";

import { rawRequest, start } from "./lib.mjs";
import { absent, go, openSessions, told, tools, ways } from "./ways.mjs";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const JSON_TYPE = "Content-Type: application/json";

const post = (t, gw, headers) =>
  rawRequest(t, gw, "POST /mcp HTTP/1.1", [JSON_TYPE, ...headers], PING);

// TypeScript and Python SDKs, Java, rmcp, Docker, Toolbox, Playwright: no look at Host and Origin.
test("CVE-2025-66414, CVE-2026-35568, CVE-2026-42559, CVE-2025-64443, CVE-2026-11624, " +
  "CVE-2025-9611: no page can rebind its name to the gateway", async (t) => {
  const gw = await start(t, { tools });
  const own = `127.0.0.1:${gw.port}`;
  const evil = [
    ["Host: evil.example.com"],
    [`Host: evil.example.com:${gw.port}`],
    [`Host: ${own}`, "Origin: http://evil.example.com"],
    [`Host: ${own}`, `Origin: https://evil.example.com:${gw.port}`],
    [`Host: ${own}`, "Origin: null"],
    [`Host: ${own}`, "Origin: file://"],
    [`Host: ${own}`, "Origin: http://127.0.0.1.evil.example.com"],
    [`Host: ${own}`, "Origin: http://localhost@evil.example.com"],
    ["Host: evil.example.com", "Origin: http://evil.example.com"],
  ];
  const all = ways(await openSessions(t, gw));
  assert.deepEqual(absent(all), []);
  for (const headers of evil) {
    for (const way of all) {
      const res = await go(gw, way, headers, null);
      if (way.door !== "open") assert.equal(res.status, 403, told(way, headers));
      else assert.ok([200, 204].includes(res.status), told(way, headers));
      assert.equal(res.headers["access-control-allow-origin"], undefined, told(way, headers));
    }
    const res = await post(t, gw, headers);
    assert.match(res.body, /mcp\.ini/, "the way out is named");
  }
  // And the same requests from here are served, over the sessions that are still there.
  for (const way of all) {
    const res = await go(gw, way);
    assert.ok([200, 202, 204].includes(res.status), `${told(way)}: ${res.status}`);
  }
  const good = [
    [`Host: localhost:${gw.port}`], ["Host: localhost"], [`Host: ${own}`], ["Host: [::1]"],
    [`Host: LOCALHOST:${gw.port}`], [`Host: ${own}`, `Origin: http://localhost:${gw.port}`],
    [`Host: ${own}`, "Origin: http://127.0.0.1:5173"],
  ];
  for (const headers of good) assert.equal((await post(t, gw, headers)).status, 200, `${headers}`);
});

test("CVE-2026-33252: another site cannot post, with or without an Origin", async (t) => {
  const gw = await start(t, { ini: "[auth]\nkeys = the-key\nallow_anonymous = yes\n" });
  const own = `Host: 127.0.0.1:${gw.port}`;
  const types = [
    "Content-Type: text/plain", "Content-Type: multipart/form-data",
    "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/jsonx", "X-None: 1",
  ];
  for (const type of types) {
    const res = await rawRequest(t, gw, "POST /mcp HTTP/1.1", [own, type], PING);
    assert.equal(res.status, 415, type);
  }
  // A form is taken from who shows a key, as the ops kit's curls do, but from no browser.
  const form = [own, types[2], "X-API-Key: the-key"];
  assert.equal((await rawRequest(t, gw, "POST /mcp HTTP/1.1", form, PING)).status, 200);
  const browser = [...form, `Origin: http://localhost:${gw.port}`];
  assert.equal((await rawRequest(t, gw, "POST /mcp HTTP/1.1", browser, PING)).status, 415);
});

// Starlette's "BadHost": what checks the Host and what uses it read it differently.
test("CVE-2026-48710: a Host has one reading, or none", async (t) => {
  const gw = await start(t);
  const odd = [
    "localhost@evil.example.com", `localhost:${gw.port}@evil.example.com`, "localhost.evil.example.com",
    "evil.example.com#localhost", "evil.example.com/localhost", "evil.example.com\\@localhost",
    "localhost,evil.example.com", "localhost evil.example.com", "[::1", "[::1]evil", "::1", "localhost:",
    "localhost:99999", "localhost:80x", "", "127.0.0.1%00.evil.example.com", "0.0.0.0", "127.1",
    "2130706433", "0x7f.0.0.1", "localhost\u00ad",
  ];
  for (const host of odd) {
    const res = await post(t, gw, [`Host: ${host}`]);
    assert.ok(res && res.status >= 400 && res.status < 500, `${host}: ${res?.status}`);
  }
  const twice = await post(t, gw, ["Host: localhost", "Host: evil.example.com"]);
  assert.equal(twice.status, 400);
  assert.equal((await post(t, gw, [])).status >= 400, true, "no Host at all");
  const absolute = await rawRequest(
    t, gw, "POST http://evil.example.com/mcp HTTP/1.1", ["Host: localhost", JSON_TYPE], PING);
  assert.equal(absolute.status, 400);
});

test("lesson: allowed hosts and origins are what stands there, and no more", async (t) => {
  const gw = await start(t, {
    ini: "[server]\nallowed_hosts = mcp.example.com\nallowed_origins = https://app.example.com\n",
  });
  const own = `Host: 127.0.0.1:${gw.port}`;
  assert.equal((await post(t, gw, ["Host: mcp.example.com"])).status, 200);
  assert.equal((await post(t, gw, ["Host: xmcp.example.com"])).status, 403);
  const ok = await post(t, gw, [own, "Origin: https://app.example.com"]);
  assert.equal(ok.status, 200);
  assert.equal(ok.headers["access-control-allow-origin"], "https://app.example.com");
  for (const origin of [
    "http://app.example.com", "https://app.example.com:444", "https://app.example.com.evil.com",
    "https://evil.com/https://app.example.com", "null", "*",
  ])
    assert.equal((await post(t, gw, [own, `Origin: ${origin}`])).status, 403, origin);
});

// Behind another address a proxy or a name may lead here that nobody told us of; rebinding needs loopback.
const outer = Object.values(os.networkInterfaces()).flat().find((a) => a.family === "IPv4" && !a.internal)?.address;
const noOuter = outer ? false : "this machine has no address but loopback";
test("lesson: Host is judged by the address that was connected to, or by allowed_hosts", { skip: noOuter }, async (t) => {
  const key = "X-API-Key: a-long-enough-key";
  const ini = "[auth]\nkeys = a-long-enough-key\n[server]\nhost = 0.0.0.0\n";
  const status = async (gw, host, headers) => {
    const raw = await gw.raw({ host });
    t.after(() => raw.destroy());
    const length = `Content-Length: ${PING.length}`;
    raw.send(["POST /mcp HTTP/1.1", JSON_TYPE, key, length, ...headers, "", PING].join("\r\n"));
    return (await raw.response()).status;
  };
  const open = await start(t, { ini });
  assert.equal(await status(open, outer, ["Host: mcp.example.com"]), 200);
  assert.equal(await status(open, "127.0.0.1", ["Host: mcp.example.com"]), 403);
  // A Host or an Origin that says loopback does not make the connection one, nor the other way round.
  assert.equal(await status(open, outer, ["Host: localhost", "Origin: http://evil.example.com"]), 403);
  const named = await start(t, { ini: `${ini}allowed_hosts = mcp.example.com\n` });
  assert.equal(await status(named, outer, ["Host: mcp.example.com"]), 200);
  assert.equal(await status(named, outer, ["Host: other.example.com"]), 403);
});
