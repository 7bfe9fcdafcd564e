-- writeFile.lua - write_file for clients that read `success` in the
-- result: what fails is no error to them.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repopath = require "repopath"

local function run(arguments)
  local text, content = args.text(arguments.path), args.text(arguments.content)
  if not (text and content) then
    return nil, "Both path and content are required for writeFile"
  end
  local path, info = filewrite.new {
    path = text, contents = content, encoding = arguments.encoding,
    overwrite = arguments.overwrite, exists = "File already exists and overwrite=false: ",
  }
  if not path then
    return {
      success = false, operation = "writeFile", error = info, path = text,
      timestamp = mcp.time.iso(),
    }
  end
  local absolute = repopath.absolute(path)
  return {
    success = true, operation = "writeFile",
    -- relativePath: see write_file
    path = absolute, relativePath = absolute, size = info.size,
    encoding = arguments.encoding, overwritten = arguments.overwrite, timestamp = mcp.time.iso(),
  }
end

return mcp.tool {
  name        = "writeFile",
  title       = "Write a file (success in the result)",
  description = "As write_file, for clients that want success: false in the result where it "
    .. "fails.",
  input = {
    type = "object",
    properties = {
      path      = { type = "string" },
      content   = { type = "string" },
      overwrite = { type = "boolean", default = false },
      encoding  = { type = "string", default = "utf8" },
    },
    required = { "path", "content" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
