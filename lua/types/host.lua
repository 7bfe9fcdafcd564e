---@meta
-- luacheck: ignore 212 241
-- host.lua - annotations of mcp.host. What the kernel does not tell is nil.

---@class mcp.host
local host = {}

---@class mcp.host.amounts
---@field total integer bytes
---@field available integer bytes

---@class mcp.host.process
---@field uptime number? seconds
---@field memory integer? bytes that are resident
---@field threads integer?
---@field descriptors integer?

---@class mcp.host.status
---@field load number[]? over 1, 5 and 15 minutes
---@field processors integer?
---@field uptime number? seconds
---@field memory mcp.host.amounts?
---@field disk mcp.host.amounts? of the file system that the root lies on
---@field process mcp.host.process

---@return mcp.host.status? status
---@return string? message
---@return string? code
function host.status() end
