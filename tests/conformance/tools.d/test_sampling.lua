-- test_sampling.lua - asks the client's model. The same script serves both eras: a client of
-- 2025-11-25 gets a request on the stream of this call.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_sampling",
  description = "Pass a prompt on to the model.",
  input       = {
    type       = "object",
    properties = { prompt = { type = "string" } },
    required   = { "prompt" },
  },
  run         = function(args, ctx)
    local answer, message = ctx:sample("answer", asking.sample(args.prompt, 100))
    if not answer then return nil, message end
    return "LLM response: " .. asking.text(answer)
  end,
}
