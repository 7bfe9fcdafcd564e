// stdio.mjs - `moongate stdio`, spoken to in lines.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";

import { cleanEnv } from "./env.mjs";
import { Gateway, binary, slowness } from "./gateway.mjs";

const LIMIT_MS = 20_000 * slowness;

export const info = { name: "moongate-tests", version: "1" };
export const modern = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
export const clean = { code: 0, signal: null };

// A folder with tools and mcp.ini; no gateway runs in it.
export function site(t, options = {}) {
  const gw = new Gateway(options);
  t.after(() => gw.remove());
  return gw;
}

// One `moongate stdio`, spoken to in lines. Whatever comes on its standard output must be one
// JSON-RPC message a line: everything else fails the test that started it.
export class Stdio {
  messages = [];
  stderr = "";
  bad = [];
  bytes = 0;
  #rest = "";
  #waiters = new Set();
  #id = 0;

  constructor(t, site, { env } = {}) {
    this.child = spawn(binary, ["stdio", "-c", site.iniPath], {
      cwd: site.dir,
      env: cleanEnv({ MOONGATE_TOOLS_RELOAD: "no", ...env }),
      stdio: "pipe",
    });
    this.exited = new Promise((resolve) =>
      this.child.once("close", (code, signal) => {
        this.exit = { code, signal };
        if (this.#rest) this.bad.push(this.#rest);
        resolve(this.exit);
        for (const look of this.#waiters) look();
      }),
    );
    this.child.stdin.on("error", () => {});
    this.child.stdout.setEncoding("utf8").on("data", (text) => this.#collect(text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
      for (const look of this.#waiters) look();
    });
    t.after(async () => {
      if (!this.exit) this.child.kill("SIGKILL");
      await this.exited;
      assert.deepEqual(this.bad, [], "standard output holds JSON-RPC and nothing else");
      assert.doesNotMatch(this.stderr, /(Address|Leak|Thread)Sanitizer|runtime error:/);
    });
  }

  #collect(text) {
    this.bytes += text.length;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) {
      let message;
      try {
        message = JSON.parse(line);
      } catch {
        this.bad.push(line);
        continue;
      }
      for (const one of [message].flat()) if (one.jsonrpc !== "2.0") this.bad.push(line);
      this.messages.push(message);
    }
    for (const look of this.#waiters) look();
  }

  write(text) {
    this.child.stdin.write(text);
  }

  send(message) {
    this.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  until(found, what = "a message") {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle(value);
      };
      const why = () => new Error(`no ${what}: ${JSON.stringify(this.messages)}\n${this.stderr}`);
      const look = () => {
        const value = found();
        if (value) end(resolve, value);
        else if (this.exit) end(reject, why());
      };
      const timer = setTimeout(() => end(reject, why()), LIMIT_MS);
      this.#waiters.add(look);
      look();
    });
  }

  message(matches, what) {
    return this.until(() => this.messages.find(matches), what);
  }

  answer(id) {
    return this.message((m) => m.id === id && (m.result || m.error), `answer to ${id}`);
  }

  said(text) {
    return this.until(() => this.stderr.includes(text), `"${text}" on standard error`);
  }

  request(method, params) {
    const id = ++this.#id;
    this.send({ id, method, params });
    return this.answer(id);
  }

  async initialize(protocolVersion = "2025-11-25") {
    const { result } = await this.request("initialize", {
      protocolVersion, capabilities: {}, clientInfo: info,
    });
    this.send({ method: "notifications/initialized" });
    return result;
  }

  async end() {
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill("SIGABRT"), LIMIT_MS);
    await this.exited;
    clearTimeout(timer);
    return this.exit;
  }
}
