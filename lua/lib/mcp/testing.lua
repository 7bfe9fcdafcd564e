-- testing.lua - what a file of tests says: its cases, what they expect, what surrounds the tools.
-- Given: the primitives of api_testing.c. Runs for the one test file of a machine; no tool gets it.
local raw = ...

local MAX_DEPTH = 100           -- of tables that are compared
local MAX_LINES = 10            -- of differences that are told
local MAX_TEXT = 300            -- bytes of a value in a message

local testing = {}

-- ---- values for people ----

local function by_name(a, b)
  local same = math.type(a) and math.type(b) or type(a) == type(b) and type(a) == "string"
  if same then return a < b end
  return tostring(a) < tostring(b)
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, by_name)
  return keys
end

local function quoted(text)
  local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
  text = text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\%d"):format(c:byte()) end)
  return '"' .. text .. '"'
end

local function is_plain_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

local show

local function show_table(value, depth)
  if depth > 4 then return "{...}" end
  local parts, next_index, size = {}, 1, 0
  for _, key in ipairs(sorted_keys(value)) do
    local text = show(value[key], depth + 1)
    if key == next_index then
      next_index = next_index + 1
    else
      text = (is_plain_name(key) and key or "[" .. show(key, depth + 1) .. "]") .. " = " .. text
    end
    parts[#parts + 1] = text
    size = size + #text
    if size > MAX_TEXT then break end
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

-- A value as one would write it in Lua; a long one is cut.
function show(value, depth)
  local text
  if rawequal(value, raw.null) then
    text = "json.null"
  elseif type(value) == "string" then
    text = quoted(value)
  elseif type(value) == "table" then
    text = show_table(value, depth or 0)
  else
    text = tostring(value)
  end
  return #text > MAX_TEXT and text:sub(1, MAX_TEXT) .. "..." or text
end

-- ---- comparing ----

local function is_same(got, want)
  return rawequal(got, want) or got == want or (got ~= got and want ~= want)
end

local function path_of(path, key)
  if is_plain_name(key) then return path .. "." .. key end
  return path .. "[" .. show(key) .. "]"
end

-- Adds to found where the two differ.
local function compare(got, want, path, depth, found)
  if is_same(got, want) or #found > MAX_LINES then return end
  local are_tables = type(got) == "table" and type(want) == "table"
    and not rawequal(got, raw.null) and not rawequal(want, raw.null)
  if not are_tables or depth > MAX_DEPTH then
    local at = path == "" and "" or path .. ": "
    found[#found + 1] = at .. "got " .. show(got) .. ", want " .. show(want)
    return
  end
  local keys = {}
  for key in pairs(want) do keys[key] = true end
  for key in pairs(got) do keys[key] = true end
  for _, key in ipairs(sorted_keys(keys)) do
    compare(got[key], want[key], path_of(path, key), depth + 1, found)
  end
end

--- mcp.testing.eq(got, want [, what]): fails the case unless both are equal: tables by what is in
-- them, everything else as == does. The message names the places that differ.
function testing.eq(got, want, what)
  local found = {}
  compare(got, want, "", 0, found)
  if #found == 0 then return end
  if #found > MAX_LINES then found[#found] = "..." end
  local prefix = what and tostring(what) .. ": " or ""
  local between = #found > 1 and "\n  " or ""
  error(prefix .. between .. table.concat(found, "\n  "), 2)
end

--- mcp.testing.raises(fn [, text]) -> the message. Fails the case unless fn() raises an error; text
-- is a part of its message.
function testing.raises(fn, text)
  if type(fn) ~= "function" then error("raises: expected a function", 2) end
  local ok, message = pcall(fn)
  if ok then error("no error was raised" .. (text and ", want " .. show(text) or ""), 2) end
  message = type(message) == "string" and message or show(message)
  if text and not message:find(text, 1, true) then
    error("got the error " .. show(message) .. ", want one with " .. show(text), 2)
  end
  return message
end

-- ---- cases ----

local function check_options(options, known, name)
  if type(options) ~= "table" then error(name .. ": expected a table", 3) end
  for key in pairs(options) do
    if not known[key] then error(name .. ": unknown option " .. show(key), 3) end
  end
end

--- mcp.testing.case(name, fn [, {timeout=}]): one test. Each runs in a machine of its own, so
-- nothing that another has done is there: the state is empty, so is the root, files' own variables
-- are new. timeout (30s) is real time, and at most 10 minutes.
function testing.case(name, fn, options)
  if type(name) ~= "string" or name == "" then error("case: expected a name", 2) end
  if type(fn) ~= "function" then error("case: expected a function", 2) end
  options = options or {}
  check_options(options, { timeout = true }, "case")
  raw.case(name, function()
    local ok, message = pcall(fn)
    if not ok then raw.fail(type(message) == "string" and message or show(message)) end
  end, options)
end

-- ---- the tools ----

local answers_given = {}        -- to what tools ask; false: the client cannot be asked

--- mcp.testing.call(tool [, args] [, {as=}]) -> result (w). Calls a tool as a client would;
-- "prompt:NAME" gets a prompt, a URI reads a resource. The message is checked, as is whether the
-- key `as` may do that; then it runs under its own grants and limits. Without `as` everything may
-- be called. args is a table, or a text of JSON that is sent as it is. The result has `ok` (false:
-- an error, of whatever kind), `text` (its text blocks, or the error's message), `value`
-- (structuredContent, else what the text holds if that is JSON), `content` (of a prompt `messages`,
-- of a resource `contents`), `structured`, `meta`, `outcome` ("OK", "TOOL_ERROR", "TIMEOUT", ...;
-- nil when the call was refused), `code` (of a refusal in JSON-RPC: -32602, ...), `progress` and
-- `log`: what the tool told meanwhile, and `asked`: {key=, method=, params=} for each question.
function testing.call(tool, args, options)
  if type(tool) ~= "string" then error("call: expected a tool's name", 2) end
  options = options or {}
  check_options(options, { as = true }, "call")
  if options.as ~= nil and type(options.as) ~= "string" then
    error("call: as: expected a key's name", 2)
  end
  if args ~= nil and type(args) ~= "table" and type(args) ~= "string" then
    error("call: expected arguments in a table, got " .. type(args), 2)
  end
  local result, message, code = raw.call(tool, args or {}, options.as, answers_given)
  if result == nil and code == "NOTFOUND" then error("call: " .. message, 2) end
  if result and result.problem then
    error("call: " .. result.problem .. ": add it to mcp.testing.answers{...}", 2)
  end
  return result, message, code
end

-- ---- what surrounds them ----

--- mcp.testing.root{ ["a/b.txt"] = "...", ... }: files below [paths] root, for this case alone.
-- Until then it is empty, and afterwards it is removed.
function testing.root(files)
  if type(files) ~= "table" then error("root: expected a table of paths and contents", 2) end
  for _, path in ipairs(sorted_keys(files)) do
    if type(path) ~= "string" or type(files[path]) ~= "string" then
      error("root: expected texts, got " .. show(path) .. " = " .. show(files[path]), 2)
    end
    local ok, message = raw.file(path, files[path])
    if not ok then error("root: " .. path .. ": " .. message, 2) end
  end
end

local KEYS = { jobs = "jobId", models = "modelId" }

--- mcp.testing.state{ notes = { {id = "a"}, ... }, ... }: puts objects into collections. `key =` in
-- a list names the member that holds an object's id (id; jobId of jobs, modelId of models).
-- mcp.testing.state("notes") -> what the collection holds now, in order of insertion.
function testing.state(what)
  if type(what) == "string" then return raw.objects(what) end
  if type(what) ~= "table" then error("state: expected a table of collections, or a name", 2) end
  for _, name in ipairs(sorted_keys(what)) do
    local list = what[name]
    if type(name) ~= "string" or type(list) ~= "table" then
      error("state: expected lists of objects, got " .. show(name) .. " = " .. show(list), 2)
    end
    raw.declare(name, list.key or KEYS[name] or "id")
    for i = 1, #list do
      local ok, message = raw.put(name, list.key or KEYS[name] or "id", list[i])
      if not ok then error("state: " .. name .. "[" .. i .. "]: " .. message, 2) end
    end
  end
end

local function keep_answers(kind, answers, known)
  if type(answers) ~= "table" then error(kind .. ": expected a table of answers", 3) end
  for key, answer in pairs(answers) do
    if type(key) ~= "string" then error(kind .. ": expected texts as keys", 3) end
    check_options(answer, known, kind .. ": " .. key)
  end
  raw.answers(kind, answers)
end

local PROGRAM = {
  code = true, signal = true, stdout = true, stderr = true, result = true, duration = true,
  truncated = true, error = true, message = true,
}

--- mcp.testing.exec{ ["git status"] = {stdout=, code=, ...}, ... }: what programs answer instead of
-- being run. A key is the arguments with blanks between them; * and ? in it stand for anything,
-- and an exact key goes before one with those. The answer is what mcp.exec.run returns (code 0
-- without one), `result` is what mcp.evals.run finds in the output, and `error =` a code such as
-- "TIMEOUT", with `message =`, makes it fail; it takes `duration` seconds of the test's time. Its
-- grants are checked as always. A program that is not listed is not run and fails the case.
function testing.exec(answers)
  keep_answers("exec", answers, PROGRAM)
end

local RESPONSE = { status = true, headers = true, body = true, error = true, message = true }

--- mcp.testing.http{ ["GET http://..."] = {status=, headers=, body=}, ... }: what the network
-- answers. A key is the method and the URL; * and ? as for exec. The tool's grants are checked as
-- always. A request that is not listed is not sent and fails the case: nothing in a test reaches
-- the network. status is 200 without one, the names in headers are in lower case.
function testing.http(answers)
  keep_answers("http", answers, RESPONSE)
end

--- mcp.testing.answers{ KEY = {action=, content=}, ... }: what the client answers when a tool asks
-- for KEY (ctx:elicit and its like), as clients send it: of a form { action = "accept", content =
-- {...} }, of a model { role =, content =, model = }, of folders { roots = {{uri=}} }. Every round
-- runs the tool from its beginning, as with clients of 2026-07-28. A question that is not listed
-- fails the case. answers(false): the client cannot be asked anything.
function testing.answers(answers)
  if answers ~= false and type(answers) ~= "table" then
    error("answers: expected a table of answers, or false", 2)
  end
  for key, answer in pairs(answers or {}) do
    if type(key) ~= "string" or type(answer) ~= "table" then
      error("answers: expected tables by their keys, got " .. show(key) .. " = " .. show(answer), 2)
    end
  end
  answers_given = answers
end

-- ---- time ----

local clock = {}

--- mcp.testing.clock:advance(seconds) (w). A test's clock stands still, and so do mcp.time.now and
-- mono; where nothing is left to do but to wait for some time, as in mcp.time.sleep, it jumps
-- there. Deadlines and timers go by it. advance lets that much of it pass, and what is due
-- meanwhile happens, in order. Only what computes for more than 100 ms makes it go on by itself,
-- so that limits end it.
function clock.advance(self, seconds)
  if self ~= clock then error("advance: is called as clock:advance(seconds)", 2) end
  if math.type(seconds) == nil or not (seconds >= 0 and seconds <= 1e9) then
    error("advance: expected seconds", 2)
  end
  return raw.advance(math.ceil(seconds * 1000))
end

testing.clock = clock

return testing
