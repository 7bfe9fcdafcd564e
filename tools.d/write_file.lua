-- write_file.lua - a new file of the repository, or new contents for one that is there.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repopath = require "repopath"

local function run(arguments)
  local text, contents = args.text(arguments.path), arguments.contents
  if not (text and contents) then return nil, "path and contents required" end
  local path, info = filewrite.new {
    path = text, contents = contents, encoding = arguments.encoding,
    overwrite = arguments.overwrite, exists = "File already exists and overwrite=false: ",
  }
  if not path then return nil, info end
  local absolute, time = repopath.absolute(path), mcp.time.iso(info.modified)
  return {
    -- relativePath is absolute, too: that is what clients of the ops kit have always been sent.
    path = absolute, relativePath = absolute, size = info.size, created = time, modified = time,
    encoding = arguments.encoding,
  }
end

return mcp.tool {
  name        = "write_file",
  title       = "Write a file",
  description = "Write a file of the repository as a whole. An existing one is replaced only with "
    .. "overwrite=true.",
  input = {
    type = "object",
    properties = {
      path      = { type = "string" },
      contents  = { type = "string" },
      overwrite = { type = "boolean", default = false },
      encoding  = { type = "string", default = "utf8" },
    },
    required = { "path", "contents" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
