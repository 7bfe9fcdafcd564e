-- cancel_job_test.lua - what cancel_job ends and refuses.
local mcp = require "mcp"
local t = mcp.testing

t.case("ends a job that waits", function()
  t.state { jobs = { { jobId = "job_1", taskId = "t", configId = "c", status = "QUEUED" } } }
  local result = t.call("cancel_job", { jobId = "job_1" })
  t.eq(result.value, { jobId = "job_1", status = "CANCELLED" })
  t.eq(t.state("jobs")[1].status, "CANCELLED")
  result = t.call("cancel_job", { jobId = "job_1" })
  t.eq(result.text, "Job job_1 has already ended: CANCELLED")
end)

t.case("a job that was cancelled is not completed by its program", function()
  t.exec { ["*"] = { duration = 10, result = { metrics = {} } } }
  local function start() return t.call("run_eval", { taskId = "t", configId = "c" }).value.jobId end
  local function status(id) return t.call("status", { jobId = id }).value.status end
  local one, other = start(), start()
  t.clock:advance(5)
  t.eq(status(one), "RUNNING")
  t.eq(t.call("cancel_job", { jobId = one }).ok, true)
  t.clock:advance(10)
  t.eq(status(one), "CANCELLED")
  t.eq(status(other), "COMPLETED")
end)

t.case("refuses what has ended, is unknown or lacks", function()
  t.state { jobs = { { jobId = "job_1", status = "COMPLETED" } } }
  local result = t.call("cancel_job", { jobId = "job_1" })
  t.eq(result.text, "Job job_1 has already ended: COMPLETED")
  t.eq(t.call("cancel_job", { jobId = "job_2" }).text, "Unknown jobId: job_2")
  t.eq(t.call("cancel_job", {}).ok, false)
end)
