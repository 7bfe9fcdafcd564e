---@meta
-- luacheck: ignore 212 241
-- mcp.lua - annotations of what a tool file declares, of ctx, and of several things at once.

---@class mcp
local mcp = {}

---@class mcp.tool
---@field name string 1 to 128 of A-Z a-z 0-9 _ . -
---@field run fun(args: table, ctx: mcp.ctx): any, string?
---@field title string?
---@field description string?
---@field input table|string|nil JSON Schema; a string is sent byte for byte
---@field output table|string|nil JSON Schema
---@field annotations table?
---@field icons table?
---@field meta table?
---@field needs string[]? "exec", "env", "http", "state:NAME"; with a "?" at the end: optional
---@field settings table<string, mcp.setting>?
---@field limits { timeout: mcp.duration?, memory: mcp.size?, concurrent: integer? }?
---@field coerce boolean?
---@field task "optional"|"required"|nil required: only clients that know tasks may call it
---@field start fun()? once per process, at start and after a change of the file
---@field every { [1]: mcp.duration, [2]: fun() }? again and again, once per process

---@class mcp.setting
---@field type "string"|"secret"|"integer"|"number"|"boolean"|"duration"|"size"|"list"
---@field default any
---@field help string?

---@param declaration mcp.tool
---@return table
function mcp.tool(declaration) end

---@class mcp.offer
---@field name string 1 to 119 of A-Z a-z 0-9 _ . -
---@field title string?
---@field description string?
---@field icons table?
---@field meta table?
---@field needs string[]?
---@field settings table<string, mcp.setting>?
---@field limits { timeout: mcp.duration?, memory: mcp.size?, concurrent: integer? }?

---@alias mcp.completer fun(value: string, ctx: mcp.ctx, others: table): string[]?, string?, string?
---@alias mcp.complete string[]|mcp.completer

---@class mcp.prompt: mcp.offer
---@field arguments { name: string, title: string?, description: string?, required: boolean? }[]?
---@field complete table<string, mcp.complete>?
---@field run fun(args: table<string, string>, ctx: mcp.ctx): any, string?, string?

---@param declaration mcp.prompt
---@return table
function mcp.prompt(declaration) end

---@class mcp.cache_hint
---@field ttl mcp.duration up to a year
---@field public boolean? what one caller reads is right for all

---@class mcp.resource: mcp.offer
---@field uri string
---@field mimeType string?
---@field size integer? bytes
---@field annotations table?
---@field cache mcp.cache_hint?
---@field read fun(ctx: mcp.ctx): any, string?, string?

---@param declaration mcp.resource
---@return table
function mcp.resource(declaration) end

---@alias mcp.template_values table<string, string|string[]>

---@class mcp.resource_template: mcp.offer
---@field uriTemplate string RFC 6570; {x*} is a list
---@field mimeType string?
---@field annotations table?
---@field cache mcp.cache_hint?
---@field complete table<string, mcp.complete>?
---@field list (fun(ctx: mcp.ctx): table[]?, string?)?
---@field read fun(vars: mcp.template_values, ctx: mcp.ctx, uri: string): any, string?, string?

---@param declaration mcp.resource_template
---@return table
function mcp.resource_template(declaration) end

---@class mcp.skill
---@field name string lower case letters, digits and single hyphens
---@field title string?
---@field description string? of the head that is made where SKILL.md has none
---@field path string? before the name in its URIs
---@field folder string? "skills/NAME", in the tools folder
---@field files table<string, string>? texts by their paths, instead of folder
---@field meta table?

---@param declaration mcp.skill
---@return table
function mcp.skill(declaration) end

---@class mcp.ctx
---@field call_id string
---@field tool string
---@field principal string
---@field scopes string[]
---@field ip string
---@field client { name: string?, version: string? }
---@field protocol string
---@field deadline number seconds on the clock of mcp.time.mono()
---@field max_result integer bytes that a result's JSON may have
---@field meta table
local ctx = {}

---@param done number
---@param total number?
---@param message string?
function ctx:progress(done, total, message) end

---@param level "debug"|"info"|"notice"|"warning"|"error"|"critical"|"alert"|"emergency"
---@param data any
function ctx:log(level, data) end

---@return boolean
function ctx:cancelled() end

---Ends the connection on which a client of 2025-11-25 waits, and goes on: it comes back for the
---rest, after so many seconds, or a text such as "500ms".
---@param opts? { retry?: number|string }
---@return boolean closed false: this client would not come back
function ctx:close_stream(opts) end

---Runs once when the call has ended, whatever ended it: a task of its own with the same grants and
---one second. Of several functions the last one given runs first.
---@param fn fun(outcome: mcp.outcome)
function ctx:on_end(fn) end

---@class mcp.form
---@field message string
---@field schema table an object of texts, numbers, booleans and choices

---@alias mcp.asked_code "UNSUPPORTED"|"FAILED"|"INVALID"|"TIMEOUT"|"TOO_LARGE"|"CANCELLED"|"NOMEM"

---@param key string the question's name within the call
---@param what mcp.form
---@return { action: "accept"|"decline"|"cancel", content: table? }?
---@return string? message
---@return mcp.asked_code? code
function ctx:elicit(key, what) end

---@param key string
---@param what { message: string, url: string }
---@return { action: "accept"|"decline"|"cancel" }?
---@return string? message
---@return mcp.asked_code? code
function ctx:elicit_url(key, what) end

---@param key string of an elicit_url
function ctx:elicit_done(key) end

---@param key string
---@param params { messages: table[], maxTokens: integer, [string]: any }
---@return { role: string, content: table, model: string, stopReason: string? }?
---@return string? message
---@return mcp.asked_code? code
function ctx:sample(key, params) end

---@param key string
---@return { uri: string, name: string? }[]?
---@return string? message
---@return mcp.asked_code? code
function ctx:roots(key) end

---@alias mcp.question { elicit: mcp.form?, elicit_url: table?, sample: table?, roots: true? }

---@param questions table<string, mcp.question>
---@return table<string, table>?
---@return string? message
---@return mcp.asked_code? code
function ctx:ask(questions) end

---fn is called once, however often the call begins anew with an answer.
---@generic T
---@param key string
---@param fn fun(): T, string?, string?
---@return T
---@return string? message
---@return string? code
function ctx:once(key, fn) end

---@class mcp.as_task
---@field ttl mcp.duration?
---@field poll mcp.duration?
---@field timeout mcp.duration?

---The call is answered with a task and goes on behind it. false: its client knows no tasks.
---@param options mcp.as_task?
---@return string|false|nil id
---@return string? message
---@return string? code
function ctx:as_task(options) end

---@class mcp.handle
local handle = {}

---Once. Raises what the function raised; nil, "cancelled", code when the call is cancelled
---meanwhile.
---@return any ... what the function returned
function handle:wait() end

---Runs fn beside the caller, in the same call. What still runs when the call ends is dropped.
---@param fn fun(...): ...
---@param ... any
---@return mcp.handle
function mcp.spawn(fn, ...) end

---The first error cancels the others and is raised.
---@param list (fun(): any)[]
---@return any ... the first result of each
function mcp.all(list) end

---The others are cancelled.
---@param list (fun(): any)[]
---@return any ... the results of the first that ends
function mcp.race(list) end

return mcp
