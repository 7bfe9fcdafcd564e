-- repository.lua - the files below the root and what their lines are. What was counted is kept for
-- each worker: a file whose time, size and inode are the same is not read again.
local mcp = require "mcp"
local languages = require "languages"

local repository = {}

local MAX_FILES = 30000
local AT_ONCE = 200            -- files of one mcp.fs.tally
local CALLS = 12               -- of those at the same time: others want the helper threads, too
local TRIES, PAUSE = 20, "50ms"   -- while others have them all
local MAX_BYTES = "1M"         -- of a file that is read

local kept = {}                -- per path, what was counted last, packed: a sixth of the tables
local told = { version = 0 }   -- of the scan before

local SHORT = 300              -- bytes of a text from a file that is told

--- What a file holds, so that it can be told: valid UTF-8, and not longer than a client wants.
function repository.short(text)
  if #text > SHORT then text = text:sub(1, SHORT) .. "..." end
  return mcp.codec.utf8(text)
end

--- Takes what is beyond max off the list. Returns how many that were, nil for none.
function repository.cut(list, max)
  local omitted = #list - max
  for i = #list, max + 1, -1 do list[i] = nil end
  return omitted > 0 and omitted or nil
end

local function reason(message, code)
  return repository.short(("%s (%s)"):format(message, code))
end

local PACKED = "<zzBI8I4I4I4I4I4I4s4s4"
local SKIPPED = { "large", "binary", large = 1, binary = 2 }

-- What is kept of a file between two scans. A kept line has no line feed, and none is empty.
local function pack(file)
  return PACKED:pack(file.stamp, file.language and file.language.name or "",
    file.skipped and SKIPPED[file.skipped] or 0, file.size, file.lines or 0, file.blank or 0,
    file.comment or 0, file.code or 0, file.markers or 0, file.more or 0,
    file.counts and table.concat(file.counts, " ") or "",
    file.kept and table.concat(file.kept, "\n") or "")
end

local function split(text, pattern, convert)
  if text == "" then return nil end
  local list = {}
  for part in text:gmatch(pattern) do list[#list + 1] = convert and convert(part) or part end
  return list
end

local function language_kept(packed)
  local _, name = ("<zz"):unpack(packed)
  return name ~= "" and languages.named(name) or nil
end

local function unpack_file(path, packed)
  local stamp, _, skipped, size, lines, blank, comment, code, markers, more, counts, text =
    PACKED:unpack(packed)
  local file = { path = path, language = language_kept(packed), is_test = languages.is_test(path),
    stamp = stamp, size = size }
  if skipped > 0 then
    file.skipped = SKIPPED[skipped]
    return file
  end
  file.lines, file.blank, file.comment, file.code = lines, blank, comment, code
  file.markers, file.more = markers, more > 0 and more or nil
  file.counts = split(counts, "%d+", math.tointeger)
  file.kept = split(text, "[^\n]+")
  return file
end

-- By its name; else by the first line that it had, if it is still the same.
local function language_of(path)
  return languages.of(path) or kept[path] and language_kept(kept[path])
end

local function has_extension(path) return path:find("%.[^./]*$") ~= nil end

-- Files of one language, as many as one call takes.
local function batches(paths, of)
  local by_language, list = {}, {}
  for _, path in ipairs(paths) do
    local language = of(path)
    local key = language or has_extension(path)
    local batch = by_language[key]
    if not batch or #batch.paths == AT_ONCE then
      batch = { language = language, is_opened = language or not key, paths = {}, known = {} }
      by_language[key] = batch
      list[#list + 1] = batch
    end
    local n = #batch.paths + 1
    batch.paths[n] = path
    batch.known[n] = kept[path] and ("z"):unpack(kept[path]) or false
  end
  return list
end

-- As mcp.fs.tally, of fewer files at once where they have more lines to keep than one call may.
local function tally_all(paths, known, options)
  options.known = known
  local list, message, code
  for _ = 1, TRIES do
    list, message, code = mcp.fs.tally(paths, options)
    if code ~= "LIMIT" then break end
    local ok, why, stop = mcp.time.sleep(PAUSE)
    if not ok then return nil, why, stop end
  end
  if list or code ~= "TOO_LARGE" or #paths == 1 then return list, message, code end
  local all, half = {}, #paths // 2
  for _, range in ipairs { { 1, half }, { half + 1, #paths } } do
    local some = table.move(paths, range[1], range[2], 1, {})
    list, message, code = tally_all(some, table.move(known, range[1], range[2], 1, {}), options)
    if not list then return nil, message, code end
    table.move(list, 1, #list, #all + 1, all)
  end
  return all
end

local function tally(batch, imports)
  local options
  if batch.language then
    options = languages.options(batch.language, imports)
  else
    options = { keep = languages.unknown.keep }
  end
  -- What no name tells is not looked into but for a first line.
  options.max = batch.is_opened and MAX_BYTES or 0
  return tally_all(batch.paths, batch.known, options)
end

-- One answer of mcp.fs.tally. Into doubts go the paths of files that are to be looked at again: one
-- that seems to be a script, and one that was a script and changed.
local function take_one(scan, batch, path, counted, doubts)
  if counted == true then
    scan.kept[path] = kept[path]
    counted = path                       -- a table only if somebody wants it
  elseif counted then
    scan.read = scan.read + 1
    counted.path, counted.language = path, batch.language
    counted.is_test = languages.is_test(path)
    scan.kept[path] = pack(counted)
    -- Many files have the same lines with imports: one text for all of them.
    for i, line in ipairs(counted.kept or {}) do
      counted.kept[i] = scan.lines[line] or line
      scan.lines[line] = counted.kept[i]
    end
    local is_doubt = not batch.language and counted.kept
      or batch.language and not languages.of(path)
    if doubts and is_doubt then
      doubts[#doubts + 1] = path
      return
    end
  end
  if counted then scan.files[#scan.files + 1] = counted end
end

-- Adds to scan what is known of the files of these batches. Returns true; or nil, message, code.
local function take(scan, list, imports, doubts)
  for first = 1, #list, CALLS do
    local calls = {}
    for i = first, math.min(first + CALLS - 1, #list) do
      calls[#calls + 1] = function() return table.pack(tally(list[i], imports)) end
    end
    local results = table.pack(mcp.all(calls))
    if not results[1] then return nil, results[2], results[3] end
    for i, got in ipairs(results) do
      local batch = list[first + i - 1]
      if not got[1] then return nil, got[2], got[3] end
      for k, counted in ipairs(got[1]) do
        take_one(scan, batch, batch.paths[k], counted, doubts)
      end
    end
  end
  return true
end

local function by_path(list)
  local set = {}
  for _, file in ipairs(list) do set[file.path] = file end
  return set
end

--- The files for tools below the root that .gitignore does not leave out, in no order: {path=,
-- language=, is_test=} and what mcp.fs.tally tells of each. Returns { files=, read=, left_out=,
-- version=, paths= }: how many were read now; why some are missing, or nil; a number that is
-- another one when anything changed since the scan before; the files by path. Or nil, message,
-- code. imports: see languages.options; what is kept of lines is the same at every scan. known: the
-- version that the caller has an answer of already: if nothing changed, files and paths are nil.
function repository.scan(imports, known)
  local options = { recursive = true, gitignore = true, max = MAX_FILES }
  local paths, missing, code = mcp.fs.list("", options)
  if not paths then return nil, missing, code end
  local scan = { files = {}, read = 0, left_out = missing, lines = {}, kept = {} }
  local doubts = {}
  local ok, message
  ok, message, code = take(scan, batches(paths, language_of), imports, doubts)
  if not ok then return nil, message, code end
  local scripts = {}
  for _, path in ipairs(doubts) do
    local line = (mcp.fs.read(path, { length = 200 }) or ""):match("^[^\n]*")
    scripts[path], kept[path], scan.kept[path] = languages.of_first_line(line), nil, nil
  end
  scan.read = scan.read - #doubts        -- they are read again
  local function of(path) return scripts[path] end
  ok, message, code = take(scan, batches(doubts, of), imports)
  if not ok then return nil, message, code end
  kept, scan.kept, scan.lines = scan.kept, nil, nil
  local count = #scan.files
  local is_same = scan.read == 0 and count == told.count and scan.left_out == told.left_out
  scan.version = is_same and told.version or told.version + 1
  told = { count = count, left_out = scan.left_out, version = scan.version }
  if scan.version == known then
    scan.files = nil
    return scan
  end
  for i, file in ipairs(scan.files) do
    if type(file) == "string" then scan.files[i] = unpack_file(file, kept[file]) end
  end
  scan.paths = by_path(scan.files)
  return scan
end

--- What was not counted, and why: { {reason=, files=}, ... } of files with a language, a note on
-- the rest.
function repository.left_out(scan)
  local large, binary, unknown = 0, 0, 0
  for _, file in ipairs(scan.files) do
    if not file.language then
      unknown = unknown + 1
    elseif file.skipped == "large" then
      large = large + 1
    elseif file.skipped == "binary" then
      binary = binary + 1
    end
  end
  local list = mcp.json.array {}
  local function add(files, why)
    if files > 0 then table.insert(list, { files = files, reason = why }) end
  end
  add(unknown, "neither name nor first line tells a language: no lines were counted")
  add(large, "over 1 MB: no lines were counted")
  add(binary, "binary: no lines were counted")
  if scan.left_out then
    local why = ("%s: %d files were looked at"):format(scan.left_out, #scan.files)
    table.insert(list, { files = mcp.json.null, reason = why })
  end
  return list
end

repository.scope = "files below the root that .gitignore does not leave out and that tools may read"

--- The text of a file, "" when there is none or it is over 1 MB.
function repository.text(path)
  return mcp.fs.read(path, { max = "1M" }) or ""
end

--- { is_repository=true, ... } as mcp.git.status tells, or { is_repository=false, reason= }.
function repository.git()
  local status, message, code = mcp.git.status()
  if not status then return { is_repository = false, reason = reason(message, code) } end
  local counts = { staged = 0, modified = 0, untracked = 0, conflicts = 0 }
  local function add(name) counts[name] = counts[name] + 1 end
  for _, file in ipairs(status.files) do
    if file.is_conflict then
      add("conflicts")
    elseif file.index == "?" then
      add("untracked")
    else
      if file.index ~= "." then add("staged") end
      if file.work ~= "." then add("modified") end
    end
  end
  local null = mcp.json.null
  local function name(text) return text and repository.short(text) or null end
  return {
    is_repository = true, branch = name(status.branch), commit = status.commit or null,
    upstream = name(status.upstream), ahead = status.ahead or null,
    behind = status.behind or null, is_clean = status.is_clean, changes = counts,
  }
end

local COMMITS = 500
local changes                  -- of the last head

local COMMIT = "\1"            -- stands for each one; no path is called so

-- How often each path is named, and how many commits there are.
local function count_changes(text)
  local counts = {}
  for path in text:gmatch("[^%z\n]+") do counts[path] = (counts[path] or 0) + 1 end
  return counts, counts[COMMIT] or 0
end

--- How many of the last 500 commits changed each path: { commits=, counts=, commit= }; or nil and
-- why not. Asked of git once for each head.
function repository.changes()
  local head, message, code = mcp.git.head()
  if not head then return nil, reason(message, code) end
  if changes and changes.commit == head.commit then return changes end
  local result
  result, message, code = mcp.git.run {
    "log", "--no-merges", "--no-renames", "--format=%x01", "--name-only", "-z",
    "--max-count=" .. COMMITS, head.commit, max_output = "8M",
  }
  if not result then return nil, reason(message, code) end
  if result.code ~= 0 then return nil, "git log failed" end
  if result.truncated then
    return nil, ("the last %d commits name more files than 8 MB hold"):format(COMMITS)
  end
  local counts, commits = count_changes(result.stdout)
  changes = { commit = head.commit, counts = counts, commits = commits }
  return changes
end

return repository
