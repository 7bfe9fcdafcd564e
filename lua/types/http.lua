---@meta
-- luacheck: ignore 212 241
-- http.lua - annotations of mcp.http and mcp.url.

---@class mcp.http
local http = {}

---@class mcp.http.options
---@field headers table<string, string>?
---@field query table<string, mcp.url.value>? added to the URL
---@field json any a value to send as JSON
---@field body string?
---@field timeout mcp.duration?
---@field max_bytes mcp.size? of the answer's body; 4M
---@field to_file string? below the root
---@field redirects integer? how many to follow; 0

---@class mcp.http.request_options : mcp.http.options
---@field url string
---@field method string? "GET", or "POST" with a body

---@class mcp.http.response
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string
local response = {}

---@return any value
---@return string? message
---@return string? code
function response:json() end

---@param options mcp.http.request_options
---@return mcp.http.response? response
---@return string? message
---@return string? code
function http.request(options) end

---@param address string
---@param options mcp.http.options?
---@return mcp.http.response? response
---@return string? message
---@return string? code
function http.get(address, options) end

---@param address string
---@param options mcp.http.options?
---@return mcp.http.response? response
---@return string? message
---@return string? code
function http.post(address, options) end

---@class mcp.url
local url = {}

---@alias mcp.url.value string|number|boolean|(string|number|boolean)[]

---@class mcp.url.parts
---@field scheme string?
---@field user string?
---@field host string?
---@field port integer?
---@field path string
---@field query string?
---@field fragment string?

---@class mcp.url.build_parts
---@field scheme string? "https"
---@field host string
---@field port integer?
---@field path string|(string|number)[]? a list: each segment is encoded as a whole
---@field query string|table<string, mcp.url.value>?
---@field fragment string?

---@param text string
---@return string
function url.encode(text) end

---@param text string
---@return string? bytes
---@return string? message
---@return string? code
function url.decode(text) end

---@param parameters table<string, mcp.url.value>
---@return string
function url.query(parameters) end

---@param text string
---@return table<string, string|string[]>? parameters
---@return string? message
---@return string? code
function url.parse_query(text) end

---@param text string
---@return mcp.url.parts? parts
---@return string? message
---@return string? code
function url.parse(text) end

---@param parts mcp.url.build_parts
---@return string? text
---@return string? message
---@return string? code
function url.build(parts) end

---@param text string
---@param parameters table<string, mcp.url.value>
---@return string? text
---@return string? message
---@return string? code
function url.with_query(text, parameters) end

---@param base string
---@param reference string
---@return string? text
---@return string? message
---@return string? code
function url.join(base, reference) end
