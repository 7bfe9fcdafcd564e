// tasks.mjs - tools whose calls become tasks, and how a client that knows tasks asks about them.

import assert from "node:assert/strict";

import { Gateway, slowness } from "./gateway.mjs";

export const META = "io.modelcontextprotocol/";
export const KNOWS = {
  meta: { [`${META}clientCapabilities`]: { elicitation: {}, extensions: { [`${META}tasks`]: {} } } },
};

export const tools = `
  local mcp = require "mcp"
  local any = { type = "object" }
  local function form(name, kind)
    return { message = "What?", schema = { type = "object", properties = { [name] = { type = kind } }, required = { name } } }
  end
  return {
    mcp.tool { name = "sum", input = any, run = function(args, ctx)
      local id, message, code = ctx:as_task { ttl = args.ttl, poll = args.poll, timeout = args.timeout }
      if id == nil then return { code = code, message = message } end
      if args.wait then
        local ok, _, why = mcp.time.sleep(args.wait)
        if not ok then return nil, why end
      end
      return { id = id, again = ctx:as_task(), sum = (args.a or 0) + (args.b or 0), text = ("x"):rep(args.bytes or 0) }
    end },
    mcp.tool { name = "needs", input = any, task = "required", run = function(_, ctx)
      return { id = ctx:as_task() }
    end },
    mcp.tool { name = "says", input = any, run = function(_, ctx)
      ctx:as_task { poll = 0.05 }
      ctx:progress(1, 2)
      mcp.time.sleep(0.1)
      ctx:progress(2, 2, "all of it")
      ctx:log("error", "nobody hears this")
      mcp.time.sleep(60)
    end },
    mcp.tool { name = "fails", input = any, run = function(args, ctx)
      ctx:as_task()
      if args.how == "fail" then return mcp.fail("no luck") end
      if args.how == "error" then error("bad luck") end
      if args.how == "late" then mcp.time.sleep(60) end
      error {}
    end },
    mcp.tool { name = "asks", input = any, run = function(_, ctx)
      ctx:as_task()
      local both, message = ctx:ask { a = { elicit = form("n", "integer") }, b = { elicit = form("s", "string") } }
      if not both then return nil, message end
      return both.a.content.n .. both.b.content.s
    end },
    mcp.tool { name = "ends", input = any, needs = { "state:ended" }, run = function(args, ctx)
      ctx:on_end(function(outcome) mcp.state.open("ended"):put { id = "x", outcome = outcome } end)
      ctx:as_task()
      mcp.time.sleep(60)
    end },
    mcp.tool { name = "ended", input = any, needs = { "state:ended" }, run = function()
      local row = mcp.state.open("ended"):get("x")
      return row and row.outcome or "not yet"
    end },
    mcp.tool { name = "peeks", input = any, needs = { "state:*" }, run = function()
      local row, message, code = mcp.state.open("_tasks", { key = "taskId" }):list()
      return { row = row, message = message, code = code }
    end },
  }`;

export const grants = "[tool ends]\nstate = ended:rw\n[tool ended]\nstate = ended:rw\n[tool peeks]\nstate = *:rw\n";

// Tools that sleep on are not waited for at the end.
export const quick = (ini) => (ini.includes("[server]") ? ini.replace("[server]", "$&\ndrain_timeout = 200ms") : `[server]\ndrain_timeout = 200ms\n${ini}`);

export async function start(t, { ini = "", ...options } = {}) {
  const gw = await Gateway.start({
    ini: quick(`[rate_limit]\nbucket = 0\n${grants}${ini}`), tools: { "tasks.lua": tools }, ...options,
  });
  t.after(() => (gw.killed ? gw.remove() : gw.stop()));
  return gw;
}

export const modern = (gw, method, params, options = {}) =>
  gw.client.modern(method, params, { ...KNOWS, ...options });

export const call = (gw, name, args = {}, options) =>
  modern(gw, "tools/call", { name, arguments: args }, options);

export async function create(gw, name, args, options) {
  const { body, text } = await call(gw, name, args, options);
  assert.equal(body.result?.resultType, "task", text);
  return body.result;
}

export async function get(gw, taskId, options) {
  const { body, text } = await modern(gw, "tasks/get", { taskId }, options);
  assert.equal(body.result?.resultType, "complete", text);
  return body.result;
}

// Asks until the task is as it should be; what it is then.
export async function until(gw, taskId, is, options) {
  const end = Date.now() + 20_000 * slowness;
  for (;;) {
    const task = await get(gw, taskId, options);
    if (is(task)) return task;
    assert.ok(Date.now() < end, `never: ${JSON.stringify(task)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const ended = (task) => ["completed", "failed", "cancelled"].includes(task.status);
export const code = (answer) => answer.body.error?.code;
export const value = (task) => JSON.parse(task.result.content[0].text);
