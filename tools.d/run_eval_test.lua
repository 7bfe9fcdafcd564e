-- run_eval_test.lua - what run_eval answers, keeps and refuses.
local mcp = require "mcp"
local t = mcp.testing

local PROGRAM = "*/exact_match --sample --task *"

local function start(args)
  local result = t.call("run_eval", args)
  t.eq(result.ok, true, result.text)
  return result.value
end

local function await_end(id)
  t.clock:advance(1)
  return t.call("status", { jobId = id }).value
end

t.case("runs the evaluation and keeps its result", function()
  t.exec { [PROGRAM] = { result = { metrics = { accuracy = 0.5 }, artifacts = { "a" } } } }
  local job = start { taskId = "suite", configId = "c1" }
  t.eq(job.jobId:match("^job_%w+$"), job.jobId)
  t.eq(job.status, "QUEUED")
  local status = await_end(job.jobId)
  t.eq(status.status, "COMPLETED")
  t.eq(status.result, {
    taskId = "suite", configId = "c1", metrics = { accuracy = 0.5 }, artifacts = { "a" },
  })
  t.eq(#t.state("jobs"), 1)
end)

t.case("says why an evaluation failed", function()
  t.exec {
    ["*--task bad *"] = { code = 3, stderr = "one\ntwo\n" },
    ["*--task slow *"] = { error = "TIMEOUT", message = "not done within 600 s" },
    ["*--task mute *"] = { stdout = "no JSON" },
    ["*--task shot *"] = { signal = 9 },
  }
  local reasons = {
    bad = "exit code 3: two", slow = "not done within 600 s",
    mute = "it printed no line that is a JSON object", shot = "killed by signal 9",
  }
  for task, reason in pairs(reasons) do
    local status = await_end(start({ taskId = task, configId = "c" }).jobId)
    t.eq(status.status, "FAILED")
    t.eq(status.error, reason)
    t.eq(status.result, mcp.json.null)
  end
end)

t.case("a dry run starts nothing", function()
  local job = start { taskId = "suite", configId = "c", dryRun = true }
  t.eq(job.status, "DRY_RUN")
  t.eq(await_end(job.jobId).status, "DRY_RUN")
end)

t.case("refuses what lacks, and what a program would take for an option", function()
  t.eq(t.call("run_eval", { taskId = "x" }).ok, false)
  local result = t.call("run_eval", { taskId = "--all", configId = "c" })
  t.eq(result.text, 'taskId and configId must not begin with "-"')
  result = t.call("run_eval", { taskId = ("x"):rep(1001), configId = "c" })
  t.eq(result.text, "taskId and configId have at most 1000 bytes")
  t.eq(t.state("jobs"), {})
end)
