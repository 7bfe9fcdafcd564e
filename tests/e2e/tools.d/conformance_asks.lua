-- conformance_asks.lua - what the official conformance suite expects to be asked, in revision
-- 2026-07-28.
local mcp = require "mcp"

local PREFIX = "test_input_required_result_"

local function tool(name, run)
  return mcp.tool {
    name = name,
    description = "A fixture of the conformance suite.",
    input = { type = "object", properties = {} },
    run = function(_, ctx) return run(ctx) end,
  }
end

local function form(message, name, kind)
  return {
    message = message,
    schema = { type = "object", properties = { [name] = { type = kind or "string" } },
      required = { name } },
  }
end

local function say(text, max)
  return {
    messages = { { role = "user", content = mcp.text(text) } },
    maxTokens = max,
  }
end

local function word(answer) return answer.content.text or "nothing" end

local function confirm(ctx)
  local answer, message = ctx:elicit("confirm", form("Please confirm", "ok", "boolean"))
  if not answer then return nil, message end
  return "state-ok: " .. tostring(answer.content and answer.content.ok)
end

return {
  tool(PREFIX .. "elicitation", function(ctx)
    local answer, message = ctx:elicit("user_name", form("What is your name?", "name"))
    if not answer then return nil, message end
    if answer.action ~= "accept" then return "no name" end
    return "Hello, " .. answer.content.name .. "!"
  end),
  tool(PREFIX .. "sampling", function(ctx)
    local answer, message = ctx:sample("capital_question",
      say("What is the capital of France?", 100))
    if not answer then return nil, message end
    return word(answer)
  end),
  tool(PREFIX .. "list_roots", function(ctx)
    local roots, message = ctx:roots("client_roots")
    if not roots then return nil, message end
    return ("Found %d root(s)"):format(#roots)
  end),
  tool(PREFIX .. "request_state", confirm),
  tool(PREFIX .. "tampered_state", confirm),
  tool(PREFIX .. "multiple_inputs", function(ctx)
    local answers, message = ctx:ask {
      user_name = { elicit = form("What is your name?", "name") },
      greeting = { sample = say("Generate a greeting", 50) },
      client_roots = { roots = true },
    }
    if not answers then return nil, message end
    return ("%s %d"):format(word(answers.greeting), #answers.client_roots)
  end),
  tool(PREFIX .. "multi_round", function(ctx)
    local first, message = ctx:elicit("step1", form("Step 1: What is your name?", "name"))
    if not first then return nil, message end
    local second
    second, message = ctx:elicit("step2", form("Step 2: What is your favorite color?", "color"))
    if not second then return nil, message end
    return first.action .. " " .. second.action
  end),
  tool(PREFIX .. "capabilities", function(ctx)
    local answer, message, code = ctx:elicit("user_name", form("What is your name?", "name"))
    if code == "UNSUPPORTED" then
      answer, message = ctx:sample("user_name", say("Make up a name", 20))
    end
    if not answer then return nil, message end
    return "done"
  end),
  tool("test_missing_capability", function(ctx)
    local answer, message = ctx:sample("word", say("Say a word", 10))
    if not answer then return nil, message end
    return "Success"
  end),
  mcp.prompt {
    name = PREFIX .. "prompt",
    description = "A fixture of the conformance suite.",
    run = function(_, ctx)
      local answer, message = ctx:elicit("user_context",
        form("What context should the prompt use?", "context"))
      if not answer then return nil, message end
      return "Use this: " .. (answer.content and answer.content.context or "nothing")
    end,
  },
}
