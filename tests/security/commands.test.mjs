// commands.test.mjs - programs that are started because somebody asked nicely.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { BOTH, code, command, start } from "./lib.mjs";

// LiteLLM and a dozen bridges took the command to run from a request; and were open without a token.
test("CVE-2026-30623, CVE-2026-42271, GHSA-wvr4-3wq4-gpc5: no request adds a command", async (t) => {
  const gw = await start(t);
  for (const method of [
    "servers/add", "mcp/add", "tools/register", "config/set", "tools/preview", "tools/test", "reload",
    "server/spawn", "exec", "rpc.discover",
  ]) {
    const params = { command: "touch", args: [path.join(gw.root, "owned")] };
    assert.equal(code(await gw.rpc(method, params)), -32601, method);
    assert.equal((await gw.client.modern(method, params)).status, 404, method);
  }
  const call = await gw.rpc("tools/call", {
    name: "echo", arguments: { message: "m" }, command: "touch", argv: ["touch", "owned"],
    _meta: { command: "touch" },
  });
  assert.ok(call.body.result);
  assert.ok(!fs.existsSync(path.join(gw.root, "owned")));
});

test("CVE-2026-30623: without keys only this machine is served; anything else refuses to start", async (t) => {
  for (const ini of [
    "[server]\nhost = 0.0.0.0\n", "[server]\nhost = ::\n",
    "[server]\nhost = 0.0.0.0\n[auth]\nkeys =\n",
    "[server]\nhost = 127.0.0.1, 0.0.0.0\n",
  ]) {
    const res = await command(t, ["check"], { ini });
    assert.equal(res.code, 2, `${ini}${res.stdout}${res.stderr}`);
    assert.match(res.stdout + res.stderr, /key/);
  }
  const keyed = "[server]\nhost = 0.0.0.0\n[auth]\nkeys = a-long-enough-key\n";
  assert.equal((await command(t, ["check"], { ini: keyed })).code, 0);
});

// mcp-remote handed a peer's URL to a shell.
test("CVE-2025-6514: what a caller sends reaches a program as one argument, never a shell", async (t) => {
  const gw = await start(t, {
    ini: "[tool show]\nexec = printf\n",
    tools: {
      "show.lua": `local mcp = require "mcp"
        return mcp.tool { name = "show", input = { type = "object" }, needs = { "exec" },
          run = function(args)
            local res, message = mcp.exec.run { argv = { "printf", "%s|", args.text, "end" } }
            if not res then return nil, message end
            return { out = res.stdout }
          end }`,
    },
  });
  const owned = path.join(gw.root, "owned");
  for (const text of [
    `; touch ${owned}`, `$(touch ${owned})`, `\`touch ${owned}\``, `| touch ${owned}`, `> ${owned}`, "&& true",
    "a\nb", "'\"\\", "-n", "--help", "*", "~", "$HOME", "%s%n",
  ]) {
    const res = await gw.call("show", { text });
    assert.equal(res.value?.out, `${text}|end|`, `${text}: ${res.text}`);
  }
  assert.equal((await gw.call("show", { text: "a\0b" }).catch(() => ({}))).value, undefined);
  assert.ok(!fs.existsSync(owned));
});

// Docker's gateway believed what an image's label said about its rights.
test("CVE-2026-55887: a tool cannot grant itself anything", async (t) => {
  const tool = (extra) => `local mcp = require "mcp"
    return mcp.tool { name = "greedy", input = { type = "object" }, ${extra},
      run = function()
        local ok, exec = pcall(function() return mcp.exec end)
        return ok and exec and "has exec" or "has none"
      end }`;
  const needing = { "greedy.lua": tool('needs = { "exec" }') };
  const refused = await command(t, ["check"], { tools: needing });
  assert.equal(refused.code, 1, refused.stdout + refused.stderr);
  assert.match(refused.stdout + refused.stderr, /greedy\.lua:\d+.*\n?.*\[tool greedy\] exec = /s);
  // Saying it elsewhere does not help.
  for (const extra of [
    'annotations = { exec = "*" }', 'meta = { exec = "*", grants = { "exec" } }',
    'settings = { exec = { type = "string", default = "sh" } }', 'needs = { "exec?" }',
  ]) {
    const gw = await start(t, { tools: { "greedy.lua": tool(extra) } });
    const res = await gw.rpc("tools/call", { name: "greedy", arguments: {} });
    if (res.body.result) assert.equal(res.body.result.content[0].text, "has none", extra);
    else assert.match(res.body.error.message, /Unknown tool/, extra);
  }
  // What is granted is what stands there: another program is not.
  const gw = await start(t, {
    ini: "[tool greedy]\nexec = true\n",
    tools: {
      "greedy.lua": `local mcp = require "mcp"
        return mcp.tool { name = "greedy", input = { type = "object" }, needs = { "exec" },
          run = function(args)
            local res, message, code = mcp.exec.run { argv = { args.program } }
            return { ran = res ~= nil, code = code, message = message }
          end }`,
    },
  });
  assert.equal((await gw.call("greedy", { program: "true" })).value.ran, true);
  for (const program of ["false", "sh", "/bin/true/../sh", "./true", "../true", "true ", "/tmp/true"]) {
    const { value } = await gw.call("greedy", { program });
    assert.deepEqual([value.ran, value.code], [false, "DENIED"], `${program}: ${value.message}`);
  }
  const headers = { ...BOTH, "X-Exec": "sh" };
  const forged = await gw.rpc("tools/call",
    { name: "greedy", arguments: { program: "sh" }, _meta: { exec: "sh" }, needs: ["exec"] }, { headers });
  assert.match(forged.body.result.content[0].text, /DENIED/);
});
