-- conformance_tasks.lua - what the official conformance suite expects of the tasks extension.
local mcp = require "mcp"

local TTL = "10m"

local function tool(name, input, task, run)
  return mcp.tool {
    name = name,
    description = "A fixture of the conformance suite.",
    input = input,
    task = task,
    run = run,
  }
end

local NOTHING = { type = "object", properties = {} }

local function slow_compute(args, ctx)
  if args.seconds >= 1 then ctx:as_task { ttl = TTL, poll = 0.2 } end
  local ok, message = mcp.time.sleep(args.seconds)
  if not ok then return nil, message end
  return ("computed %s in %g s"):format(args.label or "it", args.seconds)
end

local function form(message, required)
  return {
    message = message,
    schema = {
      type = "object",
      properties = { name = { type = "string" }, confirm = { type = "boolean" } },
      required = { required },
    },
  }
end

local function confirm_delete(args, ctx)
  ctx:as_task { ttl = TTL, poll = 0.2 }
  local answer, message = ctx:elicit("confirm", form("Delete " .. args.filename .. "?", "confirm"))
  if not answer then return nil, message end
  local is_sure = answer.action == "accept" and answer.content.confirm
  if not is_sure then return "kept " .. args.filename end
  return "deleted " .. args.filename
end

local function multi_input(_, ctx)
  ctx:as_task { ttl = TTL, poll = 0.2 }
  local answers, message = ctx:ask {
    first = { elicit = form("Who is first?", "name") },
    second = { elicit = form("Who is second?", "name") },
  }
  if not answers then return nil, message end
  return ("%s, then %s"):format(answers.first.content.name, answers.second.content.name)
end

-- One round before it becomes a task.
local function with_task(_, ctx)
  local answer, message = ctx:elicit("user_name", form("What is your name?", "name"))
  if not answer then return nil, message end
  ctx:as_task { ttl = TTL, poll = 0.2 }
  mcp.time.sleep(0.2)
  return "Hello, " .. answer.content.name .. "!"
end

return {
  -- The suite tries things on whatever is listed first.
  tool("any", NOTHING, nil, function() return "done" end),

  tool("greet", {
    type = "object",
    properties = { name = { type = "string" } },
    required = { "name" },
  }, nil, function(args) return "Hello, " .. args.name .. "!" end),

  tool("slow_compute", {
    type = "object",
    properties = { seconds = { type = "number", minimum = 0 }, label = { type = "string" } },
    required = { "seconds" },
  }, "optional", slow_compute),

  tool("failing_job", NOTHING, "required", function(_, ctx)
    ctx:as_task { ttl = TTL, poll = 0.2 }
    mcp.time.sleep(1)
    return mcp.fail("the job failed")
  end),

  -- An error that is no text is no answer.
  tool("protocol_error_job", NOTHING, "optional", function(_, ctx)
    ctx:as_task { ttl = TTL, poll = 0.2 }
    error {}
  end),

  tool("confirm_delete", {
    type = "object",
    properties = { filename = { type = "string" } },
    required = { "filename" },
  }, "required", confirm_delete),

  tool("multi_input", NOTHING, "required", multi_input),
  tool("test_tool_with_task", NOTHING, "required", with_task),
}
