// gateway.mjs - one real gateway process for a test, in a folder of its own, on a port of its own.
//
//   const gw = await Gateway.start({ ini: "[auth]\nkeys = k1\n", tools: ["echo.lua"] });
//   t.after(() => gw.stop());
//   const res = await gw.rpc("tools/list");
//
// The gateway listens on port 0; the port is read from its log line {"msg":"listening","port":N}.
// It is stopped by SIGTERM and must then exit with 0: a sanitizer's finding, a crash or a hang at
// shutdown fails the test that started it. Nothing here waits by sleeping: all waiting is for a log
// line, an answer or an exit, each with a limit.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { binary, cleanEnv, fixtures, slowness } from "./env.mjs";
import { JsonRpc } from "./rpc.mjs";
import { openEventStream } from "./sse.mjs";
import { openRaw } from "./raw.mjs";
import { tapCheck, tapPort } from "./tap.mjs";

export { binary, fixtures, repo, runBinary, slowness } from "./env.mjs";

const START_MS = 10_000 * slowness;
const STOP_MS = 20_000 * slowness;

export class Gateway {
  // Log lines that were JSON, oldest first, and everything that was written to standard error.
  log = [];
  stderr = "";
  exit = null; // { code, signal } once the process has ended

  #waiters = new Set();
  #rest = "";

  // Options, all optional:
  //   ini      text of mcp.ini; gets [server] port = 0 and [paths] root = root unless it sets them,
  //            at its end when it lacks the section
  //   tools    { "name.lua": "text" }, or an array of file names, from tests/e2e/tools.d on
  //   env      additional environment
  //   follow   true: changed files are served by themselves ([tools] reload)
  //   args     additional arguments
  //   dir      an existing folder of an earlier gateway (dir of it), to start again in
  //   wrapper  argv put before the binary, such as ["valgrind", "-q"]
  //   binary   another binary
  static start(options = {}) {
    return new Gateway(options).begin();
  }

  constructor(options = {}) {
    this.options = options;
    this.ownsDir = !options.dir;
    this.dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), "moongate-e2e-"));
    this.root = path.join(this.dir, "root");
    this.toolsDir = path.join(this.dir, "tools.d");
    this.iniPath = path.join(this.dir, "mcp.ini");
    this.statePath = path.join(this.root, ".mcp-state.json");
    fs.mkdirSync(this.root, { recursive: true });
    fs.mkdirSync(this.toolsDir, { recursive: true });
    this.writeTools(options.tools ?? []);
    if (options.ini !== undefined || !fs.existsSync(this.iniPath)) this.writeIni(options.ini ?? "");
  }

  writeTools(tools) {
    const files = Array.isArray(tools)
      ? tools.map((name) => [path.basename(name), fs.readFileSync(path.join(fixtures, name))])
      : Object.entries(tools);
    for (const [name, text] of files) {
      const file = path.join(this.toolsDir, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      // By rename, as editors do: the gateway never sees half a file.
      fs.writeFileSync(`${file}.new`, text);
      fs.renameSync(`${file}.new`, file);
    }
  }

  writeIni(ini) {
    const text = withDefault(withDefault(ini, "paths", "root = root"), "server", "port = 0");
    fs.writeFileSync(`${this.iniPath}.new`, text, { mode: 0o600 });
    fs.renameSync(`${this.iniPath}.new`, this.iniPath);
  }

  async begin() {
    this.launch();
    try {
      await this.#listening();
    } catch (error) {
      await this.kill();
      throw error;
    }
    return this;
  }

  // Starts the process without waiting for it to listen.
  launch() {
    const { wrapper = [], binary: program = binary, args = [], env, follow } = this.options;
    const argv = [...wrapper, program, "-c", this.iniPath, ...args];
    this.exit = null;
    this.killed = false;
    this.child = spawn(argv[0], argv.slice(1), {
      cwd: this.dir,
      // By SIGHUP alone, so that a test knows which reload it waits for; `follow` turns it on.
      env: cleanEnv({ MOONGATE_TOOLS_RELOAD: follow ? "yes" : "no", ...env }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve) => {
      this.child.once("error", (error) => this.#ended({ code: null, signal: null, error }, resolve));
      this.child.once("close", (code, signal) => this.#ended({ code, signal }, resolve));
    });
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => this.#collect(text));
  }

  async #listening() {
    this.attach((await this.logged((l) => l.msg === "listening" && l.port > 0, START_MS)).port);
  }

  // What start() does once the port is known; for a gateway that logs to a file (see tests/bench).
  attach(port) {
    this.port = port;
    tapPort(port);
    this.base = `http://127.0.0.1:${port}`;
    this.url = `${this.base}/mcp`;
    this.client = new JsonRpc(this.url);
  }

  // Starts again in the same folder, after stop(), kill() or an exit of its own.
  async restart(options = {}) {
    assert.ok(this.exit, "restart: the gateway still runs");
    this.options = { ...this.options, ...options };
    this.log = [];
    this.launch();
    await this.#listening();
  }

  #ended(exit, resolve) {
    this.exit = exit;
    resolve(exit);
    for (const waiter of this.#waiters) waiter.ended();
  }

  #collect(text) {
    this.stderr += text;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const text of lines) {
      const line = parse(text);
      if (!line) continue;
      this.log.push(line);
      for (const waiter of this.#waiters) waiter.line(line);
    }
  }

  // The first log line, already written or still to come, that `matches` is true of.
  logged(matches, limitMs = 10_000 * slowness) {
    const found = this.log.find(matches);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        settle(value);
      };
      const fail = (why) => done(reject, new Error(`${why} before the log line; ${this.tail()}`));
      const waiter = {
        line: (line) => matches(line) && done(resolve, line),
        ended: () => fail(`the gateway ended (${JSON.stringify(this.exit)})`),
      };
      const timer = setTimeout(() => fail(`${limitMs} ms passed`), limitMs);
      this.#waiters.add(waiter);
      if (this.exit) waiter.ended();
    });
  }

  tail() {
    return `standard error was:\n${this.stderr.slice(-6000)}`;
  }

  signal(name) {
    assert.ok(!this.exit, this.tail());
    this.child.kill(name); // no error where it is reaped and its output is not yet at its end
  }

  // Ends it as an operator does, and insists on a clean exit. Removes the folder unless `keep`.
  async stop({ keep = false } = {}) {
    if (!this.exit) {
      this.signal("SIGTERM");
      const timer = setTimeout(() => this.child.kill("SIGABRT"), STOP_MS);
      await this.exited;
      clearTimeout(timer);
    }
    if (!keep) this.remove();
    tapCheck();
    if (this.killed) return;
    assert.deepEqual({ ...this.exit }, { code: 0, signal: null }, this.tail());
    assert.doesNotMatch(this.stderr, /(Address|Leak|Thread)Sanitizer|runtime error:/);
  }

  // kill -9, and waits until it is gone. The folder stays for restart().
  async kill() {
    this.killed = true;
    if (!this.exit) this.child.kill("SIGKILL");
    await this.exited;
  }

  remove() {
    if (this.ownsDir) fs.rmSync(this.dir, { recursive: true, force: true });
  }

  // ---- talking to it -----------------------------------------------------------------------------

  // One stateless legacy request, as the plain curls of the contract send it; -> { status, headers,
  // body, text }. options: { key, headers, id, signal }.
  rpc(method, params, options) {
    return this.client.request(method, params, options);
  }

  // The result of a tools/call whose answer must be a result; .value is its text as JSON.
  call(name, args = {}, options) {
    return this.client.call(name, args, options);
  }

  fetch(target, init = {}) {
    return fetch(this.base + target, { signal: AbortSignal.timeout(30_000 * slowness), ...init });
  }

  // Event stream of `target`, such as "/sse?topic=job/1"; see sse.mjs.
  events(target, options) {
    return openEventStream(this.base + target, options);
  }

  // A TCP connection for bytes that no HTTP client would send; see raw.mjs.
  raw(options) {
    return openRaw({ port: this.port, ...options });
  }

  // A figure of /metrics: metric("moongate_calls_total", { tool: "echo" }); undefined when absent.
  async metric(name, labels = {}, { key } = {}) {
    const text = await (await this.fetch("/metrics", key ? { headers: { "X-API-Key": key } } : {})).text();
    for (const line of text.split("\n")) {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (match?.[1] !== name) continue;
      const has = Object.fromEntries(
        [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]),
      );
      if (Object.entries(labels).every(([k, v]) => has[k] === v)) return Number(match[3]);
    }
    return undefined;
  }

  // Memory that belongs to the process alone, in bytes.
  rssAnon() {
    const status = fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  }
}

// Puts a key into its section unless the text sets one of that name there.
function withDefault(ini, section, line) {
  const key = line.split("=")[0].trim();
  const head = new RegExp(`^\\[${section}\\][ \\t]*$`, "m").exec(ini);
  if (!head) return `${ini.replace(/[^\n]$/, "$&\n")}[${section}]\n${line}\n`;
  const start = head.index + head[0].length;
  const next = ini.slice(start).search(/^\[/m);
  const body = next < 0 ? ini.slice(start) : ini.slice(start, start + next);
  if (new RegExp(`^${key}[ \\t]*=`, "m").test(body)) return ini;
  return `${ini.slice(0, start)}\n${line}${ini.slice(start)}`;
}

function parse(text) {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
