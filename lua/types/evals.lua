---@meta
-- luacheck: ignore 212 241
-- evals.lua - annotations of mcp.evals, which is there for tools that need "exec", and mcp.gates.

---@class mcp
---@field evals mcp.evals only with the grant of exec
---@field gates mcp.gates

---@class mcp.evals
local evals = {}

---@param task string
---@return mcp.evals.found?
---@return string? message
---@return string? code
function evals.find(task) end

---@class mcp.evals.found
---@field name string
---@field timeout number
---@field parallel integer
---@field max_queued integer
---@field is_remote boolean
---@field poll number

---@class mcp.evals.request
---@field task string
---@field method "GET"|"POST"|"DELETE"
---@field id string?
---@field body string? JSON
---@field timeout mcp.duration?

---@param request mcp.evals.request
---@return { status: integer, headers: table<string, string>, body: string }? response
---@return string? message
---@return string? code
function evals.ask(request) end

---@class mcp.evals.options
---@field task string
---@field config string
---@field job string
---@field on_line fun(line: string, stream: "stdout"|"stderr")?

---@class mcp.evals.result
---@field code integer?
---@field signal integer?
---@field result table? the last line that is a JSON object
---@field stderr string
---@field truncated boolean
---@field duration number

---@param options mcp.evals.options
---@return mcp.evals.result? result
---@return string? message
---@return string? code
function evals.run(options) end

---@class mcp.gates
local gates = {}

---@return string[] order
---@return boolean strict
function gates.order() end
