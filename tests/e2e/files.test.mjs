// files.test.mjs - mcp.fs in a gateway that serves: the example, grants that come with a reload,
// many names at once.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./lib/gateway.mjs";

const example = fs.readFileSync(path.join(repo, "config/examples/tools.d/edit_file.lua"), "utf8");
const lister = `local mcp = require "mcp"
return mcp.tool { name = "lister", input = { type = "object" }, needs = { "fs?" },
  run = function(args)
    local paths, missing = mcp.fs.list("many", { max = args.max })
    return { count = #paths, last = paths[#paths], missing = missing }
  end }`;

async function start(t, ini, tools) {
  const gw = await Gateway.start({ ini: `[rate_limit]\nbucket = 0\n${ini}`, tools });
  t.after(() => gw.stop());
  return gw;
}

test("the example edits a file once for each passage, and loses no edit", async (t) => {
  const gw = await start(t, "[tool edit_file]\nfs = write\n", { "edit_file.lua": example });
  const file = path.join(gw.root, "text");
  const numbers = [...Array(20).keys()];
  fs.writeFileSync(file, numbers.map((n) => `<${n}>`).join("\n"), { mode: 0o640 });
  const edit = (n) => gw.call("edit_file", { path: "text", old: `<${n}>`, new: `[${n}]` });
  for (let open = numbers; open.length > 0;) {
    const answers = await Promise.all(open.map(edit));
    for (const { isError, text } of answers.filter((answer) => answer.isError))
      assert.match(text, /has changed: its sha256 is [0-9a-f]{64} now/, `${isError}`);
    const left = open.filter((_, i) => answers[i].isError);
    assert.ok(left.length < open.length);
    open = left;
  }
  assert.equal(fs.readFileSync(file, "utf8"), numbers.map((n) => `[${n}]`).join("\n"));
  assert.equal(fs.statSync(file).mode & 0o777, 0o640);
  const twice = await gw.call("edit_file", { path: "text", old: "[", new: "(" });
  assert.match(twice.text, /holds this passage 20 times/);
});

test("a grant comes and goes with a reload", async (t) => {
  const gw = await start(t, "", { "lister.lua": lister });
  fs.mkdirSync(path.join(gw.root, "many"));
  const without = await gw.call("lister", {});
  assert.ok(without.isError);
  assert.match(without.text, /not granted; write in mcp\.ini: \[tool lister\] fs = read/);
  gw.writeIni("[rate_limit]\nbucket = 0\n[tool lister]\nfs = read\n");
  gw.signal("SIGHUP");
  await gw.logged((line) => /^reload(ed| failed)/.test(line.msg));
  assert.equal((await gw.call("lister", {})).value.count, 0);
});

test("a listing of many names holds nobody", async (t) => {
  const gw = await start(t, "[server]\nworkers = 1\n[tool lister]\nfs = read\nmemory = 64M\n",
    { "lister.lua": lister, "echo.lua": fs.readFileSync(path.join(repo, "tests/e2e/tools.d/echo.lua"), "utf8") });
  const many = path.join(gw.root, "many");
  const n = Math.ceil(5_000 / slowness);
  fs.mkdirSync(many);
  for (let i = 0; i < n; i++) fs.closeSync(fs.openSync(path.join(many, `file-${String(i).padStart(6, "0")}`), "w"));
  const listing = gw.call("lister", { max: n });
  let echoes = 0;
  let isListed = false;
  listing.finally(() => (isListed = true));
  do {
    assert.equal((await gw.call("echo", { message: "m" })).isError ?? false, false);
    echoes++;
  } while (!isListed);
  const { value } = await listing;
  assert.deepEqual(value, { count: n, last: `many/file-${String(n - 1).padStart(6, "0")}` });
  assert.ok(echoes > 0);
  const cut = (await gw.call("lister", { max: n - 1 })).value;
  assert.equal(cut.count, n - 1);
  assert.match(cut.missing, /more names than max/);
});
