-- get_infrastructure_status_test.lua - what is counted, and what is said where git or CI is not.
local mcp = require "mcp"
local t = mcp.testing

local NO_GIT = { ["git *"] = { code = 128, stderr = "fatal: not a git repository" } }

t.case("counts tests by framework", function()
  t.exec(NO_GIT)
  t.root {
    ["a_test.go"] = "func TestA(t *testing.T) {\n}\nfunc FuzzB(f *testing.F) {}\n",
    ["a.go"] = "func TestC() {}\n",
    ["lib.rs"] = "#[test]\nfn x() {}\n// #[test]\n",
    ["x_test.lua"] = "t.case(\"a\", f)\n  t.case('b', f)\n",
    ["tests/a.c"] = "int x = 1; cmocka_unit_test(a), cmocka_unit_test_setup(b, c)\n",
    ["test_a.py"] = "def test_a():\n  pass\n'''\ndef test_no():\n'''\n",
  }
  local status = t.call("get_infrastructure_status", { extra = 1 }).value
  t.eq(status.total_tests, "8")
  t.eq(status.tests.frameworks, {
    { name = "cmocka", tests = 2, files = 1 }, { name = "go test", tests = 2, files = 1 },
    { name = "moongate test", tests = 2, files = 1 },
    { name = "cargo test", tests = 1, files = 1 }, { name = "pytest", tests = 1, files = 1 },
  })
  t.eq(status.quality_standard, nil)
end)

t.case("says why nothing is known of git", function()
  t.exec(NO_GIT)
  local status = t.call("get_infrastructure_status").value
  t.eq(status.git, { is_repository = false,
    reason = "git: not a git repository (NOT_A_REPOSITORY)" })
  t.eq(status.total_tests, "0")
  t.eq(status.ci_workflows, {})
  t.eq(status.timestamp:match("^%d+%-%d%d%-%d%dT.*Z$"), status.timestamp)
end)

t.case("counts what is staged, changed and not tracked", function()
  t.exec {
    ["git * config *"] = { code = 1 },
    ["git * status *"] = { stdout = "# branch.oid abc\0# branch.head main\0"
      .. "1 M. N... 100644 100644 100644 a a a.c\0" .. "1 MM N... 100644 100644 100644 a a b.c\0"
      .. "? c.c\0" },
    ["git * log *"] = { stdout = "abc\0\0A\0a@b\0" .. "1\0A\0" .. "2\0why\0" },
  }
  local git = t.call("get_infrastructure_status").value.git
  t.eq(git.changes, { staged = 2, modified = 1, untracked = 1, conflicts = 0 })
  t.eq(git.branch, "main")
  t.eq(git.upstream, mcp.json.null)
  t.eq(git.last_commit, { commit = "abc", subject = "why", time = "1970-01-01T00:00:02.000Z" })
end)

t.case("finds workflows of several services, and their jobs", function()
  t.exec(NO_GIT)
  t.root {
    [".github/workflows/b.yaml"] = "name: 'Two \xff' # why\njobs:\n    one:\n        x: 1\n"
      .. "    two:\n",
    [".gitlab-ci.yml"] = "test:\n", ["Jenkinsfile"] = "\xff", ["sub/Jenkinsfile"] = "x",
  }
  t.eq(t.call("get_infrastructure_status").value.ci_workflows, {
    { path = ".github/workflows/b.yaml", service = "GitHub Actions", name = "Two \u{FFFD}",
      jobs = { "one", "two" } },
    { path = ".gitlab-ci.yml", service = "GitLab CI", name = mcp.json.null, jobs = mcp.json.null },
    { path = "Jenkinsfile", service = "Jenkins", name = mcp.json.null, jobs = mcp.json.null },
  })
end)

t.case("tells how the machine and the process are", function()
  t.exec(NO_GIT)
  local status = t.call("get_infrastructure_status").value
  t.eq(#status.host.load_average, 3)
  t.eq(status.host.processors >= 1, true)
  t.eq(status.host.memory.available_bytes <= status.host.memory.total_bytes, true)
  t.eq(status.process.memory_bytes > 0, true)
  t.eq(status.status, #status.problems == 0 and "operational" or "degraded")
end)
