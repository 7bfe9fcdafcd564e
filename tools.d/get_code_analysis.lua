-- get_code_analysis.lua - the code of the repository in figures: lines and files by language, the
-- largest and the most changed files, markers of what is left to do, tests, and a score of these.
local mcp = require "mcp"
local languages = require "languages"
local repository = require "repository"

local null = mcp.json.null

local TOP = 10                 -- files of each list
local LARGE = 500              -- lines of code

local WEIGHTS = { tests = 40, size = 30, markers = 20, comments = 10 }
local FORMULA = "health_score = 40 * tests + 30 * size + 20 * markers + 10 * comments, each "
  .. "from 0 to 1, rounded to one decimal: tests = min(1, test_ratio / 0.5), test_ratio = lines "
  .. "of code in tests / lines of other code (without any the part is 1); size = 1 - the share "
  .. "of the lines of code that lie"
  .. " in files with over 500 of them; markers = max(0, 1 - markers per 1000 lines of code / "
  .. "10); comments = min(1, comment_share / 0.1), comment_share = comment / (comment + code). "
  .. "Files whose language is code count. code_quality: excellent from 85, good from 70, fair "
  .. "from 50, else poor; unknown without any code."

local function round(value, digits)
  local factor = 10 ^ digits
  return math.floor(value * factor + 0.5) / factor
end

local FIGURES = { "lines", "code", "comment", "blank" }

local function by_language(files)
  local list, by_name = mcp.json.array {}, {}
  for _, file in ipairs(files) do
    if file.lines and file.language then
      local name = file.language.name
      local one = by_name[name]
      if not one then
        one = { language = name, kind = file.language.kind, files = 0, lines = 0, code = 0,
          comment = 0, blank = 0 }
        by_name[name] = one
        list[#list + 1] = one
      end
      one.files = one.files + 1
      for _, key in ipairs(FIGURES) do one[key] = one[key] + file[key] end
    end
  end
  table.sort(list, function(a, b)
    if a.code ~= b.code then return a.code > b.code end
    return a.language < b.language
  end)
  return list
end

-- The first TOP by rank(file), which may be nil.
local function top(files, rank, show)
  local list, values = {}, {}
  for _, file in ipairs(files) do
    local value, at = rank(file), #list + 1
    while value and at > 1 and (values[at - 1] < value
        or values[at - 1] == value and list[at - 1].path > file.path) do
      at = at - 1
    end
    if value and at <= TOP then
      table.insert(list, at, file)
      table.insert(values, at, value)
      list[TOP + 1], values[TOP + 1] = nil, nil
    end
  end
  local shown = mcp.json.array {}
  for i, file in ipairs(list) do shown[i] = show(file, values[i]) end
  return shown
end

local function sums(files)
  local sum = { code = 0, comment = 0, test_code = 0, in_large = 0, markers = 0, large_files = 0,
    test_files = 0, code_files = 0 }
  local function add(key, n) sum[key] = sum[key] + n end
  for _, file in ipairs(files) do
    if file.lines and file.language and file.language.kind == "code" then
      add("code_files", 1)
      add("code", file.code)
      add("comment", file.comment)
      add("markers", file.markers)
      if file.is_test then
        add("test_code", file.code)
        add("test_files", 1)
      end
      if file.code > LARGE then
        add("in_large", file.code)
        add("large_files", 1)
      end
    end
  end
  return sum
end

-- The parts of the score, from 0 to 1, and what they are made of.
local function measure(sum)
  local other = sum.code - sum.test_code
  local ratio = other > 0 and sum.test_code / other or nil
  local density = sum.code > 0 and sum.markers * 1000 / sum.code or 0
  local share = sum.code > 0 and sum.comment / (sum.comment + sum.code) or 0
  return {
    tests = (ratio == nil or ratio >= 0.5) and 1 or ratio / 0.5,
    size = sum.code > 0 and 1 - sum.in_large / sum.code or 0,
    markers = math.max(0, 1 - density / 10),
    comments = math.min(1, share / 0.1),
  }, ratio, density, share
end

local function quality(score)
  if score >= 85 then return "excellent" end
  if score >= 70 then return "good" end
  if score >= 50 then return "fair" end
  return "poor"
end

local function most_changed(files, changes, why)
  if not changes then return null, why end
  return top(files, function(file) return changes.counts[file.path] end,
    function(file, n) return { path = file.path, commits = n } end)
end

local function report(scan, changes, why)
  local files = scan.files
  local sum = sums(files)
  local parts, ratio, density, share = measure(sum)
  local score = 0
  for name, weight in pairs(WEIGHTS) do score = score + weight * parts[name] end
  score = sum.code > 0 and round(score, 1) or 0
  for name, part in pairs(parts) do parts[name] = round(part, 4) end
  local changed, reason = most_changed(files, changes, why)
  return {
    health_score = score, code_quality = sum.code > 0 and quality(score) or "unknown",
    total_files = #files, health_formula = FORMULA,
    health_parts = sum.code > 0 and parts or null,
    note = sum.code == 0 and "there is no code: nothing is scored" or nil,
    languages = by_language(files),
    largest_files = top(files, function(file) return file.size end, function(file, size)
      return { path = file.path, bytes = size, lines = file.lines or null }
    end),
    most_changed_files = changed, most_changed_reason = reason,
    most_changed_commits = changes and changes.commits or nil,
    todo = { markers = mcp.json.array(table.move(languages.markers, 1, #languages.markers, 1, {})),
      count = sum.markers, per_1000_lines = sum.code > 0 and round(density, 2) or null,
      in_comments_of = "files whose language is code" },
    tests = { files = sum.test_files, lines = sum.test_code, other_lines = sum.code - sum.test_code,
      ratio = ratio and round(ratio, 4) or null },
    code_files = sum.code_files, lines_of_code = sum.code, lines_of_comment = sum.comment,
    comment_share = sum.code > 0 and round(share, 4) or null,
    files_over_500_lines = sum.large_files,
    scope = repository.scope, left_out = repository.left_out(scan),
  }
end

local last = {}                -- what was said, of which version of the files and which head

-- Whether the last report still holds depends on the head as well, which is asked at the same time.
local function look(known)
  local scan, changes = mcp.all {
    function() return table.pack(repository.scan(nil, known)) end,
    function() return table.pack(repository.changes()) end,
  }
  if not scan then return nil, changes end
  if not scan[1] then return nil, scan[2], scan[3] end
  return scan[1], changes[1], changes[2]
end

local function run()
  local said = last
  local scan, found, why = look(said.version)
  if not scan then return nil, found, why end
  local is_cached = not scan.files and said.head == (found and found.commit or why)
  if not is_cached and not scan.files then
    scan, found, why = look()
    if not scan then return nil, found, why end
  end
  if not is_cached then
    said = { version = scan.version, head = found and found.commit or why,
      report = report(scan, found, why) }
    last = said
  end
  local answer = {}
  for key, value in pairs(said.report) do answer[key] = value end
  answer.cached, answer.files_read = is_cached, scan.read
  answer.timestamp = mcp.time.iso()
  return answer
end

return mcp.tool {
  name        = "get_code_analysis",
  title       = "Analysis of the code",
  description = "Report lines and files by language, the largest and the most changed files, how "
    .. "dense markers of what is left to do are, the share of tests, and a health score with its "
    .. "formula.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs", "exec" },
  limits      = { memory = "128M" },
  coerce      = true,
  run         = run,
}
