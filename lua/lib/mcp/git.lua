-- git.lua - what tools find under mcp.git.
-- Given: what git_run.lua returns. Returns the module. Runs for each tool file.
local raw = ...
local run_verb, explain, check_options = raw.run, raw.explain, raw.check_options
local check_text, check_path, check_revision = raw.check_text, raw.check_path, raw.check_revision

local sub, match, gmatch, gsub = string.sub, string.match, string.gmatch, string.gsub

local git = {}

--- mcp.git.run{verb, argument, ..., cwd=, timeout=, max_output=} -> as exec.run, or nil, message,
-- code (w). For a tool that needs "exec" and was granted git. Verbs: status log show diff rev-parse
-- ls-files blame grep cat-file, branch and tag to list, add and commit. Arguments that begin with -
-- are options, with their values in the same string (--max-count=5), and of a list for each verb:
-- none that writes elsewhere, runs something or reads outside the repository. What stands before
-- "--" is revisions, what stands behind it paths, taken to the letter and relative to cwd, without
-- "..". No hook, filter, text conversion, signature, pager, editor or remote of the repository
-- runs, and no configuration but the repository's own is read; so with Git LFS add stores the file
-- itself. [paths] deny does not hold for git. timeout is 60 s. An exit code of 0 or 1 is a result;
-- else code is NOT_A_REPOSITORY, DUBIOUS_OWNERSHIP, UNKNOWN_REVISION, CONFLICT, NO_IDENTITY,
-- LOCKED, UNBORN, ENOENT, DENIED (the program, or a work tree outside the root) or FAILED.
function git.run(words)
  check_options(words, {}, "run")
  if words == nil then error("git.run: expected a table, got nil", 0) end
  return run_verb(words, words)
end

-- ---- reading ----

local function split(text)
  local parts, n = {}, 0
  for part in gmatch(text, "([^\0]*)\0") do n = n + 1 parts[n] = part end
  return parts, n
end

-- Those without which the answer would be wrong.
local function whole(result, message, code)
  if not result then return nil, message, code end
  if result.code ~= 0 then return explain(result) end
  if result.truncated then return nil, "git: the output is over max_output", "TOO_LARGE" end
  return result
end

local HEADERS = { oid = "commit", head = "branch", upstream = "upstream" }

local function read_status(text)
  local status, parts, n = { files = {} }, split(text)
  local i = 1
  while i <= n do
    local line = parts[i]
    local kind, files = sub(line, 1, 1), status.files
    if kind == "#" then
      local name, value = match(line, "^# branch%.(%l+) (.*)$")
      local ahead, behind = match(line, "^# branch%.ab %+(%d+) %-(%d+)$")
      if ahead then
        status.ahead, status.behind = tonumber(ahead), tonumber(behind)
      elseif HEADERS[name] and sub(value, 1, 1) ~= "(" then
        status[HEADERS[name]] = value
      end
    elseif kind == "?" or kind == "!" then
      files[#files + 1] = { path = sub(line, 3), index = kind, work = kind }
    elseif kind == "1" or kind == "2" or kind == "u" then
      local skip = kind == "1" and 6 or kind == "2" and 7 or 8
      local file = { index = sub(line, 3, 3), work = sub(line, 4, 4) }
      file.path = match(line, "^.%s..%s" .. ("%S+%s"):rep(skip) .. "(.*)$")
      file.is_conflict = kind == "u" or nil
      if kind == "2" then
        i = i + 1
        file.from = parts[i]
      end
      files[#files + 1] = file
    end
    i = i + 1
  end
  status.is_clean = #status.files == 0
  return status
end

--- mcp.git.status([{cwd=, ignored=}]) -> {branch=, commit=, upstream=, ahead=, behind=, is_clean=,
-- files=}, or nil, message, code (w). branch is nil when none is checked out, commit when there is
-- none yet. files: {path=, index=, work=, from=, is_conflict=}; index and work are git's letters
-- (M A D R C T U, "." unchanged, "?" untracked, "!" ignored); from is the path before a renaming.
function git.status(options)
  options = check_options(options, { ignored = true }, "status")
  local result, message, code = whole(run_verb({ "status", "--porcelain=v2", "--branch", "-z",
    "--untracked-files=all", options.ignored and "--ignored" or nil }, options))
  if not result then return nil, message, code end
  return read_status(result.stdout)
end

--- mcp.git.head([{cwd=}]) -> {commit=, branch=}, or nil, message, code (w). branch is nil when none
-- is checked out; code UNBORN: there is no commit yet.
function git.head(options)
  options = check_options(options, {}, "head")
  local result, message, code = run_verb({ "rev-parse", "--verify", "--quiet", "HEAD" }, options)
  if not result then return nil, message, code end
  if result.code ~= 0 then return nil, "git: there is no commit yet", "UNBORN" end
  local head = { commit = match(result.stdout, "^%x+") }
  result, message, code = whole(run_verb({ "branch", "--show-current" }, options))
  if not result then return nil, message, code end
  head.branch = match(result.stdout, "^[^\n]+")
  return head
end

local function add_paths(words, paths)
  words[#words + 1] = "--"
  if type(paths) == "string" then paths = { paths } end
  if paths ~= nil and type(paths) ~= "table" then
    error("git: paths: expected a list of strings, got " .. type(paths), 0)
  end
  for i = 1, #(paths or {}) do words[#words + 1] = check_path(paths[i]) end
  return words
end

local LOG_FIELDS = 9
local LOG_FORMAT = "--format=%H%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ct%x00%s%x00%b"
local LOG_OPTIONS = { revision = true, paths = true, max = true, skip = true, after = true,
  before = true, author = true, grep = true }

local function read_log(text)
  local parts, n = split(text)
  local list = {}
  for i = 1, n - LOG_FIELDS + 1, LOG_FIELDS do
    local parents = {}
    for parent in gmatch(parts[i + 1], "%x+") do parents[#parents + 1] = parent end
    list[#list + 1] = {
      commit = parts[i], parents = parents, author = parts[i + 2], email = parts[i + 3],
      time = tonumber(parts[i + 4]), committer = parts[i + 5], committed = tonumber(parts[i + 6]),
      subject = parts[i + 7], body = gsub(parts[i + 8], "\n+$", ""),
    }
  end
  return list
end

--- mcp.git.log([{revision=, paths=, max=, skip=, after=, before=, author=, grep=, cwd=}]) -> list
-- of {commit=, parents=, author=, email=, time=, committer=, committed=, subject=, body=}, newest
-- first; or nil, message, code (w). revision ("HEAD") may be a range, a..b. max: 50, up to 1000.
-- time and committed are seconds since 1970.
function git.log(options)
  options = check_options(options, LOG_OPTIONS, "log")
  local max, skip = options.max or 50, options.skip or 0
  if math.type(max) ~= "integer" or max < 1 or max > 1000 then
    error("git.log: max: expected 1 to 1000", 0)
  end
  if math.type(skip) ~= "integer" or skip < 0 then error("git.log: skip: expected 0 or more", 0) end
  local words = { "log", "-z", LOG_FORMAT, "--no-patch", "--max-count=" .. max, "--skip=" .. skip }
  for _, name in ipairs { "after", "before", "author", "grep" } do
    local value = options[name]
    if value then words[#words + 1] = "--" .. name .. "=" .. check_text(value, name) end
  end
  words[#words + 1] = check_revision(options.revision or "HEAD")
  add_paths(words, options.paths)
  local result, message, code = whole(run_verb(words, options))
  if not result then return nil, message, code end
  return read_log(result.stdout .. "\0")
end

local function read_numstat(text)
  local parts, n = split(text)
  local files, i = {}, 1
  while i <= n do
    local added, deleted, path = match(parts[i], "^([%d-]+)\t([%d-]+)\t(.*)$")
    if not added then break end
    local file = { path = path, added = tonumber(added), deleted = tonumber(deleted),
      is_binary = added == "-" or nil }
    if path == "" then
      file.from, file.path = parts[i + 1], parts[i + 2]
      i = i + 2
    end
    files[#files + 1] = file
    i = i + 1
  end
  return files
end

local DIFF_OPTIONS = { revision = true, staged = true, paths = true, context = true }

--- mcp.git.diff([{revision=, staged=, paths=, context=, cwd=, max_output=}]) -> {files=, patch=},
-- or nil, message, code (w). Of the work tree against what is staged; with staged, of that against
-- the last commit; with revision ("main", "a..b"), against that. files: {path=, from=, added=,
-- deleted=, is_binary=}. patch is a unified diff with context (3) lines; code TOO_LARGE: it is over
-- max_output (1M).
function git.diff(options)
  options = check_options(options, DIFF_OPTIONS, "diff")
  local context = options.context or 3
  if math.type(context) ~= "integer" or context < 0 then
    error("git.diff: context: expected 0 or more", 0)
  end
  local against = options.staged and "--cached" or "--no-color"
  local words = { "diff", "--find-renames", against, "--numstat", "-z" }
  local from = options.revision and check_revision(options.revision)
  words[6] = from
  local result, message, code = whole(run_verb(add_paths(words, options.paths), options))
  if not result then return nil, message, code end
  local files = read_numstat(result.stdout)
  words = { "diff", "--find-renames", against, "--patch", "--unified=" .. context, from }
  result, message, code = whole(run_verb(add_paths(words, options.paths), options))
  if not result then return nil, message, code end
  return { files = files, patch = result.stdout }
end

-- ---- writing ----

--- mcp.git.add(paths [, {cwd=, force=}]) -> true, or nil, message, code (w). paths: a string or a
-- list; a folder means all in it, what was deleted there, too. force: ignored files as well.
function git.add(paths, options)
  options = check_options(options, { force = true }, "add")
  local words = add_paths({ "add", options.force and "--force" or "--all" }, paths)
  if #words == 3 then error("git.add: expected at least one path", 0) end
  local result, message, code = whole(run_verb(words, options))
  if not result then return nil, message, code end
  return true
end

local function identity(author)
  if author == nil then return {} end
  local name, email = match(check_text(author, "author"), "^%s*([^<>\n]-)%s*<([^<>%s]+)>%s*$")
  if not name or name == "" then error("git.commit: author: expected \"Name <mail>\"", 0) end
  return { GIT_AUTHOR_NAME = name, GIT_AUTHOR_EMAIL = email,
    GIT_COMMITTER_NAME = name, GIT_COMMITTER_EMAIL = email }
end

-- 0: nothing is staged, so that git need not look for a reason.
local function has_staged(options)
  local result, message, code = run_verb({ "diff", "--cached", "--quiet" }, options)
  if not result then return nil, message, code end
  return result.code == 1
end

local COMMIT_OPTIONS = { message = true, author = true, signoff = true, allow_empty = true }

--- mcp.git.commit{message=, author=, signoff=, allow_empty=, cwd=} -> {commit=, branch=}, or nil,
-- message, code (w). Commits what is staged. author, "Name <mail>", is the committer as well;
-- without it both are the repository's own user.name and user.email (else code NO_IDENTITY).
-- signoff adds a Signed-off-by line. Code NOTHING_TO_COMMIT: nothing is staged.
function git.commit(options)
  if options == nil then error("git.commit: expected a table, got nil", 0) end
  check_options(options, COMMIT_OPTIONS, "commit")
  local text = match(check_text(options.message, "message"), "^%s*(.-)%s*$")
  if text == "" then error("git.commit: the message is empty", 0) end
  local env = identity(options.author)
  if not options.allow_empty then
    local is_staged, message, code = has_staged(options)
    if is_staged == nil then return nil, message, code end
    if not is_staged then return nil, "git: there is nothing to commit", "NOTHING_TO_COMMIT" end
  end
  local words = { "commit", "-F-", "--cleanup=whitespace" }
  if options.signoff then words[#words + 1] = "--signoff" end
  if options.allow_empty then words[#words + 1] = "--allow-empty" end
  local result, message, code = whole(run_verb(words, options, env, text .. "\n"))
  if not result then return nil, message, code end
  return git.head { cwd = options.cwd, timeout = options.timeout }
end

return git
