// listed.test.mjs - what a key is shown is what it may use, of every kind of thing and in every method.
// Kong showed denied tools in tools/list.
//
// MOONGATE_LISTED_SEED=N for other keys and names than those of every run.

import assert from "node:assert/strict";
import test from "node:test";

import { startShipped } from "../e2e/lib/shipped.mjs";
import { openSubscription } from "../e2e/lib/sse.mjs";
import { random } from "./hostile.mjs";
import { start } from "./lib.mjs";

const SEED = Number(process.env.MOONGATE_LISTED_SEED || 20261129);
const KEYS = 12;
const NAMES = 6;
const TASKS = { "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } };

const next = random(SEED);
const one = (list) => list[Math.floor(next() * list.length)];

// ---- what there is ----

const LETTERS = ["a", "b", "c", "1", "-"];

// Names that every kind of thing may have, and that stand in no other text.
function someNames() {
  const names = new Set();
  while (names.size < NAMES) {
    const name = `q0${Array.from({ length: 1 + Math.floor(next() * 4) }, () => one(LETTERS)).join("")}`;
    if (/^[a-z](-?[a-z0-9])*$/.test(name)) names.add(name);
  }
  return [...names];
}

const tools = (names) => ({
  "all.lua": `local mcp = require "mcp"
    local any = { type = "object" }
    local all = {}
    local function complete() return { "one" } end
    for _, name in ipairs { ${names.map((name) => `"${name}"`).join(", ")} } do
      all[#all + 1] = mcp.tool { name = name, input = any, run = function(_, ctx) ctx:as_task() return "ran" end }
      all[#all + 1] = mcp.prompt { name = name, arguments = { { name = "a" } }, complete = { a = complete },
        run = function() return "said" end }
      all[#all + 1] = mcp.resource { uri = "r:" .. name, name = name, read = function() return "read" end }
      all[#all + 1] = mcp.resource_template { uriTemplate = "t:" .. name .. "/{id}", name = "of-" .. name, complete = { id = complete },
        list = function() return { { uri = "t:" .. name .. "/1", name = "1" } } end, read = function() return "read" end }
      all[#all + 1] = mcp.skill { name = name, description = "S.", files = { ["SKILL.md"] = "# S" } }
    end
    return all`,
});

// ---- what a key may use, said once more ----

// A name with some of its letters left open.
function glob(names) {
  const kind = one(["", "prompt:", "resource:", "resource:of-", "skill:", "prom*", "res*", "?k*", "*"]);
  return kind + [...one(names)].map((c) => (next() < 0.25 ? one(["?", "*"]) : c)).join("");
}

function someGlobs(names) {
  const fixed = ["*", "nothing", "prompt:*", "resource:*, skill:*", "resource:of-*"];
  return Array.from({ length: KEYS }, (_, i) => (fixed[i] ??
    Array.from({ length: 1 + Math.floor(next() * 3) }, () => glob(names)).join(", ")).split(", "));
}

const fits = (pattern, text) => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\-]/g, "\\$&")
  .replaceAll("*", ".*").replaceAll("?", ".")}$`).test(text);

const may = (globs, kind, name) =>
  globs.some((pattern) => pattern === "*" || (pattern.startsWith(kind) && fits(pattern, kind + name)));

// ---- where a thing is shown, and how it is used ----

const PROMPT = (name) => ({ ref: { type: "ref/prompt", name }, argument: { name: "a", value: "" } });
const TEMPLATE = (name) => ({ ref: { type: "ref/resource", uri: `t:${name}/{id}` }, argument: { name: "id", value: "" } });

const things = [
  { kind: "", named: (n) => n, shown: [["tools/list", "tools", (n) => ({ name: n })]],
    used: [["tools/call", (n) => ({ name: n, arguments: {} })]] },
  { kind: "prompt:", named: (n) => n, shown: [["prompts/list", "prompts", (n) => ({ name: n })]],
    used: [["prompts/get", (n) => ({ name: n })], ["completion/complete", PROMPT]] },
  { kind: "resource:", named: (n) => n, uri: (n) => `r:${n}`, shown: [["resources/list", "resources", (n) => ({ uri: `r:${n}` })]],
    used: [["resources/read", (n) => ({ uri: `r:${n}` })]] },
  { kind: "resource:", named: (n) => `of-${n}`, uri: (n) => `t:${n}/1`,
    shown: [["resources/templates/list", "resourceTemplates", (n) => ({ uriTemplate: `t:${n}/{id}` })],
      ["resources/list", "resources", (n) => ({ uri: `t:${n}/1` })]],
    used: [["resources/read", (n) => ({ uri: `t:${n}/1` })], ["completion/complete", TEMPLATE]] },
  { kind: "skill:", named: (n) => n, uri: (n) => `skill://${n}/SKILL.md`,
    shown: [["resources/list", "resources", (n) => ({ uri: `skill://${n}/SKILL.md` })],
      ["skills/list", "skills", (n) => ({ uri: `skill://${n}/SKILL.md` }), "modern"]],
    used: [["resources/read", (n) => ({ uri: `skill://${n}/SKILL.md` })],
      ["skills/get", (n) => ({ uri: `skill://${n}/SKILL.md` }), "modern"],
      ["resources/directory/read", (n) => ({ uri: `skill://${n}` }), "modern"]] },
];

const has = (entries, wanted) => entries.some((entry) => Object.entries(wanted).every(([key, value]) => entry[key] === value));

async function whole(send, method, member) {
  const all = [];
  for (let cursor; ;) {
    const { result } = (await send(method, cursor ? { cursor } : {})).body;
    all.push(...result[member]);
    if (!(cursor = result.nextCursor)) return all;
  }
}

// Denied is as if it were not there: the same answer, but for the name.
const nameless = (res, name) => res.text.replaceAll(name, "NAME").replace(/"id":\d+/, "");

async function checkUses(send, thing, name, isMine, context) {
  for (const [method, params, era] of thing.used) {
    if (era && era !== send.era) continue;
    const res = await send(method, params(name));
    assert.equal(res.body.result !== undefined, isMine, `${context} ${method}: ${res.text}`);
    if (isMine) continue;
    send.absent[method] ??= send(method, params("zz9"));
    assert.equal(nameless(res, name), nameless(await send.absent[method], "zz9"), `${context} ${method}`);
  }
}

test("Kong's list filter: lists show exactly what calls run, for every key and every kind of thing", async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const names = someNames();
  const keys = someGlobs(names);
  const gw = await start(t, {
    ini: keys.map((globs, i) => `[key k${i}]\nsecret = secret-${i}\ntools = ${globs.join(", ")}\n`).join(""),
    tools: tools(names),
  });
  let shown = 0, hidden = 0;
  for (const [i, globs] of keys.entries()) {
    const key = `secret-${i}`;
    const legacy = Object.assign((method, params) => gw.rpc(method, params, { key }), { era: "legacy" });
    const modern = Object.assign((method, params) => gw.client.modern(method, params, { key, meta: TASKS }), { era: "modern" });
    for (const send of [legacy, modern]) {
      const lists = {};
      for (const thing of things) {
        for (const [method, member, entry, era] of thing.shown) {
          if (era && era !== send.era) continue;
          lists[method] ??= await whole(send, method, member);
          for (const name of names) {
            const isMine = may(globs, thing.kind, thing.named(name));
            assert.equal(has(lists[method], entry(name)), isMine, `${globs}: ${thing.kind}${thing.named(name)} in ${method}`);
            if (isMine) shown++;
            else hidden++;
          }
        }
        send.absent = {};
        await Promise.all(names.map((name) =>
          checkUses(send, thing, name, may(globs, thing.kind, thing.named(name)), `${globs}: ${thing.kind}${thing.named(name)}`)));
      }
    }
    // What it hears of is what it may read.
    const readable = things.filter(({ uri }) => uri);
    const uris = readable.flatMap(({ uri }) => names.map(uri));
    const mine = readable.flatMap(({ kind, named, uri }) => names.filter((name) => may(globs, kind, named(name))).map(uri));
    const stream = await openSubscription(gw.url, { resourceSubscriptions: uris }, { key });
    const acknowledged = (await stream.next()).json.params.notifications.resourceSubscriptions ?? [];
    stream.close();
    assert.deepEqual(acknowledged, mine, `${globs}`);
  }
  assert.ok(shown > 150 && hidden > 150, `${shown} shown, ${hidden} hidden`);
});

test("lesson: jobs and files of the repository are shown to who may read them, and to nobody else", async (t) => {
  const keys = {
    all: "*", jobs: "resource:job", both: "resource:*", some: "resource:jo?, resource:ops*", tools: "run_eval, status, job, repo",
    globs: "*job*, r*, re?ource*", prompts: "prompt:*", skills: "skill:*, resource:nope",
  };
  const gw = await startShipped(t, {
    ini: `[eval quick]\ncommand = true\n${Object.entries(keys).map(([name, globs]) =>
      `[key ${name}]\nsecret = key-${name}\ntools = ${globs}\n`).join("")}`,
    root: { "README.md": "# Hello\n", "src/a.c": "int a;\n" },
  });
  const { jobId } = (await gw.call("run_eval", { taskId: "quick", configId: "c" }, { key: "key-all" })).value;
  const complete = (uri, name, value) => ["completion/complete", { ref: { type: "ref/resource", uri }, argument: { name, value } }];
  const kinds = [
    { may: ["all", "jobs", "both", "some"], template: "job:///{jobId}", uri: `job:///${jobId}`, completion: complete("job:///{jobId}", "jobId", "job") },
    { may: ["all", "both"], template: "repo:///{+path}", uri: "repo:///README.md", completion: complete("repo:///{+path}", "path", "READ") },
  ];
  for (const name of Object.keys(keys)) {
    const key = `key-${name}`;
    for (const send of [(m, p) => gw.rpc(m, p, { key }), (m, p) => gw.client.modern(m, p, { key })]) {
      for (const { may: who, template, uri, completion } of kinds) {
        const isMine = who.includes(name);
        const told = `${name}: ${uri}`;
        assert.equal(has(await whole(send, "resources/templates/list", "resourceTemplates"), { uriTemplate: template }), isMine, told);
        assert.equal(has(await whole(send, "resources/list", "resources"), { uri }), isMine, told);
        const got = await send("resources/read", { uri });
        assert.equal(got.body.result !== undefined, isMine, told);
        assert.equal((await send(...completion)).body.result?.completion.values.length, isMine ? 1 : undefined, told);
        if (isMine) continue;
        const absent = await send("resources/read", { uri: `${uri}0` });
        assert.equal(nameless(got, uri), nameless(absent, `${uri}0`), told);
      }
    }
    const stream = await openSubscription(gw.url, { resourceSubscriptions: kinds.map(({ uri }) => uri) }, { key });
    assert.deepEqual((await stream.next()).json.params.notifications.resourceSubscriptions ?? [],
      kinds.filter(({ may: who }) => who.includes(name)).map(({ uri }) => uri), name);
    stream.close();
  }
});
