-- multi_input.lua - a task that asks two things at once; they are answered one by one.
local mcp = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "multi_input",
  description = "Ask for two names.",
  input       = { type = "object", properties = {} },
  task        = "required",
  run         = function(_, ctx)
    ctx:as_task { ttl = "10m", poll = 0.2 }
    local answers, message = ctx:ask {
      first  = { elicit = asking.form("Who is first?", "name") },
      second = { elicit = asking.form("Who is second?", "name") },
    }
    if not answers then return nil, message end
    return ("%s, then %s"):format(answers.first.content.name, answers.second.content.name)
  end,
}
