-- status_test.lua - what status answers and refuses.
local mcp = require "mcp"
local t = mcp.testing

t.case("reports a job and its result", function()
  t.state { jobs = { {
    jobId = "job_1", taskId = "t", configId = "c", status = "COMPLETED",
    startedAt = "2026-01-01T00:00:00.000Z", updatedAt = "2026-01-01T00:00:01.000Z",
    result = { metrics = { n = 1 } }, secret = "not told",
  } } }
  local result = t.call("status", { jobId = "job_1" })
  t.eq(result.value, {
    jobId = "job_1", taskId = "t", configId = "c", status = "COMPLETED",
    startedAt = "2026-01-01T00:00:00.000Z", updatedAt = "2026-01-01T00:00:01.000Z",
    result = { metrics = { n = 1 } },
  })
end)

t.case("a job without a result has null", function()
  t.state { jobs = { { jobId = "job_1", status = "FAILED", error = "why" } } }
  local status = t.call("status", { jobId = "job_1" }).value
  t.eq(status.result, mcp.json.null)
  t.eq(status.error, "why")
end)

t.case("leaves out a result that no answer can hold", function()
  local result = { x = ("\n"):rep(1100000) }
  t.state { jobs = { { jobId = "job_1", status = "COMPLETED", result = result } } }
  local status = t.call("status", { jobId = "job_1" }).value
  t.eq(status.result, mcp.json.null)
  t.eq(status.note:find("the result is left out", 1, true), 1)
end)

t.case("refuses an unknown id and none", function()
  t.eq(t.call("status", { jobId = "job_2" }).text, "Unknown jobId: job_2")
  local long = t.call("status", { jobId = ("x"):rep(600) })
  t.eq(long.text, "Unknown jobId: " .. ("x"):rep(80) .. "...")
  t.eq(t.call("status", { jobId = "" }).ok, false)
  t.eq(t.call("status", {}).ok, false)
end)
