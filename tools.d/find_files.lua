-- find_files.lua - files of the repository by a pattern for their path.
local mcp = require "mcp"
local args = require "args"
local listing = require "listing"

local function run(arguments)
  local glob = args.text(arguments.glob)
  if not glob then return nil, "glob is required" end
  local paths, truncated = listing.paths("", {
    glob = glob, max = arguments.max, gitignore = arguments.gitignore,
  })
  if not paths then return nil, truncated end
  local items = mcp.json.array()
  for i, path in ipairs(paths) do items[i] = { path = path } end
  return { items = items, truncated = truncated }
end

return mcp.tool {
  name        = "find_files",
  title       = "Find files",
  description = "Find files of the repository whose path matches a glob: ** is any number of "
    .. "folders, * and ? do not cross a /.",
  input = {
    type = "object",
    properties = {
      glob      = { type = "string" },
      max       = { type = "integer", minimum = 1, maximum = 500, default = 100 },
      gitignore = { type = "boolean", default = false },
    },
    required = { "glob" },
  },
  annotations = {
    readOnlyHint = true, destructiveHint = false, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "32M", timeout = "30s" },
  run    = run,
}
