#!/bin/sh
# run.sh - run unit test programs one after the other; one line each, the whole output of a failure.
# What a program skipped, because the machine or valgrind cannot do it, is told as well.
# usage: run.sh [--valgrind] PROGRAM...
set -u
limit=${UNIT_TIMEOUT:-60}
wrap=
if [ "${1-}" = --valgrind ]; then
    shift
    limit=$((limit * 4))
    wrap="valgrind -q --fair-sched=yes --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible
          --errors-for-leak-kinds=definite,possible --track-fds=no --child-silent-after-fork=yes"
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

for program; do
    name=${program##*/unit/}
    start=$(date +%s%N)
    # shellcheck disable=SC2086  # wrap is a list of words
    timeout -k 5 "$limit" $wrap "$program" >"$log" 2>&1 </dev/null
    status=$?
    ms=$((($(date +%s%N) - start) / 1000000))
    if [ "$status" -ne 0 ]; then
        cat "$log"
        [ "$status" -eq 124 ] && echo "killed after ${limit} s"
        echo "FAIL $name (exit $status, $ms ms)"
        exit 1
    fi
    skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/, \1 skipped/p' "$log")
    printf 'ok   %-28s %3d tests %6d ms%s\n' "$name" "$(grep -c '^\[       OK' "$log")" "$ms" "$skipped"
done
