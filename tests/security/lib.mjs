// lib.mjs - what the security tests share. Each test is named after the report whose lesson it holds
// the gateway to; docs/threat-model.md tells them.

import fs from "node:fs";
import path from "node:path";

import { Gateway, runBinary } from "../e2e/lib/gateway.mjs";

export { runBinary };
export const BOTH = { Accept: "application/json, text/event-stream" };
export const code = (res) => res.body?.error?.code ?? 0;

// A gateway without a rate limit; tools as in Gateway.start, and echo.lua beside them.
export async function start(t, { ini = "", tools = {}, ...options } = {}) {
  const gw = new Gateway({ ini: `[rate_limit]\nbucket = 0\n${ini}`, tools: ["echo.lua"], ...options });
  gw.writeTools(tools);
  t.after(() => gw.stop());
  gw.launch();
  gw.attach((await gw.logged((line) => line.msg === "listening" && line.port > 0)).port);
  return gw;
}

// Sends bytes as they are, with a right Content-Length when there is a body; -> response or null.
export async function rawRequest(t, gw, requestLine, headers, body = "") {
  const raw = await gw.raw();
  t.after(() => raw.destroy());
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  raw.send([requestLine, ...headers, ...length, "", body].join("\r\n"));
  return raw.response();
}

// `moongate ...` in a folder of its own with this ini and these tools; -> { code, stdout, stderr }.
export async function command(t, args, { ini = "", tools = {}, env } = {}) {
  const gw = new Gateway({ ini, tools });
  t.after(() => gw.remove());
  return runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir, env });
}

export function write(gw, name, text) {
  const file = path.join(gw.root, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}
