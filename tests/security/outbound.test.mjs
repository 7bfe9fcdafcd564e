// outbound.test.mjs - server-side request forgery: whatever form an address has, whoever names it and however late, a tool
// reaches no machine that it was not granted, and none of this machine or of private networks without allow_private.

import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import test from "node:test";

import { start } from "./lib.mjs";
import { startOrigin } from "../e2e/lib/origin.mjs";

const ask = `
local mcp = require "mcp"
return mcp.tool {
  name = "ask", description = "x", input = { type = "object" }, needs = { "http" }, limits = { timeout = "20s" },
  run = function(options)
    options.timeout = options.timeout or 5
    local ok, response, message, code = pcall(mcp.http.request, options)
    if not ok then return { raised = tostring(response) } end
    if not response then return { message = message, code = code } end
    return { status = response.status, body = response.body }
  end,
}`;

// Grants every host at the given port and at those of the web, and no private address.
const startAsker = (t, port, ini = "") =>
  start(t, { ini: `[tool ask]\nhttp = *, *:${port}\n${ini}`, tools: { "ask.lua": ask } });

const asker = (gw) => async (url, options = {}) => (await gw.call("ask", { url, ...options })).value;

// Every way to write 127.0.0.1 and its like that some parser takes.
const spellings = [
  "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001",
  "0177.0.0.01", "127.255.255.254", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]",
  "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
];

test("server-side request forgery: this machine is out of reach, however its address is spelled", async (t) => {
  const origin = await startOrigin(t);
  const gw = await startAsker(t, origin.port);
  const get = asker(gw);
  for (const host of spellings) {
    const answer = await get(`http://${host}:${origin.port}/text`);
    assert.equal(answer.code, "DENIED", `${host}: ${JSON.stringify(answer)}`);
    // An IPv4 address in the first bits of IPv6 was given up long ago: nothing opens it.
    assert.match(answer.message, host === "[::127.0.0.1]" ? /no grant opens/ : /allow_private = yes/, host);
  }
  assert.equal(origin.connections, 0);
  assert.equal(await gw.metric("moongate_http_requests_total", { outcome: "denied" }), spellings.length);
  assert.equal(await gw.metric("moongate_http_connections_total"), 0);
});

test("server-side request forgery: the gateway itself is out of reach", async (t) => {
  const gw = await startAsker(t, 1);
  gw.writeIni(`[rate_limit]\nbucket = 0\n[tool ask]\nhttp = *:${gw.port}\n[server]\nport = ${gw.port}\n`);
  gw.signal("SIGHUP");
  const get = asker(gw);
  const end = performance.now() + 10_000;
  let answer;
  do answer = await get(`http://127.0.0.1:${gw.port}/metrics`);
  while (/is not granted/.test(answer.message) && performance.now() < end);
  assert.equal(answer.code, "DENIED");
  assert.match(answer.message, /loopback/);
});

test("server-side request forgery: so are private networks, metadata of clouds, and what carries their addresses", async (t) => {
  const gw = await startAsker(t, 1);
  const get = asker(gw);
  const hosts = {
    "10.0.0.1": "private", "172.16.0.1": "private", "192.168.1.1": "private", "169.254.169.254": "link-local",
    "100.64.0.1": "carrier-grade NAT", "224.0.0.1": "multicast", "255.255.255.255": "reserved", "192.0.2.1": "documentation",
    "198.18.0.1": "benchmarking", "[fe80::1]": "link-local", "[fd00:ec2::254]": "private", "[ff02::1]": "multicast",
    "[64:ff9b::a9fe:a9fe]": "link-local", "[64:ff9b:1::1]": "private", "[2002:7f00:1::]": "loopback",
    "[2002:a9fe:a9fe::]": "link-local", "[::ffff:169.254.169.254]": "link-local", "[2001:0:7f00:1::]": "reserved",
    "[2001:db8::1]": "documentation", "2852039166": "link-local", "0xa9fea9fe": "link-local",
  };
  for (const [host, what] of Object.entries(hosts)) {
    const answer = await get(`http://${host}/latest/meta-data/`);
    assert.equal(answer.code, "DENIED", `${host}: ${JSON.stringify(answer)}`);
    assert.ok(answer.message.includes(` a ${what} address`), `${host}: ${answer.message}`);
  }
});

test("server-side request forgery: a redirect is no way around it", async (t) => {
  const origin = await startOrigin(t);
  const secret = await startOrigin(t);
  const gw = await start(t, {
    ini: `[tool ask]\nhttp = 127.0.0.1:${origin.port}\nallow_private = yes\n`, tools: { "ask.lua": ask },
  });
  const get = asker(gw);
  const targets = [
    secret.base, `http://localhost:${origin.port}/`, `http://2130706433:${secret.port}/`, `//127.0.0.1:${secret.port}/`,
    "file:///etc/passwd", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ftp://127.0.0.1/", "http://169.254.169.254/",
    `https://127.0.0.1:${secret.port}/`, "http://[::1]/", `http:/\\127.0.0.1:${secret.port}/`,
    `http://127.0.0.1:${origin.port}@127.0.0.1:${secret.port}/`, `http://127.0.0.1:${secret.port}#@127.0.0.1:${origin.port}/`,
  ];
  for (const target of targets) {
    const answer = await get(`${origin.base}/to?${encodeURIComponent(target)}`, { redirects: 5 });
    assert.ok(["DENIED", "PROTOCOL"].includes(answer.code), `${target}: ${JSON.stringify(answer)}`);
  }
  assert.equal(secret.connections, 0);
  assert.equal((await get(`${origin.base}/to?/text`, { redirects: 1 })).body, "hello");
});

test("what one tool may, another may not: not by the pool of connections either", async (t) => {
  const origin = await startOrigin(t);
  const gw = await start(t, {
    ini: `[server]\nworkers = 1\n[tool ask]\nhttp = 127.0.0.1:${origin.port}\nallow_private = yes\n` +
      `[tool other]\nhttp = 127.0.0.1:${origin.port}\n[tool third]\nhttp = example.com\n`,
    tools: { "ask.lua": ask, "other.lua": ask.replace('"ask"', '"other"'), "third.lua": ask.replace('"ask"', '"third"') },
  });
  const url = `${origin.base}/text`;
  assert.equal((await gw.call("ask", { url })).value.body, "hello");
  const other = (await gw.call("other", { url })).value;
  assert.equal(other.code, "DENIED");
  assert.match(other.message, /\[tool other\] allow_private = yes/);
  const third = (await gw.call("third", { url })).value;
  assert.match(third.message, new RegExp(`\\[tool third\\] http = 127\\.0\\.0\\.1:${origin.port}$`));
  assert.equal((await gw.call("ask", { url })).value.body, "hello");
  assert.deepEqual(origin.requests, ["/text", "/text"]);
});

test("no header, method or URL splits a request", async (t) => {
  const received = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {}).on("data", (data) => {
      received.push(data.toString("latin1"));
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address();
  const gw = await startAsker(t, port, "allow_private = yes\n");
  const get = asker(gw);
  const base = `http://127.0.0.1:${port}`;
  const evil = "x\r\nX-Evil: 1";
  const attempts = [
    { headers: { "X-A": evil } }, { headers: { [evil]: "x" } }, { headers: { "X-A": "x\nX-Evil: 1" } },
    { headers: { "X-A": "x\rX-Evil: 1" } }, { method: `GET / HTTP/1.1\r\nX-Evil: 1\r\n` },
    { headers: { Host: "evil" } }, { headers: { "Content-Length": "0" } }, { headers: { "transfer-encoding": "chunked" } },
    { headers: { Connection: "X-A" } }, { headers: { "Proxy-Authorization": "x" } },
  ];
  for (const options of attempts) {
    const answer = await get(`${base}/`, options);
    assert.ok(answer.raised, JSON.stringify([options, answer]));
    assert.doesNotMatch(answer.raised, /Evil: 1/);
  }
  assert.equal((await get(`${base}/${evil}`)).code, "INVALID");
  assert.equal((await get(`${base}/?${evil}`, { query: { a: "b" } })).code, "INVALID");
  assert.equal((await get(`http://127.0.0.1\r\nX-Evil: 1:${port}/`)).code, "INVALID");
  assert.equal(received.length, 0);
  assert.equal((await get(`${base}/`, { query: { [evil]: evil } })).status, 200);
  assert.equal(received.length, 1);
  assert.match(received[0], /^GET \/\?x%0D%0AX-Evil%3A%201=x%0D%0AX-Evil%3A%201 HTTP\/1\.1\r\n/);
  assert.doesNotMatch(received[0], /^X-Evil/m);
});

test("neither the environment's proxy nor a .netrc has a say", async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startOrigin(t);
  const env = Object.fromEntries(
    ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"].map((name) => [name, proxy.base]),
  );
  const gw = await start(t, {
    ini: `[tool ask]\nhttp = 127.0.0.1:${origin.port}\nallow_private = yes\n`, tools: { "ask.lua": ask }, env,
  });
  const answer = (await gw.call("ask", { url: `${origin.base}/echo` })).value;
  assert.equal(JSON.parse(answer.body).headers.authorization, undefined);
  assert.equal(proxy.connections, 0);
});
