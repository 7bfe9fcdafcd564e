-- create_file.lua - a new file of the repository, with a template's head where one is asked for.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repopath = require "repopath"
local template = require "template"

local function run(arguments)
  local text, contents = args.text(arguments.path), arguments.contents
  if not (text and contents) then return nil, "path and contents required" end
  local path, info = filewrite.new {
    path = text, contents = contents, encoding = arguments.encoding, overwrite = false,
    head = template.head(arguments.template, text),
    exists = "Cannot create file: File already exists: ",
  }
  if not path then return nil, info end
  local absolute = repopath.absolute(path)
  return {
    -- relativePath: see write_file
    path = absolute, relativePath = absolute, size = info.size,
    created = mcp.time.iso(info.modified), template = arguments.template or mcp.json.null,
    encoding = arguments.encoding,
  }
end

return mcp.tool {
  name        = "create_file",
  title       = "Create a file",
  description = "Create a file of the repository that is not there yet. template (python, "
    .. "javascript, typescript, markdown) puts a head before the contents.",
  input = {
    type = "object",
    properties = {
      path     = { type = "string" },
      contents = { type = "string" },
      template = { type = "string" },
      encoding = { type = "string", default = "utf8" },
    },
    required = { "path", "contents" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = false, idempotentHint = false, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
