-- spawn.lua - several functions of one call at once: mcp.spawn, mcp.all, mcp.race.
-- Ordinary code over five primitives, so that waiting here may be cancelled and preempted like
-- any other.
local spawn, join, state, take, cancel = ...

local function check_functions(name, list)
  if type(list) ~= "table" then error(name .. ": expected a list of functions", 3) end
  for i = 1, #list do
    if type(list[i]) ~= "function" then
      error(name .. ": item " .. i .. " is a " .. type(list[i]) .. ", expected a function", 3)
    end
  end
  if #list == 0 then error(name .. ": the list is empty", 3) end
end

local function spawn_all(list)
  local handles = {}
  for i = 1, #list do handles[i] = spawn(list[i]) end
  return handles
end

local function cancel_all(handles)
  for i = 1, #handles do
    if handles[i] then cancel(handles[i]) end
  end
end

local methods = {}

-- handle:wait() -> what the function returned; raises what it raised
function methods.wait(handle)
  while state(handle) == "running" do
    local ok, message, code = join()
    if not ok then return nil, message, code end
  end
  return take(handle)
end

local api = {}

-- mcp.spawn(fn, ...) -> handle
api.spawn = spawn

-- mcp.all{ f, g, ... } -> the first result of each; the first error cancels the others and is
-- raised
function api.all(list)
  check_functions("mcp.all", list)
  local handles, results, left = spawn_all(list), {}, #list
  while true do
    for i = 1, #list do
      local handle = handles[i]
      local now = handle and state(handle)
      if now == "done" then
        results[i], left = take(handle), left - 1
        handles[i] = false
      elseif now == "failed" then
        handles[i] = false
        cancel_all(handles)
        return take(handle)
      end
    end
    if left == 0 then return table.unpack(results, 1, #list) end
    local ok, message, code = join()
    if not ok then return nil, message, code end
  end
end

-- mcp.race{ f, g, ... } -> the results of the first that ends, or its error; the others are
-- cancelled
function api.race(list)
  check_functions("mcp.race", list)
  local handles = spawn_all(list)
  while true do
    for i = 1, #list do
      local handle = handles[i]
      if state(handle) ~= "running" then
        handles[i] = false
        cancel_all(handles)
        return take(handle)
      end
    end
    local ok, message, code = join()
    if not ok then return nil, message, code end
  end
end

return api, methods
