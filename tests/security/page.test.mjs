// page.test.mjs - docs/threat-model.md says that each report it names has a test here: so it has.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { repo } from "../e2e/lib/env.mjs";

const REPORT = /\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3})\b/g;
const reports = (text) => new Set(text.match(REPORT));

// The first cells of the table of reports.
function rows() {
  const page = fs.readFileSync(path.join(repo, "docs/threat-model.md"), "utf8");
  const [, table] = page.split("| report | what happened | here |\n|---|---|---|\n");
  return table.split("\n").filter((line) => line.startsWith("|")).map((line) => line.split("|")[1].trim());
}

function testNames() {
  const folder = path.join(repo, "tests/security");
  return fs.readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).flatMap((name) =>
    [...fs.readFileSync(path.join(folder, name), "utf8").matchAll(/^test\(((?:\s*"(?:[^"\\]|\\.)*"\s*\+?)+)/gm)]
      .map((match) => match[1].trim().slice(1)));
}

test("every report on the page of threats has a test that is named after it, and the other way round", () => {
  const named = reports(rows().join("\n"));
  assert.ok(named.size > 30, `${named.size} reports`);
  const tested = reports(testNames().join("\n"));
  assert.deepEqual([...named].filter((id) => !tested.has(id)), [], "no test is named after these");
  assert.deepEqual([...tested].filter((id) => !named.has(id)), [], "the page does not name these");
});

test("a row that names no report has tests whose names begin as it does", () => {
  const lessons = rows().filter((row) => reports(row).size === 0).map((row) => row.split(",")[0]);
  assert.ok(lessons.length > 3, `${lessons.length} rows`);
  const names = testNames();
  assert.deepEqual(lessons.filter((lesson) => !names.some((name) => name.startsWith(`${lesson}: `))), []);
});
