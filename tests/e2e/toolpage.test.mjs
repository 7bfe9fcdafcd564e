// toolpage.test.mjs - docs/tools.md is what the shipped tools say of themselves.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, runBinary } from "./lib/gateway.mjs";

test("docs/tools.md is the page of the tools that are shipped", async () => {
  const run = await runBinary(["tools", "--markdown"], { cwd: repo });
  assert.equal(run.code, 0, run.stderr);
  const page = fs.readFileSync(path.join(repo, "docs/tools.md"), "utf8");
  assert.equal(run.stdout, page, "run: build/moongate tools --markdown >docs/tools.md");
  const json = JSON.parse((await runBinary(["tools", "--json"], { cwd: repo })).stdout);
  for (const tool of json) {
    assert.ok(page.includes(`\n## ${tool.name}\n`), tool.name);
    for (const name of Object.keys(tool.inputSchema.properties ?? {}))
      assert.ok(page.includes(`\n| \`${name}\` |`), `${tool.name}.${name}`);
  }
});

test("a page tells everything that a tool declares and is granted", async (t) => {
  const gw = new Gateway({
    ini: "[tool big]\nfs = write\nexec = git\nenv = A, B\nhttp = a.example\nstate = jobs:r\nrate = 5/1s\ntoken = x\n",
    tools: { "big.lua": `local mcp = require "mcp"
      return mcp.tool { name = "big", description = "One | two\\nlines.", coerce = true,
        input = { type = "object", properties = { n = { type = "integer", minimum = 1, default = 2 },
          w = { type = { "string", "null" }, description = "a|b" } }, required = { "w" } },
        output = { type = "object" }, annotations = { readOnlyHint = true },
        needs = { "fs", "exec?", "state:jobs" }, limits = { timeout = "1500ms", memory = "8M", concurrent = 3 },
        settings = { token = { type = "secret", help = "to open it" } }, run = function() end }` },
  });
  t.after(() => gw.remove());
  const run = await runBinary(["-c", gw.iniPath, "tools", "--markdown"], { cwd: gw.dir });
  assert.equal(run.code, 0, run.stderr);
  for (const line of [
    "| [big](#big) | One \\| two lines. |",
    "| `n` | integer | `2` | minimum `1` |  |",
    '| `w` | `["string","null"]` | required |  | a\\|b |',
    "- annotations: readOnlyHint `true`",
    "- needs: `fs`, `exec` (optional), `state:jobs`",
    "- granted: `fs = write`, `exec = git`, `env = A, B`, `http = a.example`, `state = jobs:r`",
    "- limits: 1500 ms, 8 MB, 3 at once, 5 calls in 1 s",
    "| `token` | secret |  | to open it |",
  ])
    assert.ok(run.stdout.includes(`\n${line}\n`), `${line}\n${run.stdout}`);
  assert.ok(!run.stdout.includes("token = x"));
});
