-- import.lua - a long import as a job: it outlives the call, tells how far it is, can be cancelled,
-- and leaves nothing half done.
-- It needs in mcp.ini:
--   [tool import]
--   fs = read
local mcp = require "mcp"
local s = mcp.schema

local rows = mcp.state.open("import.rows", { key = "id" })
local runs = mcp.state.open("import.runs", { key = "job" })

local STEP = 100                                  -- rows that become durable together

local function set(job_id, changes)
  return runs:update(job_id, function(run)
    run = run or { job = job_id }
    for name, value in pairs(changes) do run[name] = value end
    return run
  end)
end

local function put_all(job_id, list)
  return mcp.state.batch(function()
    for _, row in ipairs(list) do rows:put(row) end
    set(job_id, { count = (runs:get(job_id).count or 0) + #list })
  end)
end

-- "id,name": one row a line.
local function work(job, path)
  local list = {}
  for line in mcp.fs.lines(path) do
    if job:cancelled() then return end
    local id, name = line:match("^(%w+),(.+)$")
    if not id then error(("not \"id,name\": %s"):format(line), 0) end
    list[#list + 1] = { id = job.id .. "/" .. id, name = name, job = job.id }
    if #list == STEP then
      assert(put_all(job.id, list))
      job:progress(runs:get(job.id).count)
      list = {}
    end
  end
  assert(put_all(job.id, list))
  set(job.id, { status = "DONE" })
end

-- Whatever ended it short of its end: its rows go, and the run says what happened.
local function clean_up(job_id, outcome)
  if runs:get(job_id).status == "DONE" then return end
  for row in rows:each { only = { "id", "job" } } do
    if row.job == job_id then rows:delete(row.id) end
  end
  set(job_id, { status = outcome == "OK" and "CANCELLED" or outcome, count = 0 })
end

local function run(args)
  if not mcp.fs.stat(args.path) then return nil, "no such file: " .. args.path end
  local id = "import_" .. mcp.codec.uuid():sub(1, 8)
  set(id, { status = "RUNNING", path = args.path, started = mcp.time.iso() })
  local started, message = mcp.jobs.start {
    id = id, timeout = "5m", parallel = 1,
    run = function(job) work(job, args.path) end,
    on_end = function(outcome) clean_up(id, outcome) end,
  }
  if not started then return nil, message end
  return { job = id }
end

return mcp.tool {
  name        = "import",
  description = "Import rows from a file of lines \"id,name\"; follow it on the topic job/ID.",
  input       = s.object { path = s.string { minLength = 1, maxLength = 500 } },
  needs       = { "fs" },
  run         = run,
}
