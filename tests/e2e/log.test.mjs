// log.test.mjs - the access log: the fields that the ops kit had and those that are new, in JSON and for people.

import assert from "node:assert/strict";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const quiet = "[rate_limit]\nbucket = 0\n";

function start(t, ini, tools = ["echo.lua", "outcomes.lua"]) {
  return Gateway.start({ ini, tools }).then((gw) => (t.after(() => gw.stop()), gw));
}

test("one JSON line a request, with everything an operator asks for", async (t) => {
  const gw = await start(t, `${quiet}[key ci]\nsecret = c1-of-nobody-else\n`);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  await gw.rpc("tools/call", { name: "echo", arguments: { message: "hush" } }, {
    key: "c1-of-nobody-else",
    headers: { "User-Agent": "agent \"x\"\n".trim(), traceparent: `00-${trace}-00f067aa0ba902b7-01` },
  });
  const line = await gw.logged((l) => l.tool === "echo");
  for (const key of ["ts", "ip", "method", "url", "status", "ua", "latency_ms", "key", "tool", "call_id", "outcome",
    "bytes", "protocol", "trace"]) assert.ok(key in line, `${key} in ${JSON.stringify(line)}`);
  assert.match(line.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual([line.ip, line.method, line.url, line.status, line.ua], ["127.0.0.1", "POST", "/mcp", 200, 'agent "x"']);
  assert.deepEqual([line.key, line.tool, line.outcome, line.trace], ["ci", "echo", "OK", trace]);
  assert.match(line.call_id, /^call_[a-z0-9]{11}$/);
  assert.ok(line.latency_ms >= 0 && line.latency_ms < 10_000);
  assert.ok(!gw.stderr.includes("hush"), "arguments are not logged");
  assert.ok(!gw.stderr.includes("c1-of-nobody-else"), "keys are not logged");
});

test("every outcome and every refusal has its line", async (t) => {
  const gw = await start(t, quiet);
  await gw.call("raise");
  assert.equal((await gw.logged((l) => l.tool === "raise" && l.outcome)).outcome, "TOOL_ERROR");
  await gw.call("spin");
  assert.ok(["TIMEOUT", "KILLED"].includes((await gw.logged((l) => l.tool === "spin" && l.outcome)).outcome));
  await gw.rpc("tools/call", { name: "nope" });
  assert.equal((await gw.logged((l) => l.rpc_error === -32602)).rpc, "tools/call");
  await gw.client.post("{oops");
  assert.equal((await gw.logged((l) => l.status === 400)).rpc_error, -32700);
  await gw.fetch("/nope");
  await gw.logged((l) => l.status === 404 && l.url === "/nope");
});

test("a raised error's trace is in the log with the call's id, not in the answer", async (t) => {
  const gw = await start(t, quiet);
  const answer = await gw.call("raise_table");
  assert.match(answer.text, /^internal error.*call_[a-z0-9]+/);
  const id = /call_[a-z0-9]+/.exec(answer.text)[0];
  const line = await gw.logged((l) => l.call_id === id && l.msg !== "request" || l.call === id);
  assert.match(JSON.stringify(line), /outcomes\.lua/);
});

test("access = no writes no lines of requests; level = warn none of less", async (t) => {
  const gw = await start(t, `${quiet}[log]\naccess = no\n`);
  await gw.call("echo", { message: "x" });
  await gw.rpc("tools/call", { name: "raise_table" });
  await gw.stop({ keep: true }); // all that was to be written is written
  assert.ok(gw.log.some((l) => l.msg === "tool failed") && gw.log.some((l) => l.level === "info"), gw.tail());
  assert.ok(!gw.log.some((l) => l.msg === "request"));

  const strict = new Gateway({ ini: `${quiet}[log]\nlevel = warn\n`, tools: ["outcomes.lua"] });
  t.after(() => strict.stop());
  strict.launch();
  await strict.logged((l) => /authentication is off/.test(l.msg));
  await strict.stop({ keep: true });
  assert.deepEqual([...new Set(strict.log.map((l) => l.level))], ["warn"], "no listening, no draining, no stopped");
});

test("redacted fields are starred", async (t) => {
  const gw = await start(t, `${quiet}[log]\nredact = ip, ua\n`);
  await gw.call("echo", { message: "x" });
  const line = await gw.logged((l) => l.tool === "echo");
  assert.deepEqual([line.ip, line.ua], ["***", "***"]);
});

test("text is for people", async (t) => {
  const gw = new Gateway({ ini: `${quiet}[log]\nformat = text\n`, tools: ["echo.lua"] });
  t.after(() => gw.stop());
  gw.launch();
  for (let i = 0; i < 2000 && !/listening/.test(gw.stderr); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(gw.stderr, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info +listening .*port=\d+/m);
});
