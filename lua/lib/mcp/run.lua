-- run.lua - running a program to its end, with each of its lines told to the tool's own function.
-- Given: the table of a module that is to get run(), and the primitives of run.c and of the module.
-- Runs for each tool file that was granted the module.
local module, raw = ...

local LINE_STREAMS = { "stdout", "stderr" }

-- What a test says that the program answers: nothing was started.
local function answered(answer, on_line)
  if answer.duration then
    local ok, message, code = raw.pause(math.ceil(answer.duration * 1000))
    if not ok then return nil, message, code end
  end
  local result = { code = not answer.signal and (answer.code or 0) or nil }
  result.signal = answer.signal
  if answer.result then           -- the tool may change it
    result.result = {}
    for key, value in pairs(answer.result) do result.result[key] = value end
  end
  for _, stream in ipairs(LINE_STREAMS) do
    local text = answer[stream] or ""
    result[stream] = text
    if text ~= "" and text:sub(-1) ~= "\n" then text = text .. "\n" end
    if on_line then
      for line in text:gmatch("([^\n]*)\n") do on_line(line, stream) end
    end
  end
  result.truncated, result.duration = answer.truncated or false, answer.duration or 0
  return result
end

--- mcp.exec.run{argv=, cwd=, env=, stdin=, stdin_file=, stdout_file=, timeout=, max_output=,
-- on_line=} -> {code=, signal=, stdout=, stderr=, truncated=, duration=} (w).
-- Failure: nil, message, code.
-- argv[1] is a program granted in mcp.ini; there is no shell. cwd and the files are below the root.
-- env adds to PATH, HOME and LANG. timeout kills the program and all it started (code TIMEOUT). Of
-- each stream the first and the last half of max_output (1M) are kept; where bytes are missing
-- stands a line that says how many. on_line(line, "stdout" or "stderr") is called for each line.
-- When a signal ended the program, signal is set and code is not.
function module.run(options)
  local run, message, code = raw.start(options)
  if not run then return nil, message, code end
  if type(run) == "table" then return answered(run, options.on_line) end
  local close = { __close = function() raw.drop(run) end }
  local _ <close> = setmetatable({}, close)
  local on_line = options.on_line
  while on_line do
    local line, stream
    line, stream, code = raw.line(run)
    if line == nil then return nil, stream, code end
    if not line then break end
    on_line(line, stream)
  end
  return raw.result(run)
end
