-- runtime.lua - a function given to a library function is ordinary code: it may wait, anywhere.
local mcp = require "mcp"
local t = require "t"

local function wait(...)
  mcp.time.sleep(0.001)
  return ...
end

local waiting = {
  __index = function(_, i) return wait(i <= 3 and i or nil) end,
  __len = function() return wait(3) end,
  __tostring = function() return wait("text") end,
  __call = function(_, x) return wait(x) end,
  __lt = function(a, b) return wait(rawget(a, "v") < rawget(b, "v")) end,
  __concat = function() return wait("joined") end,
  __close = function() wait() end,
  __pairs = function(x) return wait, x, nil end,
}

local function callbacks()
  t.eq(("a-b"):gsub("%a", function(c) return wait(c:upper()) end), "A-B")
  t.eq(("a"):gsub("a", setmetatable({}, { __index = function() return wait("i") end })), "i")
  local list = { 3, 1, 2 }
  table.sort(list, function(a, b) return wait(a > b) end)
  t.eq(table.concat(list, ","), "3,2,1")
  t.eq(select(2, pcall(wait, "p")), "p")
  t.eq(select(2, xpcall(error, function(e) return wait(e .. "!") end, "bad")), "bad!")
  for c in wait, nil, nil do error("not reached: " .. tostring(c)) end
end

local function metamethods()
  local x = setmetatable({}, waiting)
  t.eq(table.concat(x, ","), "1,2,3")
  t.eq(select("#", table.unpack(x)), 3)
  t.eq(tostring(x), "text")
  t.eq(("%s"):format(x), "text")
  t.eq(x("called"), "called")
  t.eq(x .. "", "joined")
  t.eq(#x, 3)
  do local _ <close> = x end
  local objects = {}
  for i, v in ipairs { 2, 3, 1 } do objects[i] = setmetatable({ v = v }, waiting) end
  table.sort(objects)
  t.eq(rawget(objects[1], "v"), 1)
  t.raises("cannot wait here", ipairs(x), x, 0)
end

local function together()
  local a, b = mcp.all {
    function() return wait("a") end,
    function() return select(2, mcp.all { wait, function() return wait("b") end }) end,
  }
  t.eq(a .. b, "ab")
  local seen = mcp.state.open("runtime.seen")
  seen:update("n", function() return wait { id = "n", n = 1 } end)
  local function add()
    for _ = 1, 5 do
      seen:update("n", function(o) return wait { id = "n", n = o.n + 1 } end)
    end
  end
  mcp.all { add, add, add }
  t.eq(seen:get("n").n, 16)
end

local function run(_, ctx)
  callbacks()
  metamethods()
  together()
  t.eq(ctx:cancelled(), false)
  return "ok"
end

return mcp.tool { name = "runtime", run = run }
