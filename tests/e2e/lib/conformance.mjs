// conformance.mjs - the whole of the official conformance suite, against the gateway as
// tests/conformance/mcp.ini serves it. A file of tests for each selection of scenarios, so that they
// run side by side.
//
// Every check of every scenario counts: a FAILURE or a WARNING fails, and so does a scenario that
// checked nothing but the shape of messages.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./gateway.mjs";

const suite = path.join(repo, "tests/node_modules/@modelcontextprotocol/conformance/dist/index.js");
const folder = path.join(repo, "tests/conformance");

// What the gateway cannot do yet. Each of these must really fail: one that passes has to go. Where
// checks are named, those alone may.
const asks = "needs ctx:elicit, ctx:sample and ctx:roots";
const tasks = "needs ctx:as_task";
const waiting = {
  "tools-call-sampling": asks,
  "tools-call-elicitation": asks,
  "elicitation-sep1034-defaults": asks,
  "elicitation-sep1330-enums": asks,
  "server-stateless": ["needs a tool that requires a capability of its client",
    "sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"],
  "server-sse-polling": "needs streams of calls that can be resumed",
  "input-required-result-basic-elicitation": asks,
  "input-required-result-basic-sampling": asks,
  "input-required-result-basic-list-roots": asks,
  "input-required-result-request-state": asks,
  "input-required-result-multiple-input-requests": asks,
  "input-required-result-multi-round": asks,
  "input-required-result-missing-input-response": asks,
  "input-required-result-non-tool-request": asks,
  "input-required-result-result-type": asks,
  "input-required-result-tampered-state": asks,
  "input-required-result-capability-check": asks,
  "input-required-result-ignore-extra-params": asks,
  "tasks-lifecycle": tasks,
  "tasks-capability-negotiation": tasks,
  "tasks-wire-fields": tasks,
  "tasks-request-state-removal": tasks,
  "tasks-mrtr-input": tasks,
  "tasks-request-headers": tasks,
  "tasks-dispatch-and-envelope": tasks,
  "tasks-required-task-error": tasks,
  "tasks-mrtr-composition": tasks,
};

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
async function results(gw, selection) {
  const out = path.join(gw.dir, "results");
  const text = await suiteRuns([
    "server", "--url", `http://localhost:${gw.port}/mcp`, "-o", out, ...selection,
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

// What is wrong with a scenario's checks, [{ id, text }].
function problems(checks) {
  const found = checks
    .filter((check) => ["FAILURE", "WARNING", "SKIPPED"].includes(check.status))
    .map(({ id, status, errorMessage, description }) =>
      ({ id, text: `${status} ${id}: ${errorMessage ?? description}` }));
  const done = checks.filter((check) => check.status === "SUCCESS" && check.id !== "wire-schema-valid");
  if (done.length === 0) found.push({ id: "", text: "no check of its own succeeded" });
  return found;
}

function judge(name, checks) {
  const found = problems(checks);
  const [reason, ...may] = [waiting[name] ?? []].flat();
  const wrong = reason && may.length === 0 ? [] : found.filter(({ id }) => !may.includes(id));
  assert.equal(wrong.map(({ text }) => text).join("\n"), "");
  if (reason) assert.ok(found.length > 0, `passes now: take it from the list (${reason})`);
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
    const [{ scenarios, text }, names] = await Promise.all([results(gw, selection), listed(selection)]);
    const missing = names.filter((name) => !scenarios.has(name));
    assert.ok(names.length > 0 && missing.length === 0, `did not run: ${missing}\n${text}`);
    for (const [name, checks] of scenarios) {
      if (empty.includes(name)) continue;
      await t.test(name, () => judge(name, checks));
    }
  });
}
