-- state.lua - what in mcp.state calls the tool's own function, or consists of two steps.
-- Given: the table of a collection's methods, to be completed, and the primitives of api_state.c.
-- Returns state.batch. Runs once for each Lua state; no tool can reach what is in here.
local methods, raw = ...

local MAX_TRIES = 100      -- of something that loses against other writers every time

local function check_function(f, name)
  if type(f) ~= "function" then
    error(name .. ": expected a function, got " .. type(f), 3)
  end
end

local function give_up(name)
  local message = name .. ": gave up after " .. MAX_TRIES .. " tries: others change it all the time"
  return nil, message, "CONFLICT"
end

--- collection:put(object [, {ttl=}]) -> object, or nil, message, code.
-- Inserts it, or replaces the one with its id. It is removed some time after ttl, if that is given.
function methods.put(self, object, options)
  local ok, message, code = raw.put(self, object, options)
  if not ok then return nil, message, code end
  return object
end

--- collection:update(id, fn [, {ttl=}]) -> the new object, or nil, message, code.
-- Calls fn with the object (nil: there is none) and stores what it returns; nil deletes. Atomic:
-- when somebody else changed the object meanwhile, fn runs again with what is there then.
function methods.update(self, id, fn, options)
  check_function(fn, "update")
  for _ = 1, MAX_TRIES do
    local old, version, code = raw.get_version(self, id)
    if type(version) == "string" then return nil, version, code end
    local new = fn(old)
    if new == nil and old == nil then return nil end
    local ok, message
    ok, message, code = raw.swap(self, id, new, version, options)
    if ok then return new end
    if code ~= "CONFLICT" then return nil, message, code end
  end
  return give_up("update")
end

--- collection:delete(id) -> was it there?, or nil, message, code.
function methods.delete(self, id)
  if not raw.in_batch() then return raw.delete(self, id) end
  local old, version, code = raw.get_version(self, id)
  if type(version) == "string" then return nil, version, code end
  if old == nil then return false end
  local ok, message
  ok, message, code = raw.swap(self, id, nil, version)
  if not ok then return nil, message, code end
  return true
end

--- mcp.state.batch(fn) -> true and what fn returned, or nil, message, code.
-- The changes that fn makes become one record: all of them are there after a crash, or none. get
-- and update see them already, each, list and count do not. When what update or delete saw has
-- changed meanwhile, fn runs again.
return function(fn)
  check_function(fn, "batch")
  for _ = 1, MAX_TRIES do
    local batch <close> = raw.begin()
    local results = table.pack(fn())
    local ok, message, code = raw.commit(batch)
    if ok then return true, table.unpack(results, 1, results.n) end
    if code ~= "CONFLICT" then return nil, message, code end
  end
  return give_up("batch")
end
