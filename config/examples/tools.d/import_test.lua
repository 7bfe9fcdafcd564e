-- import_test.lua - the import's end: all of it, or nothing.
local mcp = require "mcp"
local t = mcp.testing

local function lines(n, more)
  local out = {}
  for i = 1, n do out[i] = ("r%d,row %d\n"):format(i, i) end
  return table.concat(out) .. (more or "")
end

-- The job runs while the test waits for it.
local function finish(path)
  local job = t.call("import", { path = path }).value.job
  for _ = 1, 1000 do
    mcp.time.sleep(0.01)
    local run = t.state("import.runs")[1]
    if run.job == job and run.status ~= "RUNNING" then return run end
  end
end

t.case("brings in every row", function()
  t.root { ["rows.csv"] = lines(250) }
  local run = finish "rows.csv"
  t.eq(run.status, "DONE")
  t.eq(run.count, 250)
  t.eq(#t.state("import.rows"), 250)
end)

t.case("takes back what it brought in when a line is wrong", function()
  t.root { ["rows.csv"] = lines(250, "nonsense\n") }
  local run = finish "rows.csv"
  t.eq(run.status, "TOOL_ERROR")
  t.eq(#t.state("import.rows"), 0)
end)

t.case("says when there is no file", function()
  t.eq(t.call("import", { path = "none.csv" }).text, "no such file: none.csv")
end)
