-- test_input_required_result_list_roots.lua - asks which folders the client works in.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_input_required_result_list_roots",
  description = "Count the client's roots.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local roots, message = ctx:roots("client_roots")
    if not roots then return nil, message end
    return ("Found %d root(s)"):format(#roots)
  end,
}
