// ways.mjs - every way into a gateway: what is asked of one way is asked of all. A new one is a line here;
// absent() tells which of the sources' own tables this one lacks.

import fs from "node:fs";
import path from "node:path";

import { repo } from "../e2e/lib/env.mjs";
import { MODERN } from "../e2e/lib/rpc.mjs";
import { BOTH } from "./lib.mjs";

const META = "io.modelcontextprotocol/";

// What a tools folder needs for the methods below to be there.
export const tools = {
  "offers.lua": `local mcp = require "mcp"
    local function complete() return { "one", "two" } end
    return {
      mcp.prompt { name = "p", arguments = { { name = "a" } }, complete = { a = complete }, run = function() return "p" end },
      mcp.resource { uri = "x:one", name = "one", read = function() return "1" end },
      mcp.skill { name = "s", description = "S.", files = { ["SKILL.md"] = "# S" } },
    }`,
};

// The protocol's methods, each with parameters that it takes.
const METHODS = {
  "tools/list": {},
  "tools/call": { name: "echo", arguments: { message: "m" } },
  "prompts/list": {},
  "prompts/get": { name: "p" },
  "resources/list": {},
  "resources/templates/list": {},
  "resources/read": { uri: "x:one" },
  "resources/subscribe": { uri: "x:one" },
  "resources/unsubscribe": { uri: "x:one" },
  "resources/directory/read": { uri: "skill://s" },
  "subscriptions/listen": { notifications: { toolsListChanged: true } },
  "tasks/get": { taskId: "task_none" },
  "tasks/update": { taskId: "task_none", inputResponses: {} },
  "tasks/cancel": { taskId: "task_none" },
  "skills/list": {},
  "skills/get": { uri: "skill://s/SKILL.md" },
  "completion/complete": { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } },
  "server/discover": {},
  initialize: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } },
  ping: {},
  "logging/setLevel": { level: "error" },
  "notifications/initialized": {},
  "notifications/cancelled": { requestId: 1 },
};

const ONLY_LEGACY = ["resources/subscribe", "resources/unsubscribe", "initialize", "ping", "logging/setLevel",
  "notifications/initialized"];
const ONLY_MODERN = ["subscriptions/listen", "tasks/get", "tasks/update", "tasks/cancel", "skills/list", "skills/get",
  "resources/directory/read", "server/discover"];

const JSON_TYPE = { "Content-Type": "application/json" };
const message = (method, params) =>
  JSON.stringify({ jsonrpc: "2.0", ...(method.startsWith("notifications/") ? {} : { id: 1 }), method, params });

const _meta = {
  [`${META}protocolVersion`]: MODERN,
  [`${META}clientInfo`]: { name: "x", version: "1" },
  [`${META}clientCapabilities`]: { extensions: { [`${META}tasks`]: {} } },
};

function posted(method, era, session) {
  const params = METHODS[method];
  const name = params.name ?? params.uri ?? params.taskId;
  const own = era === "LEGACY"
    ? method === "initialize" ? {} : { "Mcp-Session-Id": session }
    : { "MCP-Protocol-Version": MODERN, "Mcp-Method": method, ...(name ? { "Mcp-Name": name } : {}) };
  return {
    line: "POST /mcp", door: "key", method, era, headers: { ...JSON_TYPE, ...BOTH, ...own },
    body: message(method, era === "LEGACY" ? params : { ...params, _meta }),
  };
}

const STREAM = { Accept: "text/event-stream" };
const route = (line, door, headers = {}, body = undefined) => ({ line, door, headers, body });

// session: the id of one that is open; old: where one of the transport of 2024-11-05 posts. door: "key" asks
// for a key, "host" looks at Host and Origin, "open" at neither.
export function ways({ session, old }) {
  const ping = message("ping");
  const own = { "Mcp-Session-Id": session };
  return [
    ...Object.keys(METHODS).flatMap((method) => ["LEGACY", "MODERN"]
      .filter((era) => !(era === "LEGACY" ? ONLY_MODERN : ONLY_LEGACY).includes(method))
      .map((era) => posted(method, era, session))),
    route("POST /mcp", "key", { ...JSON_TYPE }, ping),
    route("POST /mcp", "key", { ...JSON_TYPE, "MCP-Protocol-Version": "2025-03-26", ...own }, `{"jsonrpc":"2.0","id":"of-ours","result":{}}`),
    route("POST /mcp", "key", { ...JSON_TYPE, ...BOTH }, `[${ping}]`),
    route("GET /mcp", "key", STREAM),
    route("GET /mcp", "key", { ...STREAM, ...own }),
    route("GET /sse", "key", STREAM),
    route("GET /sse?topic=jobs", "key"),
    route(`POST ${old}`, "key", JSON_TYPE, ping),
    route("GET /metrics", "key"),
    route("HEAD /metrics", "key"),
    route("DELETE /mcp", "key", own),
    route("OPTIONS /mcp", "host"),
    route("OPTIONS /messages", "host"),
    route("GET /", "host"),
    route("HEAD /", "host"),
    // A HEAD of what serves clients tells only that somebody is there, as probes ask.
    ...["HEAD /mcp", "HEAD /sse", ...["/healthz", "/readyz", "/health"].flatMap((p) => [`GET ${p}`, `HEAD ${p}`])]
      .map((line) => route(line, "open")),
  ];
}

// Sessions for ways(), of the key; the stream of the old one is closed after the test.
export async function openSessions(t, gw, key) {
  const { id } = await gw.client.session("2025-11-25", { key, headers: BOTH });
  const stream = await gw.events("/sse", { key });
  t.after(() => stream.close());
  return { session: id, old: (await stream.next()).data };
}

// Goes that way on a connection of its own, with more headers, each "Name: value"; -> { status, headers }.
export async function go(gw, way, more = [], host = `Host: 127.0.0.1:${gw.port}`) {
  const raw = await gw.raw();
  try {
    const own = Object.entries(way.headers).map(([name, value]) => `${name}: ${value}`);
    const length = way.body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(way.body)}`];
    const lines = [`${way.line} HTTP/1.1`, ...(host ? [host] : []), ...own, ...length, ...more];
    raw.send(`${lines.join("\r\n")}\r\n\r\n${way.body ?? ""}`);
    return await raw.head();
  } finally {
    raw.destroy();
  }
}

export const told = (way, ...more) => [way.line, way.method, way.era, ...more].filter(Boolean).join(", ");

function source(name, row) {
  const found = [...fs.readFileSync(path.join(repo, name), "utf8").matchAll(row)];
  if (found.length < 5) throw new Error(`${name}: its table is not where it was`);
  return found;
}

const plain = (way) => way.line.split("?")[0];

// What the sources serve and `all` lacks, and what it takes for open that is not.
export function absent(all) {
  const paths = { NULL: "/mcp", SSE_POST_PATH: "/messages" };
  const routes = source("gateway/worker/route.c", /^ {4}\{ (NULL|SSE_POST_PATH|"[^"]+"), ([M_A-Z |]+), DOOR_(\w+), \w+ \},$/gm)
    .flatMap(([, where, methods, door]) => methods.split("|").map((one) => ({
      line: `${one.trim().slice(2)} ${paths[where] ?? where.slice(1, -1)}`, isOpen: door === "OPEN",
    })));
  const methods = source("gateway/mcp/dispatch.c", /^ {4}\{ "([^"]+)", ([A-Z |]+), MESSAGE_\w+, \w+ \},$/gm)
    .flatMap(([, method, eras]) => eras.split("|").map((era) => ({ method, era: era.trim() })));
  return [
    ...routes.filter(({ line, isOpen }) => !all.some((way) => plain(way) === line &&
      (isOpen || line.startsWith("HEAD") || way.door !== "open"))).map(({ line }) => line),
    ...methods.filter(({ method, era }) => !all.some((way) => way.method === method && way.era === era))
      .map(({ method, era }) => `${method} ${era}`),
  ];
}
