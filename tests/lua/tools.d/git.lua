-- git.lua - a repository of the test's own: what is read, and what is refused.
local mcp = require "mcp"
local t = require "t"

local function sh(script)
  local r = assert(mcp.exec.run { argv = { "sh", "-c", script },
    env = { GIT_CONFIG_GLOBAL = "/dev/null", GIT_CONFIG_NOSYSTEM = "1" } })
  if r.code ~= 0 then error(r.stderr) end
end

local function run()
  local git = mcp.git
  sh("mkdir -p repo/sub && cd repo && git init -q -b main && echo one >a.txt && echo x >sub/b.txt")
  local at = { cwd = "repo" }
  t.fails("UNBORN", git.head(at))
  t.eq(git.status(at).commit, nil)
  t.eq(#git.status(at).files, 2)
  t.eq(git.add({ "a.txt", "sub" }, at), true)
  t.fails("NO_IDENTITY", git.commit { message = "first", cwd = "repo" })
  local done = assert(git.commit { message = " first\n\nbody\n", author = "Ada L <ada@example.org>",
    signoff = true, cwd = "repo" })
  t.eq(done.branch, "main")
  t.eq(git.status(at).is_clean, true)
  t.fails("NOTHING_TO_COMMIT", git.commit { message = "x", cwd = "repo" })

  sh("cd repo && echo two >>a.txt && git mv sub/b.txt 'sub/c d.txt' && printf 'a\\0b' >bin")
  local log = git.log { cwd = "repo" }
  t.eq(#log, 1)
  t.eq(log[1].subject .. "|" .. log[1].author .. "|" .. log[1].email, "first|Ada L|ada@example.org")
  t.eq(log[1].body, "body\n\nSigned-off-by: Ada L <ada@example.org>")
  t.eq(log[1].commit, done.commit)
  local status = git.status(at)
  local seen = {}
  for _, f in ipairs(status.files) do
    seen[#seen + 1] = f.index .. f.work .. f.path .. (f.from and "<" .. f.from or "")
  end
  table.sort(seen)
  t.eq(table.concat(seen, ","), ".Ma.txt,??bin,R.sub/c d.txt<sub/b.txt")
  local diff = git.diff(at)
  t.eq(#diff.files, 1)
  t.eq(diff.files[1].path .. diff.files[1].added .. diff.files[1].deleted, "a.txt10")
  assert(diff.patch:find("\n+two\n", 1, true))
  local staged = git.diff { staged = true, cwd = "repo" }
  t.eq(staged.files[1].from .. ">" .. staged.files[1].path, "sub/b.txt>sub/c d.txt")
  t.eq(git.diff({ revision = "HEAD", paths = { "a.txt" }, cwd = "repo" }).files[1].path, "a.txt")

  t.eq(git.run({ "grep", "-n", "one", "--", "a.txt", cwd = "repo" }).stdout, "a.txt:1:one\n")
  t.eq(git.run({ "grep", "nowhere", cwd = "repo" }).code, 1)
  t.eq(git.run({ "cat-file", "-t", "HEAD", cwd = "repo" }).stdout, "commit\n")
  t.eq(git.run({ "rev-parse", "--short=8", "HEAD", cwd = "repo" }).stdout:sub(1, 8),
    done.commit:sub(1, 8))
  t.eq(git.run({ "ls-files", cwd = "repo" }).stdout, "a.txt\nsub/c d.txt\n")
  t.eq(git.run({ "branch", "--show-current", cwd = "repo" }).stdout, "main\n")
  t.eq(git.run({ "branch", "new", cwd = "repo" }).stdout, "")
  t.eq(git.run({ "tag", "new", cwd = "repo" }).stdout, "")
  assert(git.run({ "blame", "-e", "--", "a.txt", cwd = "repo" }).stdout:find("ada@", 1, true))
  assert(git.run({ "show", "HEAD:a.txt", cwd = "repo" }).stdout == "one\n")
  t.eq(git.head(at).commit, done.commit)
  t.fails("UNKNOWN_REVISION", git.log { revision = "nowhere", cwd = "repo" })
  t.fails("ENOENT", git.add("nowhere", at))
  t.fails("NOT_A_REPOSITORY", git.status())
  sh("mkdir repo/.git/index.lock")
  t.fails("LOCKED", git.add("a.txt", at))
  return "ok"
end

return mcp.tool { name = "git", needs = { "exec" }, run = run }
