// page.test.mjs - docs/threat-model.md says that each report it names has a test here: so it has.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { repo } from "../e2e/lib/env.mjs";

const REPORT = /\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3})\b/g;
const reports = (text) => new Set(text.match(REPORT));

test("every report on the page of threats has a test that is named after it, and the other way round", () => {
  const page = fs.readFileSync(path.join(repo, "docs/threat-model.md"), "utf8");
  const named = reports(page.split("\n").filter((line) => line.startsWith("|")).map((line) => line.split("|")[1]).join("\n"));
  assert.ok(named.size > 30, `${named.size} reports`);
  const folder = path.join(repo, "tests/security");
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).flatMap((name) =>
    [...fs.readFileSync(path.join(folder, name), "utf8").matchAll(/^test\(((?:\s*"(?:[^"\\]|\\.)*"\s*\+?)+)/gm)].map((match) => match[1]));
  const tested = reports(names.join("\n"));
  assert.deepEqual([...named].filter((id) => !tested.has(id)), [], "no test is named after these");
  assert.deepEqual([...tested].filter((id) => !named.has(id)), [], "the page does not name these");
});
