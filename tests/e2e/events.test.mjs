// events.test.mjs - GET /sse: several topics and patterns, those who come late, and streams that end.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

const say = { "say.lua": `local mcp = require "mcp"
  return mcp.tool { name = "say", description = "Publishes.", input = { type = "object" },
    run = function(args)
      for i = args.first, args.last do mcp.events.publish(args.topic, args.event or "n", { i = i }) end
      return "said"
    end }` };

async function start(t, ini = quiet, tools = say) {
  const gw = await Gateway.start({ ini, tools });
  const streams = [];
  t.after(() => (streams.forEach((s) => s.close()), gw.stop()));
  gw.open = async (target) => {
    const stream = await gw.events(target);
    streams.push(stream);
    return stream;
  };
  return gw;
}

const publish = (gw, topic, first, last = first, event) => gw.call("say", { topic, first, last, event });
const opened = async (stream) => {
  const event = await stream.next();
  assert.equal(event.event, "open");
  return event.json;
};

test("open names the topic, or all of them, and comes first", async (t) => {
  const gw = await start(t);
  assert.deepEqual(await opened(await gw.open("/sse?topic=job/1")), { ok: true, topic: "job/1" });
  assert.deepEqual(await opened(await gw.open("/sse?topic=job%2F1&topic=canary/2")),
    { ok: true, topic: "job/1", topics: ["job/1", "canary/2"] });
});

test("several topics in one stream; jobs, canaries and all", async (t) => {
  const gw = await start(t);
  const expected = {
    "/sse?topic=job/1&topic=canary/2": ["job/1", "canary/2"],
    "/sse?topic=jobs": ["job/1", "job/3"],
    "/sse?topic=canaries": ["canary/2"],
    "/sse?topic=*": ["job/1", "canary/2", "job/3", "news"],
    "/sse?topic=jobs&topic=job/1": ["job/1", "job/3"], // nothing twice
    "/sse?topic=none": [],
  };
  const streams = {};
  for (const target of Object.keys(expected)) await opened((streams[target] = await gw.open(target)));
  const order = ["job/1", "canary/2", "job/3", "news"];
  for (const [i, topic] of order.entries()) await publish(gw, topic, i);
  await publish(gw, "job/1", 99, 99, "last");
  await publish(gw, "canary/2", 99, 99, "last");
  await publish(gw, "none", 99, 99, "last");
  for (const [target, topics] of Object.entries(expected)) {
    const events = await streams[target].until("last");
    assert.deepEqual(events.filter((e) => e.event === "n").map((e) => e.json.i), topics.map((x) => order.indexOf(x)), target);
  }
});

test("who comes late is told what was, in order, then what is, and nothing twice", async (t) => {
  const gw = await start(t);
  await publish(gw, "job/1", 1, 5);
  const streams = await Promise.all([1, 2, 3].map(() => gw.open("/sse?topic=job/1")));
  await publish(gw, "job/1", 6, 10);
  await publish(gw, "job/1", 11, 11, "last");
  for (const stream of streams) {
    await opened(stream);
    assert.deepEqual((await stream.until("last")).map((e) => e.json.i), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  }
  // A topic without a slash, and a pattern, have no past.
  await publish(gw, "news", 1);
  const news = await gw.open("/sse?topic=news&topic=jobs");
  await opened(news);
  await publish(gw, "news", 2, 2, "last");
  assert.deepEqual((await news.until("last")).map((e) => e.json.i), [2]);
});

test("subscribers that come while it is told miss nothing and hear nothing twice", async (t) => {
  const gw = await start(t, `${quiet}[server]\nworkers = 4\n`);
  const telling = (async () => {
    for (let i = 0; i < 60; i++) await publish(gw, "job/busy", i);
    await publish(gw, "job/busy", 60, 60, "last");
  })();
  const heard = await Promise.all(Array.from({ length: 12 }, async (_, n) => {
    for (let i = 0; i < n; i++) await gw.fetch("/healthz");
    const stream = await gw.open("/sse?topic=job/busy");
    await opened(stream);
    return (await stream.until("last")).map((e) => e.json.i);
  }));
  await telling;
  for (const all of heard) assert.deepEqual(all, Array.from({ length: 61 }, (_, i) => i));
});

test("topics that are none are refused, and how many a stream may have", async (t) => {
  const gw = await start(t);
  const text = async (target) => {
    const res = await gw.fetch(target);
    return [res.status, res.headers.get("content-type"), await res.text()];
  };
  assert.deepEqual(await text("/sse"), [400, "text/plain; charset=utf-8", "missing topic"]);
  assert.deepEqual(await text("/sse?topic="), [400, "text/plain; charset=utf-8", "missing topic"]);
  const many = (n) => `/sse?${Array.from({ length: n }, (_, i) => `topic=t${i}`).join("&")}`;
  assert.equal((await opened(await gw.open(many(64)))).topics.length, 64);
  for (const bad of ["job/*", "a b", "a%00b", "a".repeat(201)]) assert.equal((await text(`/sse?topic=${bad}`))[0], 400, bad);
  const [status, , why] = await text(many(65));
  assert.equal(status, 400);
  assert.match(why, /64/);
});

test("a stream that asks for its topic during a drain is told, and holds nothing up", async (t) => {
  const gw = await start(t, `${quiet}[server]\ndrain_timeout = 20s\n`,
    { ...say, "nap.lua": `local mcp = require "mcp"
      return mcp.tool { name = "nap", description = "Sleeps.", input = { type = "object" },
        run = function(args) mcp.time.sleep(1) return "slept" end }` });
  const slow = gw.call("nap");
  await gw.logged((l) => l.msg === "listening");
  for (let i = 0; i < 500 && (await gw.metric("moongate_calls_running")) !== 1; i++);
  const raw = await gw.raw();
  raw.send(`GET /sse?topic=job/1 HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\n`); // not whole yet
  const begin = Date.now();
  gw.signal("SIGTERM");
  await gw.logged((l) => /draining/.test(l.msg));
  raw.send("Accept: text/event-stream\r\n\r\n");
  assert.equal((await slow).text, "slept");
  const res = await raw.response().catch(() => null);
  if (res) assert.equal(res.status, 503);
  raw.destroy();
  await gw.exited;
  assert.ok(Date.now() - begin < 15_000, `${Date.now() - begin} ms`);
});

test("both loopback addresses serve, by either name of the family", async (t) => {
  const gw = await start(t);
  for (const host of ["127.0.0.1", "[::1]"]) {
    const res = await fetch(`http://${host}:${gw.port}/mcp`, { method: "POST", headers: { "Content-Type": "application/json" },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
    assert.equal((await res.json()).result.tools[0].name, "say");
  }
  await gw.logged((l) => l.msg === "request" && l.ip === "::1");
  const only = await start(t, `${quiet}[server]\nhost = ::1\n`);
  assert.equal((await fetch(`http://[::1]:${only.port}/healthz`)).status, 200);
  await gw.logged((l) => l.msg === "listening" && l.addresses.includes("[::1]"));
});

test("so many workers serve as mcp.ini says", async (t) => {
  const gw = await start(t, `${quiet}[server]\nworkers = 3\n`);
  const { readdirSync, readFileSync } = await import("node:fs");
  const tasks = `/proc/${gw.child.pid}/task`;
  const names = readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/comm`, "utf8").trim());
  assert.deepEqual(names.filter((name) => name.startsWith("mg-worker")).sort(), ["mg-worker-0", "mg-worker-1", "mg-worker-2"]);
  assert.equal(gw.log.find((l) => l.msg === "listening").workers, 3);
});

test("pipelined calls of which some wait answer in the order they were asked", async (t) => {
  const gw = await start(t, quiet, { "nap.lua": `local mcp = require "mcp"
    return mcp.tool { name = "nap", description = "Sleeps.", input = { type = "object" },
      run = function(args) if args.ms > 0 then mcp.time.sleep(args.ms / 1000) end return tostring(args.n) end }` });
  const raw = await gw.raw();
  const waits = [80, 0, 30, 0, 0, 60, 0];
  raw.send(waits.map((ms, n) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: n, method: "tools/call", params: { name: "nap", arguments: { ms, n } } });
    return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${gw.port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }).join(""));
  for (const [n] of waits.entries()) {
    const { status, body } = await raw.response();
    const message = JSON.parse(body);
    assert.deepEqual([status, message.id, message.result.content[0].text], [200, n, String(n)]);
  }
  raw.destroy();
});
