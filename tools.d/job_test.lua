-- job_test.lua - jobs as resources.
local mcp = require "mcp"
local t = mcp.testing

local MISSING = -32602

local function fill(jobs)
  t.state { jobs = jobs }
end

t.case("a job is its row, with the result", function()
  fill { { jobId = "job_1", taskId = "a", configId = "b", status = "COMPLETED",
    result = { accuracy = 1 }, isRemote = false } }
  local result = t.call("job:///job_1")
  t.eq(result.contents[1].uri, "job:///job_1")
  t.eq(result.contents[1].mimeType, "application/json")
  t.eq(result.value, { jobId = "job_1", taskId = "a", configId = "b", status = "COMPLETED",
    result = { accuracy = 1 } })
end)

t.case("a job that has not ended has no result", function()
  fill { { jobId = "job_1", taskId = "a", configId = "b", status = "QUEUED" } }
  t.eq(t.call("job:///job_1").text:match('"result":null') ~= nil, true)
end)

t.case("ids of all kinds", function()
  fill { { jobId = "a b/ü", status = "FAILED" } }
  t.eq(t.call("job:///a%20b%2F%C3%BC").value.status, "FAILED")
end)

t.case("a job that is not there", function()
  fill { { jobId = "job_1", status = "FAILED" } }
  for _, id in ipairs { "job_2", "job_1/x", ("x"):rep(513) } do
    t.eq(t.call("job:///" .. id).code, MISSING, id)
  end
end)

t.case("a result that does not fit is left out, and that is said", function()
  fill { { jobId = "job_1", taskId = "a", configId = "b", status = "COMPLETED",
    result = { text = ("x"):rep(3000000) } } }
  local value = t.call("job:///job_1").value
  t.eq(value.status, "COMPLETED")
  t.eq(value.note, "the result is too large for [server] max_result")
end)
