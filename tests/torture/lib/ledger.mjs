// ledger.mjs - a tool that keeps versions in two collections, and clients that remember what it
// answered.

import { setTimeout as sleep } from "node:timers/promises";

import { Promises } from "./drive.mjs";
import { between } from "./random.mjs";

const CLIENTS = 8;
const KEYS = 4; // of each client, besides its pair

export const ini = `[rate_limit]
bucket = 1000000
[state]
autosave = 100ms
[log]
access = no
`;

// write: version n of a key, or its removal when n is a multiple of five; a pair is one batch.
export const tools = {
  "ledger.lua": `local mcp = require "mcp"
local jobs = mcp.state.open("ledger.jobs", { key = "id" })
local models = mcp.state.open("ledger.models", { key = "id" })

local function set(collection, args)
  if args.version % 5 == 0 then return collection:delete(args.id) end
  local pad = ("x"):rep(args.version * 37 % 900)
  return collection:put { id = args.id, version = args.version, pad = pad }
end

local function all(collection)
  local out = {}
  for object in collection:each() do out[object.id] = object.version end
  return out
end

local function run(args)
  if args.op == "all" then return { jobs = all(jobs), models = all(models) } end
  if args.op == "read" then return jobs:get(args.id) or { version = 0 } end
  local message, code
  if args.pair then
    local ok, m, c = mcp.state.batch(function()
      set(jobs, args)
      set(models, args)
    end)
    if ok == nil then message, code = m, c end
  else
    local ok, m, c = set(jobs, args)
    if ok == nil then message, code = m, c end
  end
  if message then return mcp.fail(message, { code = code }) end
  return { version = args.version }
end

return mcp.tool { name = "ledger", description = "Keep versions.", run = run,
  input = { type = "object", properties = { op = { type = "string" } } } }
`,
};

export async function found(gw) {
  const { value } = await gw.call("ledger", { op: "all" });
  const map = (versions) => new Map(Object.entries(versions));
  return { jobs: map(value.jobs), models: map(value.models) };
}

// Eight clients work on the gateway until it is gone, or stop() is called.
export class Clients {
  constructor(gw, start) {
    this.promises = Promises.from(start);
    this.refused = 0; // answers that said no
    this.stopping = false;
    const work = (_, i) => this.#work(gw, i, new Map(start.jobs));
    this.done = Promise.all(Array.from({ length: CLIENTS }, work));
  }

  async stop() {
    this.stopping = true;
    await this.done;
  }

  async #work(gw, client, versions) {
    while (!this.stopping) {
      try {
        if (between(0, 3) === 0) await this.#read(gw);
        else await this.#write(gw, client, versions);
      } catch {
        return; // the gateway is gone
      }
    }
  }

  async #write(gw, client, versions) {
    const k = between(0, KEYS);
    const pair = k === KEYS;
    const id = pair ? `pair-${client}` : `c${client}-k${k}`;
    const version = (versions.get(id) ?? 0) + 1;
    const answer = await gw.call("ledger", { op: "write", id, version, pair });
    if (answer.isError) {
      this.refused++;
      if (!/read-only/.test(answer.text)) {
        this.promises.hear("U", id, version);
        versions.set(id, version);
      } else await sleep(5);
      return;
    }
    versions.set(id, version);
    this.promises.hear("A", id, version);
  }

  async #read(gw) {
    const id = `c${between(0, CLIENTS - 1)}-k${between(0, KEYS - 1)}`;
    const answer = await gw.call("ledger", { op: "read", id });
    if (!answer.isError && answer.value.version > 0)
      this.promises.hear("R", id, answer.value.version);
  }
}
