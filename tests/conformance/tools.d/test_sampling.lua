-- test_sampling.lua - ctx:sample() has the client's model answer. A legacy client is asked while
-- the call waits, on the call's own stream; a modern one comes again with the answer. The tool
-- is the same.
local mcp = require "mcp"

local function run(args, ctx)
  local answer, message = ctx:sample("answer", {
    messages = { { role = "user", content = mcp.text(args.prompt) } },
    maxTokens = 100,
  })
  if not answer then return nil, message end
  return "LLM response: " .. (answer.content.text or "nothing")
end

return mcp.tool {
  name        = "test_sampling",
  description = "Have the client's model answer a prompt.",
  input = {
    type = "object",
    properties = { prompt = { type = "string", description = "What the model is asked" } },
    required = { "prompt" },
  },
  run = run,
}
