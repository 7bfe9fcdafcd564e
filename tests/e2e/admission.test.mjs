// admission.test.mjs - who may come in: keys in every form, the order of 429 and 401, named keys, proxies, Host and Origin,
// and the pages that need nothing of it.

import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";

import { Gateway, slowness } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";
const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };

function start(t, ini, tools = ["echo.lua"]) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

// fetch() does not let tests choose Host; this does. -> { status, headers, text }
function request(gw, { method = "POST", path = "/mcp", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request({ port: gw.port, host: "127.0.0.1", method, path, headers }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part) => (text += part));
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, text }));
    });
    req.on("error", reject);
    req.end(body);
  });
}

const json = { "Content-Type": "application/json" };

test("a key comes in X-API-Key, as Bearer in any case, or bare", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1, k2\n`);
  const status = async (headers) => (await gw.client.post(LIST, { headers })).status;
  assert.equal(await status({ "X-API-Key": "k1" }), 200);
  assert.equal(await status({ "X-API-Key": "k2" }), 200);
  assert.equal(await status({ Authorization: "Bearer k2" }), 200);
  assert.equal(await status({ Authorization: "bEARER k1" }), 200);
  assert.equal(await status({ Authorization: "k1" }), 200);
  assert.equal(await status({ Authorization: "Basic k1" }), 401);
  assert.equal(await status({ "X-API-Key": "k" }), 401);
  assert.equal(await status({ "X-API-Key": "k11" }), 401);
  assert.equal(await status({ "X-API-Key": "" }), 401);
  assert.equal(await status({ "X-API-Key": "wrong", Authorization: "Bearer k1" }), 401, "X-API-Key comes first");
  assert.equal(await status({}), 401);
  assert.equal((await gw.client.post(LIST, {}).then((r) => r)).text,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Unauthorized"}}');
});

test("401 carries a challenge, and for clients of 2026-07-28 no id and none of the older codes", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1\n`);
  const legacy = await gw.client.post(LIST);
  assert.match(legacy.headers.get("www-authenticate"), /^Bearer /);
  assert.ok(!legacy.headers.get("www-authenticate").includes("invalid_token"));
  const wrong = await gw.client.post(LIST, { key: "no" });
  assert.match(wrong.headers.get("www-authenticate"), /error="invalid_token"/);
  const modern = await gw.client.modern("tools/list");
  assert.equal(modern.status, 401);
  assert.deepEqual(modern.body, { jsonrpc: "2.0", error: { code: -32600, message: "Unauthorized" } });
});

test("?key= counts on event streams only, and only where query_key allows it", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1\n`);
  assert.equal((await gw.fetch("/mcp?key=k1", { method: "POST", headers: json, body: JSON.stringify(LIST) })).status, 401);
  const stream = await gw.events("/sse?topic=job/1&key=k1");
  assert.equal(stream.status, 200);
  assert.deepEqual((await stream.next()).json, { ok: true, topic: "job/1" });
  stream.close();
  const refused = await gw.events("/sse?topic=job/1&key=k2");
  assert.deepEqual([refused.status, refused.text], [401, "unauthorized"]);
  const line = await gw.logged((l) => l.url?.startsWith("/sse") && l.status === 200);
  assert.ok(!JSON.stringify(line).includes("k1"), "a key never appears in the log");

  const strict = await start(t, `${quiet}[auth]\nkeys = k1\nquery_key = no\n`);
  assert.equal((await strict.events("/sse?topic=job/1&key=k1")).status, 401);
});

test("the address's token is taken before the key is judged", async (t) => {
  const gw = await start(t, "[auth]\nkeys = k1\n[rate_limit]\nbucket = 5\nwindow = 1h\nper_key = 1000\n");
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push((await gw.client.post(LIST, { key: "guess" })).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
  const limited = await gw.client.post(LIST, { key: "k1" });
  assert.equal(limited.status, 429, "also the right key: the address is what is limited");
  assert.equal(limited.text, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Rate limit"}}');
  assert.ok(Number(limited.headers.get("retry-after")) >= 1);
  const modern = await gw.client.modern("tools/list", {}, { key: "k1" });
  assert.deepEqual([modern.status, modern.body], [429, { jsonrpc: "2.0", error: { code: -32600, message: "Rate limit" } }]);
  const stream = await gw.events("/sse?topic=job/1&key=k1");
  assert.deepEqual([stream.status, stream.text], [429, "rate-limit"]);
  for (const path of ["/healthz", "/readyz", "/health"]) assert.equal((await gw.fetch(path)).status, 200);
});

test("a key has a bucket of its own, at its edge", async (t) => {
  const gw = await start(t, "[rate_limit]\nbucket = 0\nwindow = 1h\nper_key = 3\n" +
    "[key slow]\nsecret = s1\nrate = 2/1h\n[key usual]\nsecret = u1\n");
  const spend = async (key, n) => {
    const out = [];
    for (let i = 0; i < n; i++) out.push((await gw.client.post(LIST, { key })).status);
    return out;
  };
  assert.deepEqual(await spend("s1", 3), [200, 200, 429]);
  assert.deepEqual(await spend("u1", 4), [200, 200, 200, 429]);
});

test("a named key sees and calls its own tools only, and a denied tool looks like none", async (t) => {
  const gw = await start(t, `${quiet}[key narrow]\nsecret = n1\ntools = ech*, counted\n[key wide]\nsecret = w1\n`,
    ["echo.lua", "outcomes.lua"]);
  const names = async (key) => (await gw.rpc("tools/list", {}, { key })).body.result.tools.map((x) => x.name);
  assert.deepEqual(await names("n1"), ["echo"]);
  assert.ok((await names("w1")).includes("text"));
  const call = (key, name) => gw.rpc("tools/call", { name, arguments: { message: "x" } }, { key, id: 7 });
  assert.ok((await call("n1", "echo")).body.result);
  assert.ok((await call("w1", "text")).body.result);
  const denied = (await call("n1", "text")).body, absent = (await call("n1", "nope")).body;
  assert.equal(denied.error.code, -32602);
  assert.equal(denied.error.message, "Unknown tool: text");
  assert.equal(JSON.stringify(denied).replaceAll("text", "nope"), JSON.stringify(absent));
});

test("an expired key is no key, and allow_anonymous lets keyless callers in", async (t) => {
  const gw = await start(t, `${quiet}[key old]\nsecret = o1\nexpires = 2020-01-01\n[key new]\nsecret = n1\nexpires = 2999-01-01\n`);
  assert.equal((await gw.client.post(LIST, { key: "o1" })).status, 401);
  assert.equal((await gw.client.post(LIST, { key: "n1" })).status, 200);
  const open = await start(t, `${quiet}[auth]\nkeys = k1\nallow_anonymous = yes\n`);
  assert.equal((await open.client.post(LIST)).status, 200);
  assert.equal((await open.client.post(LIST, { key: "wrong" })).status, 401);
});

test("Host and Origin are judged on every path but the health pages", async (t) => {
  const gw = await start(t, `${quiet}[server]\nallowed_hosts = mcp.example.com\nallowed_origins = https://app.example.com\n`);
  const status = async (headers, more = {}) =>
    (await request(gw, { headers: { ...json, ...headers }, body: JSON.stringify(LIST), ...more })).status;
  assert.equal(await status({ Host: `localhost:${gw.port}` }), 200);
  assert.equal(await status({ Host: "mcp.example.com" }), 200);
  assert.equal(await status({ Host: "evil.example" }), 403);
  assert.equal(await status({ Host: "localhost", Origin: "http://localhost:3000" }), 200);
  assert.equal(await status({ Host: "localhost", Origin: "https://app.example.com" }), 200);
  assert.equal(await status({ Host: "localhost", Origin: "https://evil.example" }), 403);
  assert.equal(await status({ Host: "localhost", Origin: "null" }), 403);
  for (const path of ["/sse?topic=a", "/", "/metrics", "/nothing", "/mcp"])
    assert.equal(await status({ Host: "evil.example" }, { method: "GET", path, body: undefined }), 403, path);
  assert.equal(await status({ Host: "localhost", Origin: "https://evil.example" }, { method: "OPTIONS", body: undefined }), 403);
  assert.equal(await status({ Host: "localhost", Origin: "https://evil.example" }, { method: "DELETE", body: undefined }), 403);
  for (const path of ["/healthz", "/readyz", "/health"])
    assert.equal(await status({ Host: "10.1.2.3" }, { method: "GET", path, body: undefined }), 200, path);
  const refused = await request(gw, { headers: { ...json, Host: "evil.example" }, body: JSON.stringify(LIST) });
  assert.match(JSON.parse(refused.text).error.message, /allowed_hosts in mcp\.ini/);
});

test("browsers get CORS for allowed origins, on a preflight too", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1\n[server]\nallowed_origins = https://app.example.com\n`);
  const preflight = await gw.fetch("/mcp", {
    method: "OPTIONS",
    headers: { Origin: "https://app.example.com", "Access-Control-Request-Method": "POST" },
  });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://app.example.com");
  for (const name of ["Authorization", "X-API-Key", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id"])
    assert.ok(preflight.headers.get("access-control-allow-headers").includes(name), name);
  assert.match(preflight.headers.get("access-control-allow-headers"), /, \*$/); // Mcp-Param-*
  const stream = await gw.fetch("/sse?topic=a&key=k1", { headers: { Origin: "https://app.example.com" } });
  assert.equal(stream.headers.get("access-control-allow-origin"), "https://app.example.com");
  await stream.body.cancel();
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { message: "x" } } };
  for (const Accept of ["application/json", "text/event-stream"]) {
    const answer = await gw.client.post(call, { key: "k1", headers: { Accept, Origin: "https://app.example.com" } });
    assert.equal(answer.status, 200);
    assert.ok(answer.headers.get("content-type").startsWith(Accept));
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example.com", Accept);
  }
  const denied = await gw.client.post(LIST, { headers: { Origin: "http://localhost:1" } });
  assert.equal(denied.status, 401);
  assert.equal(denied.headers.get("access-control-allow-origin"), "http://localhost:1");
});

test("X-Forwarded-For is believed from trusted proxies alone", async (t) => {
  const limits = "[auth]\nkeys = k1\n[rate_limit]\nbucket = 2\nwindow = 1h\nper_key = 0\n";
  const from = (gw, ip) => gw.client.post(LIST, { key: "k1", headers: { "X-Forwarded-For": ip } }).then((r) => r.status);
  const plain = await start(t, limits);
  assert.deepEqual([await from(plain, "198.51.100.1"), await from(plain, "198.51.100.2"), await from(plain, "198.51.100.3")],
    [200, 200, 429]);
  const behind = await start(t, `${limits}[server]\ntrusted_proxies = 127.0.0.1, ::1\n`);
  assert.deepEqual([await from(behind, "198.51.100.1"), await from(behind, "1.1.1.1, 198.51.100.1"),
    await from(behind, "2.2.2.2, 198.51.100.1"), await from(behind, "198.51.100.2")], [200, 200, 429, 200]);
  assert.ok(await behind.logged((l) => l.ip === "198.51.100.2"));
});

test("curl's own content type needs a key and no Origin", async (t) => {
  const gw = await start(t, `${quiet}[auth]\nkeys = k1\nallow_anonymous = yes\n`);
  const form = "application/x-www-form-urlencoded";
  const status = async (headers) => (await request(gw, { headers, body: JSON.stringify(LIST) })).status;
  assert.equal(await status({ "Content-Type": form, "X-API-Key": "k1" }), 200);
  assert.equal(await status({ "Content-Type": form }), 415);
  assert.equal(await status({ "Content-Type": form, "X-API-Key": "k1", Origin: "http://localhost" }), 415);
  assert.equal(await status({ "Content-Type": "text/plain", "X-API-Key": "k1" }), 415);
  assert.equal(await status({ "X-API-Key": "k1" }), 200);
  assert.equal(await status({}), 415);
  assert.equal(await status({ "Content-Type": "application/json; charset=utf-8" }), 200);
});

test("probes and pages", async (t) => {
  const gw = await start(t, "[auth]\nkeys = k1\n[rate_limit]\nbucket = 1\nwindow = 1h\n");
  for (let i = 0; i < 3; i++)
    for (const path of ["/mcp", "/sse", "/healthz", "/readyz"])
      assert.equal((await gw.fetch(path, { method: "HEAD" })).status, 200, path);
  const health = await (await gw.fetch("/health")).json();
  assert.equal(health.status, "healthy");
  for (const key of ["timestamp", "server", "version", "transport", "mcp_version"]) assert.equal(typeof health[key], "string");
  const root = await (await gw.fetch("/")).json();
  assert.equal(root.tools, 1);
  assert.ok(root.mcp_endpoint.endsWith("/mcp"));
  assert.match(await (await gw.fetch("/", { headers: { Accept: "text/html" } })).text(), /<h1>Moongate/);
  const missing = await gw.fetch("/nope");
  assert.equal(missing.status, 404);
  assert.deepEqual(Object.keys(await missing.json()).sort(), ["error", "mcp_endpoint", "mcp_version", "message"]);
  assert.equal((await gw.fetch("/mcp", { method: "PUT" })).status, 405);
  assert.equal((await gw.fetch("/metrics")).status, 401, "figures are for those who have a key");
  assert.equal((await gw.fetch("/metrics", { method: "HEAD" })).status, 429, "a HEAD of them is asked likewise");
});

test("a key hears of what its tools could tell it, and no more", async (t) => {
  const gw = await start(t, `${quiet}[key all]\nsecret = a1\n[key jobs]\nsecret = j1\ntools = status, echo\n` +
    "[key none]\nsecret = n1\ntools = echo\n");
  const status = async (key, topic) => {
    const stream = await gw.events(`/sse?${topic.split(" ").map((x) => `topic=${encodeURIComponent(x)}`).join("&")}`, { key });
    stream.close();
    return stream.status;
  };
  assert.deepEqual([await status("a1", "*"), await status("a1", "job/1"), await status("a1", "any/thing")], [200, 200, 200]);
  assert.deepEqual([await status("j1", "job/1"), await status("j1", "jobs"), await status("j1", "echo/7")], [200, 200, 200]);
  assert.deepEqual([await status("j1", "*"), await status("j1", "canary/1"), await status("j1", "counter/7")], [403, 403, 403]);
  assert.deepEqual([await status("n1", "job/1"), await status("n1", "jobs"), await status("n1", "echo/1 job/1")], [403, 403, 403]);
});

// For ends that are near: how long the start takes is not known.
async function reload(gw, ini) {
  const before = gw.log.length;
  gw.writeIni(ini);
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg) && gw.log.indexOf(l) >= before);
}

const in_ = (seconds) => `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;

test("streams end with their key: when it is taken away, and when it expires", async (t) => {
  const ini = (keys) => `${quiet}[auth]\nkeys = stays\n${keys}`;
  const both = (end) => ini(`[key goes]\nsecret = g1\n[key brief]\nsecret = b1\nexpires = ${end}\n`);
  const gw = await start(t, both(in_(3600)));
  await reload(gw, both(in_(3 * slowness)));
  const open = async (key) => {
    const stream = await gw.events("/sse?topic=job/1", { key });
    assert.equal((await stream.next()).event, "open");
    return stream;
  };
  const stays = await open("stays"), goes = await open("g1"), brief = await open("b1");
  assert.equal(await brief.next(), null, "expired");
  gw.writeIni(ini(""));
  gw.signal("SIGHUP");
  assert.equal(await goes.next(), null, "taken away");
  assert.equal((await gw.client.post(LIST, { key: "stays" })).status, 200);
  const late = await Promise.race([stays.next(100).catch(() => "still open")]);
  assert.equal(late, "still open");
  stays.close();
});

test("a key whose end is brought forward, or put off, ends its streams when it says now", async (t) => {
  const ini = (forever, brief) => `${quiet}[key forever]\nsecret = f1\n${forever}[key brief]\nsecret = b1\nexpires = ${brief}\n`;
  const gw = await start(t, ini("", in_(3600)));
  const soon = in_(4 * slowness);
  await reload(gw, ini("", soon));
  const open = async (key) => {
    const stream = await gw.events("/sse?topic=job/1", { key });
    assert.equal((await stream.next()).event, "open");
    return stream;
  };
  const forever = await open("f1"), brief = await open("b1");
  gw.writeIni(ini(`expires = ${soon}\n`, in_(3600)));
  gw.signal("SIGHUP");
  assert.equal(await forever.next(), null);
  assert.ok(Date.now() >= Date.parse(soon) - 50, "it ended before its time");
  assert.equal(await brief.next(300).catch(() => "still open"), "still open");
  brief.close();
});
