// conformance.mjs - the whole of the official conformance suite, against the gateway as
// tests/conformance/mcp.ini serves it. A file of tests for each selection of scenarios, so that they
// run side by side.
//
// Every check of every scenario counts: a FAILURE or a WARNING fails, and so does a scenario that
// checked nothing but the shape of messages. What the gateway says to the suite is held to the schemas
// here as well, whatever the suite looks at.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./gateway.mjs";
import { proxied } from "./proxy.mjs";
import { skip } from "./schemas.mjs";
import { tapCheck } from "./tap.mjs";

const suite = path.join(repo, "tests/node_modules/@modelcontextprotocol/conformance/dist/index.js");
const folder = path.join(repo, "tests/conformance");

// This one has no checks: the suite itself skips it, whatever a server does.
const empty = ["tasks-status-notifications"];

async function suiteRuns(args) {
  const child = spawn(process.execPath, [suite, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
  const timer = setTimeout(() => child.kill("SIGKILL"), 100_000 * slowness);
  await once(child, "close");
  clearTimeout(timer);
  return text;
}

// Name -> checks of each scenario that ran.
async function results(gw, port, selection) {
  const out = path.join(gw.dir, "results");
  const text = await suiteRuns([
    "server", "--url", `http://localhost:${port}/mcp`, "-o", out, ...selection,
  ]);
  const scenarios = new Map();
  for (const name of fs.existsSync(out) ? fs.readdirSync(out) : []) {
    const checks = fs.readFileSync(path.join(out, name, "checks.json"), "utf8");
    scenarios.set(/^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)[1], JSON.parse(checks));
  }
  return { scenarios, text };
}

// Names of the scenarios of a selection, as the suite lists them.
async function listed(selection) {
  const which = selection[0] === "--suite" ? [] : selection;
  const text = await suiteRuns(["list", "--server", ...which]);
  const server = text.split("\n").filter((line) => !line.endsWith("[client]")).join("\n");
  const own = server.replace(/^Client scenarios[^]*?\n\n/m, "");
  return [...own.matchAll(/^ +- (\S+)/gm)].map((match) => match[1]);
}

// What is wrong with a scenario's checks, a line each.
function problems(checks) {
  const found = checks
    .filter((check) => ["FAILURE", "WARNING", "SKIPPED"].includes(check.status))
    .map(({ id, status, errorMessage, description }) => `${status} ${id}: ${errorMessage ?? description}`);
  const done = checks.filter((check) => check.status === "SUCCESS" && check.id !== "wire-schema-valid");
  if (done.length === 0) found.push("no check of its own succeeded");
  return found;
}

// All files below it: { "lib/x.lua": text }.
function filesOf(dir) {
  return Object.fromEntries(
    fs.readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(dir, file), fs.readFileSync(file)]),
  );
}

// In a folder of its own, since some fixtures change files, and on any port.
async function start() {
  const gw = new Gateway({
    ini: fs.readFileSync(path.join(folder, "mcp.ini"), "utf8"),
    tools: filesOf(path.join(folder, "tools.d")),
    follow: true,
    env: { MOONGATE_SERVER_PORT: "0", MOONGATE_PATHS_ROOT: "." },
  });
  return gw.begin();
}

// selection: the suite's own options, such as ["--requirements", "2026-07-28"].
export function passes(...selection) {
  test(`the official suite: ${selection.join(" ")}`, async (t) => {
    const gw = await start();
    t.after(() => gw.stop());
    const port = await proxied(t, gw.port), before = tapCheck();
    const [{ scenarios, text }, names] = await Promise.all([results(gw, port, selection), listed(selection)]);
    const missing = names.filter((name) => !scenarios.has(name));
    assert.ok(names.length > 0 && missing.length === 0, `did not run: ${missing}\n${text}`);
    await t.test("every message fits the schema of its revision", { skip }, () => {
      const judged = tapCheck() - before;
      assert.ok(judged > names.length, `${judged} judged`);
    });
    for (const [name, checks] of scenarios) {
      if (empty.includes(name)) {
        assert.deepEqual(checks.filter(({ status }) => status !== "SKIPPED"), []);
        continue;
      }
      await t.test(name, () => assert.equal(problems(checks).join("\n"), ""));
    }
  });
}
