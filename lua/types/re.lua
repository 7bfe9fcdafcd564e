---@meta
-- luacheck: ignore 212 241
-- re.lua - annotations of mcp.re.

---@class mcp
---@field re mcp.re

---@class mcp.re
local re = {}

---@alias mcp.re.options { init: integer?, flags: string? } flags: of i m s x u b

---The captures, or the whole match; after them a table of the named ones, if there are any.
---@param s string
---@param pattern string
---@param options? mcp.re.options
---@return string|false? ... nil when nothing matches; or nil, message and code
function re.match(s, pattern, options) end

---@param s string
---@param pattern string
---@param options? mcp.re.options
---@return integer? first
---@return integer|string? last or the message
---@return string|false? ... the captures, or the code
function re.find(s, pattern, options) end

---Raises where match returns nil, message, code.
---@param s string at most 1 MB
---@param pattern string
---@param options? { flags: string? }
---@return fun(): string|false?, ...
function re.gmatch(s, pattern, options) end

---@param s string at most 1 MB
---@param pattern string
---@param replacement string|table|fun(...): string|number|false|nil
---@param n? integer at most so many
---@param options? { flags: string? }
---@return string? text
---@return integer|string? count or the message
---@return string? code
function re.gsub(s, pattern, replacement, n, options) end
