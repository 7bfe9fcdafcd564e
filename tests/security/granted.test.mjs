// granted.test.mjs - a tool that was granted nothing can reach nothing: every door is tried, and each is
// shut with an error that says why, and what the operator would have to write.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test from "node:test";

import { start } from "./lib.mjs";

// Runs every attempt by itself; -> { name: what came of it }, "open: VALUE" where a door was open.
const attempts = (name, tries, more = "") => `local mcp = require "mcp"
local function come(ok, value, message, code)
  if not ok then return "raised: " .. tostring(value) end
  if value == nil and message then return tostring(code) .. ": " .. tostring(message) end
  return "open: " .. tostring(value)
end
local tries = {
${Object.entries(tries).map(([key, [body]]) => `  ["${key}"] = function() ${body} end,`).join("\n")}
}
return mcp.tool { name = "${name}", input = { type = "object" }, ${more}
  run = function()
    local out = {}
    for key, try in pairs(tries) do out[key] = come(pcall(try)) end
    return out
  end }`;

async function check(gw, name, tries) {
  const { result } = (await gw.rpc("tools/call", { name, arguments: {} })).body;
  const came = JSON.parse(result.content[0].text);
  for (const [key, [, want]] of Object.entries(tries)) assert.match(came[key] ?? "nothing", want, `${name}: ${key}`);
}

const needs = (word) => new RegExp(`^raised: .*needs = \\{ "${word}" \\}`);

// What needs a word in the tool's own declaration: without it the module is not even there.
const undeclared = (port) => ({
  "a file": ['return mcp.fs.read("plain.txt")', needs("fs")],
  "a file's lines": ['return mcp.fs.tally { "plain.txt" }', needs("fs")],
  "writing a file": ['return mcp.fs.write("new.txt", "x")', needs("fs")],
  "a host": [`return mcp.http.get("http://127.0.0.1:${port}/")`, needs("http")],
  "a program": ['return mcp.exec.run { argv = { "/bin/true" } }', needs("exec")],
  git: ['return mcp.git.run { "status" }', needs("exec")],
  "the environment": ['return mcp.env("HOME")', /^DENIED: .*env = HOME/],
  "another tool's collection": ['return mcp.state.open("vault.secrets"):get("one")', /^DENIED: .*state = vault\.secrets:r$/],
  "a collection of the gateway": ['return mcp.state.open("jobs"):put { id = "x" }', /^DENIED: .*state = jobs:rw$/],
  "another tool's setting": ["return mcp.config.token", /^raised: .*token/],
  "another tool's cached value": ['return mcp.cache.get("token") == nil and error("none") or "found"', /^raised: .*none/],
  "another tool's index": ['return mcp.index.open("papers"):search("secret")[1] == nil and error("none") or "found"', /^raised: .*none/],
  "another tool's metric": ['return mcp.metrics.gauge("vault_total", "x")', /^raised: .*counter/],
});

// What is no grant's: nobody has it.
const never = {
  "io.open": ['return io.open("/etc/passwd")', /^raised: .*io/],
  "os.execute": ['return os.execute("true")', /^raised: .*execute/],
  "os.getenv": ['return os.getenv("HOME")', /^raised: .*getenv/],
  load: ['return load("return 1")', /^raised: .*load/],
  bytecode: ['return string.dump(print)', /^raised: .*dump/],
  debug: ["return debug.getregistry()", /^raised: .*debug/],
  package: ["return package.loaded", /^raised: .*package/],
  "require of the library": ['return require "io"', /^raised: .*io/],
  "require of a tool": ['return require "vault"', /^raised: .*vault/],
  "require of a path": ['return require "../vault"', /^raised: .*vault/],
  "require of an absolute path": ['return require "/etc/passwd"', /^raised: .*passwd/],
  "require of a C library": ['return require "lfs"', /^raised: .*lfs/],
  "the metatable of strings": ['getmetatable("").__index = { upper = function() return "owned" end } return "set"', /^raised: /],
  "a finalizer": ["return setmetatable({}, { __gc = function() end })", /^raised: .*__gc/],
  // These are the file's own copies: what it does to them, no other sees.
  "the API's table": ['mcp.log = nil return "set"', /^open: set/],
  "a module of the API": ['mcp.json.encode = function() return "owned" end return "set"', /^open: set/],
  "a library's table": ['string.upper = function() return "owned" end return "set"', /^open: set/],
};

const vault = `local mcp = require "mcp"
return mcp.tool { name = "vault", input = { type = "object" }, settings = { token = { type = "secret" } },
  run = function()
    mcp.state.open("vault.secrets", { key = "id" }):put { id = "one", text = "secret" }
    mcp.cache.set("token", mcp.config.token)
    mcp.index.open("papers"):put("p", { title = "secret", text = "secret words" })
    mcp.metrics.counter("vault_total", "Calls"):inc()
    return ("kept"):upper() .. mcp.json.encode { 1 }
  end }`;

async function startWith(t, tools, ini = "") {
  const asked = [];
  const server = http.createServer((req, res) => (asked.push(req.url), res.end("here")));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  const { port } = server.address();
  const gw = await start(t, { ini: `${ini}[tool vault]\ntoken = s3cret-token\n`, tools: { "vault.lua": vault, ...tools(port) } });
  fs.writeFileSync(path.join(gw.root, "plain.txt"), "text");
  return { gw, port, asked };
}

const works = async (gw) =>
  assert.equal((await gw.rpc("tools/call", { name: "vault", arguments: {} })).body.result.content[0].text, "KEPT[1]");

test("a tool that was granted nothing and asks for nothing reaches nothing", async (t) => {
  const tries = (port) => ({ ...undeclared(port), ...never });
  const { gw, port, asked } = await startWith(t, (p) => ({ "poor.lua": attempts("poor", tries(p)) }));
  await works(gw);
  await check(gw, "poor", tries(port));
  await works(gw); // and nothing of what it tried is left for another tool
  assert.deepEqual(asked, []);
  assert.deepEqual(fs.readdirSync(gw.root).filter((name) => name === "new.txt"), []);
});

// It says what it would like ("?": it loads without), and mcp.ini grants nothing of it.
test("a tool that asks and was granted nothing is told what the operator would have to write", async (t) => {
  const tries = (port) => ({
    "a file": ['return mcp.fs.read("plain.txt")', /fs = read/],
    "writing a file": ['return mcp.fs.write("new.txt", "x")', /fs = (read|write)/],
    "a host": [`return mcp.http.get("http://127.0.0.1:${port}/")`, /http = /],
    "a program": ['return mcp.exec.run { argv = { "/bin/true" } }', /exec = /],
    git: ['return mcp.git.run { "status" }', /exec = /],
    "the environment": ['return mcp.env("HOME")', /env = HOME/],
    "a collection of the gateway": ['return mcp.state.open("jobs"):get("x")', /state = jobs:r$/],
  });
  const needed = 'needs = { "fs?", "http?", "exec?", "env?", "state:jobs?" },';
  const { gw, port, asked } = await startWith(t, (p) => ({ "asks.lua": attempts("asks", tries(p), needed) }));
  await check(gw, "asks", tries(port));
  for (const [, came] of Object.entries(JSON.parse((await gw.rpc("tools/call", { name: "asks", arguments: {} })).body.result.content[0].text)))
    assert.doesNotMatch(came, /^open/);
  assert.deepEqual(asked, []);
});

test("a tool that needs what it was not granted is not served, and the log says which line is missing", async (t) => {
  const must = (word) => `local mcp = require "mcp"
return mcp.tool { name = "must_${word.replace(/\W/g, "_")}", input = { type = "object" }, needs = { "${word}" }, run = function() return "ran" end }`;
  const words = ["fs", "http", "exec", "env", "state:jobs"];
  const { gw } = await startWith(t, () => Object.fromEntries(words.map((word, i) => [`m${i}.lua`, must(word)])));
  for (const [i, word] of words.entries()) {
    const line = gw.log.find((l) => l.file === `m${i}.lua`);
    assert.match(line?.error ?? "", new RegExp(`${word.split(":")[0]} = `), word);
    const res = await gw.rpc("tools/call", { name: `must_${word.replace(/\W/g, "_")}`, arguments: {} });
    assert.equal(res.body.error?.code, -32602, word);
  }
});
