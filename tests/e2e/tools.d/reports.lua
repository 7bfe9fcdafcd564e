-- reports.lua - a tool that reports progress and logs while it works.
local mcp = require "mcp"

return mcp.tool {
  name = "reports",
  description = "Report each step.",
  input = {
    type = "object",
    properties = { steps = { type = "integer", default = 3 }, pause = { type = "number" } },
  },
  run = function(args, ctx)
    for step = 1, args.steps or 3 do
      ctx:progress(step, args.steps or 3, "step " .. step)
      ctx:log("info", { step = step })
      local ok, message, code = mcp.time.sleep(args.pause or 0.01)
      if not ok then return nil, message, code end
    end
    return { steps = args.steps or 3 }
  end,
}
