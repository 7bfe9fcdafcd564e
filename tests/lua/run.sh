#!/bin/sh
# run.sh - every tool in tests/lua/tools.d is a test: its call must end well and print "ok".
# usage: MOONGATE_BIN=build/moongate run.sh
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
bin=${MOONGATE_BIN:-$here/../../build/moongate}
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
export LUKHAS_REPO_ROOT="$root" MOONGATE_PATHS_TOOLS="$here/tools.d" MOONGATE_LUA_TEST=granted

"$bin" -c "$here/mcp.ini" check >"$root/out" 2>&1 || {
    cat "$root/out"
    exit 1
}
failed=0
for name in $("$bin" -c "$here/mcp.ini" tools | awk '{ print $1 }'); do
    if timeout -k 5 60 "$bin" -c "$here/mcp.ini" call "$name" '{}' >"$root/out" 2>"$root/err" &&
        [ "$(cat "$root/out")" = ok ]; then
        printf 'ok   lua/%s\n' "$name"
    else
        cat "$root/out" "$root/err"
        printf 'FAIL lua/%s\n' "$name"
        failed=1
    fi
done
exit "$failed"
