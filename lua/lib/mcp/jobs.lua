-- jobs.lua - what a job's task runs: it waits for its turn, then runs the tool's function.
-- Given: the primitives of api_jobs.c. Runs once for each Lua state.
local raw = ...

return function(job)
  local ok, message, code = raw.enter(job)
  if not ok then return nil, message, code end
  return raw.body(job)(job)
end
