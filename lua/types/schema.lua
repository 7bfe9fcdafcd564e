---@meta
-- luacheck: ignore 212 241
-- schema.lua - annotations of mcp.schema.

---@class mcp
---@field schema mcp.schema

---@class mcp.schema
local schema = {}

---@alias mcp.json_schema table<string, any>

---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.string(keywords) end

---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.integer(keywords) end

---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.number(keywords) end

---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.boolean(keywords) end

---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.any(keywords) end

---@param of mcp.json_schema
---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.array(of, keywords) end

---@param of mcp.json_schema
---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.map(of, keywords) end

---@param values table the values; keywords beside them
---@return mcp.json_schema
function schema.enum(values) end

---@param of mcp.json_schema
---@return mcp.json_schema
function schema.nullable(of) end

---@class mcp.schema.optional

---@param of mcp.json_schema
---@return mcp.schema.optional
function schema.optional(of) end

---@param properties table<string, mcp.json_schema|mcp.schema.optional>
---@param keywords? table<string, any>
---@return mcp.json_schema
function schema.object(properties, keywords) end

---@param of mcp.json_schema|string
---@param value any
---@return true? ok
---@return string? message
---@return string? code
function schema.check(of, value) end
