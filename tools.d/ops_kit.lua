-- ops_kit.lua - a skill: how the tools of this folder work together.
local mcp = require "mcp"

return mcp.skill {
  name   = "ops-kit",
  title  = "Work with the ops kit",
  folder = "skills/ops-kit",
}
