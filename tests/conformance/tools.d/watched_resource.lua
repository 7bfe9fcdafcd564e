-- watched_resource.lua - a resource that clients subscribe to. Every minute it has another content,
-- and those who subscribed are told: notifications/resources/updated.
local mcp = require "mcp"

local URI = "test://watched-resource"

return {
  mcp.resource {
    uri         = URI,
    name        = "watched-resource",
    description = "The minute of the hour.",
    mimeType    = "text/plain",
    read        = function() return "It is minute " .. os.date("!%M") .. "." end,
  },
  mcp.tool {
    name        = "test_watched_resource",
    description = "Tell the subscribers of the watched resource that it has changed.",
    input       = { type = "object", properties = {} },
    every       = { "1m", function() mcp.resources.updated(URI) end },
    run         = function()
      mcp.resources.updated(URI)
      return "told"
    end,
  },
}
