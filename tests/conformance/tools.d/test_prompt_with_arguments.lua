-- test_prompt_with_arguments.lua - arguments, and completion of one of them while it is typed: a
-- list, of which those texts are given that begin as the value does.
local mcp = require "mcp"

return mcp.prompt {
  name        = "test_prompt_with_arguments",
  description = "A text with two arguments in it.",
  arguments   = {
    { name = "arg1", description = "The first", required = true },
    { name = "arg2", description = "The second", required = true },
  },
  complete    = { arg1 = { "testValue1", "testValue2" } },
  run = function(args)
    return ("Prompt with arguments: arg1='%s', arg2='%s'"):format(args.arg1, args.arg2)
  end,
}
