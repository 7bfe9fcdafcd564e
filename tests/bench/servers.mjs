// servers.mjs - the servers that are measured, each pinned to one core, each started on a free port.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { cleanEnv, repo } from "../e2e/lib/env.mjs";
import { Gateway } from "../e2e/lib/gateway.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
export const build = process.env.MOONGATE_BUILD || path.join(repo, "build");

export const SERVER_CORE = "0";
export const CLIENT_CORE = "1";
export const KEY = "bench-key-000000000000000000000000";

const pin = ["taskset", "-c", SERVER_CORE];

// One worker unless told otherwise, a key, a limit that is counted and never reached, and a JSON access
// log in a file. `more` are further lines of [server].
export async function startMoongate({ workers = 1, more = "", wrapper = pin, env } = {}) {
  const port = await freePort();
  const ini = `[server]
port = ${port}
workers = ${workers}
${more}
[auth]
keys = ${KEY}
[rate_limit]
bucket = 1000000
window = 250ms
[log]
format = json
access = yes
file = bench.log
`;
  const gw = new Gateway({ ini, tools: ["echo.lua"], wrapper, env });
  gw.launch();
  await connectable(port, gw.child, () => gw.stderr);
  gw.attach(port);
  return { name: "moongate", port, pid: gw.child.pid, gateway: gw, stop: () => gw.stop() };
}

export async function startConstant() {
  return startPlain("constant", (port) => [path.join(build, "bench/constant"), String(port)]);
}

export async function startSdk() {
  const node = path.join(repo, "tests/node");
  return startPlain("sdk", (port) => [node, path.join(here, "sdk_server.mjs"), String(port)]);
}

export async function startNginx(dir) {
  return startPlain("nginx", (port) => {
    const conf = fs
      .readFileSync(path.join(here, "nginx.conf"), "utf8")
      .replaceAll("@DIR@", dir)
      .replaceAll("@PORT@", String(port));
    fs.writeFileSync(path.join(dir, "nginx.conf"), conf);
    return ["nginx", "-p", "/usr/share/nginx", "-c", path.join(dir, "nginx.conf")];
  });
}

async function startPlain(name, argvFor) {
  const port = await freePort();
  const argv = [...pin, ...argvFor(port)];
  const env = cleanEnv({ PATH: `${process.env.PATH}:/usr/sbin` });
  const child = spawn(argv[0], argv.slice(1), { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const ended = once(child, "exit");
  await connectable(port, child, () => stderr);
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { name, port, pid: child.pid, stop };
}

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// Resolves when something accepts on the port; a connection is tried again as soon as one is refused.
async function connectable(port, child, why) {
  const deadline = Date.now() + 20_000;
  while (child.exitCode === null && Date.now() < deadline) {
    const socket = net.connect(port, "127.0.0.1");
    const ok = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${child.spawnargs.join(" ")} does not listen: ${why()}`);
}
