-- changes.lua - mcp.git: what changed last in the repository at the root.
-- It needs a line in mcp.ini: [tool changes] exec = git
local mcp = require "mcp"
local s = mcp.schema

local function run(args)
  local log, message = mcp.git.log { max = args.max, paths = args.path }
  if not log then return nil, message end
  local list = mcp.json.array {}
  for i, commit in ipairs(log) do
    list[i] = { commit = commit.commit:sub(1, 12), subject = commit.subject, by = commit.author,
      at = mcp.time.iso(commit.time) }
  end
  local status, why = mcp.git.status()
  if not status then return nil, why end
  return { branch = status.branch, clean = status.is_clean, commits = list }
end

return mcp.tool {
  name = "changes",
  description = "List the last commits.",
  input = s.object {
    max = s.integer { minimum = 1, maximum = 100, default = 10 },
    path = s.optional(s.string { maxLength = 500 }),
  },
  annotations = { readOnlyHint = true },
  needs = { "exec" },
  run = run,
}
