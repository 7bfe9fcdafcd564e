# sizes.awk - a file has at most 500 lines, a function 60, a line of C or Lua 100 columns.
# A C function's body opens in the first column or at the end of an unindented line, and closes in
# the first column; a Lua function ends with an `end` under the line that opens it.
# usage: awk -f sizes.awk FILE...

function fail(line, reason) { printf "%s:%d: %s\n", file, line, reason; bad = 1 }

function check_function(first, last) {
    if (last - first + 1 > 60) fail(first, "function of " last - first + 1 " lines (limit 60)")
}

function end_file() {
    if (file != "" && lines > 500) fail(lines, lines " lines (limit 500)")
}

FNR == 1 {
    end_file()
    file = FILENAME
    is_c = file ~ /\.[ch]$/
    is_lua = file ~ /\.lua$/ && file !~ /_test\.lua$/ # rows of cases; luacheck has their limit
    opened = depth = 0
}

{ lines = FNR }

(is_c || is_lua) && length($0) > 100 && !/[^\001-\177]/ { fail(FNR, length($0) " columns (limit 100)") }

is_c && (/^\{/ || /^[A-Za-z].*\) *\{$/) { opened = FNR }
is_c && /^\}/ && opened {
    check_function(opened, FNR)
    opened = 0
}

is_lua && /(^|[^A-Za-z_])function[ (]/ && !/[^A-Za-z_]end[,;) }]*$/ {
    match($0, /^ */)
    start[++depth] = FNR
    indent[depth] = RLENGTH
}
is_lua && /^ *end([^A-Za-z0-9_]|$)/ {
    match($0, /^ */)
    if (depth && RLENGTH == indent[depth]) check_function(start[depth--], FNR)
}

END {
    end_file()
    exit bad
}
