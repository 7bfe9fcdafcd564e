// templates.test.mjs - URIs that callers make up, read by templates of others: how long that may take, and
// where a variable may lead.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { slowness } from "../e2e/lib/gateway.mjs";
import { startOrigin } from "../e2e/lib/origin.mjs";
import { startShipped } from "../e2e/lib/shipped.mjs";
import { openSubscription } from "../e2e/lib/sse.mjs";
import { command, start } from "./lib.mjs";

const LETTERS = "abcdefghijklmnop";
const each = (make) => [...LETTERS].map(make).join("");

// Every place where a matcher that tries one thing after the other would try without end.
const PATTERNS = {
  "a:": `a:${each((c) => `{+${c}}`)}/end`,
  "b:": `b:${each((c) => `{${c}}`)}!`,
  "c:": `c:${each((c) => `{+${c}}a`)}b`,
  "d:": `d:{/${[...LETTERS].join(",")}}!`,
  "e:": `e:{?${[...LETTERS].join(",")}}!`,
  "f:": `f:{;${[...LETTERS].join(",")}}!`,
  "g:": `g:{+${[...LETTERS].join(",")}}!`,
  "h:": `h:${each((c) => `{+${c}*}`)}/end`,
  "i:": `i:{/${[...LETTERS].join("*,")}*}!`,
  "j:": `j:{?${[...LETTERS].join("*,")}*}!`,
  "k:": `k:{;${[...LETTERS].join("*,")}*}!`,
  "l:": `l:{+a:1,${[...LETTERS.slice(1)].join("*,")}*}!`,
};
const FILLERS = ["a", "/a", ",", "a=&", "%41", ";a=a"];

const template = (uriTemplate, i) =>
  `mcp.resource_template { uriTemplate = "${uriTemplate}", name = "t${i}", read = function() return "read" end }`;
const file = (templates) => `local mcp = require "mcp"\nreturn { ${templates.map(template).join(",\n")} }`;

// Of all threads, in milliseconds, as the scheduler counts them.
function cpuMs(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, id) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]), 0) / 1e6;
}

// The TypeScript SDK's URI templates backtracked without end.
test("CVE-2026-0621: what a URI costs grows with its length, whatever the templates and the URI", async (t) => {
  const gw = await start(t, { tools: { "templates.lua": file(Object.values(PATTERNS)) } });
  const uris = (length) => Object.keys(PATTERNS).flatMap((scheme) => FILLERS.map((filler) =>
    scheme + filler.repeat(length / filler.length)));
  const cost = async (length) => {
    const before = cpuMs(gw.child.pid);
    for (const uri of uris(length)) await gw.rpc("resources/read", { uri });
    return (cpuMs(gw.child.pid) - before) / uris(length).length;
  };
  await cost(100);
  const [short, long] = [await cost(480), await cost(1920)];
  t.diagnostic(`${short.toFixed(2)} ms for 480 bytes, ${long.toFixed(2)} ms for 1,920`);
  // Four times as long: with the square it would be 16 times as much.
  assert.ok(long < 8 * short, `${short} ms, ${long} ms`);
  assert.ok(long < 30 * slowness, `${long} ms`);
  for (const scheme of Object.keys(PATTERNS)) {
    const res = await gw.rpc("resources/read", { uri: scheme + "a".repeat(5000) });
    assert.equal(res.body.error.code, -32002, "longer ones match nothing");
  }
  assert.equal((await gw.rpc("resources/read", { uri: `a:${"x".repeat(1500)}/end` })).body.result.contents[0].text, "read");
});

test("CVE-2026-0621: many such URIs in one request hold nobody up", async (t) => {
  const gw = await start(t, { ini: "[server]\nworkers = 1\n", tools: { "templates.lua": file(Object.values(PATTERNS)) } });
  const uris = (n) => Array.from({ length: n }, (_, i) => `a:${"/a".repeat(950)}${i}`);
  const began = cpuMs(gw.child.pid);
  const stream = await openSubscription(gw.url, { resourceSubscriptions: uris(1000) });
  assert.deepEqual((await stream.next()).json.params.notifications.resourceSubscriptions, []);
  stream.close();
  const spent = cpuMs(gw.child.pid) - began;
  t.diagnostic(`${spent.toFixed(0)} ms for 1,000 URIs`);
  assert.ok(spent < 1000 * slowness, `${spent} ms`);
  // None of them is there, and each is looked for: all count.
  const { text } = await openSubscription(gw.url, { resourceSubscriptions: uris(1001) });
  const refusal = JSON.parse(text).error;
  assert.deepEqual([refusal.code, refusal.message], [-32602, "Invalid params: too many resourceSubscriptions"]);
});

test("CVE-2026-0621: templates that would need more than a bound are refused when they are read", async (t) => {
  const wrong = {
    "more.lua": [`x:${each((c) => `{${c}}`)}{q}`, /more than 16 variables/],
    "long.lua": [`x:${"a".repeat(1100)}`, /is no URI/],
    "prefix.lua": ["x:{a:0}", /a number from 1 to 9999/],
    "explode.lua": ["x:{a*b}", /letters, digits, _ and \./],
    "twice.lua": ["x:{a}{a}", /second time/],
    "open.lua": ["x:{a", /without its \}/],
  };
  const { code, stdout, stderr } = await command(t, ["check"], {
    tools: Object.fromEntries(Object.entries(wrong).map(([name, [text]]) => [name, file([text])])),
  });
  assert.equal(code, 1);
  for (const [name, [, why]] of Object.entries(wrong)) {
    const lines = (stdout + stderr).split("\n").filter((line) => line.includes(name));
    assert.match(lines.join("\n"), why, name);
  }
});

// ---- where a variable leads ----

const MARK = "BAIT-71c0-never-shown";

// What nobody may read, below the root and outside.
const TARGETS = ["../mcp.ini", "../secret", ".env", ".git/config", "k/server.key", "beside", "up/secret", "out/passwd",
  "../tools.d/status.lua", "/etc/passwd", ".mcp-state.json", "src/../../secret"];

const percent = (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

// Each way to write a path that some server has read otherwise than its guard had.
const SPELLINGS = [
  (p) => p, (p) => p.replaceAll("/", "%2F"), (p) => p.replaceAll("/", "%2f"), (p) => p.replaceAll(".", "%2e"),
  (p) => p.replaceAll("..", ".%2E"), percent, (p) => percent(p).toUpperCase(), (p) => percent(percent(p)),
  (p) => p.replaceAll("/", "%252f").replaceAll(".", "%252e"), (p) => p.replaceAll("/", "%25252f"),
  (p) => p.replaceAll("/", "\\"), (p) => p.replaceAll("/", "%5c"), (p) => p.replaceAll(".", "%c0%ae"),
  (p) => p.replaceAll("/", "%c0%af"), (p) => p.replaceAll(".", "%EF%BC%8E"), (p) => p.replaceAll("/", "%E2%88%95"),
  (p) => p.replaceAll("../", "....//"), (p) => p.replaceAll("../", "..;/"), (p) => p.toUpperCase(),
  ...["src/../", "src/%2e%2e/", "./", ".%2f", "/", "//", "%2f", "README.md/../", "none/../", "src/a.c%00/../../", "file:", "file:///"]
    .map((before) => (p) => before + p),
  ...["/", "/.", "/..", "%2f", "%00", "%00.md", "%0d%0a", "%0a", "%09", "%20", " ", ".", "?", "?x=1", "#", "#x", ";x", "::$DATA", "%ff"]
    .map((behind) => (p) => p + behind),
];
const HOSTS = ["repo://evil.example/", "repo://localhost/", "repo://..//", "repo:////", "repo:/", "repo:", "repo:///repo:///",
  "REPO:///", "file:///", "repo://user@localhost/", "repo://%2f", "repo:///\u0001"];

const named = (uri) => (/^[!-~]+$/.test(uri) ? uri : `=?base64?${Buffer.from(uri).toString("base64")}?=`);

async function startBaited(t) {
  const gw = await startShipped(t, {
    ini: `; ${MARK}\n`, root: { "README.md": "# Hello\n", "src/a.c": "int a;\n", "k/plain": "plain\n",
      ".env": MARK, ".git/config": MARK, "k/server.key": MARK, "../secret": MARK },
    before: (dir) => {
      fs.symlinkSync("../secret", path.join(dir, "root/beside"));
      fs.symlinkSync("..", path.join(dir, "root/up"));
      fs.symlinkSync("/etc", path.join(dir, "root/out"));
    },
  });
  const read = async (uri) => [await gw.rpc("resources/read", { uri }), await gw.client.modern("resources/read", { uri }, { name: named(uri) })];
  return { gw, read };
}

// What an error says but for the URI, which it repeats.
const about = (res) => ({ status: res.status, code: res.body.error?.code, message: res.body.error?.message.split(": ")[0] });

test("CVE-2026-29791, CVE-2026-32871: no spelling of a variable leads out of the root, or to what is denied", async (t) => {
  const { gw, read } = await startBaited(t);
  const absent = (await read("repo:///nope")).map(about);
  const uris = new Set([
    ...TARGETS.flatMap((target) => SPELLINGS.map((spell) => `repo:///${spell(target)}`)),
    ...HOSTS.flatMap((host) => [...TARGETS, "README.md"].map((target) => host + target)),
  ]);
  for (const uri of uris) {
    for (const [i, res] of (await read(uri)).entries()) {
      assert.doesNotMatch(res.text, /BAIT-71c0|root:x:0/, uri);
      assert.deepEqual(about(res), absent[i], `${uri}: ${res.text}`);
    }
  }
  // What they would be, were they no attack.
  for (const uri of ["repo:///src/a.c", "repo:///src%2Fa.c", "repo:///%73rc/a%2Ec", "repo:///src/../src/a.c"])
    for (const res of await read(uri)) assert.equal(res.body.result.contents[0].text, "int a;\n", uri);

  const shown = new Set(["README.md", "src/", "src/a.c", "k/", "k/plain"]);
  for (const value of ["", ".", "..", "../", "../m", "/", "/etc/", "/etc/p", ".e", ".g", ".git/", "k/", "k/s", "out/", "up/", "beside", "src/", "src/../",
    "src/../../", "%2e%2e/", "..%2f", "..\\", "s", "*", "**/", "?", "[a-z]", "\r\n", "src/\u0001"]) {
    const { body } = await gw.rpc("completion/complete", { ref: { type: "ref/resource", uri: "repo:///{+path}" }, argument: { name: "path", value } });
    for (const found of body.result?.completion.values ?? [])
      assert.ok(shown.has(path.normalize(found)), `${JSON.stringify(value)}: ${found}`);
  }
  for (const line of gw.stderr.split("\n").filter(Boolean)) assert.doesNotThrow(() => JSON.parse(line), line);
});

test("CVE-2026-29791, CVE-2026-32871: an id is one name and no path", async (t) => {
  const { gw, read } = await startBaited(t);
  const absent = (await read("job:///job_none")).map(about);
  const ids = [
    "", "/", "a/b", "..", ".", "*", "?", "_tasks", "%2F", "..%2f..%2fmcp.ini", "%2e%2e%2fmcp.ini", "%252e%252e%252fmcp.ini", "..%5cmcp.ini",
    "job_x%00", "%00", "job_x%0d%0aX-Evil:%201", "%0a", "%c0%ae", "%ff", `${"j".repeat(256)}`, `${"j".repeat(2000)}`, "job_x?y", "job_x#y", "job_x;y",
    "job_x/../job_none", "jobs%2Fjob_x", "%E2%80%AE",
  ];
  for (const uri of [...ids.map((id) => `job:///${id}`), "job://evil.example/job_x", "job:/job_x", "JOB:///job_x", "job:job_x"])
    for (const [i, res] of (await read(uri)).entries()) assert.deepEqual(about(res), absent[i], `${uri}: ${res.text}`);
  for (const line of gw.stderr.split("\n").filter(Boolean)) assert.doesNotThrow(() => JSON.parse(line), line);
});

// FastMCP and others put a parameter into a path, a query or a header as it came; so did Kong.
test("CVE-2026-29791, CVE-2026-32871: what a variable holds changes neither host nor path nor headers of a request", async (t) => {
  const [origin, evil] = [await startOrigin(t), await startOrigin(t)];
  const gw = await start(t, {
    ini: `[tool resource:item]\nhttp = 127.0.0.1:${origin.port}\nallow_private = yes\n`,
    tools: {
      "item.lua": `local mcp = require "mcp"
        return mcp.resource_template { uriTemplate = "item:///{id}{?q}", name = "item", needs = { "http" },
          read = function(vars)
            local url, why = mcp.url.build { scheme = "http", host = "127.0.0.1", port = ${origin.port},
              path = { "echo", vars.id }, query = { tenant = "t", q = vars.q } }
            if not url then return nil, why, "ENOENT" end
            local answer, message = mcp.http.get(url, { headers = { ["X-Plain"] = "1" } })
            if not answer then error(message) end
            return "asked"
          end }`,
    },
  });
  const texts = [
    "x", "..", ".", "../admin", "a/b", "a\\b", "/", "//", "?tenant=other", "&tenant=other", "#", "a#b", "@", `@127.0.0.1:${evil.port}/`, `//127.0.0.1:${evil.port}/`,
    `http://127.0.0.1:${evil.port}/`, "\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n", "\n", "\t", " ", "%2e%2e%2f", "%252e", "..%2fadmin", ";a", "é", "\u202e",
    "a".repeat(500), "=", "+", "%", "%0d%0a",
  ];
  for (const text of texts) {
    const before = origin.requests.length;
    for (const uri of [`item:///${encodeURIComponent(text)}`, `item:///x?q=${encodeURIComponent(text)}`]) {
      const res = await gw.rpc("resources/read", { uri });
      assert.ok(res.body.result || res.body.error.code === -32002, `${uri}: ${res.text}`);
    }
    assert.ok(origin.requests.length > before, text);
  }
  for (const url of origin.requests) {
    const parsed = /^\/echo\/([^/?#\s]+)\?(.*)$/.exec(url);
    assert.ok(parsed, url);
    assert.ok(texts.includes(decodeURIComponent(parsed[1])), url);
    const query = new URLSearchParams(parsed[2]);
    assert.deepEqual(query.getAll("tenant"), ["t"], url);
    assert.ok(query.get("q") === null || texts.includes(query.get("q")), url);
    assert.deepEqual([...query.keys()].filter((name) => !["tenant", "q"].includes(name)), [], url);
  }
  assert.equal(evil.connections, 0);
});
