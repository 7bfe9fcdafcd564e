// sandbox.test.mjs - Lua hosts that were left through a door nobody looked at. Callers write no Lua
// here, operators do; but a tool's mistake with a caller's text must not become the gateway's.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { start } from "./lib.mjs";

// One tool that runs `body` (Lua statements with args and ctx); -> its result's value.
async function run(gw, name, args = {}) {
  const res = await gw.rpc("tools/call", { name, arguments: args });
  assert.ok(res.body.result, res.text);
  const { result } = res.body;
  return { isError: result.isError ?? false, text: result.content[0]?.text };
}

const tool = (name, body) => `mcp.tool { name = "${name}", input = { type = "object" },
  limits = { timeout = "10s", memory = "32M" }, run = function(args, ctx) ${body} end }`;
const file = (...tools) => `local mcp = require "mcp"\nreturn { ${tools.join(",\n")} }`;

// Redis: the parser, unpack(), metatables and the debug library, over thirteen years.
test("CVE-2025-49844, CVE-2024-46981, CVE-2022-24735: nothing loads code at run time", async (t) => {
  const names = ["load", "loadstring", "loadfile", "dofile", "debug", "io", "package", "module", "newproxy",
    "setfenv", "getfenv", "coroutine", "_ENV_", "jit", "ffi"];
  const gw = await start(t, {
    tools: {
      "globals.lua": file(
        tool("globals", `local seen = {}
          for _, name in ipairs { ${names.map((n) => `"${n}"`)} } do
            local ok, value = pcall(function() return _G and _G[name] end)
            if ok and value ~= nil then seen[#seen + 1] = name end
          end
          for _, name in ipairs { "dump" } do if string[name] then seen[#seen + 1] = name end end
          for _, name in ipairs { "execute", "exit", "getenv", "remove", "rename", "setlocale", "tmpname" } do
            if os[name] then seen[#seen + 1] = name end
          end
          return table.concat(seen, " ")`),
        tool("direct", `return table.concat({ type(load), type(dofile), type(debug), type(io),
          type(package), type(coroutine), type(string.dump), type(os.execute) }, " ")`),
      ),
    },
  });
  assert.equal((await run(gw, "globals")).text ?? "", "");
  assert.equal((await run(gw, "direct")).text, Array(8).fill("nil").join(" "));
});

test("CVE-2024-31449, CVE-2025-46817: compiled chunks are no tools, and unpack has a bound", async (t) => {
  const bytecode = Buffer.from("1b4c756154001993", "hex").toString("latin1");
  const gw = await start(t, {
    tools: {
      "binary.lua": `${bytecode}0123456789`,
      "unpack.lua": file(
        tool("range", "return select('#', table.unpack({}, 1, 1 << 40))"),
        tool("wrap", "return select('#', table.unpack({}, math.mininteger, math.maxinteger))"),
        tool("rep", "return #('x'):rep(1 << 40)"),
        tool("concat", "return #table.concat({}, 'x', 1, 1 << 40)"),
        tool("move", "table.move({}, 1, 1 << 40, 2) return 'moved'"),
        tool("format", "return #string.format('%99999d', 1)"),
      ),
    },
  });
  assert.ok(gw.log.some((line) => /binary\.lua/.test(JSON.stringify(line))), "the file is complained about");
  for (const name of ["range", "wrap", "rep", "concat", "move", "format"]) {
    const started = Date.now();
    const res = await run(gw, name);
    assert.ok(res.isError, `${name}: ${res.text}`);
    assert.ok(Date.now() - started < 5000, name);
  }
  assert.equal((await run(gw, "range")).isError, true, "the gateway lives");
});

test("CVE-2025-46818: no tool changes what another one uses", async (t) => {
  const gw = await start(t, {
    tools: {
      "a_poison.lua": file(tool("poison", `
        local done = {}
        local function try(name, f) done[#done + 1] = name .. "=" .. tostring((pcall(f))) end
        try("index", function() getmetatable("").__index = { upper = function() return "owned" end } end)
        try("rawset", function() rawset(getmetatable(""), "__index", {}) end)
        try("gc", function() setmetatable({}, { __gc = function() end }) end)
        try("string", function() string.upper = function() return "owned" end end)
        try("math", function() math.floor = nil end)
        try("mcp", function() mcp.json.encode = function() return "owned" end end)
        try("global", function() leaked = "owned" end)
        return table.concat(done, " ")`)),
      "b_victim.lua": file(tool("victim", `
        return table.concat({ ("abc"):upper(), string.upper("x"), tostring(math.floor(1.5)),
          mcp.json.encode({ 1 }), tostring(leaked) }, " ")`)),
    },
  });
  const clean = (await run(gw, "victim")).text;
  assert.equal(clean, "ABC X 1 [1] nil");
  const poison = await run(gw, "poison");
  assert.match(poison.text, /index=false rawset=false gc=false/);
  for (let i = 0; i < 8; i++) assert.equal((await run(gw, "victim")).text, clean);
});

// The TypeScript SDK's URI templates backtracked without end.
test("CVE-2026-0621: a pattern that backtracks without end is stopped, and others are served", async (t) => {
  const gw = await start(t, {
    tools: {
      "bomb.lua": file(
        tool("bomb", "return ('a'):rep(600):find('.-.-.-.-b') or 'none'"),
        tool("gsub_bomb", "return (('a'):rep(600):gsub('.-.-.-.-b', ''))"),
        tool("given", "return args.text:find(args.pattern) or 'none'"),
      ),
    },
  });
  const bombs = [
    run(gw, "bomb"), run(gw, "gsub_bomb"),
    run(gw, "given", { text: "a".repeat(2000), pattern: `${"a-".repeat(50)}b` }),
    run(gw, "given", { text: "(".repeat(100_000), pattern: "%b()" }),
  ];
  for (let i = 0; i < 20; i++) {
    const started = Date.now();
    assert.ok((await gw.rpc("tools/call", { name: "echo", arguments: { message: "m" } })).body.result);
    assert.ok(Date.now() - started < 2000);
  }
  const [first, second, third] = await Promise.all(bombs);
  for (const res of [first, second, third]) assert.ok(res.isError, res.text);
});

// The filesystem server compared prefixes and followed links out of its folder.
test("CVE-2025-53109, CVE-2025-53110: files of a tool lie in the root, links or not", async (t) => {
  const gw = await start(t, {
    ini: "[tool cat]\nexec = cat\n",
    tools: {
      "cat.lua": `local mcp = require "mcp"
        return mcp.tool { name = "cat", input = { type = "object" }, needs = { "exec" },
          run = function(args)
            local res, message = mcp.exec.run {
              argv = { "cat" }, cwd = args.cwd, stdin_file = args.input, stdout_file = args.output }
            if not res then return nil, message end
            return { out = res.stdout }
          end }`,
    },
  });
  const outside = path.join(gw.dir, "outside");
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, "secret"), "secret");
  fs.mkdirSync(`${gw.root}-sibling`);
  fs.writeFileSync(path.join(`${gw.root}-sibling`, "secret"), "secret");
  fs.writeFileSync(path.join(gw.root, "inside"), "inside");
  fs.symlinkSync(path.join(outside, "secret"), path.join(gw.root, "link"));
  fs.symlinkSync(outside, path.join(gw.root, "folder"));
  fs.symlinkSync("inside", path.join(gw.root, "alias"));

  const good = await run(gw, "cat", { input: "inside" });
  assert.equal(good.text, '{"out":"inside"}');
  for (const input of [
    "../outside/secret", "link", "folder/secret", `${gw.root}-sibling/secret`, "../root-sibling/secret",
    path.join(outside, "secret"), "./../outside/secret", "inside/../../outside/secret", "/proc/self/environ",
    "../mcp.ini", "../tools.d/cat.lua", ".mcp-state.json", ".",
  ]) {
    const res = await run(gw, "cat", { input });
    assert.ok(res.isError, `${input}: ${res.text}`);
    assert.doesNotMatch(res.text, /"out"/);
  }
  for (const output of ["../outside/new", "folder/new", "link", "../mcp.ini", "../tools.d/x.lua"])
    assert.ok((await run(gw, "cat", { input: "inside", output })).isError, output);
  for (const cwd of ["..", "folder", "/", outside])
    assert.ok((await run(gw, "cat", { input: "inside", cwd })).isError, cwd);
  assert.deepEqual(fs.readdirSync(outside), ["secret"]);
  assert.equal(fs.readFileSync(path.join(outside, "secret"), "utf8"), "secret");
  assert.ok(!fs.existsSync(path.join(gw.toolsDir, "x.lua")));
});

test("CVE-2025-53109: a helper is loaded from tools.d/lib, and from nowhere else", async (t) => {
  const names = ["../evil", "../../evil", "/etc/passwd", "lib.good", "good.lua", "..good", "good\\0", "", "os", "link"];
  const gw = await start(t, {
    tools: {
      "lib/good.lua": "return { answer = 42 }",
      "loader.lua": `local mcp = require "mcp"
        local good = require "good"
        local found = {}
        for _, name in ipairs { ${names.map((n) => `"${n}"`)} } do
          if pcall(require, name) then found[#found + 1] = name end
        end
        return mcp.tool { name = "loader", input = { type = "object" },
          run = function() return good.answer .. table.concat(found, " ") end }`,
    },
  });
  assert.equal((await run(gw, "loader")).text, "42");
});
