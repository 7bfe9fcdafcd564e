// differences.test.mjs - docs/migrating.md's list of deliberate differences: each item over the wire, by
// the shipped tools, and no item without its test.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo } from "./lib/gateway.mjs";

const page = fs.readFileSync(path.join(repo, "docs/migrating.md"), "utf8");
const section = page.slice(page.indexOf("\n## Deliberate differences\n"), page.indexOf("\n## Going back\n"));
const items = new Map([...section.matchAll(/^(\d+)\. (.*(?:\n {2,}.*)*)/gm)].map((m) => [Number(m[1]), m[2]]));

const copied = new Map();
const shipped = {};
for (const name of fs.readdirSync(path.join(repo, "tools.d"), { recursive: true }))
  if (name.endsWith(".lua") && !name.endsWith("_test.lua"))
    shipped[name] = fs.readFileSync(path.join(repo, "tools.d", name), "utf8");
const sections = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8").split("; ---- what comes with the gateway ----")[1];
const ini = `[rate_limit]\nbucket = 0\n${sections.replace(/^command = (build|config)\/evals\/.*$/gm, "command = true")}`;

async function start(t, options = {}) {
  const gw = await Gateway.start({ ini, tools: shipped, ...options });
  t.after(() => gw.stop());
  fs.writeFileSync(path.join(gw.root, "note.md"), "A note about marzipan.\n");
  fs.mkdirSync(path.join(gw.root, ".git"));
  fs.writeFileSync(path.join(gw.root, ".git/marzipan"), "marzipan\n");
  gw.names = (await gw.rpc("tools/list")).body.result.tools.map((tool) => tool.name);
  return gw;
}

// A test of item n. Its title begins the item's text, so that neither can change alone.
function difference(n, title, fn) {
  copied.set(n, title);
  test(`${n}. ${title}`, fn);
}

const idOf = (name) => `lukhas-path:${Buffer.from(name).toString("base64url")}`;

difference(1, "Errors.", async (t) => {
  const gw = await start(t);
  const failed = (await gw.rpc("tools/call", { name: "status", arguments: { jobId: "job_nix" } }, { id: 41 })).body;
  assert.deepEqual([failed.id, failed.result.isError, failed.result.content[0].text], [41, true, "Unknown jobId: job_nix"]);
  const unknown = (await gw.rpc("tools/call", { name: "nix", arguments: {} }, { id: "x" })).body;
  assert.deepEqual([unknown.id, unknown.error.code, unknown.error.message], ["x", -32602, "Unknown tool: nix"]);
  const method = (await gw.rpc("nix", {}, { id: 42 })).body;
  assert.deepEqual([method.id, method.error.code], [42, -32601]);
  const garbage = await gw.client.post("{");
  assert.deepEqual([garbage.status, garbage.body.error.code], [400, -32700]);
});

difference(2, "Notifications", async (t) => {
  const gw = await start(t);
  const told = await gw.client.notify("notifications/initialized");
  assert.deepEqual([told.status, told.text], [202, ""]);
  assert.equal((await gw.fetch("/healthz")).status, 200);
});

difference(3, "Messages", async (t) => {
  const gw = await start(t);
  const calls = [["fetch", { id: idOf("../etc/passwd") }], ["fetch", { id: idOf("/etc/passwd") }],
    ["status", {}], ["run_eval", {}], ["promote_model", {}], ["search", { query: " " }]];
  for (const [name, args] of calls) {
    const got = await gw.call(name, args);
    assert.equal(got.isError, true, name);
    assert.match(got.text, /^[\x20-\x7e]+$/);
    assert.doesNotMatch(got.text, /lukhas|requerid|inv[aá]lid[oa]\b|archivo|ruta/i);
  }
  if (gw.names.includes("write_file")) {
    const got = await gw.call("write_file", { path: "/etc/x", contents: "x" });
    assert.equal(got.text, `Absolute path must be within the repository: ${fs.realpathSync(gw.root)}`);
  }
});

difference(4, "`get_*`", async (t) => {
  const gw = await start(t);
  for (const name of gw.names.filter((n) => n.startsWith("get_")))
    for (const gone of ["quality_standard", "consciousness_modules", "production_modules"])
      assert.ok(!(gone in (await gw.call(name)).value), `${name}: ${gone}`);
  const texts = JSON.stringify((await gw.rpc("tools/list")).body);
  assert.doesNotMatch(texts, /quality_standard|consciousness_modules|production_modules/);
});

difference(5, "Files and git.", async (t) => {
  const gw = await start(t);
  if (gw.names.includes("find_files")) {
    const found = (await gw.call("find_files", { glob: "[a-n]ote.{md,txt}" })).value;
    assert.deepEqual(found.items, [{ path: "note.md" }]);
  }
  if (gw.names.includes("apply_patch")) {
    const refused = await gw.call("apply_patch", { path: "new.md", patch: "no hunk\n", expectSha256: "", allowCreate: true });
    assert.equal(refused.isError, true);
    assert.ok(!fs.existsSync(path.join(gw.root, "new.md")));
  }
  // Until those tools are here, none of these names is taken by something else.
  for (const name of ["find_files", "apply_patch", "git_commit"])
    if (!gw.names.includes(name))
      assert.equal((await gw.rpc("tools/call", { name, arguments: {} })).body.error?.message, `Unknown tool: ${name}`);
});

difference(6, "What is out of reach.", async (t) => {
  const gw = await start(t);
  for (const name of [".git/marzipan", ".mcp-state.json"]) {
    const got = await gw.call("fetch", { id: idOf(name) });
    assert.equal(got.isError, true, `${name}: ${got.text}`);
  }
  const found = (await gw.call("search", { query: "marzipan" })).value;
  assert.ok(found.hits.every((hit) => !JSON.stringify(hit).includes(".git/")), JSON.stringify(found));
});

difference(7, "`tools/list`", async (t) => {
  const gw = await start(t);
  assert.ok(gw.names.length > 0);
  assert.equal(new Set(gw.names).size, gw.names.length);
});

difference(8, "`search` and `fetch`", async (t) => {
  const gw = await start(t);
  assert.equal((await gw.call("fetch", { id: idOf("note.md") })).value.text, "A note about marzipan.\n");
  const literal = (await gw.call("fetch", { id: "doc-1" })).value;
  assert.equal(literal.metadata.source, "literal");
});

difference(9, "The token bucket", async (t) => {
  const limited = ini.replace("bucket = 0", "bucket = 2\nwindow = 4s");
  const gw = await Gateway.start({ ini: limited, tools: shipped });
  t.after(() => gw.stop());
  let refused;
  while (!refused) {
    const res = await gw.rpc("ping");
    if (res.status === 429) refused = res;
  }
  // One token of two comes after half of the window at the latest.
  const wait = Number(refused.headers.get("retry-after"));
  assert.ok(wait >= 1 && wait <= 2, `Retry-After: ${wait}`);
});

difference(10, "`\\u0000`", async (t) => {
  const gw = await start(t);
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fetch","arguments":{"id":"a\\u0000b"}}}';
  const res = await gw.client.post(body);
  assert.deepEqual([res.status, res.body.error.code], [400, -32700]);
});

test("every item of the page has its test, under its title, and says how to notice it", () => {
  assert.deepEqual([...items.keys()], [...copied.keys()]);
  for (const [n, text] of items) {
    const plain = text.replaceAll("**", "");
    assert.ok(plain.startsWith(copied.get(n)), `${n}: ${plain}`);
    assert.match(text, /\*To notice:\*/, `item ${n}`);
  }
});

test("the page's names of the environment are those that are read", () => {
  const manual = fs.readFileSync(path.join(repo, "docs/config.md"), "utf8");
  const table = page.slice(page.indexOf("| environment |"), page.indexOf("| `FETCH_CACHE_MAX`"));
  const names = [...table.matchAll(/`([A-Z_]+)`/g)].map((m) => m[1]);
  const read = [...manual.matchAll(/\(also `([A-Z_]+)`/g)].map((m) => m[1]);
  assert.deepEqual(names.toSorted(), read.toSorted());
});

test("a foreign name, an origin that is not listed: 403 that names the key of mcp.ini", async (t) => {
  const gw = await start(t);
  const asked = async (header) => {
    const raw = await gw.raw();
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const host = header.startsWith("Host:") ? "" : `Host: 127.0.0.1:${gw.port}\r\n`;
    raw.send(`POST /mcp HTTP/1.1\r\n${host}${header}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    return (await raw.closed()).toString();
  };
  const host = await asked("Host: mcp.example.com");
  assert.match(host, /^HTTP\/1\.1 403 /);
  assert.match(host, /allowed_hosts/);
  const origin = await asked("Origin: https://page.example.com");
  assert.match(origin, /^HTTP\/1\.1 403 /);
  assert.match(origin, /allowed_origins/);
});
