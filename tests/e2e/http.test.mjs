// http.test.mjs - the wire below the protocol: requests that must not pass, bodies that are too
// large, slow and half-closed clients, thousands of streams, and calls served beside all of them.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway, slowness } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";
const host = "Host: localhost\r\n";

const napTool = { "nap.lua": `local mcp = require "mcp"
  return mcp.tool { name = "nap", description = "For a test.", input = { type = "object" },
    run = function(args)
      mcp.log.info("napping")
      local ok, message = mcp.time.sleep(args.seconds)
      return ok and "slept" or mcp.fail(message)
    end }` };

async function start(t, ini = "", tools = ["echo.lua"]) {
  const gw = await Gateway.start({ ini: quiet + ini, tools });
  t.after(() => gw.stop());
  return gw;
}

function echoBody(message, id = 1) {
  const params = { name: "echo", arguments: { message } };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

function post(body, headers = "") {
  return `POST /mcp HTTP/1.1\r\n${host}Content-Type: application/json\r\n${headers}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const messageOf = (res) => JSON.parse(JSON.parse(res.body).result.content[0].text).message;

test("requests that two servers could read in two ways are refused, closed, logged and counted", async (t) => {
  const gw = await start(t);
  const hidden = `GET /healthz HTTP/1.1\r\n${host}\r\n`;
  const json = "Content-Type: application/json\r\n";
  const rows = [
    `POST /mcp HTTP/1.1\r\n${host}${json}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Content-Length: 0\r\nContent-Length: 44\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Content-Length : 44\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Transfer-Encoding: xchunked\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Transfer-Encoding : chunked\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}Host: evil\r\n\r\n`,
    "GET /healthz HTTP/1.1\r\n\r\n",
    `GET /healthz HTTP/1.1\r\n${host}Origin: http://localhost\r\nOrigin: http://evil\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}Mcp-Method: a\r\nMCP-METHOD: b\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}X: a\rContent-Length: 44\r\n\r\n`,
    `GET http://evil/healthz HTTP/1.1\r\n${host}\r\n`,
    `GET /healthz%00x HTTP/1.1\r\n${host}\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Transfer-Encoding:\r\n chunked\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${host}${json}Content-Length: 4\r\n 0\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}Origin: http://ev\r\n il.com\r\n\r\n`,
  ];
  for (const row of rows) {
    const raw = await gw.raw();
    raw.send(row + hidden);
    const refused = await raw.response();
    assert.equal(refused?.status, 400, row);
    assert.equal((await raw.closed()).length, 0, `nothing is answered behind: ${row}`);
    raw.destroy();
  }
  assert.equal(await gw.metric("moongate_http_malformed_total"), rows.length);
  const line = await gw.logged((l) => l.status === 400 && l.method === "POST");
  assert.equal(line.ip, "127.0.0.1");
  assert.equal((await gw.call("echo", { message: "alive" })).value.message, "alive");
});

test("pipelined calls answer in order, also chunked and in pieces; errors do not end the connection", async (t) => {
  const gw = await start(t);
  const raw = await gw.raw();
  const body = echoBody("chunked");
  const chunk = (text) => `${text.length.toString(16)};ext=1\r\n${text}\r\n`;
  raw.send(post(echoBody("first")) + post("{bad") + post(echoBody("third")) +
    `HEAD /healthz HTTP/1.1\r\n${host}\r\n`);
  assert.equal(messageOf(await raw.response()), "first");
  assert.equal((await raw.response()).status, 400);
  assert.equal(messageOf(await raw.response()), "third");
  await assertHead(raw);
  raw.send(`POST /mcp HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`);
  raw.send(chunk(body.slice(0, 5)));
  raw.send(chunk(body.slice(5)));
  raw.send("0\r\nX-Trailer: t\r\n\r\n");
  assert.equal(messageOf(await raw.response()), "chunked");
  raw.send(`POST /mcp HTTP/1.1\r\n${host}Content-Type: application/json\r\nExpect: 100-continue\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`);
  assert.equal((await raw.response()).status, 100);
  raw.send(body);
  assert.equal(messageOf(await raw.response()), "chunked");
  raw.destroy();
});

// A reply to HEAD says how long the body would be, and has none.
async function assertHead(raw) {
  while (!raw.received.includes("\r\n\r\n")) await new Promise((r) => raw.socket.once("data", r));
  const text = raw.received.toString();
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /\r\nContent-Length: [1-9]/);
  assert.ok(text.endsWith("\r\n\r\n"));
  raw.received = Buffer.alloc(0);
}

test("a body that is too large: thrown away, refused before it comes, or cut off", async (t) => {
  const gw = await start(t, "[server]\nmax_body = 100K\n");
  const raw = await gw.raw();
  const exact = echoBody("x".repeat(100 * 1024 - echoBody("").length));
  raw.send(post(exact));
  assert.equal((await raw.response()).status, 200);
  raw.send(post(exact + " "));
  assert.equal((await raw.response()).status, 413);
  raw.send(post(echoBody("after")));
  assert.equal(messageOf(await raw.response()), "after");
  raw.send(post("", "Expect: 100-continue\r\n").replace("Content-Length: 0", "Content-Length: 200000"));
  assert.equal((await raw.response()).status, 413);
  await raw.closed();
  raw.destroy();
  const flood = await gw.raw();
  flood.send(post("").replace("Content-Length: 0", "Content-Length: 999999999"));
  for (let i = 0; i < 40; i++) flood.send(Buffer.alloc(65536, "x"));
  assert.equal((await flood.response()).status, 413);
  flood.destroy();
  await gw.logged((l) => l.status === 413 && l.url === "/mcp");
});

test("a slow request gets 408, a silent connection is closed, a call may take longer", async (t) => {
  const gw = await start(t, "[server]\nrequest_timeout = 500ms\nidle_timeout = 1s\n", napTool);
  const [slow, silent, calling] = [await gw.raw(), await gw.raw(), await gw.raw()];
  slow.send("POST /mcp HTTP/1.1\r\nHost: lo");
  calling.send(post(echoBody("").replace("echo", "nap").replace('"message":""', '"seconds":2.5')));
  assert.equal((await slow.response()).status, 408);
  assert.equal((await silent.closed()).length, 0);
  assert.equal((await calling.response()).status, 200);
  assert.equal((await calling.closed()).length, 0, "then idle_timeout ends it");
  for (const raw of [slow, silent, calling]) raw.destroy();
});

test("a client that closes its sending half gets the answer it waits for", async (t) => {
  const gw = await start(t, "", napTool);
  for (const seconds of [0, 0.2]) {
    const raw = await gw.raw();
    raw.send(post(echoBody("").replace("echo", "nap").replace('"message":""', `"seconds":${seconds}`)));
    raw.end();
    assert.equal((await raw.response())?.status, 200);
    await raw.closed(); // and is not left waiting for idle_timeout
    raw.destroy();
  }
});

test("200 clients that never read hold nobody up", async (t) => {
  const gw = await start(t);
  const request = post(echoBody("y".repeat(200_000)));
  const clients = await Promise.all(Array.from({ length: 200 }, () => gw.raw()));
  for (const raw of clients) {
    raw.pause();
    for (let i = 0; i < 4; i++) raw.send(request);
  }
  const times = [];
  for (let i = 0; i < 200; i++) {
    const begin = performance.now();
    assert.equal((await gw.call("echo", { message: "quick" })).value.message, "quick");
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  assert.ok(times[197] < 500 * slowness, `p99 ${times[197].toFixed(1)} ms`);
  for (const raw of clients) raw.destroy();
});

test("1000 idle streams: calls go on beside them, and all end with the gateway", async (t) => {
  const gw = await start(t);
  const request = `GET /sse?topic=job/none HTTP/1.1\r\n${host}Accept: text/event-stream\r\n\r\n`;
  const before = gw.rssAnon();
  const streams = await Promise.all(Array.from({ length: 1000 }, async () => {
    const raw = await gw.raw();
    raw.send(request);
    while (!raw.received.includes("event: open")) await new Promise((r) => raw.socket.once("data", r));
    return raw;
  }));
  assert.equal(await gw.metric("moongate_streams_open"), 1000);
  const each = (gw.rssAnon() - before) / 1000;
  if (slowness === 1) assert.ok(each < 24 * 1024, `${each} bytes for each stream`);
  for (let i = 0; i < 20; i++) assert.equal((await gw.call("echo", { message: "m" })).value.message, "m");
  await gw.stop();
  await Promise.all(streams.map((raw) => raw.closed()));
  for (const raw of streams) {
    assert.ok(raw.received.toString().endsWith("0\r\n\r\n"), "the stream ends whole");
    raw.destroy();
  }
});

test("a call whose client is gone goes on without it, and nothing is left of the connection", async (t) => {
  const gw = await start(t, "", napTool);
  const raw = await gw.raw();
  raw.send(post(echoBody("").replace("echo", "nap").replace('"message":""', '"seconds":0.6')));
  await gw.logged((l) => l.msg === "napping");
  raw.socket.resetAndDestroy();
  const line = await gw.logged((l) => l.tool === "nap" && l.status);
  assert.equal(line.outcome, "OK", "a legacy client's call is not cancelled by its leaving");
  assert.equal(line.ip, "127.0.0.1");
});

test("chunks whose lines never end keep no worker busy, whether their clients stay or leave", async (t) => {
  const gw = await start(t, "[server]\nworkers = 1\n");
  const head = `POST /mcp HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (const line of [`1;${"a".repeat(20_000)}`, "0".repeat(40_000)]) {
    const [stays, leaves] = [await gw.raw(), await gw.raw()];
    leaves.send(head + line).end();
    stays.send(head + line);
    assert.equal((await stays.response())?.status, 400);
    await Promise.all([stays.closed(), leaves.closed()]);
    for (const raw of [stays, leaves]) raw.destroy();
  }
  await gw.logged((l) => l.status === 400 && /chunk/.test(l.reason));
  assert.equal(await gw.metric("moongate_http_malformed_total"), 4);
});

test("a program gets the limit of descriptors that the gateway was started with", async (t) => {
  const script = "read line; ulimit -S -n";
  const gw = await Gateway.start({
    ini: quiet + "[tool limit]\nexec = sh\n",
    wrapper: ["sh", "-c", 'ulimit -S -n 300; exec "$@"', "sh"],
    tools: { "limit.lua": `local mcp = require "mcp"
      return mcp.tool { name = "limit", description = "For a test.", input = { type = "object" },
        needs = { "exec" },
        run = function()
          local done, message = mcp.exec.run { argv = { "sh", "-c", "${script}" }, stdin = "go\\n" }
          if not done then return nil, message end
          return { files = done.stdout }
        end }` },
  });
  t.after(() => gw.stop());
  assert.equal((await gw.call("limit", {})).value.files.trim(), "300");
});
