-- run.lua - running a program to its end, with each of its lines told to the tool's own function.
-- Given: the table of a module that is to get run(), and the primitives of run.c and of the module.
-- Runs for each tool file that was granted the module.
local module, raw = ...

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
