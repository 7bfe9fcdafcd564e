#!/bin/sh
# run.sh - the rules that no compiler checks. Prints every finding as file:line: reason.
set -u
cd "$(dirname "$0")/../.." || exit 1
lint=tests/lint
status=0

# Sources as they lie in the tree; what is built or installed beside them does not count.
files() {
    find bootstrap Makefile mcp.ini README.md .ci config docs gateway lua tests tools.d \
        \( -name node_modules -o -path tests/fuzz/corpus \) -prune -o -type f "$@" -print 2>/dev/null | sort
}

c_files=$(files -name '*.[ch]')
lua_files=$(files -name '*.lua')
mjs_files=$(files -name '*.mjs')
sh_files=$(files -exec sh -c 'head -n 1 "$1" | grep -q "^#!/bin/sh"' sh '{}' \;)

check() {
    output=$("$@" 2>&1) && [ -z "$output" ] && return 0
    printf '%s\n' "$output"
    status=1
}

# shellcheck disable=SC2086  # the variables are lists of files
{
    check awk -f $lint/edges.awk Makefile $c_files
    check awk -f $lint/sizes.awk $c_files $lua_files $mjs_files
    check awk -f $lint/calls.awk $c_files
    check awk -f $lint/doors.awk $c_files
    for file in $sh_files; do
        check sh -n "$file"
    done
    check awk -f $lint/words.awk $(files ! -name '*.jsonl')
}

exit $status
