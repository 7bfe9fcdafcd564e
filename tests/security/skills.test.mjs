// skills.test.mjs - the files of a skill are handed to every client that may read it: none comes from elsewhere.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, runBinary } from "../e2e/lib/gateway.mjs";
import { start } from "./lib.mjs";

const MARK = "BAIT-5109-never-shown";
const head = (name) => `---\nname: ${name}\ndescription: For a test.\n---\n`;
const skill = (name) => ({
  [`${name}.lua`]: `return require("mcp").skill { name = "${name}", folder = "skills/${name}" }`,
  [`skills/${name}/SKILL.md`]: head(name),
});

// A folder of tools with bait beside it; links: { name below the tools folder: target }.
function lay(t, links, tools) {
  const gw = new Gateway({ tools });
  t.after(() => (gw.child ? gw.stop() : gw.remove()));
  fs.mkdirSync(path.join(gw.dir, "beside/skills/far"), { recursive: true });
  for (const name of ["secret", "beside/secret", "beside/skills/far/SKILL.md", "beside/SKILL.md"])
    fs.writeFileSync(path.join(gw.dir, name), `${head("far")}${MARK}\n`);
  for (const [name, target] of Object.entries(links)) {
    fs.mkdirSync(path.dirname(path.join(gw.toolsDir, name)), { recursive: true });
    fs.symlinkSync(target.replace("{DIR}", gw.dir), path.join(gw.toolsDir, name));
  }
  return gw;
}

const check = (gw) => runBinary(["-c", gw.iniPath, "check"], { cwd: gw.dir });

// The filesystem server followed links out of its folder.
test("CVE-2025-53109: a skill with a link that leads out of the tools folder is refused", async (t) => {
  const out = {
    "skills/far/leak": "../../../secret", "skills/far/deep/leak": "../../../../secret", "skills/far/absolute": "{DIR}/secret",
    "skills/far/passwd": "/etc/passwd", "skills/far/folder": "../../../beside", "skills/far/root": "/proc/self/root", "skills/far/cwd": "/proc/self/cwd",
    "skills/far/there-and-back": "../../../tools.d/far.lua", "skills/far/inside": "{DIR}/tools.d/far.lua",
  };
  for (const [name, target] of Object.entries(out)) {
    const gw = lay(t, { [name]: target }, skill("far"));
    const { code, stdout, stderr } = await check(gw);
    assert.equal(code, 1, name);
    assert.ok(stderr.includes(`${name}: a link that is absolute, or leads out of the tools folder`), `${name}: ${stderr}`);
    assert.doesNotMatch(stdout + stderr, new RegExp(MARK));
  }
});

test("CVE-2025-53109: nor may the skill itself, its SKILL.md, or all skills lie elsewhere", async (t) => {
  const lua = { "far.lua": skill("far")["far.lua"] };
  for (const [name, target] of Object.entries({
    "skills/far": "../../beside/skills/far", "skills/far/SKILL.md": "../../../beside/SKILL.md", skills: "../beside/skills",
  })) {
    const gw = lay(t, { [name]: target }, lua);
    const { code, stderr } = await check(gw);
    assert.equal(code, 1, name);
    assert.ok(stderr.includes(`${name}: a link that is absolute, or leads out of the tools folder`), `${name}: ${stderr}`);
  }
});

test("CVE-2025-53109: a running gateway serves the skill that was, and never what a new link leads to", async (t) => {
  const gw = await start(t, { tools: skill("far") });
  fs.writeFileSync(path.join(gw.dir, "secret"), MARK);
  fs.symlinkSync("../../../secret", path.join(gw.toolsDir, "skills/far/leak"));
  gw.signal("SIGHUP");
  await gw.logged((line) => line.msg === "tool file did not load" && /leads out of the tools folder/.test(line.error));
  const read = async (uri) => (await gw.client.modern("resources/read", { uri })).text;
  assert.match(await read("skill://far/leak"), /"code":-32602/);
  assert.match(await read("skill://far/SKILL.md"), /name: far/);
  const listed = (await gw.client.modern("skills/list")).text;
  assert.doesNotMatch(listed, /leak/);
  assert.doesNotMatch(gw.stderr, new RegExp(MARK));
});

test("a link within the tools folder is served as the file it leads to", async (t) => {
  const gw = lay(t, { "skills/near/shared.md": "../../shared.md", "skills/near/text": "texts" }, {
    ...skill("near"), "shared.md": "shared\n", "skills/near/texts/one.md": "one\n",
  });
  await gw.begin();
  const read = async (name) => (await gw.client.modern("resources/read", { uri: `skill://near/${name}` })).body.result?.contents[0].text;
  assert.deepEqual([await read("shared.md"), await read("text/one.md"), await read("texts/one.md")], ["shared\n", "one\n", "one\n"]);
});
