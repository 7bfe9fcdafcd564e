-- state.lua - what in mcp.state calls the tool's own function, or consists of two steps.
-- Given: the table of a collection's methods, to be completed, and the primitives of api_state.c.
-- Returns state.batch. Runs once for each Lua state; no tool can reach what is in here.
local methods, raw = ...

local MAX_TRIES = 100      -- of something that loses against other writers every time

local ID_MAX = 512         -- bytes, as in the store

-- What the tool gave is checked here, and not by the primitives alone: their names are not its.
local function check_type(value, expected, name)
  if type(value) ~= expected then
    error(name .. ": expected a " .. expected .. ", got " .. type(value), 3)
  end
end

local function check_self(self, name)
  if not raw.is_collection(self) then
    error(name .. ": is called as collection:" .. name .. "(...)", 3)
  end
end

local function check_id(id, name)
  if type(id) ~= "string" or #id == 0 or #id > ID_MAX then
    error(name .. ": expected an id, a string of 1 to " .. ID_MAX .. " bytes", 3)
  end
end

-- The change is not made: no batch that it belongs to is written.
local function refused(message, code)
  raw.refuse(message, code)
  return nil, message, code
end

local function give_up(name)
  return name .. ": gave up after " .. MAX_TRIES .. " tries: others change it all the time",
    "CONFLICT"
end

--- collection:each([{only=}]) -> iterator over the objects as they are now, in order of insertion.
-- Changes made meanwhile do not show: `for job in jobs:each() do ... end`. It raises where the
-- other functions return nil, message, code: a loop would not see that. only: as for list.
function methods.each(self, options)
  check_self(self, "each")
  if options ~= nil then check_type(options, "table", "each: options") end
  local iterator, message = raw.each(self, options)
  if not iterator then error(message, 2) end
  return iterator
end

--- collection:put(object [, {ttl=}]) -> object, or nil, message, code.
-- Inserts it, or replaces the one with its id. It is removed some time after ttl, if that is given.
function methods.put(self, object, options)
  check_self(self, "put")
  check_type(object, "table", "put")
  if options ~= nil then check_type(options, "table", "put: options") end
  local ok, message, code = raw.put(self, object, options)
  if not ok then return refused(message, code) end
  return object
end

--- collection:update(id, fn [, {ttl=}]) -> the new object, or nil, message, code.
-- Calls fn with the object (nil: there is none) and stores what it returns; nil deletes. Atomic:
-- when somebody else changed the object meanwhile, fn runs again with what is there then.
function methods.update(self, id, fn, options)
  check_self(self, "update")
  check_id(id, "update")
  check_type(fn, "function", "update")
  if options ~= nil then check_type(options, "table", "update: options") end
  for _ = 1, MAX_TRIES do
    local old, version, code = raw.get_version(self, id)
    if type(version) == "string" then return refused(version, code) end
    local new = fn(old)
    if new == nil and old == nil then return nil end
    if new ~= nil and type(new) ~= "table" then
      error("update: the function returned a " .. type(new) .. ", expected a table or nil", 2)
    end
    local ok, message
    ok, message, code = raw.swap(self, id, new, version, options)
    if ok then return new end
    if code ~= "CONFLICT" then return refused(message, code) end
  end
  return refused(give_up("update"))
end

--- collection:delete(id) -> was it there?, or nil, message, code.
function methods.delete(self, id)
  check_self(self, "delete")
  check_id(id, "delete")
  if not raw.in_batch() then return raw.delete(self, id) end
  local old, version, code = raw.get_version(self, id)
  if type(version) == "string" then return refused(version, code) end
  if old == nil then return false end
  local ok, message
  ok, message, code = raw.swap(self, id, nil, version)
  if not ok then return refused(message, code) end
  return true
end

--- mcp.state.batch(fn) -> true and what fn returned, or nil, message, code.
-- The changes that fn makes become one record: all of them are there after a crash, or none. get
-- and update see them already, each, list and count do not. When what update or delete saw has
-- changed meanwhile, fn runs again. When a put, update or delete in it is refused (returns nil,
-- message, code), nothing is written and batch returns the same, whatever fn makes of it. What
-- functions do that fn starts with mcp.spawn, all or race is not part of the batch.
return function(fn)
  check_type(fn, "function", "batch")
  for _ = 1, MAX_TRIES do
    local batch <close> = raw.begin()
    local results = table.pack(fn())
    local ok, message, code = raw.commit(batch)
    if ok then return true, table.unpack(results, 1, results.n) end
    if code ~= "CONFLICT" then return nil, message, code end
  end
  return nil, give_up("batch")
end
