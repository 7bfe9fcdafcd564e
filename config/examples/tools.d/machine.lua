-- machine.lua - may something large be started here now? How busy the machine is, and how much code
-- in C lies in a folder. Save it in the tools folder and grant it in mcp.ini:
--   [tool machine]
--   fs = read
local mcp = require "mcp"

local PATHS = 500              -- that mcp.fs.tally takes at once
local SYNTAX = { line = { "//" }, block = { { "/*", "*/" } }, quotes = "\"'" }

local function lines_of_code(folder)
  local paths, message, code = mcp.fs.list(folder, { glob = "**/*.{c,h}", gitignore = true })
  if not paths then return nil, message, code end
  local lines = 0
  for first = 1, #paths, PATHS do
    local some = table.move(paths, first, math.min(first + PATHS - 1, #paths), 1, {})
    local counted
    counted, message, code = mcp.fs.tally(some, SYNTAX)
    if not counted then return nil, message, code end
    for _, file in ipairs(counted) do
      if file and file.lines then lines = lines + file.code end   -- else gone, or not counted
    end
  end
  return lines
end

local function run(args)
  local lines, message = lines_of_code(args.folder)
  if not lines then return nil, message end
  local host = mcp.host.status()
  -- What the kernel does not tell is not guessed.
  local is_busy = host and host.load and host.processors and host.load[1] > host.processors
  return { lines = lines, is_busy = is_busy, memory = host and host.memory }
end

return mcp.tool {
  name        = "machine",
  description = "How busy the machine is, and how many lines of C a folder has.",
  input = {
    type = "object",
    properties = { folder = { type = "string", default = "", maxLength = 1000 } },
  },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs" },
  run         = run,
}
