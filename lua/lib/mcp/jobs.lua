-- jobs.lua - what a job's task runs: it waits for its turn, then runs the tool's function.
-- Given: the primitives of api_jobs.c. Runs once for each Lua state.
local raw = ...

return function(job)
  local run, on_end = raw.functions(job)
  local has_turn = false
  if on_end then
    job:on_end(function(outcome)
      -- What waits when the gateway stops is found waiting at the next start.
      if has_turn or not raw.is_stopping(job) then on_end(outcome) end
    end)
  end
  local ok, message, code = raw.enter(job)
  if not ok then return nil, message, code end
  has_turn = true
  return run(job)
end
