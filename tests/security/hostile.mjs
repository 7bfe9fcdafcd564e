// hostile.mjs - calls of the file tools as an attacker would make them, the same ones for the same seed.

// mulberry32: numbers from 0 to 1, the same ones for the same seed.
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const ROOTED = [
  ".env", "k/server.key", ".git/config", ".git/hooks/pre-commit", ".git/HEAD", ".git", "mcp.ini", "tools.d/status.lua", "tools.d",
  "tools.d/lib/args.lua", ".mcp-state.json", ".mcp-state.json.journal.1", "out", "out/passwd", "beside/secret", "soft", "hard", "loop",
  "magic", "magic/etc/passwd", "cwd/mcp.ini", "fifo", "build/moongate", "config/evals/demo.sh", "sub/.env.local", "sub/id_rsa",
];
const PLAIN = ["a.txt", "src/b.c", "docs/c.md", "src", "", ".", "new/d/e.txt", "docs/x y.md", "ü/日本.txt", "CON", "aux.txt", "dev/null", "nul"];
const WORDS = [
  "../", "..", "./", "//", "/", "...", "..\\", "\\", "%2e%2e/", "%2e%2e%2f", "..%c0%af", "\u0000", "\n", "\r", "\t", "\u001b[2J", "\u007f", "~", "~root/",
  "$HOME", "$(touch owned)", "`id`", ";id", "|id", "&& id", "-", "--", "-rf", "--output=owned", "--exec=id", ":(exclude)*", ":/", ":!a", "@{u}", "*", "?", "[", "]",
  "{a,b}", "**", "\u202e", "\u200b", "\ufeff", "．．／", "․․/", "\ud800", "é", "e\u0301", " ", ".", "a".repeat(256), "x/".repeat(12), "file://", "gh:", "http:", "'", '"',
  ".GIT/", "GIT~1/", ".git\u200c/", ".ENV", "root/", "fd/0", "%s%n", "{root}",
];
const HUNKS = [
  "@@ -1 +1 @@\n-a\n+b\n", "@@ -0,0 +1 @@\n+x\n", "@@ -1,999999999999 +1 @@\n-a\n", "@@ -99999999999999999999,1 +1,1 @@\n-a\n+b\n", "@@ --1 +1 @@\n",
  "@@ -1,2 +1,2 @@\n a\n-b\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n", "@@ -1 +1 @@\r\n-a\r\n+b\r\n",
  "@@\n", "GIT binary patch\nliteral 1\nIc${NkU|;|M00961\n\n", "new file mode 120000\n", "deleted file mode 100644\n", "rename from a.txt\nrename to ../stolen\n", "\u0000", "+x\n".repeat(2000),
];
const GLOBS = [
  "**", "*", "../**", "/**", "**/..", "**/.env*", ".git/**", "**/*.key", "{..,.}/**", "[", "[!", "[a-", "[]]", "{a,{b,{c,d}}}", "{".repeat(60), "{a,b}".repeat(12),
  "*".repeat(500), "**/".repeat(80), "?".repeat(300), "\\", "a\\", "out/*", "beside/*", "magic/**", "!(a)", "@(a|b)", "[[:alpha:]]*", "**/*a*b*c*d*e*f*g*",
];
const LINES = [
  "fix", "", "#comment", "  indented", "trailing   ", "\t", "-F/etc/passwd", "--amend", "--author=x <y>", "$(touch owned)", "`id`", "Signed-off-by: Eve <e@e>", "'; id; '",
  "%H%n", "é日本", "\u202eevil", "a".repeat(3000), "diff --git a/x b/x", "---", "scissors ------------------------ >8 ------------------------", "\u0001\u001b[31m", "\u0000", "\ud800", "\r", "\v\f",
];

// from: { dir, beside, digests }. digests: SHA-256 of what is there, which an attacker may know.
export function* hostileCalls(seed, count, from) {
  const next = random(seed);
  const below = (n) => Math.floor(next() * n);
  const one = (list) => list[below(list.length)];
  const maybe = (chance) => next() < chance;
  const many = (list, most) => Array.from({ length: 1 + below(most) }, () => one(list));
  const absolute = () => one([from.dir, from.beside, `${from.dir}/../${from.beside.split("/").pop()}`, "/etc/passwd", "/proc/self/environ", "/proc/self/root/etc/hostname",
    "/proc/self/fd/3", "/dev/stdin", "/dev/null", "/dev/shm/owned", "/tmp/owned", "//etc/passwd", "/"]);

  const hostilePath = () => {
    let p = maybe(0.25) ? one(PLAIN) : maybe(0.7) ? one(ROOTED) : maybe(0.5) ? absolute() : many(WORDS, 5).join("");
    if (maybe(0.3)) p = `${one(["../", "./", "src/../", "none/../", "a.txt/../", "//", "out/../", "src/../../", `${from.dir}/`, `${from.dir}/../`])}${p}`;
    for (let i = maybe(0.5) ? 1 + below(3) : 0; i > 0; i--) {
      const at = below(p.length + 1);
      p = p.slice(0, at) + one(WORDS) + p.slice(at + (maybe(0.3) ? 1 : 0));
    }
    return p;
  };
  const digest = () => (maybe(0.6) ? one(from.digests) : one(["", "0", "0".repeat(64), "z".repeat(64), "../x"]));
  const contents = () => one(["", "owned\n", "é", "\u0000", "x".repeat(5000), "../../etc/passwd", "gitdir: ../.git\n", "[core]\n\tfsmonitor = touch owned\n"]);
  const encoding = () => (maybe(0.8) ? {} : { encoding: one(["base64", "hex", "utf16le", "latin1", "../x", ""]) });
  const patch = () => (maybe(0.6) ? `--- a/${hostilePath()}\n+++ b/${hostilePath()}\n` : "") + many(HUNKS, 3).join("");
  const glob = () => (maybe(0.4) ? hostilePath() : many(GLOBS, 3).join(one(["", "/", ","])));
  const message = () => many(LINES, 6).join(one(["\n", "\n", "\n\n\n", " "]));
  const overwrite = () => ({ overwrite: maybe(0.7) });
  const kinds = {
    write_file: () => ({ path: hostilePath(), contents: contents(), ...overwrite(), ...encoding() }),
    create_file: () => ({ path: hostilePath(), contents: contents(), template: one(["python", "../x", "", "markdown"]) }),
    update_file: () => ({ path: hostilePath(), contents: contents(), expectSha256: digest(), ...encoding() }),
    append_file: () => ({ path: hostilePath(), contents: contents(), ensureNewline: maybe(0.5), ...encoding() }),
    rename_file: () => ({ from: hostilePath(), to: hostilePath(), ...overwrite() }),
    delete_file: () => ({ path: hostilePath(), expectSha256: digest() }),
    writeFile: () => ({ path: hostilePath(), content: contents(), ...overwrite(), ...encoding() }),
    createFile: () => ({ path: hostilePath(), content: contents(), template: one(["python", "../x"]) }),
    apply_patch: () => ({ path: hostilePath(), patch: patch(), expectSha256: digest(), allowCreate: maybe(0.7) }),
    list_dir: () => ({ path: hostilePath(), ...(maybe(0.5) ? { glob: glob() } : {}), includeDirs: maybe(0.5), gitignore: maybe(0.3), max: 200 }),
    find_files: () => ({ glob: glob(), gitignore: maybe(0.3), max: 500 }),
    fetch: () => ({ id: maybe(0.7) ? hostilePath() : one(["http://127.0.0.1:1/", "http://169.254.169.254/", "file:///etc/passwd", "gh:a/b@c:../../x", `http://[::1]/${one(WORDS)}`, "ftp://x/"]) }),
    search: () => ({ query: maybe(0.5) ? hostilePath() : one(["\"", "a NEAR b", "' OR 1=1 --", "col:secret", "*", "(((", "secret", "-a", "a*b*", "^a"]), limit: 50 }),
  };
  const names = Object.keys(kinds);
  for (let i = 0; i < count; i++) {
    // Each commit starts up to six programs: fewer of them.
    if (i % 25 !== 0) {
      const name = one(names);
      yield { name, args: kinds[name]() };
    } else {
      const add = maybe(0.6) ? { add: maybe(0.3) ? many([hostilePath(), "a.txt", "src", "docs"], 3) : ["."] } : { stageAll: true };
      yield { name: "git_commit", args: { message: message(), ...add, signoff: maybe(0.2) } };
    }
  }
}
