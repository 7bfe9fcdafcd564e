// conformance.mjs - the official conformance suite, as far as it asks for tools, prompts and resources. A
// file of tests for each revision: a scenario is a process, and there are many.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { Gateway, repo, slowness } from "./gateway.mjs";

const suite = path.join(repo, "tests/node_modules/@modelcontextprotocol/conformance/dist/index.js");

const shared = [
  "tools-list", "tools-call-simple-text", "tools-call-image", "tools-call-audio",
  "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error",
  "tools-call-with-progress", "completion-complete",
  "prompts-list", "prompts-get-simple", "prompts-get-with-args", "prompts-get-embedded-resource",
  "prompts-get-with-image",
  "resources-list", "resources-read-text", "resources-read-binary", "resources-templates-read",
];
const subscribing = ["resources-subscribe", "resources-unsubscribe"];
const handshake = ["server-initialize", "server-session-lifecycle", "ping", "logging-set-level"];
const later = ["json-schema-2020-12", "server-sse-multiple-streams", "dns-rebinding-protection"];

const asking = [
  "basic-elicitation", "basic-sampling", "basic-list-roots", "request-state",
  "multiple-input-requests", "multi-round", "missing-input-response", "non-tool-request",
  "result-type", "unsupported-methods", "tampered-state", "capability-check",
  "ignore-extra-params", "validate-input",
].map((name) => `input-required-result-${name}`);

// They are skipped by what names a revision: an extension is of none.
const tasks = [
  "lifecycle", "capability-negotiation", "wire-fields", "request-state-removal", "mrtr-input",
  "request-headers", "dispatch-and-envelope", "required-task-error", "mrtr-composition",
  "status-notifications",
].map((name) => `tasks-${name}`);
const skipped = ["tasks-status-notifications"]; // by the suite itself, whatever a server does

const scenarios = {
  "2025-03-26": ["server-session-lifecycle"],
  "2025-06-18": [...handshake, ...shared, ...subscribing, "tools-call-with-logging"],
  "2025-11-25": [...handshake, ...shared, ...subscribing, ...later, "tools-call-with-logging"],
  "2026-07-28": [...shared, ...later, "http-header-validation",
    "http-custom-header-server-validation", "server-stateless", "caching",
    "sep-2164-resource-not-found", ...asking],
};

// Checks that need what is not there yet: tools that change a list.
const absent = {
  "server-stateless": [
    "sep-2575-server-sends-prompts-list-changed-on-subscription",
    "sep-2575-server-sends-tools-list-changed-on-subscription",
  ],
};

async function run(gw, revision, scenario) {
  const out = path.join(gw.dir, "results", revision, scenario);
  fs.mkdirSync(out, { recursive: true });
  const child = spawn(process.execPath, [
    suite, "server", "--url", `http://localhost:${gw.port}/mcp`, "--spec-version", revision,
    "--scenario", scenario, "-o", out,
    ...(tasks.includes(scenario) ? ["--force"] : []),
  ], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000 * slowness);
  await once(child, "close");
  clearTimeout(timer);
  const file = fs.readdirSync(out, { recursive: true }).find((name) => name.endsWith("checks.json"));
  assert.ok(file, `${scenario} left no checks:\n${text}`);
  return JSON.parse(fs.readFileSync(path.join(out, file), "utf8"));
}

// The suite calls a tool that says so in the log when it wants a list to change.
function changeWhenAsked(gw) {
  let n = 0, seen = 0;
  const next = () => gw.logged((line) => line.msg === "change a list" && gw.log.indexOf(line) >= seen, 600_000)
    .then((line) => {
      seen = gw.log.indexOf(line) + 1;
      const name = `changed_${++n}`;
      gw.writeTools({ "changing.lua": `local mcp = require "mcp"
        return {
          mcp.tool { name = "${name}", description = "New.", input = { type = "object" }, run = function() return "x" end },
          mcp.prompt { name = "${name}", description = "New.", run = function() return "x" end },
        }` });
      gw.signal("SIGHUP");
      next();
    }, () => {});
  next();
}

export const tasksPass = () => passes("2026-07-28", tasks);

export function passes(revision, names = scenarios[revision]) {
  test(`the official suite passes at ${revision}: ${names[0]} and so on`, async (t) => {
    const gw = await Gateway.start({
      ini: "[rate_limit]\nbucket = 0\n",
      tools: ["conformance.lua", "conformance_offers.lua", "conformance_asks.lua",
        "conformance_tasks.lua"],
    });
    t.after(() => gw.stop());
    changeWhenAsked(gw);
    for (const scenario of names) {
      await t.test(scenario, async () => {
        const checks = await run(gw, revision, scenario);
        const failed = checks.filter((check) => ["FAILURE", "WARNING"].includes(check.status));
        assert.deepEqual(
          failed.map((check) => check.id).sort(), absent[scenario] ?? [],
          failed.map((check) => `${check.id}: ${check.errorMessage}`).join("\n"));
        const wanted = skipped.includes(scenario) ? "SKIPPED" : "SUCCESS";
        assert.ok(checks.some((check) => check.status === wanted));
      });
    }
  });
}
