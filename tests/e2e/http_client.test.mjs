// http_client.test.mjs - tools that ask servers which are slow, huge, broken or hostile: each has a defined end, and nobody
// else notices.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./lib/gateway.mjs";
import { startOrigin } from "./lib/origin.mjs";

// Passes its arguments on and tells what came of it.
const ask = `
local mcp = require "mcp"
return mcp.tool {
  name = "ask", description = "x", input = { type = "object" }, needs = { "http" }, limits = { timeout = "60s" },
  run = function(options)
    local response, message, code = mcp.http.request(options)
    if not response then return { message = message, code = code } end
    if #response.body > 10000 then response.body = #response.body end
    return response
  end,
}`;

async function start(t, origins, { ini = "", server = "", ...options } = {}) {
  const grants = origins.map((o) => o.authority).join(", ");
  const gw = await Gateway.start({
    ini: `[server]\nworkers = 2\n${server}[rate_limit]\nbucket = 0\n[log]\nlevel = debug\n[tool ask]\nhttp = ${grants}\nallow_private = yes\n${ini}`,
    tools: { "ask.lua": ask, ...options.tools },
  });
  t.after(() => gw.stop());
  return gw;
}

const asker = (gw, origin) => async (target, options = {}) =>
  (await gw.call("ask", { url: target.startsWith("/") ? origin.base + target : target, ...options })).value;

test("answers, in every form a body can have", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin]);
  const get = asker(gw, origin);
  for (const path of ["/text", "/chunked", "/gzip", "/deflate"]) {
    const response = await get(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.body, "hello", path);
  }
  assert.equal((await get("/nowhere")).status, 404);
  const sent = JSON.parse((await get("/echo", { json: { a: [1, "ü"] }, query: { "q r": "1&2" }, headers: { "X-A": "b" } })).body);
  assert.equal(sent.method, "POST");
  assert.equal(sent.url, "/echo?q%20r=1%262");
  assert.equal(sent.body, '{"a":[1,"ü"]}');
  assert.equal(sent.headers["content-type"], "application/json");
  assert.equal(sent.headers["x-a"], "b");
  assert.match(sent.headers["user-agent"], /^moongate\/\d/);
  assert.equal(sent.headers["accept-encoding"], "gzip, deflate");
});

test("a server that is slow, huge, broken or gone has an end and a word", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin]);
  const get = asker(gw, origin);
  const short = 0.3;
  const rows = [
    ["/stall", { timeout: short }, "TIMEOUT"],
    ["/drip", { timeout: short }, "TIMEOUT"],
    ["/slow?60000", { timeout: short }, "TIMEOUT"],
    ["/flood", {}, "TOO_LARGE"],
    ["/flood", { max_bytes: 100 }, "TOO_LARGE"],
    ["/bomb", {}, "TOO_LARGE"],
    ["/nested-bomb", {}, "TOO_LARGE"],
    ["/bomb", { max_bytes: "16M" }, "TOO_LARGE"],
    ["/broken-gzip", {}, "PROTOCOL"],
    ["/drop", {}, "CLOSED"],
    ["/cut", {}, "CLOSED"],
    ["/to?/stall", { redirects: 1, timeout: short }, "TIMEOUT"],
    ["/to?file:///etc/passwd", { redirects: 3 }, "DENIED"],
    ["/to?http://127.0.0.2/", { redirects: 3 }, "DENIED"],
    ["/to?/to?/text", { redirects: 1 }, "REDIRECTS"],
  ];
  for (const [path, options, code] of rows) {
    const answer = await get(path, options);
    assert.equal(answer.code, code, `${path}: ${JSON.stringify(answer)}`);
    assert.ok(answer.message, path);
  }
  assert.equal((await get("/to?/text")).status, 302);
  assert.equal((await get("/to?/text", { redirects: 1 })).body, "hello");
  assert.equal(await gw.metric("moongate_http_requests_total", { outcome: "denied" }), 2);
  assert.equal(await gw.metric("moongate_http_requests_total", { outcome: "answered" }), 2);
  assert.equal(await gw.metric("moongate_http_requests_total", { outcome: "failed" }), rows.length - 2);
});

test("the example asks, too", async (t) => {
  const origin = await startOrigin(t);
  const example = fs.readFileSync(path.join(repo, "config/examples/tools.d/http_status.lua"), "utf8");
  const gw = await start(t, [origin], {
    ini: `[tool http_status]\nhttp = ${origin.authority}\nallow_private = yes\n`, tools: { "http_status.lua": example },
  });
  const status = async (target, more) => gw.call("http_status", { url: origin.base + target, ...more });
  assert.equal((await status("/nowhere")).value.status, 404);
  const moved = (await status("/to?/text")).value;
  assert.equal(moved.status, 302);
  assert.equal(moved.location, "/text");
  assert.equal((await status("/to?/text", { redirects: 1 })).value.status, 200);
  const failed = await gw.call("http_status", { url: "http://other.example/" });
  assert.ok(failed.isError);
  assert.match(failed.text, /in mcp\.ini: \[tool http_status\] http = other\.example/);
});

test("a certificate that nobody trusts is no connection", async (t) => {
  const [origin, plain] = [await startOrigin(t, { tls: true }), await startOrigin(t)];
  const gw = await start(t, [origin, plain]);
  const get = asker(gw, origin);
  const answer = await get("/text");
  assert.equal(answer.code, "TLS", JSON.stringify(answer));
  assert.deepEqual(origin.requests, []);
  // Who speaks no TLS, and who speaks nothing else.
  assert.equal((await get(`https://${plain.authority}/text`)).code, "TLS");
  assert.equal((await get(`http://${origin.authority}/text`)).code, "CLOSED");
});

test("connections are kept and used again", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin]);
  const get = asker(gw, origin);
  for (let i = 0; i < 20; i++) assert.equal((await get("/text")).body, "hello");
  assert.ok(origin.connections <= 2, `${origin.connections} connections for two workers`);
  assert.equal(await gw.metric("moongate_http_connections_total"), origin.connections);
  // Also after the server has closed all of them.
  for (const socket of origin.sockets) socket.destroy();
  for (let i = 0; i < 4; i++) assert.equal((await get("/text")).body, "hello");
});

test("a call that is cancelled lets its server go at once", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin]);
  const body = JSON.stringify({
    jsonrpc: "2.0", id: 1, method: "tools/call",
    params: {
      name: "ask", arguments: { url: `${origin.base}/stall` },
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  });
  const req = http.request(gw.url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json", Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "ask",
    },
  });
  req.on("error", () => {});
  req.end(body);
  await until(() => origin.stalled.length === 1, "the request came");
  const [stalled] = origin.stalled;
  const left = new Promise((resolve) => stalled.on("close", resolve));
  req.destroy();
  await left;
  const line = await gw.logged((l) => l.msg === "http request" && l.error);
  assert.equal(line.error, "CANCELLED");
});

test("the log says method, host, status and time, and nothing that could be secret", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin]);
  const get = asker(gw, origin);
  await get("/text?key=hush-query", { headers: { Authorization: "Bearer hush-header" }, body: "hush-body" });
  await get("/drop?hush-query", { headers: { "X-Key": "hush-header" } });
  const line = await gw.logged((l) => l.msg === "http request" && l.status === 200);
  assert.equal(line.level, "debug");
  assert.equal(line.tool, "ask");
  assert.equal(line.method, "POST");
  assert.equal(line.host, "127.0.0.1");
  assert.equal(line.port, origin.port);
  assert.ok(line.ms >= 0 && line.call);
  await gw.logged((l) => l.msg === "http request" && l.error === "CLOSED");
  assert.doesNotMatch(gw.stderr, /hush/);
});

test("nothing of it exists before a tool asks, and none is left behind by a stop", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin], { server: "drain_timeout = 1s\n" });
  assert.equal(await gw.metric("moongate_http_connections_total"), 0);
  // A stop while requests run: they are cancelled, the exit is clean.
  const call = gw.call("ask", { url: `${origin.base}/stall` }).catch(() => null);
  await until(() => origin.stalled.length === 1, "the request came");
  await gw.stop();
  await call;
});

async function until(is, what) {
  const end = performance.now() + 10_000 * slowness;
  while (!is()) {
    assert.ok(performance.now() < end, `not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// One call after the other over one connection, until stop(); -> sorted latencies in ms.
function probe(gw) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "plain", arguments: {} } });
  const headers = { "Content-Type": "application/json", "Content-Length": body.length };
  const one = () =>
    new Promise((resolve, reject) => {
      const req = http.request(gw.url, { method: "POST", agent, headers }, (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve(text));
      });
      req.on("error", reject).end(body);
    });
  const latencies = [];
  let runs = true;
  const all = (async () => {
    while (runs) {
      const begin = performance.now();
      assert.match(await one(), /"result".*plain/);
      latencies.push(performance.now() - begin);
    }
    agent.destroy();
  })();
  return {
    async stop() {
      runs = false;
      await all;
      return latencies.sort((a, b) => a - b);
    },
  };
}

// The goal is 50 ms; in a test run, where other tests run beside this one, it is ten times that.
const P99_MS = (process.env.EXACT ? 50 : 500) * slowness;

// 75 requests at once, in one call, and how often each answer came: the client that measures has little to do itself.
const many = `
local mcp = require "mcp"
return mcp.tool {
  name = "many", description = "x", input = { type = "object" }, needs = { "http" }, limits = { timeout = "60s" },
  run = function(args)
    local all, counts = {}, {}
    local function ask()
      local response, _, code = mcp.http.get(args.url)
      return response and response.body or code
    end
    for i = 1, 75 do all[i] = ask end
    for _, word in ipairs { mcp.all(all) } do counts[word] = (counts[word] or 0) + 1 end
    return counts
  end,
}`;

const plain = `
local mcp = require "mcp"
return mcp.tool { name = "plain", description = "x", input = { type = "object" }, run = function() return "plain" end }`;

test("300 requests at once hold up nobody", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, [origin], {
    ini: `[tool many]\nhttp = ${origin.authority}\nallow_private = yes\n`, tools: { "many.lua": many, "plain.lua": plain },
  });
  const url = `${origin.base}/slow?200`;
  const honest = probe(gw);
  for (let round = 0; round < 3; round++) {
    const counts = await Promise.all([1, 2, 3, 4].map(() => gw.call("many", { url })));
    for (const count of counts) assert.deepEqual(count.value, { late: 75 });
  }
  const latencies = await honest.stop();
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1];
  t.diagnostic(`${latencies.length} calls beside them, p99 ${p99.toFixed(1)} ms, max ${latencies.at(-1).toFixed(1)} ms`);
  assert.equal(origin.requests.length, 900);
  assert.ok(origin.connections <= 2 * 64, `${origin.connections} connections`);
  assert.ok(latencies.length >= 50, `only ${latencies.length} calls were answered`);
  assert.ok(p99 < P99_MS, `p99 ${p99.toFixed(1)} ms`);
  assert.deepEqual(gw.log.filter((l) => l.msg === "worker is held by a tool"), []);
});

// Each costs its worker some 10 ms, so they are what would show first if two were begun in one turn.
test("75 TLS connections at once all end, and hold up nobody", async (t) => {
  const origin = await startOrigin(t, { tls: true });
  const gw = await start(t, [origin], {
    ini: `[tool many]\nhttp = ${origin.authority}\nallow_private = yes\n`, tools: { "many.lua": many, "plain.lua": plain },
  });
  const honest = probe(gw);
  const answer = await gw.call("many", { url: `${origin.base}/text` });
  const latencies = await honest.stop();
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1];
  t.diagnostic(`${latencies.length} calls beside them, p99 ${p99.toFixed(1)} ms, max ${latencies.at(-1).toFixed(1)} ms`);
  assert.deepEqual(answer.value, { TLS: 75 });
  assert.equal(origin.connections, 75);
  assert.ok(latencies.length >= 10, `only ${latencies.length} calls were answered`);
  assert.ok(p99 < P99_MS, `p99 ${p99.toFixed(1)} ms`);
  assert.deepEqual(gw.log.filter((l) => l.msg === "worker is held by a tool"), []);
});
