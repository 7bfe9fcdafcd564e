// offers.test.mjs - prompts, resources, templates and completion through the official clients of
// both generations; who may see what; and those that ship.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { UriTemplate } from "@modelcontextprotocol/sdk/shared/uriTemplate.js";

import { clients } from "./lib/clients.mjs";
import { Gateway, runBinary } from "./lib/gateway.mjs";
import { startShipped } from "./lib/shipped.mjs";

const listed = (list) => list.map((entry) => entry.name);

for (const [label, open] of Object.entries(clients)) {
  test(`${label} gets prompts and reads resources`, async (t) => {
    const gw = await Gateway.start({ tools: ["offers.lua", "echo.lua"] });
    t.after(() => gw.stop());
    const client = await open({ url: gw.url });
    const capabilities = client.getServerCapabilities();
    assert.ok(capabilities.prompts && capabilities.resources && capabilities.completions);
    await getsPrompts(client);
    // The second generation of clients gives all eras' codes the name of the newest.
    await readsResources(client, label.startsWith("sdk") ? -32002 : -32602);
    await completes(client);
    await hints(client, label.endsWith("2026-07-28") || label.endsWith("auto"));
    await showsApps(client);
    await client.close();
  });
}

async function getsPrompts(client) {
  const { prompts } = await client.listPrompts();
  assert.deepEqual(listed(prompts), ["broken", "greet", "many", "slow"]);
  const greet = prompts[1];
  assert.equal(greet.title, "Greet");
  assert.deepEqual(greet.icons, [{ src: "https://example.com/i.png" }]);
  assert.deepEqual(greet.arguments, [
    { name: "who", description: "Whom", required: true }, { name: "tone" },
  ]);
  const got = await client.getPrompt({ name: "greet", arguments: { who: "Ada" } });
  assert.equal(got.description, "Greets somebody.");
  assert.deepEqual(got.messages, [
    { role: "user", content: { type: "text", text: "Greet Ada" } },
    { role: "assistant", content: { type: "audio", data: "UklGRg==", mimeType: "audio/wav" } },
  ]);
  assert.equal((await client.getPrompt({ name: "slow" })).messages[0].content.text, "slow");
  await assert.rejects(client.getPrompt({ name: "greet", arguments: { tone: "dry" } }),
    { code: -32602, message: /missing required argument "who"/ });
  await assert.rejects(client.getPrompt({ name: "nope" }), { code: -32602 });
  await assert.rejects(client.getPrompt({ name: "broken" }), { code: -32603, message: /it broke/ });
  await assert.rejects(client.getPrompt({ name: "greet", arguments: { who: "" } }), { code: -32602, message: /whom\?/ });
}

async function readsResources(client, missing) {
  const first = await client.listResources(undefined);
  const all = [...first.resources];
  for (let page = first; page.nextCursor;) {
    page = await client.listResources({ cursor: page.nextCursor });
    all.push(...page.resources.filter((entry) => !listed(all).includes(entry.name)));
  }
  assert.deepEqual(listed(all), ["bytes", "today", "view", "one"]);
  assert.deepEqual(all[1].annotations, { audience: ["user"] });
  assert.equal(all[1].size, 5);
  assert.equal(all[3].title, "anonymous");
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.deepEqual(resourceTemplates.map((entry) => entry.uriTemplate), ["notes:///by/{id}{?lang}"]);

  const read = async (uri) => (await client.readResource({ uri })).contents;
  assert.deepEqual(await read("notes:///today"),
    [{ uri: "notes:///today", mimeType: "text/plain", text: "today" }]);
  assert.deepEqual(await read("notes:///bytes"),
    [{ uri: "notes:///bytes", mimeType: "image/png", blob: "AAEC" }]);
  assert.deepEqual(await read("notes:///by/a%20b?lang=de"),
    [{ uri: "notes:///by/a%20b?lang=de", mimeType: "text/markdown", text: "a b in de" }]);
  await assert.rejects(read("notes:///tomorrow"), { code: missing, data: { uri: "notes:///tomorrow" } });
  await assert.rejects(read("notes:///by/0"), { code: missing, data: { uri: "notes:///by/0" } });
  await assert.rejects(read("notes:///by/bad"), { code: -32603, message: /the disk failed/ });
  await assert.rejects(read("notes:///by/x?lang=xx"), { code: -32602, message: /no language/ });
}

// What may be kept is what the file says; older revisions know nothing of it.
async function hints(client, isModern) {
  const read = async (uri) => {
    const { ttlMs, cacheScope } = await client.readResource({ uri });
    return [ttlMs, cacheScope];
  };
  const want = (...hint) => (isModern ? hint : [undefined, undefined]);
  assert.deepEqual(await read("notes:///today"), want(0, "private"));
  assert.deepEqual(await read("notes:///bytes"), want(600_000, "public"));
  assert.deepEqual(await read("notes:///by/1"), want(1500, "private"));
}

// MCP Apps: a tool names the page that shows it, and the page is a resource like any other.
async function showsApps(client) {
  const { tools } = await client.listTools();
  assert.deepEqual(listed(tools), ["echo", "show_notes"]);
  const { resourceUri } = tools[1]._meta.ui;
  const [page] = (await client.readResource({ uri: resourceUri })).contents;
  assert.deepEqual(page, {
    uri: resourceUri, mimeType: "text/html;profile=mcp-app", text: "<p>Notes</p>",
    _meta: { ui: { csp: { connectDomains: ["https://example.com"] } } },
  });
  const { content } = await client.callTool({ name: "show_notes", arguments: {} });
  assert.deepEqual(content[1], { type: "resource_link", uri: resourceUri, name: "view" });
}

async function completes(client) {
  const ask = async (ref, name, value, context) =>
    (await client.complete({ ref, argument: { name, value }, context })).completion;
  const greet = { type: "ref/prompt", name: "greet" };
  assert.deepEqual(await ask(greet, "who", "a"), { values: ["Ada", "Alan"], total: 2, hasMore: false });
  assert.deepEqual((await ask(greet, "tone", "dry", { arguments: { who: "Ada" } })).values,
    ["dry", "prompt:greet", "Ada"]);
  const notes = await ask({ type: "ref/resource", uri: "notes:///by/{id}{?lang}" }, "id", "7");
  assert.equal(notes.values.length, 100);
  assert.deepEqual([notes.values[99], notes.total, notes.hasMore], ["7100", 250, true]);
  await assert.rejects(ask({ type: "ref/prompt", name: "nope" }, "who", ""), { code: -32602 });
}

const keys = `[auth]
allow_anonymous = no
[key all]
secret = key-all
[key tools]
secret = key-tools
tools = echo, p*, r*, *e*
[key some]
secret = key-some
tools = echo, prompt:g*, resource:today
`;

test("a key sees and uses the prompts and resources that its tools name", async (t) => {
  const gw = await Gateway.start({ ini: keys, tools: ["offers.lua", "echo.lua"] });
  t.after(() => gw.stop());
  const ask = async (key, method, params = {}) => (await gw.rpc(method, params, { key })).body;
  const sees = async (key, method, member) => listed((await ask(key, method)).result[member]);

  assert.equal((await sees("key-all", "prompts/list", "prompts")).length, 4);
  assert.deepEqual(await sees("key-tools", "prompts/list", "prompts"), []);
  assert.deepEqual(await sees("key-some", "prompts/list", "prompts"), ["greet"]);
  assert.deepEqual(await sees("key-tools", "resources/list", "resources"), []);
  assert.deepEqual(await sees("key-some", "resources/list", "resources"), ["today"]);
  assert.deepEqual(await sees("key-some", "resources/templates/list", "resourceTemplates"), []);
  assert.deepEqual(await sees("key-some", "tools/list", "tools"), ["echo"]);

  for (const [method, params, ref] of [
    ["prompts/get", { name: "slow" }, { type: "ref/prompt", name: "many" }],
    ["resources/read", { uri: "notes:///bytes" }, { type: "ref/resource", uri: "notes:///by/1" }],
  ]) {
    assert.ok((await ask("key-all", method, params)).result, method);
    const completion = { ref, argument: { name: "x", value: "" } };
    assert.ok((await ask("key-all", "completion/complete", completion)).result);
    for (const key of ["key-tools", "key-some"]) {
      assert.ok((await ask(key, method, params)).error, `${key} ${method}`);
      assert.equal((await ask(key, "completion/complete", completion)).error.code, -32602);
    }
  }
  const { result } = (await gw.client.modern("resources/read", { uri: "notes:///bytes" }, { key: "key-all" })).body;
  assert.deepEqual([result.ttlMs, result.cacheScope], [600_000, "private"]); // others may not read it
  assert.ok((await ask("key-some", "prompts/get", { name: "greet", arguments: { who: "x" } })).result);
  assert.ok((await ask("key-some", "resources/read", { uri: "notes:///today" })).result);
  const line = await gw.logged((l) => l.tool === "prompt:greet");
  assert.equal(line.rpc, "prompts/get");
});

test("without prompts and resources there are no such methods", async (t) => {
  const gw = await Gateway.start({ tools: ["echo.lua"] });
  t.after(() => gw.stop());
  for (const method of ["prompts/list", "resources/list", "completion/complete"])
    assert.equal((await gw.rpc(method, {})).body.error.code, -32601);
});

// A reload reaches the workers by message: asked until the answer is the new one.
async function reload(gw, isNew) {
  const before = gw.log.length;
  gw.signal("SIGHUP");
  await gw.logged((l) => gw.log.indexOf(l) >= before && /^reload/.test(l.msg));
  for (let tries = 0; !(await isNew()); tries++) assert.ok(tries < 10_000, "the reload is not served");
}

test("what breaks at a reload keeps its last good version", async (t) => {
  const gw = await Gateway.start({ tools: ["offers.lua"], ini: "[rate_limit]\nbucket = 0\n" });
  t.after(() => gw.stop());
  const prompts = async () => listed((await gw.rpc("prompts/list")).body.result.prompts).join();
  gw.writeTools({ "offers.lua": "return 5", "more.lua": `local mcp = require "mcp"
    return mcp.prompt { name = "more", run = function() return "more" end }` });
  await reload(gw, async () => (await prompts()) === "broken,greet,many,more,slow");
  const got = (await gw.rpc("prompts/get", { name: "slow" })).body.result;
  assert.equal(got.messages[0].content.text, "slow");
  gw.writeTools({ "offers.lua": `local mcp = require "mcp"
    return mcp.prompt { name = "new", run = function() return "new" end }` });
  await reload(gw, async () => (await prompts()) === "more,new");
  assert.equal((await gw.rpc("resources/list")).body.error.code, -32601);
});

test("moongate call gets prompts and reads resources; moongate may says who may", async (t) => {
  const gw = await Gateway.start({ ini: keys, tools: ["offers.lua", "echo.lua"] });
  t.after(() => gw.stop());
  const run = async (...args) => {
    const { code, stdout, stderr } = await runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir });
    return [code, (stdout + stderr).trim()];
  };
  assert.deepEqual(await run("call", "prompt:slow"), [0, "slow"]);
  assert.deepEqual(await run("call", "notes:///by/7?lang=de"), [0, "7 in de"]);
  assert.deepEqual(await run("call", "notes:///by/0"), [1, "moongate: Resource not found"]);
  assert.deepEqual(await run("call", "prompt:slow", "--as", "some"), [1, "moongate: Unknown prompt: slow"]);
  assert.deepEqual(await run("call", "prompt:slow", "--commit"), [2, "moongate: --commit is for tools"]);
  assert.match((await run("may", "some", "prompt:greet"))[1], /^yes: .*\(prompt:g\* fits\)/);
  assert.match((await run("may", "tools", "prompt:greet"))[1], /^no: /);
  assert.match((await run("may", "tools", "resource:today"))[1], /^no: /);
  assert.equal((await run("may", "all", "resource:notes"))[0], 0);
  assert.equal((await run("may", "all", "resource:nope"))[0], 2);
});

// ---- those that ship ----

function git(dir, ...words) {
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
  execFileSync("git", [...who, ...words], {
    cwd: path.join(dir, "root"),
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  });
}

const files = {
  "README.md": "# Hello\n", "src/a b.c": "int a;\n", "bin/data": "\0\x01", ".env": "TOKEN=hidden\n",
  "docs/guide.md": "guide\n",
};

function commitAll(dir) {
  git(dir, "init", "-q");
  git(dir, "add", "-A", "-f");
  git(dir, "commit", "-q", "-m", "first");
  fs.writeFileSync(path.join(dir, "root", "README.md"), "# Hello, world\n");
  fs.writeFileSync(path.join(dir, "root", ".env"), "TOKEN=hidden too\n");
}

test("the repository is there as resources, and what is denied is not", async (t) => {
  const gw = await startShipped(t, { root: files, before: commitAll });
  const client = await clients["client 2.x, 2026-07-28"]({ url: gw.url });
  const names = listed((await client.listResources()).resources);
  assert.deepEqual(names, ["ops-kit", "README.md", "bin/", "docs/", "src/"]);
  const read = async (uri) => (await client.readResource({ uri })).contents[0];
  assert.equal((await read("repo:///README.md")).text, "# Hello, world\n");
  assert.equal((await read("repo:///README.md")).mimeType, "text/markdown");
  assert.equal((await read("repo:///src/a%20b.c")).text, "int a;\n");
  assert.deepEqual(await read("repo:///bin/data"),
    { uri: "repo:///bin/data", mimeType: "application/octet-stream", blob: "AAE=" });
  assert.equal((await read("repo:///")).text, "README.md\nbin/\ndocs/\nsrc/");
  assert.equal((await read("repo:///src")).text, "src/a b.c");
  for (const uri of ["repo:///.env", "repo:///.git/config", "repo:///nope", "repo:///../mcp.ini",
    "repo:////etc/passwd", "repo:///src/..%2F..%2Fmcp.ini", "repo:///README.md/", "repo:////"])
    await assert.rejects(client.readResource({ uri }), { code: -32602 }, uri);
  const { completion } = await client.complete({
    ref: { type: "ref/resource", uri: "repo:///{+path}" }, argument: { name: "path", value: "d" },
  });
  assert.deepEqual(completion.values, ["docs/"]);
  await client.close();
});

test("a client that does not page sees what is declared, the jobs and the top level", async (t) => {
  const gw = await startShipped(t, { root: files });
  const page = async (params) => {
    const { result } = (await gw.rpc("resources/list", params)).body;
    return [listed(result.resources), result.nextCursor];
  };
  const { jobId } = (await gw.call("run_eval", { taskId: "demo", configId: "a", dryRun: true })).value;
  const top = ["README.md", "bin/", "docs/", "src/"];
  assert.deepEqual(await page({}), [["ops-kit", jobId, ...top], undefined]);
});

const lister = (name, body) => `mcp.resource_template {
  name = "${name}", uriTemplate = "${name}:{n}", read = function(vars) return vars.n end,
  list = function(ctx) ${body} end,
}`;
const one = (name) => `{ { uri = "${name}:1", name = "${name}" } }`;

test("what several templates list stands on one page, but for those that fail", async (t) => {
  const tools = { "all.lua": `local mcp = require "mcp"
    return {
      mcp.resource { uri = "x:0", name = "declared", read = function() return "0" end },
      ${lister("a", `mcp.time.sleep(0.01) return ${one("a")}`)},
      ${lister("b", `error("it broke")`)},
      ${lister("c", `return ${one("c")}`)},
      ${lister("d", `while true do end`)},
      ${lister("e", `mcp.time.sleep(0.01) return ${one("e")}`)},
    }` };
  const ini = "[rate_limit]\nbucket = 0\n[tool resource:d]\ntimeout = 50ms\n";
  const gw = await Gateway.start({ tools, ini, env: { MOONGATE_SERVER_WORKERS: "1" } });
  t.after(() => gw.stop());
  const ask = async (params) => (await gw.client.modern("resources/list", params)).body.result;
  const all = await Promise.all(Array.from({ length: 5 }, () => ask({})));
  for (const { resources, nextCursor, ttlMs } of all) {
    assert.deepEqual([listed(resources), nextCursor], [["declared", "a", "c", "e"], undefined]);
    assert.equal(ttlMs, 0, "a list with a gap is not to be kept");
  }
  const line = await gw.logged((l) => l.msg === "resources of a template left out of a list");
  assert.equal(line.tool, "resource:b");
  assert.match(JSON.stringify(line.content), /it broke/);
  gw.writeIni(`${ini}[tools]\npage_size = 2\n`);
  await reload(gw, async () => (await ask({})).nextCursor);
  const pages = [];
  for (let cursor; ;) {
    const page = await ask({ cursor });
    pages.push(listed(page.resources));
    if (!(cursor = page.nextCursor)) break;
  }
  assert.deepEqual(pages, [["declared", "a"], ["c", "e"]]);
});

test("a template's lists are lists", async (t) => {
  const uriTemplate = "tree://host{/path*}{?tag*}";
  const tools = { "tree.lua": `local mcp = require "mcp"
    return mcp.resource_template { name = "tree", uriTemplate = "${uriTemplate}",
      read = function(vars) return mcp.json.encode(vars) end }` };
  const gw = await Gateway.start({ tools });
  t.after(() => gw.stop());
  const client = await clients["sdk 1.x"]({ url: gw.url });
  t.after(() => client.close());
  for (const [uri, vars] of Object.entries({
    "tree://host/docs/a%20b.md?tag=x&tag=y%2Cz": { path: ["docs", "a b.md"], tag: ["x", "y,z"] },
    // as the client writes it, where RFC 6570 and it agree
    [new UriTemplate(uriTemplate).expand({ path: ["docs", "a/b"] })]: { path: ["docs", "a/b"] },
  })) {
    const { contents } = await client.readResource({ uri });
    assert.deepEqual(JSON.parse(contents[0].text), vars, uri);
  }
});

test("the review of a change shows the diff, without what is denied", async (t) => {
  const gw = await startShipped(t, { root: files, before: commitAll });
  const client = await clients["sdk 1.x"]({ url: gw.url });
  const text = async (args) => (await client.getPrompt({ name: "review_change", arguments: args }))
    .messages.map((message) => message.content.text).join("\n");
  const shown = await text({ focus: "wording" });
  assert.match(shown, /README\.md \(\+1 -1\)/);
  assert.match(shown, /^\+# Hello, world$/m);
  assert.match(shown, /above all at: wording/);
  assert.match(shown, /1 more that tools may not see/);
  assert.doesNotMatch(shown, /TOKEN|\.env/);
  await assert.rejects(text({ revision: "staged" }), { message: /nothing to review/ });
  await assert.rejects(text({ revision: "no-such-branch" }), { code: -32602, message: /no-such-branch/ });
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "review_change" }, argument: { name: "revision", value: "" },
  });
  assert.deepEqual(completion.values.slice(0, 2), ["HEAD", "staged"]);
  assert.match(completion.values[2], /^[0-9a-f]{12}$/);
  await client.close();
});

test("a failed evaluation is triaged with its record", async (t) => {
  const gw = await startShipped(t);
  const client = await clients["sdk 1.x"]({ url: gw.url });
  const run = await gw.call("run_eval", { taskId: "demo", configId: "fail" });
  const { jobId } = run.value;
  await gw.logged((l) => l.msg === "job ended" && l.call_id === jobId);
  const { messages } = await client.getPrompt({ name: "triage_evaluation", arguments: { jobId } });
  assert.match(messages[1].content.text, new RegExp(`"jobId": ?"${jobId}"`));
  assert.match(messages[1].content.text, /"FAILED"/);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "triage_evaluation" }, argument: { name: "jobId", value: "job" },
  });
  assert.deepEqual(completion.values, [jobId]);
  await assert.rejects(client.getPrompt({ name: "triage_evaluation", arguments: { jobId: "x" } }),
    { code: -32602, message: /Unknown jobId: x/ });
  await client.close();
});
