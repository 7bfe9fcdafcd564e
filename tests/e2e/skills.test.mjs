// skills.test.mjs - the extension io.modelcontextprotocol/skills: what is listed, read, told of and refused.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";
import { clients } from "./lib/clients.mjs";
import { openEventStream, openSubscription } from "./lib/sse.mjs";
import { startShipped } from "./lib/shipped.mjs";

const EXTENSION = "io.modelcontextprotocol/skills";
const BOTH = { Accept: "application/json, text/event-stream" };
const head = (name, description = "For a test.") => `---\nname: ${name}\ndescription: ${description}\n---\n`;

const files = {
  "skills/deploy/SKILL.md": `${head("deploy", "How to deploy.")}\n# Deploy\n`,
  "skills/deploy/scripts/go.sh": "#!/bin/sh\necho gr\u00fc\u00dfe\n",
  "skills/deploy/scripts/deep/data.bin": Buffer.from([0, 255, 1]),
  "skills/deploy/_notes.md": "kept",
  "skills/deploy/.hidden": "not for clients",
  "deploy.lua": `return require("mcp").skill { name = "deploy", title = "Deploy", path = "ops/team", folder = "skills/deploy" }`,
  "more.lua": `local mcp = require "mcp"
    local function skill(name)
      return mcp.skill { name = name, description = "Skill " .. name .. ".", files = { ["SKILL.md"] = "# " .. name } }
    end
    return { skill("alpha"), skill("secret"), skill("zulu") }`,
};
const DEPLOY = "skill://ops/team/deploy";

async function start(t, ini = "", options = {}) {
  const gw = await Gateway.start({ ini: `[rate_limit]\nbucket = 0\n${ini}`, tools: files, ...options });
  t.after(() => gw.stop());
  return gw;
}

const names = (result) => result.skills.map((skill) => skill.frontmatter.name);
const read = (gw, uri, options) => gw.client.modern("resources/read", { uri }, options);
const sha256 = (bytes) => `sha256:${crypto.createHash("sha256").update(bytes).digest("hex")}`;

test("skills are listed, got and read, with the digests of what is read", async (t) => {
  const gw = await start(t);
  const { result: found } = (await gw.client.modern("server/discover")).body;
  assert.deepEqual(found.capabilities.extensions[EXTENSION], { directoryRead: true });
  assert.ok(found.capabilities.resources);
  const { result } = (await gw.client.modern("skills/list")).body;
  assert.deepEqual(names(result), ["alpha", "deploy", "secret", "zulu"]);
  assert.deepEqual([result.cacheScope, Number.isInteger(result.ttlMs), result.nextCursor], ["public", true, undefined]);
  const deploy = result.skills[1];
  assert.equal(deploy.uri, `${DEPLOY}/SKILL.md`);
  assert.deepEqual(deploy.frontmatter, { name: "deploy", description: "How to deploy." });
  assert.deepEqual(deploy.resources.map(({ uri }) => uri.slice(DEPLOY.length)),
    ["/SKILL.md", "/_notes.md", "/scripts/deep/data.bin", "/scripts/go.sh"]);
  for (const { uri, digest, size } of result.skills.flatMap((skill) => skill.resources)) {
    const [content] = (await read(gw, uri)).body.result.contents;
    const bytes = Buffer.from(content.text ?? content.blob, content.text === undefined ? "base64" : "utf8");
    assert.deepEqual([content.uri, digest, size], [uri, sha256(bytes), bytes.length]);
    const file = files[`skills/deploy${uri.slice(DEPLOY.length)}`];
    if (uri.startsWith(DEPLOY)) assert.deepEqual(bytes, Buffer.from(file));
  }
  const got = (await gw.client.modern("skills/get", { uri: deploy.uri })).body.result;
  assert.deepEqual(got.skill, deploy);
  assert.deepEqual([got.cacheScope, got.nextCursor], ["public", undefined]);
});

test("what is no skill's: unknown, in every method", async (t) => {
  const gw = await start(t);
  for (const [method, uri] of [
    ["skills/get", `${DEPLOY}/scripts/go.sh`], ["skills/get", DEPLOY], ["skills/get", "skill://nope/SKILL.md"],
    ["resources/read", DEPLOY], ["resources/read", `${DEPLOY}/.hidden`], ["resources/read", `${DEPLOY}/../deploy/SKILL.md`],
    ["resources/directory/read", `${DEPLOY}/SKILL.md`], ["resources/directory/read", "skill://ops/team"],
    ["resources/directory/read", `${DEPLOY}/`], ["resources/directory/read", `${DEPLOY}/scr`], ["resources/directory/read", "x:y"],
  ]) {
    const { body, status } = await gw.client.modern(method, { uri });
    assert.deepEqual([status, body.error?.code, body.error?.data], [200, -32602, { uri }], `${method} ${uri}`);
  }
  for (const method of ["skills/get", "resources/directory/read"])
    for (const params of [{}, { uri: 1 }]) assert.equal((await gw.client.modern(method, params)).body.error.code, -32602);
  for (const method of ["skills/list", "resources/directory/read"])
    assert.equal((await gw.client.modern(method, { cursor: "nope", uri: DEPLOY })).body.error.code, -32602, method);
});

test("folders of a skill are read one level at a time", async (t) => {
  const gw = await start(t);
  const children = async (uri) => (await gw.client.modern("resources/directory/read", { uri })).body.result.resources
    .map(({ uri: child, name, mimeType, size }) => [child.slice(uri.length), name, mimeType, size]);
  const size = (name) => Buffer.from(files[`skills/deploy/${name}`]).length;
  assert.deepEqual(await children(DEPLOY), [
    ["/SKILL.md", "SKILL.md", "text/markdown", size("SKILL.md")],
    ["/_notes.md", "_notes.md", "text/markdown", 4],
    ["/scripts", "scripts", "inode/directory", undefined],
  ]);
  assert.deepEqual(await children(`${DEPLOY}/scripts`), [
    ["/deep", "deep", "inode/directory", undefined],
    ["/go.sh", "go.sh", "text/plain", size("scripts/go.sh")],
  ]);
  assert.deepEqual(await children(`${DEPLOY}/scripts/deep`), [["/data.bin", "data.bin", "application/octet-stream", 3]]);
});

test("pages of skills, and of resources with skills among them", async (t) => {
  const gw = await start(t, "[tools]\npage_size = 2\n", { tools: {
    ...files,
    "offers.lua": `local mcp = require "mcp"
      local function resource(name) return mcp.resource { uri = "x:" .. name, name = name, read = function() return "" end } end
      return { resource("one"), resource("two"), resource("three"), mcp.resource_template { uriTemplate = "l:{a}", name = "l",
        read = function() return "" end, list = function() return { { uri = "l:1", name = "listed" } } end } }`,
  } });
  const pages = async (method, key, name) => {
    const all = [];
    for (let cursor; ;) {
      const { result } = (await gw.client.modern(method, cursor ? { cursor } : {})).body;
      all.push(result[key].map(name));
      if (!(cursor = result.nextCursor)) return all;
    }
  };
  assert.deepEqual(await pages("skills/list", "skills", (skill) => skill.frontmatter.name),
    [["alpha", "deploy"], ["secret", "zulu"]]);
  assert.deepEqual(await pages("resources/list", "resources", (resource) => resource.name),
    [["one", "three"], ["two", "alpha"], ["deploy", "secret"], ["zulu", "listed"]]);
});

test("keys decide over a skill as they do over prompts and resources", async (t) => {
  const keys = { all: "*", some: "skill:alpha, skill:de*", none: "*_file, resource:*" };
  const ini = Object.entries(keys).map(([name, globs]) => `[key ${name}]\nsecret = key-of-${name}\ntools = ${globs}\n`).join("");
  const gw = await start(t, ini);
  const seen = { all: ["alpha", "deploy", "secret", "zulu"], some: ["alpha", "deploy"], none: [] };
  for (const [name, expected] of Object.entries(seen)) {
    const key = `key-of-${name}`;
    const { result } = (await gw.client.modern("skills/list", {}, { key })).body;
    assert.deepEqual(names(result), expected);
    assert.equal(result.cacheScope, "private");
    const listed = (await gw.client.modern("resources/list", {}, { key })).body.result.resources;
    assert.deepEqual(listed.map((resource) => resource.name), expected);
    for (const skill of seen.all) {
      const base = skill === "deploy" ? DEPLOY : `skill://${skill}`;
      const may = expected.includes(skill);
      for (const [method, uri] of [["resources/read", `${base}/SKILL.md`], ["skills/get", `${base}/SKILL.md`],
        ["resources/directory/read", base]])
        assert.equal(Boolean((await gw.client.modern(method, { uri }, { key })).body.result), may, `${name} ${method} ${uri}`);
    }
    const may = await runBinary(["-c", gw.iniPath, "may", name, "skill:secret"], { cwd: gw.dir });
    assert.equal(may.code, name === "all" ? 0 : 1, may.stdout + may.stderr);
  }
});

test("legacy clients find skills among the resources, and none of the methods", async (t) => {
  const gw = await start(t);
  const session = await gw.client.session("2025-06-18", { headers: BOTH });
  assert.equal(session.initialize.body.result.capabilities.extensions, undefined);
  const listed = (await session("resources/list")).body.result.resources;
  const { uri, name, title, description, mimeType, size } = listed.find((resource) => resource.name === "deploy");
  assert.deepEqual({ uri, title, description, mimeType, size }, { uri: `${DEPLOY}/SKILL.md`, title: "Deploy",
    description: "How to deploy.", mimeType: "text/markdown", size: files["skills/deploy/SKILL.md"].length }, name);
  assert.equal((await session("resources/read", { uri })).body.result.contents[0].text, files["skills/deploy/SKILL.md"]);
  for (const method of ["skills/list", "skills/get", "resources/directory/read"])
    assert.equal((await session(method, { uri })).body.error.code, -32601, method);
});

test("without a skill there is no extension", async (t) => {
  const gw = await start(t, "", { tools: ["echo.lua"] });
  const { result } = (await gw.client.modern("server/discover")).body;
  assert.equal(EXTENSION in result.capabilities.extensions, false);
  for (const method of ["skills/list", "skills/get", "resources/directory/read"])
    assert.equal((await gw.client.modern(method, { uri: "skill://a/SKILL.md" })).status, 404, method);
});

test("a changed file of a skill is served, and those who listen are told", async (t) => {
  const gw = await start(t, "", { follow: true });
  const session = await gw.client.session("2025-06-18", { headers: BOTH });
  const stream = await openEventStream(gw.url, { headers: session.headers });
  t.after(() => stream.close());
  const uri = `${DEPLOY}/scripts/go.sh`;
  const file = path.join(gw.toolsDir, "skills/deploy/scripts/go.sh");
  const text = async () => (await read(gw, uri)).body.result?.contents[0].text;
  assert.equal(await text(), files["skills/deploy/scripts/go.sh"]);
  fs.writeFileSync(`${file}.new`, "echo two\n");
  fs.renameSync(`${file}.new`, file);
  assert.equal((await stream.next()).json.method, "notifications/resources/list_changed");
  assert.equal(await text(), "echo two\n");
  const listed = (await gw.client.modern("skills/get", { uri: `${DEPLOY}/SKILL.md` })).body.result.skill.resources;
  assert.equal(listed.find((resource) => resource.uri === uri).digest, sha256("echo two\n"));
  fs.rmSync(file);
  assert.equal((await stream.next()).json.method, "notifications/resources/list_changed");
  assert.equal(await text(), undefined);
});

test("who subscribed to a file of a skill is told when it changed, in both eras", async (t) => {
  const gw = await start(t, "", { follow: true });
  const uris = ["SKILL.md", "scripts/go.sh"].map((name) => `${DEPLOY}/${name}`);
  const session = await gw.client.session("2025-06-18", { headers: BOTH });
  const legacy = await openEventStream(gw.url, { headers: session.headers });
  for (const uri of uris) assert.deepEqual((await session("resources/subscribe", { uri })).body.result, {});
  const modern = await openSubscription(gw.url, { resourceSubscriptions: [...uris, `${DEPLOY}/none`] });
  t.after(() => [legacy, modern].forEach((stream) => stream.close()));
  assert.deepEqual((await modern.next()).json.params.notifications, { resourceSubscriptions: uris });
  gw.writeTools({ "skills/deploy/scripts/go.sh": "echo two\n" });
  const told = [(await legacy.next()).json, (await legacy.next()).json];
  assert.deepEqual(told.map(({ method, params }) => [method, params?.uri]).sort(), [
    ["notifications/resources/list_changed", undefined], ["notifications/resources/updated", uris[1]],
  ]);
  const { method, params } = (await modern.next()).json;
  assert.deepEqual([method, params.uri], ["notifications/resources/updated", uris[1]]);
});

test("a skill that is wrong is refused, with what is wrong, and the one before it serves on", async (t) => {
  const gw = await start(t);
  const wrong = {
    "folder.lua": [`name = "a", folder = "skills/none"`, /there are no files in skills\/none/],
    "outside.lua": [`name = "a", folder = "lib"`, /expected one such as "skills\/a"/],
    "both.lua": [`name = "a", folder = "skills/deploy", files = {}`, /not both/],
    "neither.lua": [`name = "a"`, /expected folder/],
    "name.lua": [`name = "deploy2", folder = "skills/deploy"`, /must have name: deploy2/],
    "letters.lua": [`name = "A", description = "x", files = { ["SKILL.md"] = "" }`, /lower case/],
    "head.lua": [`name = "a", files = { ["SKILL.md"] = "x" }`, /there is no head/],
    "path.lua": [`name = "a", path = "../x", description = "x", files = { ["SKILL.md"] = "" }`, /path:/],
    "field.lua": [`name = "a", description = "x", files = { ["SKILL.md"] = "" }, run = print`, /unknown field "run"/],
    "list.lua": [`name = "a", description = "x", files = { "SKILL.md" }`, /texts by their paths/],
    "taken.lua": [`name = "zulu", description = "x", files = { ["SKILL.md"] = "" }`, /taken by/],
  };
  gw.writeTools(Object.fromEntries(Object.entries(wrong)
    .map(([file, [fields]]) => [file, `return require("mcp").skill { ${fields} }`])));
  const { stderr, code } = await runBinary(["-c", gw.iniPath, "check"], { cwd: gw.dir });
  assert.equal(code, 1);
  for (const [file, [, what]] of Object.entries(wrong)) {
    // From the file's name to the next one's.
    const told = stderr.slice(stderr.indexOf(`/${file}:`)).split(/\n\S*tools\.d\//)[0];
    assert.match(told, what, file);
  }
  fs.writeFileSync(path.join(gw.toolsDir, "skills/deploy/SKILL.md"), head("other"));
  gw.signal("SIGHUP");
  await gw.logged((line) => line.msg === "tool file did not load" && /must have name: deploy/.test(line.error));
  assert.equal((await read(gw, `${DEPLOY}/SKILL.md`)).body.result.contents[0].text, files["skills/deploy/SKILL.md"]);
});

test("a file of a skill has at most 1 MiB", async (t) => {
  const gw = new Gateway({ tools: {
    "big.lua": `return require("mcp").skill { name = "big", folder = "skills/big" }`, "skills/big/SKILL.md": head("big"),
  } });
  t.after(() => gw.remove());
  const file = path.join(gw.toolsDir, "skills/big/data");
  for (const [bytes, code] of [[1 << 20, 0], [(1 << 20) + 1, 1]]) {
    fs.writeFileSync(file, Buffer.alloc(bytes));
    const run = await runBinary(["-c", gw.iniPath, "check"], { cwd: gw.dir });
    assert.equal(run.code, code, run.stderr);
    if (code) assert.match(run.stderr, /skills\/big\/data: larger than 1048576 bytes/);
  }
});

test("the shipped skill is read by the official clients", async (t) => {
  const gw = await startShipped(t);
  for (const [label, open] of Object.entries(clients)) {
    const client = await open({ url: gw.url });
    const { resources } = await client.listResources();
    const { uri, name } = resources.find((resource) => resource.uri.startsWith("skill://"));
    assert.deepEqual([uri, name], ["skill://ops-kit/SKILL.md", "ops-kit"], label);
    const [content] = (await client.readResource({ uri })).contents;
    assert.match(content.text, /^---\nname: ops-kit\n/);
    await client.close();
  }
});
