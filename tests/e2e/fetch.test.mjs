// fetch.test.mjs - the fetch tool with pages of a real server: readable text, its limits, and that they are kept.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { sanitizer } from "./lib/env.mjs";
import { Gateway, repo } from "./lib/gateway.mjs";

// ThreadSanitizer looks at all that a search might read, each time anew.
const ends = sanitizer === "thread" ? 60_000 : 600_000;
const page = `<!DOCTYPE html><html><head><title>Two &amp; three
  </title><style>p { color: red }</style></head><body>
<h1>Zebras</h1><!-- <p>not this</p> --><p>They are   <b>striped</b> &lt;always&gt;.</p>
<script>if (1 < 2) document.write("<p>nor this</p>")</script>
<ul><li title="a > b">one</li><li>&#x201C;two&#8221; &bogus; 3 < 4</li></ul></body></html>`;

// A server that counts what it is asked; -> { url, asked }.
async function serve(t) {
  const asked = {};
  const server = http.createServer((req, res) => {
    asked[req.url] = (asked[req.url] ?? 0) + 1;
    if (req.url === "/page") res.setHeader("Content-Type", "text/html; charset=utf-8").end(page);
    else if (req.url === "/bomb")
      res.setHeader("Content-Type", "text/html").end(`<p>before<script>${"</a".repeat(ends)}</script><p>after`);
    else if (req.url === "/large") res.end("x".repeat((2 << 20) + 1));
    else if (req.url === "/hop") res.writeHead(302, { Location: "/page" }).end();
    else if (req.url === "/out") res.writeHead(302, { Location: "http://169.254.169.254/latest" }).end();
    else if (/^\/n\d/.test(req.url)) res.setHeader("Content-Type", "text/plain").end(`text of ${req.url}`);
    else res.writeHead(404).end("nothing here");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

async function start(t, { grant = true, env = {}, more = "" } = {}) {
  const server = await serve(t);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-fetch-"));
  fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
  const host = server.url.slice("http://".length);
  const ini = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8")
    .replace("[tool fetch]\n", `[tool fetch]\n${grant ? `http = ${host}\nallow_private = yes\n` : ""}${more}`);
  const gw = await Gateway.start({ dir, ini, env: { MOONGATE_RATE_LIMIT_BUCKET: "0", ...env } });
  t.after(async () => {
    if (!gw.exit) await gw.stop({ keep: true });
    fs.rmSync(dir, { recursive: true, force: true });
  });
  return { gw, ...server, fetch: (where, more = {}) => gw.call("fetch", { id: where, ...more }) };
}

test("a page is made readable, and kept for a while", async (t) => {
  const { url, asked, fetch } = await start(t);
  const { value } = await fetch(`${url}/page`);
  assert.equal(value.title, "Two & three");
  assert.equal(value.text,
    "# Zebras\n\nThey are striped <always>.\n\n- one\n- \u201Ctwo\u201D &bogus; 3 < 4");
  assert.deepEqual([value.id, value.url, value.mimeType, value.metadata.source, value.metadata.size],
    [`${url}/page`, `${url}/page`, "text/html", "url", page.length]);
  assert.deepEqual((await fetch(`${url}/page`)).value, value);
  assert.equal(asked["/page"], 1);
  assert.deepEqual((await fetch(`${url}/page`, { fields: ["title"] })).value, { id: value.id, title: value.title });
  assert.equal((await fetch(`${url}/hop`)).value.title, "Two & three");
});

test("a page that is hard to read is read in time", async (t) => {
  const { url, fetch } = await start(t);
  const begun = Date.now();
  const { value, text } = await fetch(`${url}/bomb`);
  assert.equal(value?.text, "before\n\nafter", text);
  t.diagnostic(`${Date.now() - begun} ms`);
});

test("files are told, however large an answer may be", async (t) => {
  const { gw } = await start(t, { env: { MOONGATE_SERVER_MAX_RESULT: "32M" } });
  fs.writeFileSync(path.join(gw.root, "a.txt"), "text");
  const id = `lukhas-path:${Buffer.from("a.txt").toString("base64url")}`;
  assert.equal((await gw.call("fetch", { id })).value?.text, "text");
});

test("what cannot be had is an error that says why", async (t) => {
  const { url, fetch } = await start(t);
  for (const [where, text] of [
    [`${url}/none`, /HTTP status 404/], [`${url}/large`, /2097152|2M|larger|more than/],
    [`${url}/out`, /not granted/], ["http://other.example/", /other\.example is not granted/],
  ]) {
    const answer = await fetch(where);
    assert.ok(answer.isError, where);
    assert.match(answer.text, text);
  }
  const none = await start(t, { grant: false });
  const answer = await none.fetch(`${none.url}/page`);
  assert.ok(answer.isError);
  assert.match(answer.text, /no host is granted; in mcp\.ini: \[tool fetch\] http = HOST/);
  assert.deepEqual(none.asked, {});
});

test("the cache holds as many documents as it is told, by mcp.ini or the ops kit's environment", async (t) => {
  for (const how of [{ more: "cache_max = 2\n" }, { env: { FETCH_CACHE_MAX: "2" } }]) {
    const { url, asked, fetch } = await start(t, how);
    for (const n of [1, 2, 1, 2]) assert.equal((await fetch(`${url}/n${n}`)).value.text, `text of /n${n}`);
    assert.deepEqual(asked, { "/n1": 1, "/n2": 1 });
    await fetch(`${url}/n3`); // the oldest one goes
    for (const n of [3, 2]) await fetch(`${url}/n${n}`);
    assert.deepEqual(asked, { "/n1": 1, "/n2": 1, "/n3": 1 });
    await fetch(`${url}/n1`);
    assert.equal(asked["/n1"], 2);
  }
  const off = await start(t, { env: { FETCH_TTL_MS: "0" } });
  for (let i = 0; i < 2; i++) await off.fetch(`${off.url}/n1`);
  assert.equal(off.asked["/n1"], 2);
});
