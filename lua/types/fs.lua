---@meta
-- luacheck: ignore 212 241
-- fs.lua - annotations of mcp.fs.

---@class mcp.fs
local fs = {}

---@param path string relative to the root
---@param options? { offset: mcp.size?, length: mcp.size?, max: mcp.size? }
---@return string? bytes
---@return integer|string|nil size of the whole file; or the message
---@return string? code
function fs.read(path, options) end

---@class mcp.fs.counted
---@field stamp string changes when the file does
---@field size integer
---@field modified number seconds since 1970
---@field skipped "large"|"binary"|nil why nothing was counted
---@field lines integer?
---@field blank integer?
---@field comment integer?
---@field code integer?
---@field markers integer?
---@field counts integer[]? as count
---@field kept string[]?
---@field more integer? lines that were to be kept beyond the limit

---@class mcp.fs.syntax
---@field line string[]?
---@field block string[][]?
---@field text string[][]?
---@field quotes string?
---@field markers string[]?
---@field count string[]?
---@field keep string[]?
---@field section string[][]?
---@field known (string|false)[]? stamps
---@field max mcp.size?

---@param paths string[] up to 500
---@param syntax? mcp.fs.syntax
---@return (mcp.fs.counted|boolean)[]? files false: there is none for tools; true: as known
---@return string? message
---@return string? code
function fs.tally(paths, syntax) end

---@param path string
---@return fun(): string? lines without their newlines; raises when it fails
function fs.lines(path) end

---@class mcp.fs.written
---@field size integer
---@field modified number seconds since 1970
---@field created boolean
---@field sha256 string? of what was written, not of append

---@param path string
---@param data string
---@param options? { overwrite: boolean?, create: boolean?, sha256: string? }
---@return mcp.fs.written? written
---@return string? message
---@return string? code
function fs.write(path, data, options) end

---@param path string
---@param data string
---@return mcp.fs.written? written
---@return string? message
---@return string? code
function fs.append(path, data) end

---@param from string
---@param to string
---@param options? { overwrite: boolean? }
---@return true? ok
---@return string? message
---@return string? code
function fs.rename(from, to, options) end

---@param path string
---@param options? { sha256: string? }
---@return true? ok
---@return string? message
---@return string? code
function fs.remove(path, options) end

---@param path string
---@return boolean? made false: it was there
---@return string? message
---@return string? code
function fs.mkdir(path) end

---@class mcp.fs.info
---@field type "file"|"folder"|"link" link: one that leads nowhere
---@field size integer
---@field modified number seconds since 1970
---@field mode string such as "0644"
---@field path string relative to the root, links resolved
---@field absolute string
---@field link true? the path's last part is a link that was followed

---@param path string
---@return mcp.fs.info? info
---@return string? message
---@return string? code
function fs.stat(path) end

---@class mcp.fs.listing
---@field recursive boolean?
---@field glob string?
---@field max integer?
---@field dirs boolean?
---@field gitignore boolean?

---@param path string a folder; "": the root
---@param options? mcp.fs.listing
---@return string[]? paths relative to the root
---@return string? missing why there are more; or the message
---@return string? code
function fs.list(path, options) end

---@param pattern string
---@param options? { max: integer?, dirs: boolean?, gitignore: boolean? }
---@return string[]? paths relative to the root
---@return string? missing why there are more; or the message
---@return string? code
function fs.glob(pattern, options) end
