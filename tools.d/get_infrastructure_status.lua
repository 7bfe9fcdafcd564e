-- get_infrastructure_status.lua - how the machine, the process and the repository are: load, memory
-- and disk, git, CI workflows, tests. All of it measured or counted when it is asked for.
local mcp = require "mcp"
local repository = require "repository"
local manifests = require "manifests"
local testcount = require "testcount"
local workflows = require "workflows"

local null = mcp.json.null

-- Beyond these the status is "degraded". They stand in the result.
local LIMITS = {
  load_per_processor = 4, memory_available_share = 0.05, disk_available_share = 0.05,
}

local function round(value, digits)
  local factor = 10 ^ (digits or 0)
  return math.floor(value * factor + 0.5) / factor
end

local function share(amounts)
  if not amounts or amounts.total == 0 then return nil end
  return round(amounts.available / amounts.total, 3)
end

local function amounts(of)
  if not of then return null end
  return {
    total_bytes = of.total, available_bytes = of.available, available_share = share(of) or null,
  }
end

local function look_at_host()
  local host, message, code = mcp.host.status()
  if not host then
    return { reason = ("%s (%s)"):format(message, code) }, { reason = "as host" }, {}, {}
  end
  local load, problems = host.load, {}
  local function check(value, is_bad, text)
    if value and is_bad(value) then problems[#problems + 1] = text:format(value) end
  end
  local per = load and host.processors and host.processors > 0 and load[2] / host.processors
  check(per, function(v) return v > LIMITS.load_per_processor end,
    "the load of the last 5 minutes is %.1f for each processor")
  check(share(host.memory), function(v) return v < LIMITS.memory_available_share end,
    "only %.3f of the memory is available")
  check(share(host.disk), function(v) return v < LIMITS.disk_available_share end,
    "only %.3f of the disk is available")
  local shown = {
    load_average = load and mcp.json.array(load) or null, processors = host.processors or null,
    uptime_seconds = host.uptime or null, memory = amounts(host.memory),
    disk = amounts(host.disk),
  }
  local process = host.process
  return shown, {
    uptime_seconds = process.uptime and round(process.uptime, 2) or null,
    memory_bytes = process.memory or null, threads = process.threads or null,
    open_descriptors = process.descriptors or null,
  }, problems, host
end

local function last_commit()
  local list = mcp.git.log { max = 1 }
  local one = list and list[1]
  if not one then return null end
  return {
    commit = one.commit, subject = repository.short(one.subject),
    time = mcp.time.iso(one.committed),
  }
end

local function look_at_git()
  local git = repository.git()
  if git.is_repository then git.last_commit = git.commit ~= null and last_commit() or null end
  return git
end

-- One sentence for people.
local function summary(host, git, ci, tests)
  local parts = {}
  local function add(...) parts[#parts + 1] = string.format(...) end
  if git.is_repository then
    local branch = git.branch ~= null and git.branch or "no branch"
    local commit = git.commit ~= null and git.commit:sub(1, 10) or "no commit yet"
    add("git %s at %s, %s", branch, commit, git.is_clean and "clean" or "with changes")
  else
    add("no git repository")
  end
  add("%d CI workflows", #ci)
  add("%d tests in %d files", tests.total, tests.files)
  if host.load and host.processors then
    add("load %.2f on %d processors", host.load[1], host.processors)
  end
  local memory, disk = share(host.memory), share(host.disk)
  if memory then add("%.0f %% of memory available", memory * 100) end
  if disk then add("%.0f %% of disk available", disk * 100) end
  return table.concat(parts, "; ")
end

local function without_text(list)
  local shown = mcp.json.array {}
  for i, one in ipairs(list) do
    shown[i] = { path = one.path, service = one.service,
      name = one.name and repository.short(one.name) or null,
      jobs = one.jobs and mcp.json.array(one.jobs) or null }
  end
  return shown
end

local last = {}                -- what the files tell, and of which version

local function run()
  local said = last
  local scan, git, host = mcp.all {
    function() return table.pack(repository.scan("tests", said.version)) end,
    look_at_git,
    function() return table.pack(look_at_host()) end,
  }
  if not scan then return nil, git, host end
  if not scan[1] then return nil, scan[2], scan[3] end
  scan = scan[1]
  local shown, process, problems, raw = table.unpack(host)
  if scan.files then
    said = {
      version = scan.version, ci = without_text(workflows.find(scan.paths)),
      tests = testcount.count(scan.files, manifests.root_packages()),
      left_out = repository.left_out(scan),
    }
    last = said
  end
  local ci, tests = said.ci, said.tests
  return {
    status = #problems == 0 and "operational" or "degraded",
    problems = mcp.json.array(problems), limits = LIMITS,
    total_tests = tostring(tests.total),
    infrastructure = summary(raw, git, ci, tests),
    tests = { total = tests.total, files = tests.files,
      frameworks = mcp.json.array(tests.frameworks),
      method = "definitions of tests in the sources, not those that are made while they run" },
    ci_workflows = ci, git = git, host = shown, process = process,
    scope = repository.scope, left_out = said.left_out,
    timestamp = mcp.time.iso(),
  }
end

return mcp.tool {
  name        = "get_infrastructure_status",
  title       = "Status of the infrastructure",
  description = "Report how the machine and the gateway's process are (load, memory, disk), the "
    .. "state of git, the CI workflows, and how many tests there are, by framework.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs", "exec" },
  limits      = { memory = "128M" },
  coerce      = true,
  run         = run,
}
