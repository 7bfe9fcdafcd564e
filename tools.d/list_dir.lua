-- list_dir.lua - what a folder of the repository holds, with all folders in it.
local mcp = require "mcp"
local listing = require "listing"
local repopath = require "repopath"

local function run(arguments)
  if not arguments.path then return nil, "path is required" end
  local folder, message = repopath.of(arguments.path)
  if not folder then return nil, message end
  local paths, truncated = listing.paths(folder, {
    glob = arguments.glob, max = arguments.max, dirs = arguments.includeDirs,
    gitignore = arguments.gitignore,
  })
  if not paths then return nil, truncated end
  local items = mcp.json.array()
  for i, path in ipairs(paths) do
    local is_folder = path:sub(-1) == "/"
    items[i] = {
      type = is_folder and "dir" or "file", path = is_folder and path:sub(1, -2) or path,
    }
  end
  return { items = items, truncated = truncated }
end

return mcp.tool {
  name        = "list_dir",
  title       = "List a folder",
  description = "List the files in a folder of the repository and in all folders in it. glob is "
    .. "relative to the folder.",
  input = {
    type = "object",
    properties = {
      path        = { type = "string" },
      glob        = { type = "string" },
      max         = { type = "integer", minimum = 1, maximum = 200, default = 50 },
      includeDirs = { type = "boolean", default = false },
      gitignore   = { type = "boolean", default = false },
    },
    required = { "path" },
  },
  annotations = {
    readOnlyHint = true, destructiveHint = false, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "32M", timeout = "30s" },
  run    = run,
}
