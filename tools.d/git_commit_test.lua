-- git_commit_test.lua - what is staged and what never is, and the errors. Git answers here; a real
-- repository is committed to in tests/e2e/edit.test.mjs.
local mcp = require "mcp"
local t = mcp.testing

local COMMIT = ("c"):rep(40)

-- Git as it answers when all goes well; `more` replaces or adds answers.
local function git(more)
  local answers = {
    ["git * config *"] = { code = 1 },
    ["git * add --all -- a.txt"] = {}, -- nothing else is ever added
    ["git * diff *--cached --quiet --"] = { code = 1 },
    ["git * commit *"] = {},
    ["git * rev-parse *"] = { stdout = COMMIT .. "\n" },
    ["git * branch *"] = { stdout = "main\n" },
    ["git * symbolic-ref *"] = { stdout = "main\n" },
  }
  for key, answer in pairs(more or {}) do answers[key] = answer end
  t.exec(answers)
end

-- What git status says, of {"M", path} and so on.
local function status(...)
  local text = "# branch.oid " .. COMMIT .. "\0# branch.head main\0"
  for _, file in ipairs { ... } do
    text = text .. (file[1] == "?" and "? " or "1 ." .. file[1] .. " N... 100644 100644 100644 a a ")
      .. file[2] .. "\0"
  end
  return { stdout = text }
end

t.case("commits the files that are named, and says what it made", function()
  t.root { ["a.txt"] = "a" }
  git()
  local result = t.call("git_commit", { message = "  first\n", add = { "a.txt" } })
  t.eq(result.ok, true, result.text)
  t.eq(result.value.commit, COMMIT)
  t.eq(result.value.message, "first")
  t.eq(result.value.staged, { "a.txt" })
  t.eq(result.value.branch, "main")
  t.eq(result.value.leftOut, nil)
end)

t.case("leaves out what tools may not touch, and says so", function()
  t.root { ["a.txt"] = "a", [".env"] = "x" }
  git { ["git * status *"] = status({ "M", "a.txt" }, { "?", ".env" }, { "D", "gone/server.key" }) }
  local value = t.call("git_commit", { message = "all", stageAll = true }).value
  t.eq(value.leftOut, 2)
  t.eq(value.note, "2 changed files are not for tools, "
    .. "or git stores no such name, and were left out")
end)

t.case("leaves out names that git refuses, and no others", function()
  local names = { "GIT~1/x", "a/git~1", "git~1. ./x", ".Git.", "b/.git::$INDEX", "git~1 :s/x",
    "c\\.git", ".g\226\128\140it/x" }
  local all = { { "?", "a.txt" }, { "?", "git~2/x" }, { "?", ".gitx" }, { "?", "git~1x" } }
  local kept = {}
  for i, file in ipairs(all) do kept[i] = file[2] end
  for _, name in ipairs(names) do all[#all + 1] = { "?", name } end
  t.root { ["a.txt"] = "a" }
  git { ["git * status *"] = status(table.unpack(all)),
    ["git * add --all -- " .. table.concat(kept, " ")] = {} }
  local result = t.call("git_commit", { message = "all", stageAll = true })
  t.eq(result.ok, true, result.text)
  t.eq(result.value.leftOut, #names)
end)

t.case("stages nothing when all that has changed is denied", function()
  t.root { [".env"] = "x" }
  git { ["git * status *"] = status({ "?", ".env" }) }
  t.eq(t.call("git_commit", { message = "all", stageAll = true }).value.leftOut, 1)
end)

local refused = {
  { { message = "m", add = { ".env" } }, "git commit failed: .env is not for tools" },
  { { message = "m", add = { "../x" } }, "git commit failed: Path traversal not allowed: ../x" },
  { { message = "m", add = { "/etc/passwd" } },
    "git commit failed: Absolute path must be within the repository: " },
  { { message = " \n" }, "Commit message required" },
  { { message = "" }, "Commit message required" },
  { {}, "message" },
}

for i, row in ipairs(refused) do
  t.case("refuses " .. i .. ": " .. row[2], function()
    t.root { [".env"] = "x" }
    t.exec {} -- nothing is run
    local result = t.call("git_commit", row[1])
    t.eq(result.ok, false)
    t.eq(result.text:find(row[2], 1, true) ~= nil, true, result.text)
  end)
end

local failures = {
  { "fatal: not a git repository", "not a git repository" },
  { "fatal: detected dubious ownership in repository at '/x'", "belongs to another user" },
  { "Author identity unknown\n*** Please tell me who you are.", "user.name" },
  { "nothing to commit, working tree clean", "there is nothing to commit" },
  { "fatal: Unable to create '/x/.git/index.lock': File exists.", "index.lock" },
  { "error: Committing is not possible because you have unmerged files.", "conflict|unmerged" },
}

for _, row in ipairs(failures) do
  t.case("says what git says: " .. row[1], function()
    git { ["git * commit *"] = { code = 128, stderr = row[1] } }
    local result = t.call("git_commit", { message = "m" })
    t.eq(result.ok, false)
    t.eq(result.text:sub(1, 19), "git commit failed: ")
    local found = false
    for word in row[2]:gmatch("[^|]+") do found = found or result.text:find(word, 1, true) ~= nil end
    t.eq(found, true, result.text)
  end)
end

t.case("has nothing to commit", function()
  git { ["git * diff *--cached --quiet --"] = {} }
  t.eq(t.call("git_commit", { message = "m" }).text, "git commit failed: git: there is nothing to commit")
end)

t.case("stops at a conflict before anything is staged", function()
  git { ["git * status *"] = { stdout = "# branch.oid " .. COMMIT
    .. "\0u UU N... 100644 100644 100644 100644 a a a both.txt\0" } }
  t.eq(t.call("git_commit", { message = "m", stageAll = true }).text,
    "git commit failed: there are conflicts: both.txt")
end)
