// search.test.mjs - the search tool over a real root: what it answers, in which order, what it follows and
// what it never shows; restarts; a damaged index; a large file and a large root's limits.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, runBinary } from "./lib/gateway.mjs";

const files = {
  "docs/limiter.md": "# Rate limiter\n\nA token bucket for each caller. It refills all the time.\n",
  "src/limiter.c": "/* takes a token */\nint getTokenCount(struct limiter *l)\n{\n    return l->tokens;\n}\n",
  "src/other.c": "int main(void)\n{\n    return token_of_other_things();\n}\n",
  "src/many.txt": "token ".repeat(50),
  "notes/phrase.txt": "the quick brown fox\n",
  "notes/words.txt": "brown and quick, but no animal\n",
  "binary.bin": "needle\0in a binary",
  ".gitignore": "*.log\n/ignored/\n",
  "debug.log": "needle in a log",
  "ignored/a.txt": "needle in an ignored folder",
  ".env": "needle=in the environment",
  "secret/server.key": "needle in a key",
  "excluded/a.txt": "needle in an excluded file",
  "large.txt": `needle ${"x ".repeat(5000)}`,
};

// A gateway over a copy of what ships, with these files and those of `more`.
async function start(t, { ini = "", more = {}, env = {}, prepare = () => {}, wait = true } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-search-"));
  fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
  for (const [name, text] of Object.entries({ ...files, ...more })) write(dir, name, text);
  const shipped = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8")
    .replace("[search]\n", "[search]\nmax_file = 8K\nexclude = excluded/**\n")
    .replace("[tool search]\n", "[tool search]\nrescan = 0s\n");
  const wrapper = prepare(dir) ?? [];
  const gw = await Gateway.start({ dir, wrapper, ini: shipped + ini, env: { MOONGATE_RATE_LIMIT_BUCKET: "0", ...env } });
  t.after(async () => {
    if (!gw.exit) await gw.stop({ keep: true });
    fs.rmSync(dir, { recursive: true, force: true });
  });
  if (wait) await gw.logged((l) => l.msg === "the repository is indexed");
  return gw;
}

function write(dir, name, text) {
  const file = path.join(dir, "root", name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

async function search(gw, query, more = {}) {
  const { value, isError, text } = await gw.call("search", { query, ...more });
  assert.ok(!isError, text);
  return value;
}

const titles = async (gw, query, more) => (await search(gw, query, more)).hits.map((hit) => hit.title);

// Searches, each of which has the files looked at again, until the titles are these.
async function until(gw, query, want) {
  let got;
  for (let i = 0; i < 3000; i++) {
    got = await titles(gw, query);
    if (JSON.stringify(got) === JSON.stringify(want)) return;
  }
  assert.deepEqual(got, want);
}

test("results are what the kit's clients and connectors read, the best first", async (t) => {
  const gw = await start(t, { more: { "a.txt": "limiter ".repeat(2) } });
  const value = await search(gw, "token bucket");
  const id = `lukhas-path:${Buffer.from("docs/limiter.md").toString("base64url")}`;
  const url = `file://${gw.root}/docs/limiter.md`;
  const snippet = "# Rate limiter A token bucket for each caller. It refills all the time.";
  assert.deepEqual(value, {
    ids: [id],
    hits: [{ id, title: "docs/limiter.md", snippet, url }],
    results: [{ id, title: "docs/limiter.md", url, text: snippet }],
  });
  // A word of the path counts more than many in the text.
  assert.equal((await titles(gw, "limiter")).at(-1), "a.txt");
  const found = await titles(gw, "token");
  assert.deepEqual([...found].sort(), ["docs/limiter.md", "src/limiter.c", "src/many.txt", "src/other.c"]);
  assert.equal(found[0], "src/many.txt");
  // At most as many as asked for; the limit is clamped, or its text read, as the kit did.
  assert.equal((await titles(gw, "token", { limit: 2 })).length, 2);
  assert.equal((await titles(gw, "token", { limit: 0 })).length, 1);
  assert.equal((await titles(gw, "token", { limit: "3" })).length, 3);
  assert.equal((await titles(gw, "token", { limit: 999, bogus: 1 })).length, 4);
});

test("words, phrases, prefixes, names; and questions in plain words", async (t) => {
  const gw = await start(t);
  assert.deepEqual((await titles(gw, "quick brown")).sort(), ["notes/phrase.txt", "notes/words.txt"]);
  assert.deepEqual(await titles(gw, '"quick brown"'), ["notes/phrase.txt"]);
  assert.deepEqual(await titles(gw, "refil*"), ["docs/limiter.md"]);
  assert.deepEqual(await titles(gw, "refil"), []);
  for (const query of ["getTokenCount", "get_token_count", '"get token count"', "gettokenc*"])
    assert.deepEqual(await titles(gw, query), ["src/limiter.c"], query);
  assert.equal((await titles(gw, "which animal was the fox again, please?"))[0], "notes/phrase.txt");
  assert.deepEqual(await titles(gw, 'NOT "(AND* ) OR:'), []);
  for (const query of ["", "  ", "\n"]) {
    const refused = await gw.call("search", { query });
    assert.deepEqual([refused.isError, refused.text], [true, "Search query is required"]);
  }
});

test("what is denied, ignored, excluded, binary, too large or the gateway's own is never found", async (t) => {
  const gw = await start(t);
  assert.deepEqual(await titles(gw, "needle", { limit: 50 }), []);
  for (const query of ["server.key", "env", "debug.log", "large", "binary", "promotedAt", "mcp-state*"])
    assert.deepEqual(await titles(gw, query, { limit: 50 }), [], query);
  // Also when it was found before: a link's target, a rule that came later.
  write(gw.dir, "plain.txt", "needle in plain sight");
  await until(gw, "needle", ["plain.txt"]);
  gw.writeIni(fs.readFileSync(gw.iniPath, "utf8").replace("[paths]\n", "[paths]\ndeny = plain*\n"));
  gw.signal("SIGHUP");
  await gw.logged((l) => /^reloaded/.test(l.msg));
  await until(gw, "needle", []);
});

// A gateway that an ordinary user runs, to whom a file can be closed.
const asUser = (dir) => {
  if (process.getuid() !== 0) return [];
  const become = 'chown -R 65534:65534 "$0" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"';
  return ["sh", "-c", become, dir];
};

test("a file that could not be read is found as soon as it can, though nothing else of it changed", async (t) => {
  const prepare = (dir) => {
    fs.chmodSync(path.join(dir, "root/plain.txt"), 0o000);
    return asUser(dir);
  };
  const gw = await start(t, { prepare, more: { "plain.txt": "a walrus" } });
  assert.deepEqual(await titles(gw, "walrus"), []);
  fs.chmodSync(path.join(gw.root, "plain.txt"), 0o644);
  await until(gw, "walrus", ["plain.txt"]);
});

test("what is gone leaves the index also where a folder cannot be read, and what lies in that stays", async (t) => {
  const more = { "plain.txt": "a walrus", "closed/seal.txt": "a seal" };
  const gw = await start(t, { prepare: asUser, more });
  assert.deepEqual(await titles(gw, "seal"), ["closed/seal.txt"]);
  fs.chmodSync(path.join(gw.root, "closed"), 0o311); // its files can be read, not listed
  fs.rmSync(path.join(gw.root, "plain.txt"));
  const isRemoved = (l) => l.msg === "the repository is indexed" && l.removed === 1;
  for (let i = 0; i < 3000 && !gw.log.some(isRemoved); i++) assert.deepEqual(await titles(gw, "walrus"), []);
  assert.ok(gw.log.some(isRemoved));
  assert.ok(gw.log.some((l) => /not all of the repository is indexed/.test(l.msg)));
  assert.deepEqual(await titles(gw, "seal"), ["closed/seal.txt"]);
});

test("new [search] max_file and exclude hold for files that are known, and so does view_base", async (t) => {
  const gw = await start(t);
  const change = async (from, to) => {
    gw.writeIni(fs.readFileSync(gw.iniPath, "utf8").replace(from, to));
    gw.signal("SIGHUP");
    await gw.logged((l) => /^reloaded/.test(l.msg));
    gw.log.length = 0;
  };
  assert.deepEqual(await titles(gw, "needle"), []);
  await change("max_file = 8K", "max_file = 32K");
  await until(gw, "needle", ["large.txt"]);
  await change("max_file = 32K", "max_file = 8K");
  await until(gw, "needle", []);
  await change("exclude = excluded/**", "exclude = notes/**");
  await until(gw, "needle", ["excluded/a.txt"]);
  assert.deepEqual(await titles(gw, "phrase"), []);
  await change("[paths]\n", "[paths]\nview_base = https://example.org/\n");
  assert.equal((await search(gw, "bucket")).hits[0].url, "https://example.org/docs/limiter.md");
});

test("files that change, come and go", async (t) => {
  const gw = await start(t);
  write(gw.dir, "notes/phrase.txt", "the slow green turtle\n");
  await until(gw, "turtle", ["notes/phrase.txt"]);
  assert.deepEqual(await titles(gw, '"brown fox"'), []);
  write(gw.dir, "new/file.txt", "a zebra");
  await until(gw, "zebra", ["new/file.txt"]);
  // It is gone from the answers at once, and from the index soon.
  fs.rmSync(path.join(gw.root, "new/file.txt"));
  assert.deepEqual(await titles(gw, "zebra"), []);
  const isRemoved = (l) => l.msg === "the repository is indexed" && l.removed === 1;
  for (let i = 0; i < 3000 && !gw.log.some(isRemoved); i++) await titles(gw, "zebra");
  assert.ok(gw.log.some(isRemoved));
  fs.symlinkSync("../notes/words.txt", path.join(gw.root, "src/link.txt"));
  write(gw.dir, "src/more.txt", "animal");
  await until(gw, "animal", ["src/more.txt", "notes/words.txt"]);
});

test("a restart keeps the index; a damaged one is made anew", async (t) => {
  const gw = await start(t);
  await gw.stop({ keep: true });
  await gw.restart();
  assert.deepEqual(await titles(gw, "refil*"), ["docs/limiter.md"]);
  write(gw.dir, "last.txt", "a yak");
  await until(gw, "yak", ["last.txt"]);
  const line = await gw.logged((l) => l.msg === "the repository is indexed");
  assert.equal(line.indexed, 1); // the others were known
  await gw.stop({ keep: true });
  fs.truncateSync(`${gw.statePath}-index`, 10_000);
  await gw.restart();
  await gw.logged((l) => /is begun anew/.test(l.msg) && l.level === "warn");
  await until(gw, "yak", ["last.txt"]);
  await gw.kill();
  await gw.restart();
  await until(gw, "yak", ["last.txt"]);
});

test("[search] path, [paths] view_base, and looking without serving", async (t) => {
  const gw = await start(t, { env: { GITHUB_VIEW_BASE: "https://example.org/blob/main/", MOONGATE_SEARCH_PATH: "root/my.index" },
    more: { "with space/ü.txt": "an odd name" } });
  assert.equal((await search(gw, "odd name")).hits[0].url, "https://example.org/blob/main/with%20space/%C3%BC.txt");
  assert.ok(fs.existsSync(path.join(gw.root, "my.index")));
  assert.ok(!fs.existsSync(`${gw.statePath}-index`));
  assert.deepEqual(await titles(gw, "my.index*"), []); // its own file
  await gw.stop({ keep: true });
  const run = await runBinary(["-c", gw.iniPath, "call", "search", '{"query":"odd name"}'],
    { cwd: gw.dir, env: { MOONGATE_SEARCH_PATH: "root/my.index" } });
  assert.equal(run.code, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).hits[0].title, "with space/ü.txt");
});
