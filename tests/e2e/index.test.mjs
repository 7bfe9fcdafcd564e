// index.test.mjs - the search index in a running gateway, by the example config/examples/tools.d/notes.lua: restarts, a
// lost file, looking without serving, where it lies and that no tool reads it.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, runBinary } from "./lib/gateway.mjs";

const notes = fs.readFileSync(path.join(repo, "config/examples/tools.d/notes.lua"), "utf8");

async function start(t, { ini = "", tools = {} } = {}) {
  const gw = await Gateway.start({ ini: `[rate_limit]\nbucket = 0\n${ini}`, tools: { "notes.lua": notes, ...tools } });
  t.after(() => (gw.exit ? gw.remove() : gw.stop()));
  return gw;
}

async function add(gw, id, title, text) {
  const result = await gw.call("notes", { id, title, text });
  assert.ok(!result.isError, result.text);
}

async function find(gw, words) {
  const result = await gw.call("notes", { find: words });
  assert.ok(!result.isError, result.text);
  return result.value.notes.map((note) => note.id);
}

test("what was put is found, also after a restart, a kill and the loss of the file", async (t) => {
  const gw = await start(t);
  assert.ok(!fs.existsSync(`${gw.statePath}-index`)); // nothing is made before it is needed
  await add(gw, "a", "Groceries", "apples, pears and a getUserName");
  await add(gw, "b", "Pears", "where they grow");
  assert.deepEqual(await find(gw, "pear*"), ["b", "a"]);
  assert.deepEqual(await find(gw, "get_user_name"), ["a"]);
  const hit = (await gw.call("notes", { find: '"apples pears"' })).value.notes[0];
  assert.deepEqual([hit.title, hit.snippet], ["Groceries", "apples, pears and a getUserName"]);
  assert.ok(hit.score > 0);
  await gw.stop({ keep: true });
  await gw.restart();
  assert.deepEqual(await find(gw, "pear*"), ["b", "a"]);
  await gw.kill();
  await gw.restart();
  assert.deepEqual(await find(gw, "pear*"), ["b", "a"]);
  await gw.stop({ keep: true });
  for (const end of ["", "-wal", "-shm"]) fs.rmSync(`${gw.statePath}-index${end}`, { force: true });
  await gw.restart(); // the tool's start puts in again what the collection has
  for (let i = 0; i < 3000 && (await find(gw, "pear*")).length < 2; i++);
  assert.deepEqual(await find(gw, "pear*"), ["b", "a"]);
});

test("a damaged file is begun anew, and the log says so", async (t) => {
  const gw = await start(t);
  await add(gw, "a", "", "words");
  await gw.stop({ keep: true });
  fs.writeFileSync(`${gw.statePath}-index`, "no database at all", { flag: "r+" });
  await gw.restart();
  await gw.logged((l) => l.level === "warn" && /index .* is begun anew/.test(l.msg));
  for (let i = 0; i < 3000 && (await find(gw, "words")).length === 0; i++);
  assert.deepEqual(await find(gw, "words"), ["a"]);
});

test("moongate call looks into the index and changes nothing in it", async (t) => {
  const gw = await start(t);
  await add(gw, "a", "", "words");
  for (const serving of [true, false]) {
    const call = (args) => runBinary(["-c", gw.iniPath, "call", "notes", JSON.stringify(args)], { cwd: gw.dir });
    const found = await call({ find: "words" });
    assert.equal(found.code, 0, found.stderr);
    assert.equal(JSON.parse(found.stdout).notes[0].id, "a");
    const put = await call({ id: "b", text: "words" });
    assert.equal(put.code, 1);
    assert.match(put.stderr, /only read here/);
    if (serving) await gw.stop({ keep: true });
  }
});

test("[search] path: where it lies; programs of tools do not get it as their input", async (t) => {
  const cat = `local mcp = require "mcp"
    return mcp.tool { name = "cat", description = "For a test.", input = { type = "object" }, needs = { "exec" },
      run = function(args)
        local r, m = mcp.exec.run { argv = { "cat" }, stdin_file = args.path }
        if not r then return nil, m end
        return #r.stdout .. " bytes"
      end }`;
  const gw = await start(t, { ini: "[search]\npath = root/kept/index\n[tool cat]\nexec = cat\n", tools: { "cat.lua": cat } })
    .catch((error) => error);
  assert.match(String(gw), /search\.path: the folder/); // it must be there
  const root = await start(t, { ini: "[search]\npath = root/my.index\n[tool cat]\nexec = cat\n", tools: { "cat.lua": cat } });
  await add(root, "a", "", "words");
  fs.writeFileSync(path.join(root.root, "plain"), "12345");
  assert.equal((await root.call("cat", { path: "plain" })).text, "5 bytes");
  for (const name of ["my.index", "my.index-wal", "my.index-shm"]) {
    assert.ok(fs.existsSync(path.join(root.root, name)), name);
    assert.equal(fs.statSync(path.join(root.root, name)).mode & 0o777, 0o600);
    assert.equal((await root.call("cat", { path: name })).isError, true, name);
  }
});
