---@meta
-- luacheck: ignore 212 241
-- git.lua - annotations of mcp.git, which is there for tools that need "exec".

---@class mcp
---@field git mcp.git only with the grant of exec

---@class mcp.git
local git = {}

---@class mcp.git.command
---@field [integer] string the verb and its arguments
---@field cwd string?
---@field timeout mcp.duration?
---@field max_output mcp.size?

---@param command mcp.git.command
---@return mcp.exec.result? result
---@return string? message
---@return string? code
function git.run(command) end

---@class mcp.git.file
---@field path string
---@field index string
---@field work string
---@field from string?
---@field is_conflict true?

---@class mcp.git.state
---@field branch string?
---@field commit string?
---@field upstream string?
---@field ahead integer?
---@field behind integer?
---@field is_clean boolean
---@field files mcp.git.file[]

---@param options? { cwd: string?, ignored: boolean?, timeout: mcp.duration? }
---@return mcp.git.state? status
---@return string? message
---@return string? code
function git.status(options) end

---@param options? { cwd: string?, timeout: mcp.duration? }
---@return { commit: string, branch: string? }? head
---@return string? message
---@return string? code
function git.head(options) end

---@class mcp.git.log_options
---@field revision string?
---@field paths string|string[]?
---@field max integer?
---@field skip integer?
---@field after string?
---@field before string?
---@field author string?
---@field grep string?
---@field cwd string?
---@field timeout mcp.duration?

---@class mcp.git.commit_entry
---@field commit string
---@field parents string[]
---@field author string
---@field email string
---@field time integer
---@field committer string
---@field committed integer
---@field subject string
---@field body string

---@param options? mcp.git.log_options
---@return mcp.git.commit_entry[]? log
---@return string? message
---@return string? code
function git.log(options) end

---@class mcp.git.diff_options
---@field revision string?
---@field staged boolean?
---@field paths string|string[]?
---@field context integer?
---@field cwd string?
---@field timeout mcp.duration?
---@field max_output mcp.size?

---@class mcp.git.diff_file
---@field path string
---@field from string?
---@field added integer?
---@field deleted integer?
---@field is_binary true?

---@param options? mcp.git.diff_options
---@return { files: mcp.git.diff_file[], patch: string }? diff
---@return string? message
---@return string? code
function git.diff(options) end

---@param paths string|string[]
---@param options? { cwd: string?, force: boolean?, timeout: mcp.duration? }
---@return true? ok
---@return string? message
---@return string? code
function git.add(paths, options) end

---@class mcp.git.commit_options
---@field message string
---@field author string? "Name <mail>"
---@field signoff boolean?
---@field allow_empty boolean?
---@field cwd string?
---@field timeout mcp.duration?

---@param options mcp.git.commit_options
---@return { commit: string, branch: string? }? done
---@return string? message
---@return string? code
function git.commit(options) end
