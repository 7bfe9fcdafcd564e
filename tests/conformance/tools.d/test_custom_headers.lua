-- test_custom_headers.lua - x-mcp-header: modern clients repeat these arguments in the headers
-- Mcp-Param-Region, Mcp-Param-Priority and Mcp-Param-Verbose, by which a proxy can route. The
-- gateway refuses a call where header and argument differ; the tool need not look.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_custom_headers",
  description = "Give back the arguments, which stand in headers as well.",
  input = {
    type = "object",
    properties = {
      region   = { type = "string", ["x-mcp-header"] = "Region" },
      priority = { type = "integer", ["x-mcp-header"] = "Priority" },
      verbose  = { type = "boolean", ["x-mcp-header"] = "Verbose" },
    },
    required = { "region" },
  },
  run = function(args) return args end,
}
