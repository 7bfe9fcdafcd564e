-- createFile.lua - create_file for clients that read `success` in the
-- result: what fails is no error to them.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repopath = require "repopath"
local template = require "template"

local function run(arguments)
  local text, content = args.text(arguments.path), args.text(arguments.content)
  if not (text and content) then
    return nil, "Both path and content are required for createFile"
  end
  local path, info = filewrite.new {
    path = text, contents = content, encoding = arguments.encoding,
    overwrite = false, head = template.head(arguments.template, text),
    exists = "Cannot create file: File already exists: ",
  }
  if not path then
    return {
      success = false, operation = "createFile", error = info, path = text,
      timestamp = mcp.time.iso(),
    }
  end
  local absolute = repopath.absolute(path)
  return {
    success = true, operation = "createFile",
    -- relativePath: see write_file
    path = absolute, relativePath = absolute, size = info.size,
    template = arguments.template or mcp.json.null, encoding = arguments.encoding,
    timestamp = mcp.time.iso(),
  }
end

return mcp.tool {
  name        = "createFile",
  title       = "Create a file (success in the result)",
  description = "As create_file, for clients that want success: false in the result where it "
    .. "fails.",
  input = {
    type = "object",
    properties = {
      path     = { type = "string" },
      content  = { type = "string" },
      template = { type = "string" },
      encoding = { type = "string", default = "utf8" },
    },
    required = { "path", "content" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = false, idempotentHint = false, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
