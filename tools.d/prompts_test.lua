-- prompts_test.lua - the prompts that bring what they talk about.
local mcp = require "mcp"
local t = mcp.testing

local function job(id, status, more)
  local row = { jobId = id, taskId = "demo", configId = "c", status = status,
    startedAt = "2026-01-01T00:00:00.000Z", updatedAt = "2026-01-01T00:00:01.000Z" }
  for name, value in pairs(more or {}) do row[name] = value end
  return row
end

local function get(id)
  return t.call("prompt:triage_evaluation", { jobId = id })
end

t.case("a failed evaluation comes with its record and result", function()
  t.state { jobs = { job("job_1", "FAILED", { error = "exit 3", result = { log = "boom" } }) } }
  local result = get("job_1")
  t.eq(result.ok, true, result.text)
  t.eq(#result.messages, 2)
  t.eq(result.text:find('"exit 3"', 1, true) ~= nil, true)
  t.eq(result.text:find('"boom"', 1, true) ~= nil, true)
end)

t.case("one that has not failed has nothing to be found out", function()
  t.state { jobs = { job("job_1", "COMPLETED") } }
  for id, text in pairs {
    job_1 = "job job_1 has not failed: it is COMPLETED", job_2 = "Unknown jobId: job_2",
  } do
    local result = get(id)
    t.eq(result.text, text)
    t.eq(result.code, -32602)
  end
end)

t.case("the job must be named", function()
  local result = t.call("prompt:triage_evaluation")
  t.eq(result.code, -32602)
  t.eq(result.text, 'Invalid params: missing required argument "jobId"')
end)

t.case("a review without a repository says so", function()
  t.exec { ["git *"] = { code = 128, stderr = "fatal: not a git repository" } }
  local result = t.call("prompt:review_change")
  t.eq(result.code, -32603)
  t.eq(result.text, "git: not a git repository")
end)

t.case("a review shows the diff of what tools may see, and counts the rest", function()
  t.root { ["a.txt"] = "new\n", [".env"] = "TOKEN=1\n" }
  t.exec {
    ["git * config *"] = { code = 1 },
    ["git * rev-parse *"] = { stdout = "/\n" },
    ["git * diff *--numstat* HEAD --"] = { stdout = "1\t0\t.env\0" .. "2\t1\ta.txt\0" },
    ["git * diff *--numstat* HEAD -- a.txt"] = { stdout = "2\t1\ta.txt\0" },
    ["git * diff *--patch* HEAD -- a.txt"] = { stdout = "+new\n" },
    ["git * diff *--patch* HEAD --"] = { stdout = "+new\n+TOKEN=1\n" },
  }
  local result = t.call("prompt:review_change", { focus = "names" })
  t.eq(result.ok, true, result.text)
  t.eq(result.messages[2].content.text, "```diff\n+new\n```")
  t.eq(result.text:find("a.txt (+2 -1)\n(1 more that tools may not see)", 1, true) ~= nil, true)
  t.eq(result.text:find("TOKEN", 1, true), nil)
end)
