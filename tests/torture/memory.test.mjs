// memory.test.mjs - when an allocation fails, at a start, at a reload or anywhere in a conversation, the answer is an error
// or a refusal that says so. Never a crash, a hang, half an answer, or the loss of what was acknowledged; and afterwards
// everything works as before. See memory_shim.c.
//
// A dry run finds the places that allocate. The long form fails each of them, alone and with all that follow for a while;
// the form that every test run takes does so to a choice of them.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import test from "node:test";

import { sanitizer } from "../e2e/lib/env.mjs";
import { Gateway } from "../e2e/lib/gateway.mjs";
import { openEventStream } from "../e2e/lib/sse.mjs";
import { Memory } from "./lib/memory.mjs";
import { between } from "./lib/random.mjs";

const short = Boolean(process.env.MOONGATE_SHORT);
const MANY = 10; // faults, then it goes no further
const LIMIT_MS = 20_000; // over this it is a hang
const SPANS = [1, 3, 40, 100_000]; // how many allocations fail in a row
const skip = sanitizer !== "" && "a sanitizer has an allocator of its own";
const check = (name, body) => test(name, { timeout: short ? 120_000 : 3_600_000, skip }, body);

// Bounds so low that a place which is not given back is missed soon.
const ini = `[server]
workers = 1
max_connections = 24
drain_timeout = 5s
[rate_limit]
bucket = 0
[state]
autosave = 100ms
[tools]
max_concurrent = 3
[tool work]
exec = /bin/echo
`;

const tools = {
  "work.lua": `local mcp = require "mcp"
local kept = mcp.state.open("work.kept")
local function job(j, args)
  j:progress(1, 2, "half")
  kept:put { id = "last", job = args.id }
  local got, message = mcp.exec.run { argv = { "/bin/echo", args.id } }
  j:publish("done", { out = got and got.stdout, error = message })
end
local function is_running(id)
  for _, other in ipairs(mcp.jobs.running()) do if other == id then return true end end
  return false
end
return mcp.tool { name = "work", description = "Start a job and wait for its end.", needs = { "exec" },
  input = { type = "object", properties = { id = { type = "string" } } },
  limits = { timeout = "15s" },
  run = function(args, ctx)
    ctx:progress(1, 2, "starting")
    local id, message, code = mcp.jobs.start { id = args.id, run = function(j) job(j, args) end }
    if not id then return nil, message, code end
    while is_running(id) do mcp.time.sleep(0.001) end
    return { ended = id }
  end }`,
  "idle.lua": `local mcp = require "mcp"
return mcp.tool { name = "idle", description = "Wait until no job runs.", input = { type = "object" },
  limits = { timeout = "15s" },
  run = function()
    while #mcp.jobs.running() > 0 do mcp.time.sleep(0.001) end
    return "idle"
  end }`,
  "asker.lua": `local mcp = require "mcp"
return mcp.tool { name = "asker", description = "Ask for folders.", input = { type = "object" },
  run = function(_, ctx)
    local roots, message, code = ctx:roots("r")
    if not roots then return nil, message .. " " .. code end
    return roots[1].uri
  end }`,
  "counter.lua": fs.readFileSync(new URL("../e2e/tools.d/counter.lua", import.meta.url), "utf8"),
};
const NAMES = ["asker", "counter", "idle", "work"];

function make(t) {
  const gw = new Gateway({ ini, tools });
  const memory = new Memory(gw.dir);
  gw.options.env = memory.env;
  t.after(() => gw.kill().then(() => gw.remove()));
  return { gw, memory };
}

// The places to fail at, and for how long: all of them, or `count` that chance takes.
function choose(places, count) {
  const all = places.flatMap((place) => SPANS.map((span) => ({ first: place, last: place + span - 1 })));
  if (!short) return all;
  return Array.from({ length: Math.min(count, all.length) }, () => all.splice(between(0, all.length - 1), 1)[0]);
}

// ---- one request on a connection of its own ----

// -> { status, text, headers }, or { isClosed } when the connection ended before any answer.
function send(gw, { method = "POST", target = "/mcp", headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: gw.port, path: target, method, headers, agent: false };
    if (body) options.headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), ...headers };
    const req = http.request(options, (res) => {
      let text = "";
      // A stream may break off, which its client sees; any other answer is whole.
      const isStream = /^text\/event-stream/.test(res.headers["content-type"]);
      const half = () => (isStream ? resolve({ isClosed: true }) : reject(new Error(`half an answer: ${res.statusCode} ${text}`)));
      res.setEncoding("utf8").on("data", (part) => (text += part));
      res.on("error", half).on("end", () => (res.complete ? resolve({ status: res.statusCode, headers: res.headers, text }) : half()));
    });
    req.setTimeout(LIMIT_MS, () => reject(new Error(`no answer to ${method} ${target} ${body ?? ""}`)));
    req.on("error", (error) => (/ECONNRESET|EPIPE|socket hang up/.test(`${error.code} ${error.message}`) ? resolve({ isClosed: true }) : reject(error)));
    req.end(body);
  });
}

let nextId = 0;

// -> { result } | { error: text }. Every error must name memory, or be a plain 5xx.
async function ask(gw, method, params, headers = {}) {
  const got = await send(gw, { headers, body: JSON.stringify({ jsonrpc: "2.0", id: ++nextId, method, params }) });
  if (got.isClosed) return { error: "closed" };
  if (/^text\/event-stream/.test(got.headers["content-type"])) {
    const answers = got.text.split("\n\n").filter((block) => /^data: .*"id":/m.test(block));
    if (answers.length === 0) return { error: "the stream ended early" };
    got.text = answers.at(-1).replace(/^[^]*?^data: /m, "");
  }
  if (got.status >= 500 && !got.text.startsWith("{")) return { error: `HTTP ${got.status} ${got.text}` };
  const message = JSON.parse(got.text);
  if (message.result) {
    const isError = message.result.isError;
    if (isError) assert.match(got.text, /memory|NOMEM|durable|read-only/i);
    return { result: message.result, headers: got.headers, error: isError ? got.text : undefined };
  }
  assert.match(message.error.message, /memory/i, got.text);
  assert.ok([200, 500, 503].includes(got.status), `${got.status} ${got.text}`);
  return { error: got.text };
}

const call = (gw, name, args) => ask(gw, "tools/call", { name, arguments: args, _meta: { progressToken: nextId } }, { Accept: "application/json, text/event-stream" });

// ---- the conversation ----

// A connection that broke is nothing; one on which nothing comes is a hang.
function broken(error) {
  if (/^no (answer|event)/.test(error.message)) throw error;
  return null;
}

class Talk {
  floor = 0; // what the counter was promised to be
  top = 0; // what it may be
  jobs = 0;

  constructor(memory) {
    this.memory = memory;
  }

  async list(gw) {
    const { result, error } = await ask(gw, "tools/list");
    if (!error) assert.deepEqual(result.tools.map((tool) => tool.name).sort(), NAMES);
    return error;
  }

  async count(gw) {
    const { result, error } = await call(gw, "counter", { id: "a" });
    this.top++;
    if (!error) this.#promised(JSON.parse(result.content[0].text).count);
    return error;
  }

  #promised(count) {
    assert.ok(count >= this.floor && count <= this.top, `counted ${count}, promised ${this.floor} to ${this.top}`);
    this.floor = count;
    this.top = Math.max(count, this.top);
  }

  async read(gw) {
    const { result, error } = await call(gw, "counter", { id: "a", add: 0 });
    assert.equal(error, undefined);
    this.#promised(JSON.parse(result.content[0].text).count);
    this.top = this.floor; // nothing is under way
  }

  async session(gw) {
    const info = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "tests", version: "1" } };
    const { error, headers } = await ask(gw, "initialize", info, { "MCP-Protocol-Version": info.protocolVersion });
    if (error) return error;
    const session = { "Mcp-Session-Id": headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25" };
    const ping = await ask(gw, "ping", {}, session);
    if (ping.error) return ping.error;
    const ended = await send(gw, { method: "DELETE", headers: session });
    return ended.status === 200 || ended.status === 204 ? undefined : `DELETE: ${JSON.stringify(ended)}`;
  }

  // Hears of a job while it is started and awaited. A stream that opened hears of everything or ends.
  async job(gw, isHealthy) {
    const id = `j${++this.jobs}`;
    const stream = await openEventStream(`${gw.base}/sse?topic=job/${id}`, { limitMs: LIMIT_MS }).catch(() => null);
    const { error } = await call(gw, "work", { id });
    if (isHealthy) {
      const events = await stream.until("done");
      assert.deepEqual(events.map((e) => e.event), ["open", "progress", "done"]);
      assert.equal(events[2].json.out, `${id}\n`);
    }
    stream?.close();
    return error ?? (stream?.status === 200 ? undefined : "no stream");
  }

  // Is asked on a call's stream, loses it, answers, and comes back for the result.
  async asked(gw, isHealthy) {
    const info = { protocolVersion: "2025-11-25", capabilities: { roots: {} }, clientInfo: { name: "tests", version: "1" } };
    const { error, headers } = await ask(gw, "initialize", info, { "MCP-Protocol-Version": info.protocolVersion });
    if (error) return error;
    const session = { "Mcp-Session-Id": headers["mcp-session-id"] };
    const text = await this.#answered(gw, session);
    if (isHealthy) assert.equal(text, "file:///home");
    await this.#insist(gw, { method: "DELETE", headers: session }, [204, 404]);
    return text === "file:///home" ? undefined : text;
  }

  // Sends until it is taken. Who tries often enough has memory in the end: each try takes but a few of 100,000 failures.
  async #insist(gw, request, taken) {
    for (let tries = 1; ; tries++) {
      const got = await send(gw, request);
      if (taken.includes(got.status)) return;
      assert.ok(got.isClosed || got.status >= 500, JSON.stringify(got));
      assert.ok(tries < 40, JSON.stringify(got));
      if (tries === 20) this.memory.rest();
    }
  }

  async #answered(gw, session) {
    const events = (options) => openEventStream(gw.url, { limitMs: LIMIT_MS, ...options,
      headers: { ...session, Accept: "application/json, text/event-stream", "Content-Type": "application/json", ...options.headers } }).catch(broken);
    const params = { name: "asker", arguments: {} };
    let stream = await events({ method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: ++nextId, method: "tools/call", params }) });
    let last, message;
    for (let tries = 0; tries < 3; tries++) {
      for (let event; (event = await stream?.next?.().catch(broken)); ) {
        last = event.id;
        message = event.json;
        if (message?.id) break;
      }
      stream?.close();
      if (message?.result || message?.error) break;
      if (!last) return "no stream";
      if (message?.method === "roots/list") {
        const body = JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { roots: [{ uri: "file:///home" }] } });
        await this.#insist(gw, { headers: session, body }, [202]);
      }
      stream = await events({ headers: { "Last-Event-ID": last } });
    }
    stream?.close();
    if (message?.result?.isError) assert.match(message.result.content[0].text, /memory|gone/);
    return message?.result?.content[0].text ?? message?.error?.message ?? "the stream ended early";
  }

  // The transport of 2024-11-05.
  async oldest(gw, isHealthy) {
    const stream = await openEventStream(`${gw.base}/sse`, { limitMs: LIMIT_MS }).catch(broken);
    const first = await stream?.next?.().catch(broken);
    let answer = null;
    if (first) {
      const got = await send(gw, { target: first.data, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
      if (got.status === 202) answer = await stream.next().catch(broken);
    }
    stream?.close();
    if (isHealthy) assert.deepEqual(answer?.json, { jsonrpc: "2.0", id: 1, result: {} });
    return answer ? undefined : "not answered";
  }

  // -> the errors there were
  async all(gw, isHealthy) {
    const errors = [await this.list(gw), await this.session(gw), await this.count(gw), await this.job(gw, isHealthy),
      await this.asked(gw, isHealthy), await this.oldest(gw, isHealthy)];
    return errors.filter(Boolean);
  }

  // Everything works, nothing is left over.
  async isWhole(gw) {
    const isReadOnly = (l) => l.msg === "the state is read-only";
    const at = gw.log.findLastIndex(isReadOnly);
    if (at >= 0) await gw.logged((l) => l.msg === "the state accepts changes again" && gw.log.indexOf(l) > at);
    assert.deepEqual(await this.all(gw, true), []);
    await this.read(gw);
    const { result } = await call(gw, "idle");
    assert.equal(result.content[0].text, "idle");
    assert.equal((await send(gw, { method: "GET", target: "/readyz" })).status, 200);
  }
}

// Runs body(spot) for every spot; what is wrong with some is told together, and again() follows each that failed.
async function each(spots, { gw, memory }, body, again) {
  const wrong = [];
  for (const spot of spots) {
    gw.log = [];
    gw.stderr = "";
    try {
      await body(spot);
    } catch (error) {
      wrong.push(`allocations ${spot.first} to ${spot.last}: ${error.stack}\n${memory.notes()}\n${gw.stderr.slice(-1500)}`);
      if (wrong.length === MANY) break;
      await again();
    }
  }
  assert.equal(wrong.length, 0, wrong.join("\n\n"));
}

async function serve(gw) {
  gw.launch();
  gw.attach((await gw.logged((l) => l.msg === "listening")).port);
}

async function serveAgain(gw, memory) {
  memory.rest();
  await gw.kill();
  gw.log = [];
  await serve(gw);
}

// ---- a start ----

check("a start ends with 1 or 2 and a reason, or serves", async (t) => {
  const { gw, memory } = make(t);
  memory.watch();
  await serve(gw);
  memory.rest();
  const spots = choose(memory.places(), 40);
  await gw.stop({ keep: true });
  let refused = 0;
  const start = async (spot) => {
    memory.fail(spot.first, spot.last);
    gw.launch();
    refused += await startOnce(gw, memory);
  };
  await each(spots, { gw, memory }, start, () => gw.kill());
  t.diagnostic(`${spots.length} starts, ${refused} refused`);
  assert.ok(refused > spots.length / 10);
});

// -> was it refused?
async function startOnce(gw, memory) {
  const ended = (error) => (gw.exit ? null : Promise.reject(error));
  const line = await gw.logged((l) => l.msg === "listening", LIMIT_MS).catch(ended);
  memory.rest();
  if (!line) {
    assert.ok([1, 2].includes(gw.exit.code), JSON.stringify(gw.exit));
    assert.match(gw.stderr, /memory|NOMEM|thread.*Resource temporarily unavailable/i);
    return true;
  }
  gw.attach(line.port);
  const { result } = await ask(gw, "tools/list");
  const isAbout = (l, name) => [`${name}.lua`, ""].includes(l.file) || l.msg.includes(`of the tool ${name}: it is left out`);
  for (const name of NAMES) // what did not load was told
    assert.ok(result.tools.some((tool) => tool.name === name) || gw.log.some((l) => isAbout(l, name)), name);
  await gw.stop({ keep: true });
  return false;
}

// ---- a conversation, and a reload ----

check("a conversation: an error each, then everything as before", async (t) => {
  const { gw, memory } = make(t);
  const talk = new Talk(memory);
  await serve(gw);
  await talk.isWhole(gw);
  memory.watch();
  await talk.all(gw, true);
  memory.rest();
  const spots = choose(memory.places(), 50);
  let errors = 0;
  const converse = async (spot) => {
    memory.fail(spot.first, spot.last);
    errors += (await talk.all(gw, false)).length;
    memory.rest();
    await talk.isWhole(gw);
  };
  await each(spots, { gw, memory }, converse, () => serveAgain(gw, memory));
  t.diagnostic(`${spots.length} conversations, ${errors} errors`);
  assert.ok(errors > spots.length / 10);
  await serveAgain(gw, memory);
  await talk.read(gw);
  await gw.stop({ keep: true });
});

check("a reload: the new tools, or the old ones and a reason", async (t) => {
  const { gw, memory } = make(t);
  const talk = new Talk(memory);
  let revision = 0;
  const reload = async () => {
    gw.writeTools({ "idle.lua": `${tools["idle.lua"]} -- ${++revision}` });
    gw.log = [];
    gw.signal("SIGHUP");
    return (await gw.logged((l) => /^reload(ed:| failed)/.test(l.msg))).msg;
  };
  await serve(gw);
  memory.watch();
  await reload();
  memory.rest();
  const spots = choose(memory.places(), 30);
  let failed = 0;
  const once = async (spot) => {
    memory.fail(spot.first, spot.last);
    failed += (await reload()).startsWith("reload failed");
    memory.rest();
    assert.equal(await talk.count(gw), undefined);
    assert.match(await reload(), /^reloaded:/);
    await talk.isWhole(gw);
  };
  await each(spots, { gw, memory }, once, () => serveAgain(gw, memory));
  t.diagnostic(`${spots.length} reloads, ${failed} failed`);
  assert.ok(failed > 0);
  await gw.stop({ keep: true });
});
