---@meta
-- luacheck: ignore 212 241
-- metrics.lua - annotations of mcp.metrics.

---@class mcp
---@field metrics mcp.metrics

---@class mcp.metrics
local metrics = {}

---@alias mcp.labels table<string, string|number|boolean>

---@param name string shown as moongate_tool_NAME
---@param help string
---@return mcp.counter
function metrics.counter(name, help) end

---@param name string
---@param help string
---@return mcp.gauge
function metrics.gauge(name, help) end

---@param name string
---@param help string
---@param buckets? number[] rising upper bounds
---@return mcp.histogram
function metrics.histogram(name, help, buckets) end

---@class mcp.counter
local counter = {}

---@param n? number 1
---@param labels? mcp.labels
function counter:inc(n, labels) end

---@class mcp.gauge
local gauge = {}

---@param value number
---@param labels? mcp.labels
function gauge:set(value, labels) end

---@class mcp.histogram
local histogram = {}

---@param value number
---@param labels? mcp.labels
function histogram:observe(value, labels) end
