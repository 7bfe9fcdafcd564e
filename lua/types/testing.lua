---@meta
-- luacheck: ignore 212 241
-- testing.lua - annotations of mcp.testing, which files of tests (*_test.lua) find.

---@class mcp.testing
---@field clock mcp.testing.clock
local testing = {}

---@class mcp.testing.result
---@field ok boolean false: an error, of whatever kind
---@field text string its text blocks, or the error's message
---@field value any structuredContent, else what the text holds if that is JSON
---@field content table[]?
---@field structured table?
---@field meta table?
---@field outcome mcp.outcome? nil: the call was refused
---@field code integer? of a refusal in JSON-RPC
---@field progress { done: number, total: number?, message: string? }[]
---@field log { level: string, data: any }[]
---@field asked { key: string, method: string, params: table }[]

---@class mcp.testing.program
---@field code integer?
---@field signal integer?
---@field stdout string?
---@field stderr string?
---@field result table? what mcp.evals.run finds in the output
---@field truncated boolean?
---@field duration number? seconds of the test's time
---@field error string? a code, such as "TIMEOUT": then it fails
---@field message string?

---@class mcp.testing.response
---@field status integer?
---@field headers table<string, string>?
---@field body string?
---@field error string? a code, such as "TIMEOUT": then it fails
---@field message string?

---@param got any
---@param want any
---@param what string?
function testing.eq(got, want, what) end

---@param fn fun()
---@param text string?
---@return string message
function testing.raises(fn, text) end

---@param name string
---@param fn fun()
---@param options { timeout: mcp.duration? }?
function testing.case(name, fn, options) end

---@param tool string
---@param args table|string|nil a text is JSON that is sent as it is
---@param options { as: string? }?
---@return mcp.testing.result
function testing.call(tool, args, options) end

---@param files table<string, string> paths and contents
function testing.root(files) end

---@param what table<string, table>|string collections to fill, or the name of one to read
---@return table[]?
function testing.state(what) end

---@param answers table<string, mcp.testing.program>
function testing.exec(answers) end

---@param answers table<string, mcp.testing.response>
function testing.http(answers) end

---@param answers table<string, table>|false by key, as clients send them; false: none can be asked
function testing.answers(answers) end

---@class mcp.testing.clock
testing.clock = {}

---@param seconds number
---@return boolean
function testing.clock:advance(seconds) end

return testing
