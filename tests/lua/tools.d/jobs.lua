-- jobs.lua - background work, its turns and its end.
local mcp = require "mcp"
local t = require "t"

local function await(condition)
  local limit = mcp.time.mono() + 20
  while not condition() do
    if mcp.time.mono() > limit then error("waited for too long", 2) end
    mcp.time.sleep(0.005)
  end
end

local function run()
  local running, most, ended = 0, 0, 0
  for _ = 1, 6 do
    assert(mcp.jobs.start {
      kind = "k", parallel = 2,
      run = function(job)
        job:on_end(function(outcome) if outcome == "OK" then ended = ended + 1 end end)
        running = running + 1
        most = math.max(most, running)
        mcp.time.sleep(0.01)
        running = running - 1
      end,
    })
  end
  t.eq(#mcp.jobs.running(), 6)
  await(function() return ended == 6 end)
  t.eq(most, 2)

  local outcome
  local id = mcp.jobs.start {
    run = function(job)
      job:on_end(function(got) outcome = got end)
      job:progress(1, 2, "half")
      t.fails("CANCELLED", mcp.time.sleep(3600))
    end,
  }
  mcp.time.sleep(0.01)
  t.eq(mcp.jobs.cancel(id), true)
  t.eq(mcp.jobs.cancel("none"), false)
  await(function() return outcome end)
  t.eq(outcome, "CANCELLED")
  t.eq(#mcp.jobs.running(), 0)
  t.eq(mcp.events.publish("job/x", "made", { n = 1 }), true)
  t.eq(mcp.events.has_history("job/x"), true)
  return "ok"
end

return mcp.tool { name = "jobs", run = run }
