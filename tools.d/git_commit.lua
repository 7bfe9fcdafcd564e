-- git_commit.lua - commits changes of the repository. What tools may not touch is never staged.
local mcp = require "mcp"
local args = require "args"
local gitname = require "gitname"
local repopath = require "repopath"

local function failed(message)
  return nil, "git commit failed: " .. message
end

-- May a tool touch it, and would git store it? A file that was deleted is judged by its name.
local function is_allowed(path)
  if gitname.is_refused(path) then return false end
  local info, _, code = mcp.fs.stat(path)
  return info ~= nil or code == "ENOENT"
end

local function lies_in(path, folder)
  return folder == "" or path == folder or path:sub(1, #folder + 1) == folder .. "/"
end

-- The changed files in a folder that may be staged, and how many may not.
local function changed(folder)
  local status, message = mcp.git.status()
  if not status then return nil, message end
  local paths, left_out = {}, 0
  for _, file in ipairs(status.files) do
    if file.is_conflict then return nil, "there are conflicts: " .. file.path end
    if file.work ~= "." and lies_in(file.path, folder) then
      if is_allowed(file.path) then
        paths[#paths + 1] = file.path
      else
        left_out = left_out + 1
      end
    end
  end
  return paths, left_out
end

-- The files that a path of `add` means: itself, or what has changed in the folder. A path that a
-- client names and may not have is an error.
local function named(text)
  local path, message = repopath.of(text)
  if not path then return nil, message end
  local info, why, code = mcp.fs.stat(path == "" and "." or path)
  if not info and code ~= "ENOENT" then return nil, why end
  if info and info.type == "folder" then return changed(path) end
  return { path }, 0
end

local function collect(arguments)
  if not arguments.add or #arguments.add == 0 then
    if arguments.stageAll then return changed("") end
    return {}, 0
  end
  local all, left_out = {}, 0
  for _, text in ipairs(arguments.add) do
    local paths, n = named(text)
    if not paths then return nil, n end
    table.move(paths, 1, #paths, #all + 1, all)
    left_out = left_out + n
  end
  return all, left_out
end

local function run(arguments)
  local message = args.text((arguments.message or ""):match("^%s*(.-)%s*$"))
  if not message then return nil, "Commit message required" end
  local paths, left_out = collect(arguments)
  if not paths then return failed(left_out) end
  if #paths > 0 then
    local ok, why = mcp.git.add(paths)
    if not ok then return failed(why) end
  end
  local made, why = mcp.git.commit { message = message, signoff = arguments.signoff }
  if not made then return failed(why) end
  return {
    commit = made.commit, message = message, staged = arguments.add or mcp.json.array(),
    stageAll = arguments.stageAll, branch = made.branch,
    leftOut = left_out > 0 and left_out or nil,
    note = left_out > 0 and ("%d changed files are not for tools, or git stores no such name, "
      .. "and were left out"):format(left_out) or nil,
  }
end

return mcp.tool {
  name        = "git_commit",
  title       = "Commit changes",
  description = "Commit changes of the repository: the files or folders in add, or with stageAll "
    .. "all that has changed, or what is staged already. What tools may not touch is left out.",
  input = {
    type = "object",
    properties = {
      message  = { type = "string" },
      add      = { type = "array", items = { type = "string" } },
      signoff  = { type = "boolean", default = false },
      stageAll = { type = "boolean", default = false },
    },
    required = { "message" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = false, idempotentHint = false, openWorldHint = false,
  },
  needs  = { "fs", "exec" },
  coerce = true,
  limits = { timeout = "60s" },
  run    = run,
}
