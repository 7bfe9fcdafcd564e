// replay.test.mjs - a conversation that was recorded from the kit whose wire this is, against the shipped
// tools. Where an answer differs, the exchange names the item of docs/migrating.md's list of deliberate
// differences that allows it, or what of the wire was fixed anew, and says what holds instead; everything
// else is as it was recorded.
// MOONGATE_TEST_OPSKIT names the recording; tests/e2e/edit, tools, gets and differences cover the same
// ground without it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";

import { repo } from "./lib/gateway.mjs";
import { startShipped } from "./lib/shipped.mjs";

const recording = process.env.MOONGATE_TEST_OPSKIT;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const page = fs.readFileSync(path.join(repo, "docs/migrating.md"), "utf8");
const section = page.slice(page.indexOf("\n## Deliberate differences\n"), page.indexOf("\n## Going back\n"));
const items = new Set([...section.matchAll(/^(\d+)\. /gm)].map((m) => Number(m[1])));

// What the evaluation of the recording answered.
const METRICS = { accuracy: 0.91, f1: 0.88, latency_ms_p50: 120 };
const EVAL = `[eval t]
command = sh -c "sleep 0.3; printf '%s' '${JSON.stringify({ metrics: METRICS, artifacts: [] }).replaceAll('"', '\\"')}'"
`;

// ---- what may differ, by the exchange's number ----

const error = (item, code, status = 200) => ({ item, error: code, status });
const members = (item, ...names) => ({ item, members: names });
const allowed = {
  1: { fixed: "ping is a method of MCP", result: {} },
  2: { fixed: "the server's name, and what it can do", initialize: "2025-06-18" },
  3: { fixed: "an unknown revision is answered with the newest legacy one", initialize: "2025-11-25" },
  5: error(1, -32700, 400), 6: error(1, -32601),
  7: { item: 2, status: 202, empty: true },
  11: { item: 2, status: 200, members: ["status"] },
  12: { fixed: "the server's name and versions", members: ["status", "timestamp", "server", "version", "transport", "mcp_version"] },
  13: { fixed: "the server's name and versions", members: ["name", "version", "description", "protocol", "transport", "mcp_endpoint", "tools", "usage"] },
  14: { fixed: "the text of the message", members: ["error", "message", "mcp_endpoint"] },
  15: { fixed: "HEAD of both endpoints tells that they are there", status: 200 },
  17: { fixed: "a GET that does not accept an event stream is told which methods there are", status: 405, members: [] },
  20: error(1, -32602),
  24: { item: 3, text: "Absolute path must be within the repository: {ROOT}" },
  26: { fixed: "the template's header", members: ["path", "relativePath", "size", "created", "template", "encoding"] },
  44: { item: 5, failed: /^Invalid patch: hunk 1 .*does not apply/ }, // w.txt has no newline at its end
  45: { item: 5, failed: /hunk/ },
  46: { item: 3, text: "Missing file: q.txt (allowCreate=false)" },
  47: { item: 3, failed: /sha256/ },
  50: members(6, "items", "truncated"),
  51: { item: 3, failed: /none/ },
  52: { item: 5, value: { items: [{ type: "file", path: "w.txt" }], truncated: false } },
  54: { item: 8, value: { id: "lukhas-path:UkVBRE1FLm1k", title: "README.md" } },
  56: members(8, "id", "text"), 58: members(8, "ids", "hits"), 60: members(8, "ids", "hits"),
  62: { fixed: "a job with a free place runs at once", members: ["jobId", "taskId", "configId", "status", "startedAt", "updatedAt"] },
  70: members(4, "status", "total_tests", "infrastructure", "timestamp"),
  71: members(4, "health_score", "code_quality", "total_files", "timestamp"),
  72: members(4, "utilities", "tools", "timestamp"),
  73: members(4, "total_modules", "framework", "timestamp"),
  77: members(5, "commit", "message", "staged", "stageAll"),
};
// In the recording's list of tools, and not among the 23.
const later = ["start_canary", "canary_status", "abort_canary", "why", "why_math"];

function send(gw, { method, path: target, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const text = body == null ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const length = text === undefined ? {} : { "Content-Length": Buffer.byteLength(text) };
    const request = http.request({ port: gw.port, host: "127.0.0.1", method, path: target,
      headers: { ...headers, ...length } }, (response) => {
      let all = "";
      response.setEncoding("utf8").on("data", (part) => (all += part));
      response.on("end", () => resolve({ status: response.statusCode, body: all }));
    });
    request.on("error", reject).end(text);
  });
}

const json = (text) => { try { return JSON.parse(text); } catch { return undefined; } };

// Everything that was recorded is there, the same; a moment is any moment, and an id is ours.
function holds(want, got, where) {
  if (typeof want === "string" && ISO.test(want)) return assert.match(got, ISO, where);
  if (want === null || typeof want !== "object") return assert.deepEqual(got, want, where);
  assert.equal(Array.isArray(got), Array.isArray(want), where);
  if (Array.isArray(want)) assert.equal(got.length, want.length, where);
  for (const [name, value] of Object.entries(want)) {
    assert.ok(got && name in got, `${where}.${name} is missing`);
    holds(value, got[name], `${where}.${name}`);
  }
}

class Replay {
  constructor(gw) {
    this.gw = gw;
    this.jobs = new Map(); // recorded id -> ours
  }

  ours(text) {
    let all = text.replaceAll("{ROOT}", fs.realpathSync(this.gw.root));
    for (const [theirs, our] of this.jobs) all = all.replaceAll(theirs, our);
    return all;
  }

  async exchange(n, entry) {
    const where = `${n} ${entry.note}`;
    const request = JSON.parse(this.ours(JSON.stringify(entry.request)));
    // The same as the one before it, until the state that was recorded is reached.
    let got;
    for (let i = 0; i < 200; i++) {
      got = await send(this.gw, request);
      if (!/completed/.test(entry.note) || got.body.includes("COMPLETED")) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const rule = allowed[n] ?? {};
    if (rule.item) assert.ok(items.has(rule.item), `${where}: docs/migrating.md has no item ${rule.item}`);
    assert.equal(got.status, rule.status ?? entry.response.status, where);
    this.compare(where, rule, entry.response.body, got.body);
  }

  compare(where, rule, recorded, body) {
    const want = json(recorded), got = json(body);
    if (rule.empty) return assert.equal(body, "", where);
    if (want === undefined) return assert.equal(body, recorded, where); // a text, or none
    if (rule.error) return assert.equal(got.error.code, rule.error, where);
    if (rule.result) return assert.deepEqual(got.result, rule.result, where);
    if (typeof want.error === "object") return this.failure(where, rule, want.error, got);
    if (want.result?.tools) return this.tools(where, want.result.tools, got.result.tools);
    if (want.result?.content) return this.result(where, rule, want.result, got.result);
    if (rule.initialize) {
      assert.deepEqual([got.id, got.result.protocolVersion], [want.id, rule.initialize], where);
      return assert.ok(got.result.capabilities.tools && got.result.serverInfo.name, where);
    }
    for (const name of rule.members ?? []) assert.ok(name in got, `${where}: ${name}`);
    if (!rule.members) holds(want, got, where);
  }

  failure(where, rule, want, got) {
    if (want.code !== -32603) return holds(want, got.error, where); // of the transport: unauthorized
    assert.equal(got.result?.isError, true, `${where}: ${JSON.stringify(got)}`);
    const text = got.result.content[0].text;
    if (rule.failed) assert.match(text, rule.failed, where);
    else assert.equal(text, this.ours(rule.text ?? want.message), where);
  }

  result(where, rule, want, got) {
    const text = got.content[0].text;
    if (rule.failed) {
      assert.equal(got.isError, true, where);
      return assert.match(text, rule.failed, where);
    }
    assert.notEqual(got.isError, true, `${where}: ${text}`);
    const recorded = want.content[0].text, value = json(text);
    if (json(recorded)?.jobId && value?.jobId) this.jobs.set(json(recorded).jobId, value.jobId);
    if (rule.value) return assert.deepEqual(value, rule.value, where);
    for (const name of rule.members ?? []) assert.ok(name in value, `${where}: ${name}`);
    if (!rule.members) holds(json(this.ours(recorded)), value, where);
  }

  // Every tool and every parameter that clients know is there as it was; search and fetch come first.
  tools(where, want, got) {
    assert.deepEqual(got.slice(0, 2).map((tool) => tool.name), ["search", "fetch"], where);
    assert.equal(new Set(got.map((tool) => tool.name)).size, got.length, where);
    for (const tool of want.filter((other) => !later.includes(other.name))) {
      const ours = got.find((other) => other.name === tool.name);
      assert.ok(ours, `${where}: ${tool.name}`);
      for (const [name, schema] of Object.entries(tool.inputSchema.properties ?? {}))
        holds(schema, ours.inputSchema.properties[name], `${where}: ${tool.name}.${name}`);
      assert.deepEqual([...(ours.inputSchema.required ?? [])].sort(), [...(tool.inputSchema.required ?? [])].sort(),
        `${where}: ${tool.name}`);
    }
  }
}

// The events of a job, in the recording's order and with its members.
async function events(replay, entry) {
  const id = [...replay.jobs.values()].at(-1);
  const body = await new Promise((resolve, reject) => {
    const request = http.get({ port: replay.gw.port, host: "127.0.0.1", path: `/sse?topic=job/${id}&key=k1` }, (response) => {
      let all = "";
      response.setEncoding("utf8").on("data", (part) => {
        all += part;
        if (/event: completed\ndata: .*\n\n/.test(all)) {
          request.destroy();
          resolve(all);
        }
      });
    });
    request.on("error", reject);
  });
  const parse = (text) => [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)]
    .map((m) => ({ event: m[1], data: JSON.parse(m[2]) }));
  const raw = replay.ours(entry.response.raw).replace(/\r\n[0-9a-f]+\r\n/g, "").replaceAll("\r\n", "");
  const got = parse(body.replace(/^(id|retry): .*\n/gm, "")).filter((e) => !["queued", "progress"].includes(e.event)); // both are new
  const want = parse(raw.slice(raw.indexOf("event: open")));
  assert.deepEqual(got.map((e) => e.event), want.map((e) => e.event));
  want.forEach((event, i) => holds(event.data, got[i].data, `event ${event.event}`));
}

test("the recorded conversation", { skip: !recording }, async (t) => {
  const gw = await startShipped(t, {
    ini: EVAL, root: { "README.md": "# Zebra\n\n```js\ncode()\n```\n[link](x)\n" },
    env: { MOONGATE_AUTH_KEYS: "k1,k2" },
    before(dir) {
      const git = (...args) => execFileSync("git", ["-C", path.join(dir, "root"), ...args], { stdio: "ignore" });
      git("init", "-q", "-b", "main");
      git("config", "user.name", "T");
      git("config", "user.email", "t@example.org");
      git("add", "README.md");
      git("commit", "-q", "-m", "first");
    },
  });
  const replay = new Replay(gw);
  const entries = fs.readFileSync(recording, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const wrong = [];
  for (const [n, entry] of entries.entries()) {
    try {
      await (entry.response.raw ? events(replay, entry) : replay.exchange(n, entry));
    } catch (failure) {
      wrong.push(failure.message);
    }
  }
  assert.deepEqual(wrong, []);
});
