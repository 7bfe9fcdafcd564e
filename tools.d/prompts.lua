-- prompts.lua - prompts that bring what they talk about: the changes of the repository, a failed
-- evaluation.
local mcp = require "mcp"
local evaljob = require "evaljob"

local MAX_PATCH = 400000        -- bytes of a diff that is shown
local MAX_RESULT = 100000       -- bytes of a result's JSON that are shown
local MAX_SCANNED = 500         -- jobs looked at for a completion

-- ---- the review of a change ----

-- May a tool touch it? Git asks nobody.
local function is_shown(file)
  for _, path in ipairs { file.path, file.from } do
    local info, _, code = mcp.fs.stat(path)
    if not info and code ~= "ENOENT" then return false end
  end
  return true
end

local function cut(text, max, what)
  if #text <= max then return text end
  local whole = text:sub(1, max):match("^(.*\n)") or text:sub(1, max)
  return ("%s... %d more bytes of the %s are left out\n"):format(whole, #text - #whole, what)
end

local function summary(files, left_out)
  local lines = {}
  for i, file in ipairs(files) do
    local size = file.is_binary and "binary" or ("+%d -%d"):format(file.added, file.deleted)
    lines[i] = ("%s (%s)"):format(file.path, size)
  end
  if left_out > 0 then
    lines[#lines + 1] = ("(%d more that tools may not see)"):format(left_out)
  end
  return table.concat(lines, "\n")
end

-- The files that changed, the diff of those that may be shown, and how many may not; or nil,
-- message, code.
local function changes(options)
  local all, message, code = mcp.git.diff { revision = options.revision, staged = options.staged,
    context = 0, max_output = "8M" }
  if not all then return nil, message, code == "UNKNOWN_REVISION" and "INVALID" or code end
  local shown, paths = {}, {}
  for _, file in ipairs(all.files) do
    if is_shown(file) then
      shown[#shown + 1] = file
      paths[#paths + 1] = file.path
      if file.from then paths[#paths + 1] = file.from end
    end
  end
  local left_out = #all.files - #shown
  if #shown == 0 then return {}, "", left_out end
  local diff
  diff, message, code = mcp.git.diff { revision = options.revision, staged = options.staged,
    paths = paths, max_output = "8M" }
  if not diff then return nil, message, code end
  return shown, diff.patch, left_out
end

local function review(args)
  local revision = args.revision ~= "" and args.revision or nil
  local staged = revision == "staged"
  if staged then revision = nil end
  local files, patch, left_out = changes {
    revision = not staged and (revision or "HEAD") or nil, staged = staged,
  }
  if not files then return nil, patch, left_out end       -- the message and its code
  local what = staged and "what is staged" or revision and "the changes " .. revision
    or "the work tree against the last commit"
  if #files == 0 then return nil, "nothing to review: " .. what .. " has no changes to show" end
  local focus = args.focus and args.focus ~= "" and "\nLook above all at: " .. args.focus or ""
  return {
    ("Review this change of the repository (%s). Find what is wrong: errors, missing checks, "
      .. "lost failures, races, breaches of security, missing tests; then what could be simpler. "
      .. "Give for each finding the file and line, what happens, and the mend. Say nothing of "
      .. "what is right.%s\n\nChanged files:\n%s"):format(what, focus, summary(files, left_out)),
    "```diff\n" .. cut(mcp.codec.utf8(patch), MAX_PATCH, "diff") .. "```",
  }
end

local function revisions(value)
  local found = {}
  for _, name in ipairs { "HEAD", "staged" } do
    if name:sub(1, #value) == value then found[#found + 1] = name end
  end
  local commits = mcp.git.log { max = 50 }
  for _, commit in ipairs(commits or {}) do
    local id = commit.commit:sub(1, 12)
    if id:sub(1, #value) == value then found[#found + 1] = id end
  end
  return found
end

-- ---- a failed evaluation ----

local FAILED = { FAILED = true, CANCELLED = true, INTERRUPTED = true }

local function triage(args)
  local row, message, code = evaljob.rows:get(args.jobId)
  if code then return nil, message end
  if not row then return nil, "Unknown jobId: " .. args.jobId, "INVALID" end
  if not FAILED[row.status] then
    return nil, ("job %s has not failed: it is %s"):format(row.jobId, row.status), "INVALID"
  end
  local result = row.result and mcp.json.encode(row.result, { indent = 2 }) or "none"
  return {
    "An evaluation did not come to its end. Find out why: name the most likely cause and what in "
      .. "the record speaks for it, then the next step that would prove or rule it out, then the "
      .. "mend. Ask for a file by its path (repo:///PATH) where the record is not enough.",
    "The job:\n```json\n" .. mcp.json.encode(evaljob.view(row), { indent = 2 })
      .. "\n```\nWhat it has left as a result:\n```json\n"
      .. cut(result .. "\n", MAX_RESULT, "result") .. "```",
  }
end

local function failed_jobs(value)
  local found, after = {}, nil
  for _ = 1, MAX_SCANNED do
    local page, next_id = evaljob.rows:list {
      newest = true, limit = 1, after = after, only = evaljob.shown,
    }
    local row = page and page[1]
    if row and FAILED[row.status] and row.jobId:sub(1, #value) == value then
      found[#found + 1] = row.jobId
    end
    if not page or not next_id then break end
    after = next_id
  end
  return found
end

return {
  mcp.prompt {
    name        = "review_change",
    title       = "Review a change",
    description = "Review what has changed in the repository, with the diff itself.",
    arguments   = {
      { name = "revision", description = "A commit or a range such as main..HEAD, or \"staged\"; "
        .. "without one, the work tree against the last commit" },
      { name = "focus", description = "What to look at above all" },
    },
    complete    = { revision = revisions },
    needs       = { "exec", "fs" },
    limits      = { memory = "64M", timeout = "60s" },
    run         = review,
  },
  mcp.prompt {
    name        = "triage_evaluation",
    title       = "Find out why an evaluation failed",
    description = "Find the cause of a failed evaluation, with the job's record.",
    arguments   = { { name = "jobId", description = "The job, as list_jobs names it",
      required = true } },
    complete    = { jobId = failed_jobs },
    needs       = { "state:jobs" },
    limits      = { memory = "32M" },
    run         = triage,
  },
}
