-- git_run.lua - git, as a program that reads a repository which nobody here has checked.
-- Given: exec's run, and the root as it is and as the kernel knows it. Returns what git.lua builds
-- on.
-- A repository can name programs in many places of its configuration. What has a fixed name is set
-- to something harmless here; drivers of filters, diffs and merges, which have names of their own,
-- are asked for before each command and then switched off one by one. Hooks lie in a folder that is
-- none. Options are on a list, or refused. Nothing is fetched, by any protocol.
local exec, root, real_root = ...

local sub, find, match, gmatch, gsub = string.sub, string.find, string.match, string.gmatch,
  string.gsub

local CONFIG = {
  "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "core.editor=false",
  "core.askPass=false", "core.sshCommand=false", "core.attributesFile=/dev/null",
  "core.alternateRefsCommand=false", "credential.helper=", "commit.gpgSign=false",
  "tag.gpgSign=false", "gpg.program=false", "gpg.openpgp.program=false", "gpg.x509.program=false",
  "gpg.ssh.program=false", "gpg.ssh.defaultKeyCommand=false", "log.showSignature=false",
  "diff.external=", "diff.submodule=short", "diff.ignoreSubmodules=dirty", "diff.noprefix=false",
  "diff.mnemonicPrefix=false", "status.submoduleSummary=false", "submodule.recurse=false",
  "sequence.editor=false", "interactive.diffFilter=", "protocol.allow=never", "gc.auto=0",
  "maintenance.auto=false", "blame.ignoreRevsFile=", "user.useConfigOnly=true", "color.ui=false",
  "core.quotePath=false", "grep.fallbackToNoIndex=false", "advice.detachedHead=false",
}

local ENV = {
  -- Without a home of its own git looks for the user's files: for what to ignore, too.
  GIT_CONFIG_NOSYSTEM = "1", GIT_CONFIG_GLOBAL = "/dev/null", GIT_ATTR_NOSYSTEM = "1",
  HOME = "/nonexistent", XDG_CONFIG_HOME = "/nonexistent",
  GIT_TERMINAL_PROMPT = "0", GIT_ASKPASS = "false", SSH_ASKPASS = "false", GIT_EDITOR = "false",
  GIT_SEQUENCE_EDITOR = "false", GIT_PAGER = "cat", GIT_OPTIONAL_LOCKS = "0",
  GIT_ALLOW_PROTOCOL = "none", GIT_NO_LAZY_FETCH = "1", GIT_NO_REPLACE_OBJECTS = "1",
  GIT_LITERAL_PATHSPECS = "1", GIT_CEILING_DIRECTORIES = match(real_root, "^(.*)/[^/]*$"),
  LC_ALL = "C", MOONGATE_EMPTY = "",
  -- Whatever git starts all the same is not found: above all git itself in a submodule, which has a
  -- configuration of its own.
  PATH = "/nonexistent", GIT_EXEC_PATH = "/nonexistent",
}

-- What each driver may name; the value that is put there is empty.
local DRIVER = {
  filter = { clean = "", smudge = "", process = "", required = "=false" },
  diff = { command = "", textconv = "" },
  merge = { driver = "" },
}

-- ---- what may be asked for ----

local DIFF = [[
    --stat --numstat --shortstat --name-only --name-status --summary --patch -p --raw
    --no-patch -s -z --no-color --no-renames --find-renames -M --find-copies -C --unified=
    -U# --text -a --binary --full-index --ignore-all-space -w --ignore-space-change -b
    --ignore-blank-lines --diff-filter= --word-diff --word-diff= --function-context -W
    --minimal --patience --histogram --relative --no-relative --abbrev= --pickaxe-regex
    --pickaxe-all -S* -G* ]]
local LOG = DIFF .. [[
    --oneline --max-count= -n# --skip= --since= --until= --after= --before= --author=
    --committer= --grep= --all-match --invert-grep -i --regexp-ignore-case -E
    --extended-regexp -F --fixed-strings --merges --no-merges --first-parent --all
    --branches --tags --reverse --follow --format= --pretty --pretty= --date=
    --abbrev-commit --no-abbrev-commit --decorate --decorate= --no-decorate --graph
    --topo-order --date-order --author-date-order --parents --children --left-right --cherry
    --boundary --full-history --simplify-by-decoration --root -m -c --cc ]]

-- fixed: always given. kind: what stands before "--": revisions, or anything ("text"), or nothing.
local VERBS = {
  status = { options = [[
    --porcelain --porcelain= --short -s --long --branch -b -z --untracked-files
    --untracked-files= -u --ignored --ignored= --no-renames --renames --ahead-behind
    --no-ahead-behind ]], fixed = { "--ignore-submodules=dirty" } },
  log = { options = LOG, fixed = { "--no-ext-diff", "--no-textconv" }, kind = "revision" },
  show = { options = LOG, fixed = { "--no-ext-diff", "--no-textconv" }, kind = "revision" },
  diff = { options = DIFF .. [[
    --cached --staged --quiet --exit-code --merge-base --check ]],
    fixed = { "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty" }, kind = "revision" },
  ["rev-parse"] = { options = [[
    --verify --quiet -q --short --short= --abbrev-ref --symbolic --symbolic-full-name
    --show-toplevel --show-prefix --is-inside-work-tree --is-bare-repository --git-dir
    --absolute-git-dir --all --branches --tags ]],
    kind = "revision", no_paths = true },
  ["ls-files"] = { options = [[
    --cached -c --deleted -d --modified -m --others -o --ignored -i --stage -s --unmerged -u
    -z --exclude-standard --full-name --error-unmatch --directory --no-empty-directory --eol
    -t ]] },
  blame = { options = [[
    -L* --porcelain -p --line-porcelain --incremental -l -t -s -e --show-email -w -M* -C*
    --since= --date= --abbrev= --root -b --reverse --first-parent -f --show-name -n ]],
    fixed = { "--no-textconv" }, kind = "revision" },
  grep = { options = [[
    -e* -i --ignore-case -n --line-number --column -l --files-with-matches -L
    --files-without-match -c --count -w --word-regexp -v --invert-match -E --extended-regexp
    -F --fixed-strings -P --perl-regexp -G --basic-regexp -h -H -z --null -o --only-matching
    -q --quiet --heading --break --cached --untracked --max-depth= -A# -B# -C# -p
    --show-function -W --function-context --all-match -a --text -I --full-name --max-count=
    -m# ]],
    fixed = { "--no-textconv" }, kind = "text" },
  ["cat-file"] = { options = [[
    -t -s -e -p ]], kind = "revision", no_paths = true },
  branch = { options = [[
    --list -l -a --all -r --remotes --show-current -v -vv --verbose --merged --merged=
    --no-merged --no-merged= --contains= --no-contains= --points-at= --format= --sort=
    --no-color --abbrev= --no-abbrev ]], fixed = { "--list" }, kind = "text", no_paths = true },
  tag = { options = [[
    --list -l --merged --merged= --no-merged= --contains= --no-contains= --points-at=
    --format= --sort= --no-color ]], fixed = { "--list" }, kind = "text",
    no_paths = true },
  add = { options = [[
    --all -A --update -u --force -f --intent-to-add -N --dry-run -n --verbose -v --refresh
    --ignore-errors --renormalize --chmod= ]] },
  commit = { options = [[
    -m* --message= --author= --date= --signoff -s --allow-empty --quiet -q --no-verify -F-
    --cleanup= ]], fixed = { "--no-gpg-sign", "--quiet" }, no_paths = true },
}

-- Reads a verb's options: "--x" is itself, "--x=" has a value, "-x#" a number, "-x*" anything right
-- behind it. When they are first asked for: every file of tools gets this module, few ask.
local function understand(verb)
  local plain, valued = {}, {}
  for option in gmatch(verb.options, "%S+") do
    local name = match(option, "^(.-=?)[#*]$") or (sub(option, -1) == "=" and option)
    if name then valued[name] = sub(option, -1) else plain[option] = true end
  end
  verb.plain, verb.valued = plain, valued
end

local function is_allowed(verb, option)
  if not verb.plain then understand(verb) end
  if verb.plain[option] then return true end
  if verb.valued[match(option, "^%-%-[%w-]+=") or ""] then return true end
  local kind = verb.valued[match(option, "^%-%a") or ""]
  local value = sub(option, 3)
  return sub(option, 2, 2) ~= "-" and
    (kind == "*" and value ~= "" or kind == "#" and find(value, "^%d+$") ~= nil)
end

-- ---- words for what git says ----

local function first_line(text)
  return match(text, "fatal: ([^\n]+)") or match(text, "error: ([^\n]+)") or match(text, "[^\n]+")
end

local CONFLICT = "there are unresolved conflicts: resolve and add them first"
local NOBODY = "nobody is named as the author: give author, or set user.name and user.email in " ..
  "the repository"

local WORDS = {
  { "not a git repository", "NOT_A_REPOSITORY", "not a git repository" },
  { "must be run in a work tree", "NOT_A_REPOSITORY", "the repository has no work tree" },
  { "dubious ownership", "DUBIOUS_OWNERSHIP",
    "the repository belongs to another user than the one the gateway runs as" },
  { "unmerged files", "CONFLICT", CONFLICT },
  { "unresolved conflict", "CONFLICT", CONFLICT },
  { "needs merge", "CONFLICT", CONFLICT },
  { "tell me who you are", "NO_IDENTITY", NOBODY },
  { "no email was given", "NO_IDENTITY", NOBODY },
  { "no name was given", "NO_IDENTITY", NOBODY },
  { "empty ident name", "NO_IDENTITY", "the author's name is empty" },
  { "index.lock': File exists", "LOCKED", "another git works on the repository (index.lock)" },
  { "does not have any commits yet", "UNBORN", "there is no commit yet" },
  { "unknown revision", "UNKNOWN_REVISION" },
  { "bad revision", "UNKNOWN_REVISION" },
  { "Needed a single revision", "UNKNOWN_REVISION" },
  { "Not a valid object name", "UNKNOWN_REVISION" },
  { "bad object", "UNKNOWN_REVISION" },
  { "did not match any file", "ENOENT" },
  { "no such path", "ENOENT" },
  { "nothing to commit", "NOTHING_TO_COMMIT", "there is nothing to commit" },
}

local function explain(result)
  local text = result.stderr ~= "" and result.stderr or result.stdout
  for i = 1, #WORDS do
    local word = WORDS[i]
    if find(text, word[1], 1, true) then
      return nil, "git: " .. (word[3] or first_line(text)), word[2]
    end
  end
  -- Its last words tell that files were not added, the ones before them which.
  local why = match(text, "^error: ([^\n]+)\n.*adding files failed") or first_line(text)
  if not why then why = result.signal and "ended by signal " .. result.signal or "failed" end
  return nil, "git: " .. why, "FAILED"
end

-- ---- running ----

local function new_argv()
  local argv = { "git", "--no-pager", "--no-replace-objects", "--literal-pathspecs" }
  for i = 1, #CONFIG do argv[#argv + 1], argv[#argv + 2] = "-c", CONFIG[i] end
  return argv
end

local function run(argv, options, env, stdin)
  local all = {}
  for name, value in next, ENV do all[name] = value end
  for name, value in next, env or {} do all[name] = value end
  return exec { argv = argv, cwd = options.cwd, env = all, timeout = options.timeout or 60,
    max_output = options.max_output, stdin = stdin }
end

local MAX_DRIVERS = 100

-- Adds to argv what switches off one driver's programs. A name may hold "=": then -c would split it
-- in the wrong place, --config-env takes the last one.
local function silence(argv, name)
  local kind, driver = match(name, "^(%l+)%.(.+)%.[^.]+$")
  for key, value in next, DRIVER[kind] do
    local full = kind .. "." .. driver .. "." .. key
    argv[#argv + 1] = "--config-env=" .. full .. "=" ..
      (value == "" and "MOONGATE_EMPTY" or "MOONGATE_FALSE")
  end
end

-- Silences the drivers of the repository. Is its work tree elsewhere than where it was found?
local function inspect(argv, options)
  local ask = new_argv()
  for _, word in ipairs { "config", "--null", "--name-only", "--get-regexp",
    "^(filter|diff|merge)\\..*\\.|^core\\.worktree$" } do ask[#ask + 1] = word end
  local result, message, code = run(ask, { cwd = options.cwd, timeout = options.timeout })
  if not result then return nil, message, code end
  if result.code ~= 0 and result.code ~= 1 then return explain(result) end
  if result.truncated then
    return nil, "git: the repository's configuration is too long", "LIMIT"
  end
  local seen, count, has_worktree = {}, 0, false
  for name in gmatch(result.stdout, "[^\0]+") do
    local driver = match(name, "^(%l+%..+)%.[^.]+$")
    if name == "core.worktree" then
      has_worktree = true
    elseif driver and not seen[driver] then
      seen[driver], count = true, count + 1
      if count > MAX_DRIVERS then
        return nil, "git: the repository names too many drivers", "LIMIT"
      end
      silence(argv, name)
    end
  end
  return true, has_worktree
end

local function is_below(path, folder)
  return path == folder or sub(path, 1, #folder + 1) == (folder == "/" and "/" or folder .. "/")
end

-- The repository's configuration may put its work tree anywhere.
local function check_worktree(options)
  local ask = new_argv()
  ask[#ask + 1], ask[#ask + 2] = "rev-parse", "--show-toplevel"
  local result, message, code = run(ask, { cwd = options.cwd, timeout = options.timeout })
  if not result then return nil, message, code end
  if result.code ~= 0 then return explain(result) end
  local top = gsub(result.stdout, "\n$", "")
  if is_below(top, root) or is_below(top, real_root) then return true end
  return nil, "git: the repository's work tree is outside of the root", "DENIED"
end

local function check_text(value, what)
  if type(value) ~= "string" then
    error("git: " .. what .. ": expected a string, got " .. type(value), 0)
  end
  if find(value, "\0", 1, true) then error("git: " .. what .. ": a zero byte", 0) end
  return value
end

-- Relative to cwd, and not out of it: `git diff` would compare files that are in no repository.
local function check_path(path)
  check_text(path, "path")
  if path == "" or sub(path, 1, 1) == "/" or find("/" .. path .. "/", "/../", 1, true) then
    error("git: path: expected one relative to the folder, without \"..\": " .. path, 0)
  end
  return path
end

-- A pattern, or a revision.
local function check_word(word)
  check_text(word, "revision")
  if word == "" or sub(word, 1, 1) == "-" then
    error("git: a revision cannot be empty or begin with \"-\"", 0)
  end
  return word
end

-- Not the path of a file that lies elsewhere either: of two words `git diff` compares files as soon
-- as one is in no repository, and a file named "--" makes two of one. "HEAD:../x" and "a..b" are
-- none.
local function check_revision(revision)
  check_word(revision)
  if sub(revision, 1, 1) == "/" or find("/" .. revision .. "/", "/../", 1, true) then
    error("git: not a revision: " .. revision, 0)
  end
  return revision
end

-- They take it for something else; a revision that begins with "-" has been refused before.
local NO_END_OF_OPTIONS = { blame = true, grep = true, ["rev-parse"] = true }

-- Puts verb, options, revisions and paths behind what argv has, each in its place.
local function arrange(argv, verb, name, words)
  local options, revisions, paths, target = {}, {}, {}, nil
  for i = 2, #words do
    local word = check_text(words[i], "argument")
    if target then
      paths[#paths + 1] = check_path(word)
    elseif word == "--" then
      target = paths
    elseif sub(word, 1, 1) == "-" then
      if not is_allowed(verb, word) then
        error("git " .. name .. ": the option " .. word .. " is not one of those allowed", 0)
      end
      options[#options + 1] = word
    elseif verb.kind then
      revisions[#revisions + 1] = (verb.kind == "revision" and check_revision or check_word)(word)
    else
      paths[#paths + 1] = check_path(word)
    end
  end
  if verb.no_paths and #paths > 0 then error("git " .. name .. ": takes no paths", 0) end
  argv[#argv + 1] = name
  local fixed = verb.fixed or {}
  if options[1] == "--show-current" and #options + #revisions == 1 then fixed = {} end
  for _, list in ipairs { fixed, options } do
    for i = 1, #list do argv[#argv + 1] = list[i] end
  end
  if #revisions > 0 and not NO_END_OF_OPTIONS[name] then argv[#argv + 1] = "--end-of-options" end
  for i = 1, #revisions do argv[#argv + 1] = revisions[i] end
  if not verb.no_paths then argv[#argv + 1] = "--" end
  for i = 1, #paths do argv[#argv + 1] = paths[i] end
end

local RUN_OPTIONS = { cwd = true, timeout = true, max_output = true }

local function check_options(options, names, what)
  if options == nil then return {} end
  if type(options) ~= "table" then
    error("git." .. what .. ": expected a table, got " .. type(options), 0)
  end
  for name in next, options do
    if math.type(name) ~= "integer" and not names[name] and not RUN_OPTIONS[name] then
      error("git." .. what .. ": unknown option " .. tostring(name), 0)
    end
  end
  return options
end

-- In no repository `git diff` compares files, wherever links lead.
local function check_repository(options)
  local ask = new_argv()
  ask[#ask + 1], ask[#ask + 2] = "rev-parse", "--git-dir"
  local result, message, code = run(ask, { cwd = options.cwd, timeout = options.timeout })
  if not result then return nil, message, code end
  if result.code ~= 0 then return explain(result) end
  return true
end

-- words: { verb, ... } and options. -> exec.run's result, or nil, message, code.
local function run_verb(words, options, env, stdin)
  local name = words[1]
  local verb = VERBS[name]
  if not verb then
    error("git.run: the verb " .. tostring(name) .. " is not one of those allowed", 0)
  end
  local argv = new_argv()
  arrange({}, verb, name, words) -- raises before anything runs
  local ok, has_worktree, code = inspect(argv, options)
  if not ok then return nil, has_worktree, code end
  local message
  if has_worktree then
    ok, message, code = check_worktree(options)
  elseif name == "diff" then
    ok, message, code = check_repository(options)
  end
  if not ok then return nil, message, code end
  arrange(argv, verb, name, words)
  local result
  result, message, code = run(argv, options, env, stdin)
  if not result then return nil, message, code end
  if not result.code or result.code > 1 then return explain(result) end
  return result
end

ENV.MOONGATE_FALSE = "false"

return {
  run = run_verb, explain = explain, check_options = check_options, check_text = check_text,
  check_path = check_path, check_revision = check_revision,
}
