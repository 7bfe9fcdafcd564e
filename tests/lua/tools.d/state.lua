-- state.lua - collections as a tool uses them.
local mcp = require "mcp"
local t = require "t"

local notes = mcp.state.open("state.notes")

local function plain()
  for i = 1, 10 do assert(notes:put { id = "n" .. i, n = i }) end
  t.eq(notes:count(), 10)
  t.eq(notes:get("n3").n, 3)
  t.eq(notes:get("none"), nil)
  local page, next_id = notes:list { limit = 3, newest = true }
  t.eq(#page, 3)
  t.eq(page[1].id, "n10")
  t.eq(next_id, "n8")
  t.eq(notes:list({ newest = true, after = next_id })[1].id, "n7")
  t.eq(notes:delete("n10"), true)
  t.eq(notes:delete("n10"), false)
  local sum = 0
  for note in notes:each() do sum = sum + note.n end
  t.eq(sum, 45)
end

local function updates()
  local function add(note)
    mcp.time.sleep(0)
    note.n = note.n + 1
    return note
  end
  local function add_ten()
    for _ = 1, 10 do assert(notes:update("n1", add)) end
  end
  mcp.all { add_ten, add_ten, add_ten }
  t.eq(notes:get("n1").n, 31)
  t.raises("keeps the object's id", notes.update, notes, "n1", function() return { id = "x" } end)
end

local function batches()
  t.raises("on purpose", mcp.state.batch, function()
    notes:put { id = "half" }
    error("on purpose")
  end)
  t.eq(notes:get("half"), nil)
  local ok, seen = mcp.state.batch(function()
    notes:put { id = "a" }
    notes:update("a", function(note) note.n = 2 return note end)
    return notes:get("a").n
  end)
  t.eq(ok, true)
  t.eq(seen, 2)
  t.eq(notes:get("a").n, 2)
end

local function grants()
  assert(mcp.state.open("shared"):put { id = "x" })
  t.eq(mcp.state.open("seen"):get("x"), nil)
  t.fails("DENIED", mcp.state.open("seen"):put { id = "x" })
  t.fails("DENIED", mcp.state.open("other"):get("x"))
  t.fails("DENIED", mcp.state.open("json.x"):count())
end

local function run()
  plain()
  updates()
  batches()
  grants()
  t.eq(mcp.state.sync(), true)
  return "ok"
end

return mcp.tool { name = "state", run = run }
