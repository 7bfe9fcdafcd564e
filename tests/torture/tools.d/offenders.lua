-- offenders.lua - tools that try to hold a worker, each in its own disguise.
local mcp = require "mcp"

local values = mcp.state.open("loop_update.values", { key = "id" })

local function forever()
  while true do end
end

local looping = setmetatable({}, {
  __tostring = forever,
  __index = forever,
  __lt = forever,
  __len = forever,
  __call = forever,
})

local function numbers(n)
  local t = {}
  for i = 1, n do t[i] = (i * 7919) % 1000003 end
  return t
end

local offenders = {
  loop_plain = forever,
  loop_pcall = function()
    while true do pcall(forever) end
  end,
  loop_xpcall_handler = function() xpcall(error, forever) end,
  loop_xpcall_nested = function()
    while true do xpcall(forever, function() pcall(forever) end) end
  end,
  loop_spawned = function() mcp.spawn(forever):wait() end,
  loop_spawned_and_left = function()
    mcp.spawn(forever)
    return "left"
  end,
  loop_all = function() mcp.all { forever, forever } end,
  loop_gsub = function() return (("x"):gsub("x", forever)) end,
  loop_sort = function() table.sort(numbers(10), forever) end,
  loop_tostring = function() return tostring(looping) end,
  loop_concat_index = function()
    return table.concat(setmetatable({}, { __index = forever }), ",", 1, 10)
  end,
  loop_lt = function() return looping < looping end,
  loop_len = function() return #looping end,
  loop_call = function() return looping() end,
  loop_close = function()
    local guard <close> = setmetatable({}, { __close = forever })
    return guard ~= nil
  end,
  loop_update = function() values:update("a", forever) end,
  loop_on_end = function(_, ctx)
    ctx:on_end(forever)
    return "done"
  end,
  loop_ignores_cancel = function()
    while true do mcp.time.sleep(0.001) end
  end,
  recursion = function()
    local function f() return 1 + f() end
    return f()
  end,
  gc_attempt = function()
    setmetatable({}, { __gc = forever })
    return "accepted"
  end,
  weak_keys_attempt = function()
    local chain, key = setmetatable({}, { __mode = "k" }), {}
    for i = 1, 200000 do
      local following = { i }
      chain[key], key = following, following
    end
    return "accepted"
  end,
  move_far = function() table.move({}, 1, 1 << 40, 2) end,
  unpack_far = function() return select("#", table.unpack({}, 1, 1 << 30)) end,
  rep_huge = function() return #("x"):rep(1 << 40) end,
  pattern_bomb = function() return (("a"):rep(600):find(".-.-.-b")) end,
  pattern_gsub_bomb = function() return (("a"):rep(5000):gsub(".-.-.-b", "")) end,
  plain_find = function()
    local half = ("a"):rep(1 << 19)
    return tostring(((half .. half):find(half:sub(2) .. "b", 1, true)))
  end,
  sort_million = function()
    local t = numbers(1000000)
    table.sort(t)
    return t[1]
  end,
  concat_million = function()
    local t = numbers(1000000)
    return #table.concat(t, ",")
  end,
  hog_tables = function()
    local all = {}
    while #all >= 0 do all[#all + 1] = { #all } end
  end,
  hog_string = function()
    local s = "x"
    while true do s = s .. s end
  end,
  hog_pcall = function()
    local all = {}
    while true do pcall(function() all[#all + 1] = ("y"):rep(100000) .. #all end) end
  end,
  sleeper = function()
    mcp.time.sleep(3600)
    return "slept"
  end,
}

local names = {}
for name in pairs(offenders) do names[#names + 1] = name end
table.sort(names)

local tools = {}
for i, name in ipairs(names) do
  tools[i] = mcp.tool {
    name = name,
    description = "Tries to hold a worker.",
    input = { type = "object" },
    limits = { timeout = "2s", memory = "64M", concurrent = 4 },
    run = offenders[name],
  }
end
return tools
