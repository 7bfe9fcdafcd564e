-- list_jobs_test.lua - what list_jobs answers and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function fill(n)
  local jobs = {}
  for i = 1, n do
    jobs[i] = { jobId = "job_" .. i, status = i % 2 == 0 and "COMPLETED" or "FAILED" }
  end
  t.state { jobs = jobs }
end

local function ids(page)
  local list = {}
  for i, job in ipairs(page.jobs) do list[i] = job.jobId end
  return list
end

t.case("an empty state has an empty list", function()
  t.eq(t.call("list_jobs").text, '{"jobs":[]}')
end)

t.case("newest first, page by page", function()
  fill(5)
  local page = t.call("list_jobs", { limit = 3 }).value
  t.eq(ids(page), { "job_5", "job_4", "job_3" })
  page = t.call("list_jobs", { limit = 3, after = page.next }).value
  t.eq(ids(page), { "job_2", "job_1" })
  t.eq(page.next, nil)
end)

t.case("only those in one state", function()
  fill(5)
  t.eq(ids(t.call("list_jobs", { status = "COMPLETED" }).value), { "job_4", "job_2" })
end)

t.case("refuses to go on behind what is not there", function()
  t.eq(t.call("list_jobs", { after = "job_9" }).text, "Unknown jobId: job_9")
end)
