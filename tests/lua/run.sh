#!/bin/sh
# run.sh - the tests in Lua: those of the tools that are shipped (tools.d), of the examples
# (config/examples/tools.d) and of the runtime (tests/lua/tools.d), all by `moongate test`. What
# runs real programs is called instead.
# usage: MOONGATE_BIN=build/moongate run.sh
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
bin=${MOONGATE_BIN:-$here/../../build/moongate}
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
failed=0

# As they are shipped: no variable of the caller's configures them.
for ini in mcp.ini config/examples/authors.ini; do
    env -i PATH="$PATH" TMPDIR="$root" ASAN_OPTIONS="${ASAN_OPTIONS-}" \
        UBSAN_OPTIONS="${UBSAN_OPTIONS-}" TSAN_OPTIONS="${TSAN_OPTIONS-}" LUKHAS_REPO_ROOT="$root" \
        timeout -k 5 300 "$bin" -c "$here/../../$ini" test || failed=1
done

export LUKHAS_REPO_ROOT="$root" MOONGATE_PATHS_TOOLS="$here/tools.d" MOONGATE_LUA_TEST=granted
timeout -k 5 300 "$bin" -c "$here/mcp.ini" test || failed=1
if timeout -k 5 60 "$bin" -c "$here/mcp.ini" call exec '{}' >"$root/out" 2>"$root/err" &&
    [ "$(cat "$root/out")" = ok ]; then
    printf 'ok   exec.lua\n'
else
    cat "$root/out" "$root/err"
    printf 'FAIL exec.lua\n'
    failed=1
fi
exit "$failed"
