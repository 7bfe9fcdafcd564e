-- http_status.lua - is a page there, and how fast does it answer?
-- Save it in the tools folder and grant the hosts in mcp.ini:
--   [tool http_status]
--   http = example.com, *.example.com
local mcp = require "mcp"

local function run(args)
  local started = mcp.time.mono()
  local response, message, code = mcp.http.request {
    method = "HEAD", url = args.url, timeout = args.timeout, redirects = args.redirects,
  }
  if not response then return mcp.fail("unreachable: " .. message, { code = code }) end
  return {
    status = response.status,
    type = response.headers["content-type"],
    location = response.headers.location,
    ms = (mcp.time.mono() - started) * 1000 // 1,
  }
end

return mcp.tool {
  name = "http_status",
  description = "Send one HEAD request; report the status code and the time it took.",
  input = {
    type = "object",
    properties = {
      url = { type = "string", format = "uri", maxLength = 2048 },
      timeout = { type = "number", minimum = 0.1, maximum = 30, default = 5 },
      redirects = { type = "integer", minimum = 0, maximum = 5, default = 0 },
    },
    required = { "url" },
    additionalProperties = false,
  },
  annotations = { readOnlyHint = true, openWorldHint = true },
  needs = { "http" },
  limits = { timeout = "35s", memory = "8M" },
  run = run,
}
