-- append_file.lua - more at the end of a file.
local mcp = require "mcp"
local args = require "args"
local encoding = require "encoding"
local filewrite = require "filewrite"
local repopath = require "repopath"

local function run(arguments)
  local text, contents = args.text(arguments.path), arguments.contents
  if not (text and contents) then return nil, "path and contents required" end
  local path, message = repopath.file(text)
  if not path then return nil, message end
  local bytes, newline
  bytes, message = encoding.bytes(contents, arguments.encoding)
  if not bytes then return nil, message end
  newline = encoding.head("\n", arguments.encoding)
  if arguments.ensureNewline and bytes:sub(1, #newline) ~= newline then bytes = newline .. bytes end
  local new, info, code = filewrite.change(path, function(old) return old .. bytes end)
  if code == "ENOENT" then return nil, "File does not exist: " .. text end
  if not new then return nil, info end
  return {
    path = text, sha256 = info.sha256, size = info.size, appended = encoding.units(contents),
  }
end

return mcp.tool {
  name        = "append_file",
  title       = "Append to a file",
  description = "Add to the end of a file of the repository. A newline is put before the "
    .. "contents, unless they begin with one or ensureNewline is false.",
  input = {
    type = "object",
    properties = {
      path          = { type = "string" },
      contents      = { type = "string" },
      ensureNewline = { type = "boolean", default = true },
      encoding      = { type = "string", default = "utf8" },
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
