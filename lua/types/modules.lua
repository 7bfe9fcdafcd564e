---@meta
-- luacheck: ignore 212 241
-- modules.lua - annotations of the modules under mcp, for editors that run the Lua language server.
-- Every function that can fail returns nil, a message and a code.

---@class mcp
---@field state mcp.state
---@field index mcp.index
---@field events mcp.events
---@field resources mcp.resources
---@field jobs mcp.jobs
---@field fs mcp.fs only with the grant of fs
---@field exec mcp.exec only with the grant of exec
---@field host mcp.host
---@field http mcp.http only with the grant of http
---@field url mcp.url
---@field json mcp.json
---@field codec mcp.codec
---@field time mcp.time
---@field log mcp.log
---@field config table<string, any> the tool's settings, read-only
---@field testing mcp.testing only in files of tests
local mcp = {}

---A variable of the gateway's environment that mcp.ini grants.
---@param name string
---@return string? value
---@return string? message
---@return string? code
function mcp.env(name) end

---Runs another tool for the same caller, under its own grants and limits.
---@param tool string
---@param args? table
---@return any value what its run returned
---@return string? message
---@return string? code its outcome, or NOTFOUND or LIMIT
function mcp.call(tool, args) end

---@alias mcp.duration number|string seconds, or a text such as "250ms" or "5m"
---@alias mcp.size integer|string bytes, or a text such as "8M"

-- ---- state ----

---@class mcp.state
local state = {}

---@param name string
---@param options? { key: string? } key: the member that holds an object's id
---@return mcp.collection
function state.open(name, options) end

---Several changes, one record: all or none. fn may run again.
---@param fn fun(): ...
---@return true? ok
---@return any ... what fn returned, or message and code
function state.batch(fn) end

---Waits until what this call read and wrote is durable.
---@return true? ok
---@return string? message
---@return string? code
function state.sync() end

---@class mcp.collection
local collection = {}

---@param id string
---@return table? object
---@return string? message
---@return string? code
function collection:get(id) end

---@param object table
---@param options? { ttl: mcp.duration? }
---@return table? object
---@return string? message
---@return string? code
function collection:put(object, options) end

---Atomic: fn runs again when the object changed meanwhile; what it returns is stored, nil deletes.
---@param id string
---@param fn fun(object: table?): table?
---@param options? { ttl: mcp.duration? }
---@return table? object
---@return string? message
---@return string? code
function collection:update(id, fn, options) end

---@param id string
---@return boolean? existed
---@return string? message
---@return string? code
function collection:delete(id) end

---@param options? { only: string[]? }
---@return fun(): table?
function collection:each(options) end

---@param options? { after: string?, limit: integer?, newest: boolean?, only: string[]? }
---@return table[]? page
---@return string? next the id behind which the following page begins; or the message
---@return string? code
function collection:list(options) end

---@return integer? count
---@return string? message
---@return string? code
function collection:count() end

-- ---- index ----

---@class mcp.index
local index = {}

---The tool's own index of that name.
---@param name string
---@return mcp.search_index
function index.open(name) end

---What mcp.ini says of files that are searched.
---@return { max_file: integer, view_base: string? }
function index.settings() end

---Does [search] exclude leave out this path?
---@param path string
---@return boolean
function index.excludes(path) end

---@class mcp.search_index
index = {}

---Adds a document or replaces the one of that id.
---@param id string
---@param document { title: string?, text: string?, [string]: string }
---@param stamp? string of what state of the thing this is
---@return true? ok
---@return string? message
---@return string? code
function index:put(id, document, stamp) end

---@param id string
---@return boolean? existed
---@return string? message
---@return string? code
function index:remove(id) end

---@class mcp.search_hit
---@field id string
---@field score number the higher the better
---@field title string
---@field snippet string

---@param query string words, "phrases", prefix*
---@param options? { limit: integer?, any: boolean? }
---@return mcp.search_hit[]? hits the best first
---@return string? message
---@return string? code
function index:search(query, options) end

---@param id string
---@return string? stamp nil: it is not there
---@return string? message
---@return string? code
function index:stamp(id) end

---@param options? { after: string?, limit: integer? }
---@return { id: string, stamp: string }[]? page
---@return string? next the id behind which the following page begins; or the message
---@return string? code
function index:list(options) end

---@return integer? count
---@return string? message
---@return string? code
function index:count() end

-- ---- resources ----

---@class mcp.resources
local resources = {}

---Tells the clients that subscribed to the resource, and may read it, that it has changed.
---@param uri string
---@return true? ok
---@return string? message
---@return string? code
function resources.updated(uri) end

---Tells the clients that are shown what the template of that name lists that it lists others now.
---@param name string
---@return true? ok
---@return string? message
---@return string? code
function resources.list_changed(name) end

-- ---- events ----

---@class mcp.events
local events = {}

---@param topic string
---@param event string
---@param data any
---@return true? ok
---@return string? message
---@return string? code
function events.publish(topic, event, data) end

---@param topic string
---@return boolean
function events.has_history(topic) end

-- ---- jobs ----

---@class mcp.jobs
local jobs = {}

---@class mcp.jobs.options
---@field run fun(job: mcp.job)
---@field id string?
---@field kind string? default: the tool's name
---@field parallel integer? how many of its kind run at once
---@field max_queued integer? how many of its kind may wait
---@field timeout mcp.duration? from its turn on
---@field on_end fun(outcome: mcp.outcome)? once, whatever ended the job

---@param options mcp.jobs.options
---@return string? id
---@return string? message
---@return string? code
function jobs.start(options) end

---@param id string
---@return boolean existed
function jobs.cancel(id) end

---@return string[] ids
function jobs.running() end

---@class mcp.job
---@field id string
---@field deadline number?
local job = {}

---@param done number?
---@param total number?
---@param line string?
---@return boolean? published false: it came too fast
function job:progress(done, total, line) end

---@param event string
---@param data any
---@return true? ok
---@return string? message
---@return string? code
function job:publish(event, data) end

---@return boolean
function job:cancelled() end

---@param fn fun(outcome: mcp.outcome)
function job:on_end(fn) end

---@alias mcp.outcome "OK"|"TOOL_ERROR"|"TIMEOUT"|"CANCELLED"|"NO_MEMORY"|"KILLED"|"INPUT_REQUIRED"

-- ---- exec ----

---@class mcp.exec
local exec = {}

---@class mcp.exec.options
---@field argv (string|number)[]
---@field cwd string? below the root
---@field env table<string, string>?
---@field stdin string?
---@field stdin_file string? below the root
---@field stdout_file string? below the root
---@field timeout mcp.duration?
---@field max_output mcp.size?
---@field on_line fun(line: string, stream: "stdout"|"stderr")?

---@class mcp.exec.result
---@field code integer? nil when a signal ended it
---@field signal integer?
---@field stdout string
---@field stderr string
---@field truncated boolean
---@field duration number

---@param options mcp.exec.options
---@return mcp.exec.result? result
---@return string? message
---@return string? code
function exec.run(options) end

-- ---- json, codec, time, log ----

---@class mcp.json
---@field null lightuserdata
local json = {}

---@param text string
---@return any value
---@return string? message
---@return string? code
function json.decode(text) end

---@param value any
---@param options? { indent: integer? }
---@return string? text
---@return string? message
---@return string? code
function json.encode(value, options) end

---@generic T: table
---@param list T?
---@return T
function json.array(list) end

---@generic T: table
---@param object T?
---@return T
function json.object(object) end

---@class mcp.codec
local codec = {}

---@param data string
---@return string hex
function codec.sha256(data) end

---@param key string
---@param data string
---@return string hex
function codec.hmac_sha256(key, data) end

---@param data string
---@return string
function codec.hex(data) end

---@param text string
---@return string? data
---@return string? message
---@return string? code
function codec.unhex(text) end

---@param data string
---@return string
function codec.base64(data) end

---@param text string
---@return string? data
---@return string? message
---@return string? code
function codec.unbase64(text) end

---@param data string
---@return string
function codec.base64url(data) end

---@param text string
---@return string? data
---@return string? message
---@return string? code
function codec.unbase64url(text) end

---@param data string
---@return string
function codec.utf8(data) end

---@return string
function codec.uuid() end

---@param n integer 1 to 65536
---@return string
function codec.random(n) end

---@class mcp.time
local time = {}

---@return number seconds since 1970
function time.now() end

---@return number seconds
function time.mono() end

---@param t number?
---@return string
function time.iso(t) end

---@param duration mcp.duration
---@return true? ok
---@return string? message
---@return string? code
function time.sleep(duration) end

---@class mcp.log
local log = {}

---@param message string
---@param fields table<string, any>?
function log.debug(message, fields) end

---@param message string
---@param fields table<string, any>?
function log.info(message, fields) end

---@param message string
---@param fields table<string, any>?
function log.warn(message, fields) end

---@param message string
---@param fields table<string, any>?
function log.error(message, fields) end

-- ---- what run may return ----

---@class mcp.block

---@class mcp.block_options
---@field annotations table?
---@field meta table?

---@param text string
---@param options mcp.block_options?
---@return mcp.block
function mcp.text(text, options) end

---@param bytes string
---@param mime string
---@param options mcp.block_options?
---@return mcp.block
function mcp.image(bytes, mime, options) end

---@param bytes string
---@param mime string
---@param options mcp.block_options?
---@return mcp.block
function mcp.audio(bytes, mime, options) end

---@class mcp.link_options: mcp.block_options
---@field uri string
---@field name string
---@field title string?
---@field description string?
---@field mime string?
---@field size integer?
---@field icons table?

---@param options mcp.link_options
---@return mcp.block
function mcp.link(options) end

---@class mcp.embed_options: mcp.block_options
---@field uri string
---@field text string?
---@field blob string?
---@field mime string?

---@param options mcp.embed_options
---@return mcp.block
function mcp.embed(options) end

---@param blocks { [integer]: mcp.block, structured: table?, meta: table? }
---@return table
function mcp.content(blocks) end

---@param message string
---@param data table?
---@return table
function mcp.fail(message, data) end

return mcp
