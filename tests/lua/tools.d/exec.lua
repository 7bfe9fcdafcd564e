-- exec.lua - programs and evaluations.
local mcp = require "mcp"
local t = require "t"

local function run()
  local script = "cat; echo err >&2; exit 3"
  local r = assert(mcp.exec.run { argv = { "sh", "-c", script }, stdin = "in" })
  t.eq(r.stdout, "in")
  t.eq(r.stderr, "err\n")
  t.eq(r.code, 3)
  t.fails("DENIED", mcp.exec.run { argv = { "ls" } })
  t.fails("TIMEOUT", mcp.exec.run { argv = { "sh", "-c", "sleep 60" }, timeout = "50ms" })
  t.raises("unknown option", mcp.exec.run, { argv = { "echo" }, shell = true })

  local lines = {}
  mcp.exec.run {
    argv = { "sh", "-c", "echo a; echo b" },
    on_line = function(line)
      mcp.time.sleep(0)
      lines[#lines + 1] = line
    end,
  }
  t.eq(table.concat(lines, ","), "a,b")

  local started = mcp.time.mono()
  local fast = mcp.race {
    function() mcp.exec.run { argv = { "sh", "-c", "sleep 60" } } return "slow" end,
    function() return mcp.exec.run({ argv = { "echo", "fast" } }).stdout end,
  }
  t.eq(fast, "fast\n")
  assert(mcp.time.mono() - started < 20)

  t.eq(mcp.evals.run({ task = "x", config = "c", job = "j" }).result.task, "x")
  t.eq(mcp.evals.find("x").name, "*")
  t.eq(#mcp.gates.order(), 0)
  return "ok"
end

return mcp.tool { name = "exec", needs = { "exec" }, run = run }
