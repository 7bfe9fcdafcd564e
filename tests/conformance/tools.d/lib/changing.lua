-- changing.lua - gives a file another edition, for the triggers. Programs know nothing of what
-- tools may not touch: a tool that may run sed may rewrite the gateway. Grant that to fixtures
-- alone.
local mcp = require "mcp"

local function edit(file)
  local edition = mcp.codec.hex(mcp.codec.random(8))
  local done, message = mcp.exec.run {
    argv = { "sed", "-i", ('s/^local EDITION = .*/local EDITION = "%s"/'):format(edition), file },
  }
  if not done then return nil, message end
  if done.code ~= 0 then return nil, "sed: " .. done.stderr end
  return file .. " is now edition " .. edition
end

return { edit = edit }
