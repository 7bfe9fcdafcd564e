-- filewrite.lua - changing files of the repository, as the tools of the ops kit do it.
local mcp = require "mcp"
local encoding = require "encoding"
local repochange = require "repochange"
local repofile = require "repofile"
local repopath = require "repopath"

local filewrite = {}

-- Whoever reads a file to change it may find that somebody else has changed it meanwhile.
local TRIES = 20

--- Makes the folders that the path lies in. Returns the topmost one that was not there, false when
-- all were; or nil, message, code.
function filewrite.make_folders(path)
  local folder, top = repofile.folder(path), nil
  if folder == "" then return false end
  for slash in (folder .. "/"):gmatch("()/") do
    local name = folder:sub(1, slash - 1)
    if not mcp.fs.stat(name) then
      top = name
      break
    end
  end
  local made, message, code = mcp.fs.mkdir(folder)
  if made == nil then return nil, message, code end
  return made and top or false
end

--- mcp.fs.write(), which makes the folders that are not there yet, and tells clients of the change.
function filewrite.put(path, bytes, options)
  local info, message, code = mcp.fs.write(path, bytes, options)
  local made
  if code == "ENOENT" and options.create ~= false then
    made, message, code = filewrite.make_folders(path)
    if made == nil then return nil, message, code end
    info, message, code = mcp.fs.write(path, bytes, options)
  end
  if made or info and info.created then
    repochange.name(path, made)
  elseif info then
    repochange.contents(path)
  end
  return info, message, code
end

--- A new file, or, with overwrite, one that is replaced: path, info; or nil, message. what: path
-- (as sent), contents, encoding, head (before the contents; ""), overwrite, exists (the message for
-- a file that is there). The path that comes back is relative to the root.
function filewrite.new(what)
  local path, message = repopath.file(what.path)
  if not path then return nil, message end
  local bytes, head
  bytes, message = encoding.bytes(what.contents, what.encoding)
  if not bytes then return nil, message end
  head, message = encoding.head(what.head or "", what.encoding)
  if not head then return nil, message end
  local info, why, code = filewrite.put(path, head .. bytes, { overwrite = what.overwrite })
  if not info then return nil, code == "EEXIST" and what.exists .. what.path or why end
  return path, info
end

-- The digest of the file as it is now; or nil, message, code.
local function digest(path)
  local bytes, message, code = mcp.fs.read(path, { max = "16M" })
  if not bytes then return nil, message, code end
  return mcp.codec.sha256(bytes)
end

--- Why a file could not be changed that should have had this digest.
function filewrite.mismatch(path, text, expected)
  local got, message, code = digest(path)
  if code == "ENOENT" then return "File does not exist: " .. text end
  if not got then return message end
  return ("SHA mismatch: expected %s, got %s"):format(expected, got)
end

--- Is it a digest at all? What is none fits no file.
function filewrite.is_digest(text)
  return #text == 64 and not text:find("%X")
end

--- Reads the file, and writes what change(bytes) makes of it, unless somebody else came between:
-- then once more. new bytes, info; or nil, message, code. change may return nil, message.
function filewrite.change(path, change)
  for _ = 1, TRIES do
    local old, message, code = mcp.fs.read(path, { max = "16M" })
    if not old then return nil, message, code end
    local new
    new, message = change(old)
    if not new then return nil, message end
    local info
    local digest_then = mcp.codec.sha256(old)
    info, message, code = filewrite.put(path, new, { create = false, sha256 = digest_then })
    if info then return new, info end
    if code ~= "CONFLICT" then return nil, message, code end
  end
  return nil, "Others keep changing the file: " .. path, "CONFLICT"
end

return filewrite
