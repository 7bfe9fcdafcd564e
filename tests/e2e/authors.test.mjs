// authors.test.mjs - docs/tool-authors.md: its commands, run in order in an empty folder, print what the page says.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { binary, cleanEnv, repo } from "./lib/env.mjs";

const page = fs.readFileSync(path.join(repo, "docs/tool-authors.md"), "utf8");

// -> [{ command, output }], output as the page shows it.
function commands() {
  const found = [];
  for (const [, block] of page.matchAll(/```console\n([\s\S]*?)```/g))
    for (const [, command, output] of block.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)) found.push({ command, output });
  return found;
}

// "..." on the page stands for anything within a line.
function matches(shown, got) {
  const parts = shown.split("...").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(got);
}

test("the commands of the page for authors do what it says", (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-authors-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const list = commands();
  assert.ok(list.length > 15, `${list.length} commands`);
  const env = cleanEnv({ PATH: `${path.dirname(binary)}:${process.env.PATH}` });
  for (const { command, output } of list) {
    const run = spawnSync("sh", ["-c", `exec 2>&1\n${command}`], { cwd: dir, env, encoding: "utf8", timeout: 60_000 });
    assert.ok(matches(output, run.stdout), `$ ${command}\nthe page says:\n${output}\nit printed:\n${run.stdout}`);
  }
});

test("the files that the page names are there", () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map((link) => link[1]);
  assert.ok(links.length >= 5);
  for (const link of links) assert.ok(fs.existsSync(path.join(repo, "docs", link)), link);
});
