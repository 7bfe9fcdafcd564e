-- searchscan.lua - keeps the index up with the files below the root. A background job lists them,
-- asks which changed by their time and size, and puts those anew; one at a time in the process.
local mcp = require "mcp"

local scan = {}

scan.index = mcp.index.open("files")
local index = scan.index
-- When the last one ended, for all workers and the time after a restart.
local scans = mcp.state.open("search.scans")

local MAX_FILES = 200000       -- that are looked at
local AT_ONCE = 32             -- files that are asked about, put or removed at the same time
local PUT_BYTES = 1 << 19      -- bytes of files that are put at once; a larger one goes alone
local PAGE = 1000              -- documents of the index that are listed at once
local LOOK_FOR_ZERO = 8000     -- bytes in which a zero byte makes a file binary
local TELL_EVERY = 5           -- seconds between two lines of progress
local TIMEOUT = "6h"

-- Of a file that is there but not to be found: only its stamp is kept, so that it is not read anew.
local NOTHING = {}

local is_end = { CANCELLED = true, TIMEOUT = true, CLOSED = true, READONLY = true }

-- What says of a file that it is not one for tools; any other failure says nothing of it.
local is_gone = { ENOENT = true, DENIED = true }

-- A file that was too large is looked at anew when [search] max_file is raised, and the other way.
local function stamp_of(info, max)
  return ("%.6f:%d%s"):format(info.modified, info.size, info.size > max and ":over" or "")
end

-- Calls fn(item) for all of them at once. Returns a list of what each returned, packed; or nil,
-- message, code when the job is to end.
local function each(items, fn)
  if #items == 0 then return {} end
  local calls = {}
  for i, item in ipairs(items) do
    calls[i] = function() return table.pack(fn(item)) end
  end
  local got = table.pack(mcp.all(calls))
  if not got[1] then return nil, got[2], got[3] end
  return got
end

-- ---- one file ----

local function document(file, max)
  if file.size > max then return NOTHING end
  local bytes, message, code = mcp.fs.read(file.path, { max = max })
  if not bytes then
    if is_end[code] then return nil, message, code end
    -- Anything else may be over the next time, without a change of the file.
    if code ~= "TOO_LARGE" and code ~= "ENOENT" then file.stamp = "" end
    return NOTHING
  end
  if bytes:sub(1, LOOK_FOR_ZERO):find("\0", 1, true) then return NOTHING end
  return { title = file.path, text = mcp.codec.utf8(bytes) }
end

-- Returns whether it can be found now, or nil, message, code.
local function put(file, max)
  local doc, message, code = document(file, max)
  if not doc then return nil, message, code end
  local ok
  ok, message, code = index:put(file.path, doc, file.stamp)
  if code == "TOO_LARGE" or code == "INVALID" then      -- such as a path too long for a title
    doc = NOTHING
    ok, message, code = index:put(file.path, doc, file.stamp)
  end
  if not ok then return nil, message, code end
  return doc ~= NOTHING
end

-- ---- one scan ----
-- The paths of the files and the documents of the index, both in order, are gone through side by
-- side. Its functions return true, or nil, message, code.

local methods = {}
local object = { __index = methods }

function methods.put_waiting(self)
  local files = self.changed
  self.changed, self.bytes = {}, 0
  local results, message, code = each(files, function(file) return put(file, self.max) end)
  if not results then return nil, message, code end
  for _, got in ipairs(results) do
    local can_be_found
    can_be_found, message, code = table.unpack(got, 1, 3)
    if can_be_found == nil then return nil, message, code end
    local figure = can_be_found and "indexed" or "passed_over"
    self.figures[figure] = self.figures[figure] + 1
  end
  return true
end

function methods.change(self, file)
  local size = math.min(file.size, self.max)
  if #self.changed == AT_ONCE or self.bytes + size > PUT_BYTES then
    local ok, message, code = self:put_waiting()
    if not ok then return nil, message, code end
  end
  table.insert(self.changed, file)
  self.bytes = self.bytes + size
  return true
end

-- Of what the listing does not have, where that is not all there is: is it gone?
local function is_to_go(id)
  if mcp.index.excludes(id) then return true end
  local info, message, code = mcp.fs.stat(id)
  if is_end[code] then return nil, message, code end
  return info and info.type ~= "file" or is_gone[code] or false
end

function methods.remove_waiting(self)
  local ids = self.gone
  self.gone = {}
  if not self.is_whole then
    local answers, message, code = each(ids, is_to_go)
    if not answers then return nil, message, code end
    local left = {}
    for i, got in ipairs(answers) do
      if got[1] == nil then return nil, got[2], got[3] end
      if got[1] then table.insert(left, ids[i]) end
    end
    ids = left
  end
  local results, message, code = each(ids, function(id) return index:remove(id) end)
  if not results then return nil, message, code end
  for _, got in ipairs(results) do
    if got[1] == nil then return nil, got[2], got[3] end
    self.figures.removed = self.figures.removed + 1
  end
  return true
end

-- What the index has before this path (nil: all the rest) is not in the listing any more. Leaves in
-- self.stamp what the index says of the path itself, nil when it is not there.
function methods.catch_up(self, path)
  self.stamp = nil
  while true do
    local doc = self.page[self.at]
    if doc then
      if path and doc.id > path then return true end
      self.at = self.at + 1
      if doc.id == path then
        self.stamp = doc.stamp
        return true
      end
      table.insert(self.gone, doc.id)
    elseif self.after then
      local from = self.after ~= "" and self.after or nil
      local page, after, code = index:list { limit = PAGE, after = from }
      if not page then return nil, after, code end
      self.page, self.after, self.at = page, after, 1
    else
      return true
    end
    if #self.gone == AT_ONCE then
      local ok, message, code = self:remove_waiting()
      if not ok then return nil, message, code end
    end
  end
end

function methods.look_at(self, paths)
  local infos, message, code = each(paths, mcp.fs.stat)
  if not infos then return nil, message, code end
  for i, got in ipairs(infos) do
    local info
    info, message, code = table.unpack(got, 1, 3)
    if is_end[code] then return nil, message, code end
    local is_there = info and info.type == "file" and not mcp.index.excludes(paths[i])
    if is_there or code and not is_gone[code] then
      local ok
      ok, message, code = self:catch_up(paths[i])
      local stamp = is_there and stamp_of(info, self.max)
      if ok and stamp and stamp ~= self.stamp then
        ok, message, code = self:change { path = paths[i], size = info.size, stamp = stamp }
      end
      if not ok then return nil, message, code end
    end
  end
  return true
end

function methods.tell(self, done, total)
  if mcp.time.mono() - self.told < TELL_EVERY then return end
  self.told = mcp.time.mono()
  mcp.log.info("indexing the repository", {
    done = done, total = total, indexed = self.figures.indexed,
  })
end

function methods.look_at_all(self, paths)
  for first = 1, #paths, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, #paths)
    local ok, message, code = self:look_at(table.move(paths, first, last, 1, {}))
    if not ok then return nil, message, code end
    self:tell(last, #paths)
  end
  for _, step in ipairs { "put_waiting", "catch_up", "remove_waiting" } do
    local ok, message, code = self[step](self)
    if not ok then return nil, message, code end
  end
  return true
end

local function finish(self, message, code)
  if is_end[code] then return end        -- not ours to judge: stopped, or only looking
  local seconds = math.floor((mcp.time.mono() - self.begun) * 1000) / 1000
  local figures = self.figures
  figures.seconds = seconds
  if message then
    mcp.log.error("the repository cannot be indexed: " .. message, figures)
  elseif figures.indexed + figures.removed + figures.passed_over > 0 then
    mcp.log.info("the repository is indexed", figures)
  end
  scans:put { id = "last", ended = mcp.time.now(), seconds = seconds, whole = message == nil }
end

local function run()
  local self = setmetatable({
    begun = mcp.time.mono(), told = mcp.time.mono(), max = mcp.index.settings().max_file,
    page = {}, at = 1, after = "", changed = {}, bytes = 0, gone = {},
    figures = { files = 0, indexed = 0, passed_over = 0, removed = 0 },
  }, object)
  local options = { recursive = true, gitignore = true, max = MAX_FILES }
  local paths, message, code = mcp.fs.list("", options)
  if paths then
    if message then mcp.log.warn("not all of the repository is indexed: " .. message) end
    self.is_whole = message == nil
    self.figures.files = #paths
    local _
    _, message, code = self:look_at_all(paths)
  end
  finish(self, message, code)
end

-- ---- when ----

--- Starts a scan unless one runs.
function scan.start()
  local id, message, code = mcp.jobs.start { id = "search-scan", run = run, timeout = TIMEOUT }
  if not id and code ~= "CONFLICT" then
    mcp.log.warn("the repository is not looked at: " .. message)
  end
end

--- Starts a scan when the last one is too old. A large repository is looked at less often, so that
-- it takes a tenth of the time at most. Returns whether all was indexed when the last one ended.
function scan.refresh()
  local last = scans:get("last")
  if not last then
    scan.start()
    return false
  end
  local age = mcp.time.now() - last.ended
  if age < 0 or age >= math.max(mcp.config.rescan, 10 * last.seconds) then scan.start() end
  return last.whole
end

return scan
