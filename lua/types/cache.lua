---@meta
-- luacheck: ignore 212 241
-- cache.lua - annotations of mcp.cache.

---@class mcp
---@field cache mcp.cache

---@class mcp.cache
local cache = {}

---@param key string
---@return any value nil: there is none (any more); or nil, message and code
function cache.get(key) end

---@param key string
---@param value any what can be JSON, but nil
---@param options? { ttl: mcp.duration? }
---@return true? ok
---@return string? message
---@return string? code
function cache.set(key, value, options) end

---@param key string
---@param value any
---@param options? { ttl: mcp.duration? }
---@return boolean? stored false: there is one already
---@return string? message
---@return string? code
function cache.add(key, value, options) end

---@param key string
---@param n? integer 1
---@param options? { ttl: mcp.duration? } counts from the first value on
---@return integer? value
---@return string? message
---@return string? code
function cache.incr(key, n, options) end

---@param key string
---@return boolean existed
function cache.delete(key) end
