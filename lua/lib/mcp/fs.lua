-- fs.lua - what in mcp.fs gives results piece by piece: listings, and the lines of a file.
-- Given: the table of the module, to be completed, and the primitives of api_fs.c and fs_names.c.
-- Runs for each tool file.
local module, raw = ...

local PIECE = 262144       -- bytes read at once
local LINE_MAX = 1048576

local function taken(names, missing, code)
  if not names then return nil, missing, code end
  local list = {}
  while raw.take(names, list) do end
  return list, missing
end

--- mcp.fs.list(path [, {recursive=, glob=, max=, dirs=, gitignore=}]) -> paths, what is missing
-- (w). Failure: nil, message, code. The files in a folder ("": the root), with recursive = true
-- in those below it, too: a list of paths relative to the root in bytewise order. glob: only
-- those whose path from the folder on matches; `*` and `?` do not cross a `/`, `**/` is any
-- number of folders, also none, `[a-z]`, `{a,b}`; it makes the list as recursive as it needs.
-- dirs = true: folders, too, with a `/` at the end. gitignore = true leaves out what .gitignore
-- files say, and .git. Left out in any case: what is not for tools, symbolic links (nor are they
-- followed), names that are not UTF-8. max: 10000. The second result is nil, or says why more is
-- missing: there are more names than max, a folder cannot be read, lies too deep.
function module.list(path, options)
  return taken(raw.list(path, options))
end

--- mcp.fs.glob(pattern [, {max=, dirs=, gitignore=}]) -> paths, what is missing (w). Failure:
-- nil, message, code. As list, of all files below the root whose path matches.
function module.glob(pattern, options)
  return taken(raw.glob(pattern, options))
end

--- mcp.fs.lines(path) -> iterator over the lines, without their newlines (w). It raises where the
-- other functions return nil, message, code: a loop would not see that. So it does for a line of
-- over 1M, and when the file is replaced by another one meanwhile. What is appended meanwhile is
-- seen.
function module.lines(path)
  if type(path) ~= "string" then error("lines: expected a path, got " .. type(path), 2) end
  local offset, rest, at, is_last, file = 0, "", 1, false, nil

  -- false: there is no more.
  local function fill()
    local bytes, id = raw.piece(path, offset, PIECE)
    if not bytes then error(id, 3) end
    if file and id ~= file then error(path .. ": was replaced while it was read", 3) end
    file = id
    offset = offset + #bytes
    is_last = #bytes == 0
    rest, at = rest:sub(at) .. bytes, 1
    if #rest > LINE_MAX + PIECE then
      error(path .. ": a line is longer than " .. LINE_MAX .. " bytes", 3)
    end
  end

  return function()
    while true do
      local newline = rest:find("\n", at, true)
      if newline then
        local line = rest:sub(at, newline - 1)
        at = newline + 1
        return line
      end
      if is_last then
        local line = rest:sub(at)
        rest, at = "", 1
        if line == "" then return nil end
        return line
      end
      fill()
    end
  end
end
