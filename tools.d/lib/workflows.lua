-- workflows.lua - the CI that a repository has, from the files that CI services read.
local repository = require "repository"

local workflows = {}

local MAX = 50                 -- workflows, and jobs of one
local DOT = ("."):byte()
local SERVICES = {
  { "^%.github/workflows/[^/]+%.ya?ml$", "GitHub Actions" }, { "^%.gitlab%-ci%.yml$", "GitLab CI" },
  { "^%.circleci/config%.yml$", "CircleCI" }, { "^%.travis%.yml$", "Travis CI" },
  { "^azure%-pipelines%.yml$", "Azure Pipelines" }, { "^Jenkinsfile$", "Jenkins" },
  { "^bitbucket%-pipelines%.yml$", "Bitbucket" }, { "^%.drone%.yml$", "Drone" },
  { "^%.woodpecker%.yml$", "Woodpecker" }, { "^%.woodpecker/[^/]+%.ya?ml$", "Woodpecker" },
  { "^%.cirrus%.yml$", "Cirrus CI" }, { "^%.forgejo/workflows/[^/]+%.ya?ml$", "Forgejo" },
  { "^%.gitea/workflows/[^/]+%.ya?ml$", "Gitea" },
}

-- Of a workflow in the manner of GitHub: its name and the names below `jobs:`.
local function read(text)
  local jobs, indent, in_jobs = {}, nil, false
  local name = text:match("^name:%s*([^\n]+)") or text:match("\nname:%s*([^\n]+)")
  for line in text:gmatch("[^\n]+") do
    if line:find("^%S") and not line:find("^#") then
      in_jobs = line:find("^jobs:") ~= nil
    elseif in_jobs then
      local blanks, job = line:match("^(%s+)([%w_.-]+):%s*$")
      if job and #jobs < MAX and (not indent or #blanks == indent) then
        indent = #blanks
        jobs[#jobs + 1] = job
      end
    end
  end
  return name and name:gsub("%s+#.*", ""):gsub("^[\"'](.*)[\"']%s*$", "%1"):gsub("%s+$", ""), jobs
end

--- { {path=, service=, name=, jobs=, text=}, ... } by path; the jobs of those that list them so.
function workflows.find(paths)
  local list = {}
  for path in pairs(paths) do
    -- None lies in a folder without a dot; most paths do.
    if path:byte() == DOT or not path:find("/", 1, true) then
      for _, service in ipairs(SERVICES) do
        if path:find(service[1]) then list[#list + 1] = { path = path, service = service[2] } end
      end
    end
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  repository.cut(list, MAX)
  for _, one in ipairs(list) do
    one.text = repository.text(one.path)
    if one.path:find("/workflows/") then one.name, one.jobs = read(one.text) end
  end
  return list
end

return workflows
