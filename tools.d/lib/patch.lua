-- patch.lua - applies a unified diff as git apply does: at the line that a hunk names, or the
-- nearest one where all its context is found. Nothing is guessed: no line of context may differ.
local unified = require "unified"

local patch = {}

local function same(a, b) return a == b end

-- Whatever ends the lines: LF, CR LF, nothing.
local function same_text(a, b)
  return a == b or a:gsub("\r?\n$", "") == b:gsub("\r?\n$", "")
    and a:find("\n$") ~= nil == (b:find("\n$") ~= nil)
end

local function fits(lines, at, wanted, equal)
  if at < 1 or at + #wanted - 1 > #lines then return false end
  for i = 1, #wanted do
    if not equal(lines[at + i - 1], wanted[i]) then return false end
  end
  return true
end

-- Where the hunk's old lines lie: the index of the first. least: behind the hunk before.
local function find(lines, hunk, expected, least, equal)
  local n = #hunk.old
  if n == 0 then -- nothing to find it by: the line itself
    return expected >= least and expected <= #lines + 1 and expected or nil
  end
  -- A hunk that lacks context on one side lies at that end of the file.
  local has_context = hunk.leading > 0 or hunk.trailing > 0
  local at_start = has_context and hunk.from <= 1 and hunk.leading < hunk.trailing
  local at_end = has_context and hunk.trailing < hunk.leading and hunk.trailing == 0
  local function at(place)
    if place < least or at_start and place ~= 1 then return false end
    if at_end and place + n - 1 ~= #lines then return false end
    return fits(lines, place, hunk.old, equal)
  end
  expected = math.max(least, math.min(expected, #lines - n + 1))
  if at(expected) then return expected end
  for distance = 1, #lines do
    local before, behind = expected - distance, expected + distance
    if before < least and behind > #lines then return nil end
    if at(before) then return before end
    if at(behind) then return behind end
  end
end

-- The end of the lines around, for what is added to a file with other ends than the patch has.
local function ending_of(lines, from, to)
  for i = from, to do
    local line = lines[i]
    if line and line:sub(-2) == "\r\n" then return "\r\n" end
    if line and line:sub(-1) == "\n" then return "\n" end
  end
end

-- The new lines; those of the context as the file has them.
local function replace(out, lines, hunk, place, equal)
  local ending = equal ~= same and ending_of(lines, place, place + #hunk.old - 1)
  local old, new = place, 1
  for _, mark in ipairs(hunk.marks) do
    if mark == " " then
      out[#out + 1] = lines[old]
    elseif mark == "+" then
      local line = hunk.new[new]
      out[#out + 1] = ending and line:gsub("\r?\n$", ending) or line
    end
    if mark ~= "+" then old = old + 1 end
    if mark ~= "-" then new = new + 1 end
  end
end

-- The new text; or nil, the number of the hunk that does not apply.
local function try(lines, hunks, equal)
  local out, done, shift = {}, 0, 0
  for number, hunk in ipairs(hunks) do
    -- "-5,0" stands behind line 5.
    local stated = #hunk.old == 0 and hunk.from + 1 or hunk.from
    local place = find(lines, hunk, stated + shift, done + 1, equal)
    if not place then return nil, number end
    shift = place - stated
    for i = done + 1, place - 1 do out[#out + 1] = lines[i] end
    replace(out, lines, hunk, place, equal)
    done = place + #hunk.old - 1
  end
  for i = done + 1, #lines do out[#out + 1] = lines[i] end
  -- What ends without a newline is the end of the file.
  for i = 1, #out - 1 do
    if out[i]:sub(-1) ~= "\n" then return nil, #hunks end
  end
  return table.concat(out)
end

--- The new text of a file; or nil, message. old: nil for a file that is not there.
function patch.apply(old, text)
  local diff, message = unified.parse(text)
  if not diff then return nil, message end
  if diff.deletes then return nil, "it deletes the file: delete_file does that" end
  if diff.creates and old and old ~= "" then return nil, "it creates a file that is there" end
  local lines = unified.lines(old or "")
  local new, number = try(lines, diff.hunks, same)
  if not new then new, number = try(lines, diff.hunks, same_text) end
  if not new then
    return nil, ("hunk %d (%s) does not apply"):format(number, diff.hunks[number].head)
  end
  return new
end

return patch
