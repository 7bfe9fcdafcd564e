// env.mjs - what a test run is about: which binary, how slow it is, and a clean environment for it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

export const repo = path.resolve(here, "../../..");
export const binary = process.env.MOONGATE_BIN || path.join(repo, "build/moongate");
export const fixtures = path.join(repo, "tests/e2e/tools.d");

// "" for a plain build, else the sanitizers it was built with.
export const sanitizer = process.env.MOONGATE_SAN ?? "";

// Sanitized builds are slow: limits that guard against a hang are multiplied by this.
export const slowness = sanitizer === "" ? 1 : sanitizer === "thread" ? 10 : 4;

// The environment of the tests must not configure the gateways they start.
const cleared = /^(MOONGATE_|LUKHAS_|MCP_|PORT$|GITHUB_VIEW_BASE$|FETCH_|PROM_)/;

export function cleanEnv(extra = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !cleared.test(k)));
  return { ...env, ...extra };
}

// Runs the binary without serving (check, config, call, --version ...);
// -> { code, signal, stdout, stderr }.
export async function runBinary(args, { cwd, env, input } = {}) {
  const child = spawn(binary, args, { cwd, env: cleanEnv(env), stdio: "pipe" });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"])
    child[name].setEncoding("utf8").on("data", (text) => (out[name] += text));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000 * slowness);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  return { code, signal, ...out };
}
