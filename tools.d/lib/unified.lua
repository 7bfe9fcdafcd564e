-- unified.lua - reads a unified diff of one file. A line is kept with the newline at its end, and
-- the last one of a file that ends without has none: so equal lines are equal strings.
local unified = {}

-- The lines of a text, each with its newline.
function unified.lines(text)
  local lines, from = {}, 1
  while from <= #text do
    local at = text:find("\n", from, true) or #text
    lines[#lines + 1] = text:sub(from, at)
    from = at + 1
  end
  return lines
end

local function shown(line)
  return (line:gsub("%s+$", "")):sub(1, 80)
end

local function fail(format, ...)
  return nil, format:format(...)
end

-- "@@ -12,3 +12,4 @@": a hunk, nil when the line is none, or nil, message.
local function header(line)
  if line:sub(1, 3) ~= "@@ " then return nil end
  local from, old, to, new = line:match("^@@ %-(%d+),?(%d*) %+(%d+),?(%d*) @@")
  if not from then return fail("not the head of a hunk: %s", shown(line)) end
  if math.max(#from, #old, #to, #new) > 9 then
    return fail("a number is too large: %s", shown(line))
  end
  return {
    from = tonumber(from), old_count = old == "" and 1 or tonumber(old),
    new_count = new == "" and 1 or tonumber(new), head = line:match("^@@ .- @@"),
    marks = {}, old = {}, new = {}, leading = 0, trailing = 0, changes = 0,
  }
end

local function without_newline(list)
  if #list > 0 then list[#list] = list[#list]:gsub("\r?\n$", "") end
end

-- Adds a line of the body; false for one that is none.
local function body(hunk, line)
  local mark, rest = line:sub(1, 1), line:sub(2)
  if line == "\n" or line == "\r\n" then mark, rest = " ", line end -- a context line, trimmed
  if mark == " " then
    hunk.old[#hunk.old + 1], hunk.new[#hunk.new + 1] = rest, rest
    if hunk.changes == 0 then hunk.leading = hunk.leading + 1 end
    hunk.trailing = hunk.trailing + 1
  elseif mark == "-" or mark == "+" then
    local list = mark == "-" and hunk.old or hunk.new
    list[#list + 1] = rest
    hunk.changes, hunk.trailing = hunk.changes + 1, 0
  else
    return false
  end
  hunk.marks[#hunk.marks + 1] = mark
  return true
end

-- "\ No newline at end of file", about the line before.
local function mark_end(hunk)
  local last = hunk.marks[#hunk.marks]
  if last ~= "+" then without_newline(hunk.old) end
  if last ~= "-" then without_newline(hunk.new) end
end

-- Reads the body of a hunk from lines[i] on; the index of the line behind it, or nil, message.
local function read_body(hunk, lines, i, number)
  while #hunk.old < hunk.old_count or #hunk.new < hunk.new_count do
    local line = lines[i]
    if not line then return fail("hunk %d ends early", number) end
    if line:sub(1, 1) == "\\" then
      mark_end(hunk)
    elseif not body(hunk, line) then
      return fail("hunk %d holds a line that begins with none of blank, + and -: %s", number,
        shown(line))
    end
    i = i + 1
  end
  if lines[i] and lines[i]:sub(1, 1) == "\\" then
    mark_end(hunk)
    i = i + 1
  end
  if #hunk.old > hunk.old_count or #hunk.new > hunk.new_count then
    return fail("hunk %d has other lines than its head says", number)
  end
  return i
end

-- What stands before a hunk: notes what it says of the file. nil, message where it cannot be done.
local function preamble(diff, line)
  if line:match("^GIT binary patch") or line:match("^Binary files ") then
    return fail("it is a patch of a binary file")
  end
  local starts_file = line:match("^%-%-%- ") or line:match("^diff %-%-git ")
  if starts_file and #diff.hunks > 0 then return fail("it changes more than one file") end
  if line:match("^%-%-%- /dev/null%s*$") then diff.creates = true end
  if line:match("^%+%+%+ /dev/null%s*$") then diff.deletes = true end
  return true
end

--- { hunks = { ... }, creates =, deletes = }, or nil, message. A hunk: from (line of the old file),
-- old and new (lists of lines), marks (of all lines: " ", "-", "+"), leading and trailing (lines of
-- context), head.
function unified.parse(text)
  if text:sub(-1) ~= "\n" then text = text .. "\n" end -- cut off on the way; a marker says else
  local lines, diff, i = unified.lines(text), { hunks = {} }, 1
  while lines[i] do
    local hunk, message = header(lines[i])
    if message then return nil, message end
    if hunk then
      diff.hunks[#diff.hunks + 1] = hunk
      i, message = read_body(hunk, lines, i + 1, #diff.hunks)
      if not i then return nil, message end
    else
      local ok, why = preamble(diff, lines[i])
      if not ok then return nil, why end
      i = i + 1
    end
  end
  if #diff.hunks == 0 then return nil, "it has no hunks (@@ -1,2 +1,3 @@)" end
  return diff
end

return unified
