#!/bin/sh
# run.sh - everything that must pass, in order, and how the time was spent.
# usage: tests/run.sh [STEP...]   all steps, or those whose name begins with one of the words.
#
# A step that fails does not stop the others; the exit status is 1 when any failed. What a step
# printed is shown when it fails, and kept in $BUILD/logs in any case.
set -u
cd "$(dirname "$0")/.." || exit 1

BUILD=${BUILD:-build}
BUDGET_S=${BUDGET_S:-1080}
jobs=$(($(nproc) + 1)) # more than processors: many tests wait
logs=$BUILD/logs
table=$logs/table
started=$(date +%s)
failed=0
selected=$*
mkdir -p "$logs"
: >"$table"

now_ms() { echo $(($(date +%s%N) / 1000000)); }

is_selected() {
    [ -n "$selected" ] || return 0
    for word in $selected; do
        case $1 in "$word"*) return 0 ;; esac
    done
    return 1
}

print_table() {
    echo
    while read -r name result ms; do
        printf '  %-16s %-8s %4d.%d s\n' "$name" "$result" $((ms / 1000)) $((ms % 1000 / 100))
    done <"$table"
    printf '  %-16s %-8s %4d.0 s\n' total '' $(($(date +%s) - started))
}

# The lines that say what is wrong, last of all: a record may be cut to its end.
failures='^FAIL|^✖|^ERROR|ERROR.*Sanitizer|WARNING: ThreadSan|runtime error|(error|warning): |columns|Error 1'
print_failures() {
    while read -r name result ms; do
        [ "$result" != ok ] && [ -e "$logs/$name.log" ] || continue
        echo
        echo "$name $result:"
        grep -E "$failures" "$logs/$name.log" | sort -u | head -30 | cut -c1-300
    done <"$table"
}

trap 'print_table; print_failures' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

left() { echo $((started + BUDGET_S - $(date +%s))); }

# run NAME SECONDS COMMAND...: never longer than SECONDS, nor than what is left of the budget. Sets
# `result` and `took`.
run() {
    name=$1 limit=$2
    shift 2
    [ "$(left)" -gt "$limit" ] || limit=$(left)
    begin=$(now_ms)
    result=ok
    if [ "$limit" -le 0 ]; then
        result=no-time
    else
        timeout -k 10 "$limit" "$@" >"$logs/$name.log" 2>&1 </dev/null
        case $? in
            0) ;;
            124 | 137) result=timeout ;;
            *) result=FAILED ;;
        esac
    fi
    took=$(($(now_ms) - begin))
}

# report NAME RESULT MILLISECONDS
report() {
    echo "$1 $2 $3" >>"$table"
    printf '%-16s %s\n' "$1" "$2"
    [ "$2" = ok ] && return 0
    failed=1
    [ "$2" = no-time ] || cat "$logs/$1.log"
}

step() {
    is_selected "$1" || return 0
    run "$@"
    report "$name" "$result" "$took"
}

# A step that goes on beside the following ones, with what they leave of the processors: many of
# them wait. `join NAME` waits for its end.
beside() {
    is_selected "$1" || return 0
    beside_name=$1 beside_limit=$2
    shift 2
    (
        run "$beside_name" "$beside_limit" nice -n 19 "$@"
        echo "$result $took" >"$logs/$beside_name.end"
    ) &
}

join() {
    is_selected "$1" || return 0
    wait
    read -r result took <"$logs/$1.end" || result=FAILED took=0
    report "$1" "$result" "$took"
}

has() { [ -e "$1" ]; }

# make in the build folder of each sanitizer, and in the plain one.
plain="make -s -k -j $jobs -Otarget BUILD=$BUILD"
asan="make -s -k -j $jobs -Otarget SAN=address,undefined BUILD=$BUILD/asan"
tsan="make -s -k -j $jobs -Otarget SAN=thread BUILD=$BUILD/tsan"

# ThreadSanitizer of older compilers cannot map its memory where the kernel spreads addresses
# widely; without that spreading it can.
tsan_works() { "$@" "$BUILD/tsan/probe" >/dev/null 2>&1; }
probe_tsan() {
    mkdir -p "$BUILD/tsan"
    echo 'int main(void) { return 0; }' | cc -fsanitize=thread -x c - -o "$BUILD/tsan/probe" || return
    tsan_works env && return
    # shellcheck disable=SC2086
    tsan_works setarch "$(uname -m)" -R && tsan="setarch $(uname -m) -R $tsan"
}

# shellcheck disable=SC2086  # the make lines are lists of words
{
    step build 180 $plain all
    beside lint 900 $plain lint
    step unit-valgrind 300 $plain unit-valgrind SHORT=1

    step asan-build 240 $asan all
    step asan-unit 240 $asan unit
    has tests/fuzz && step asan-fuzz 120 $asan fuzz-corpus
    if [ -n "${MOONGATE_TEST_JSON_SCHEMA:-}" ]; then
        step schema-suite 60 $asan schema-suite SUITE="$MOONGATE_TEST_JSON_SCHEMA"
    else
        is_selected schema-suite && echo "schema-suite     skipped: MOONGATE_TEST_JSON_SCHEMA is not set"
    fi
    has tests/lua && step asan-lua 120 $asan lua-test
    has tests/e2e && step asan-e2e 300 $asan e2e
    has tests/e2e/sessions_memory.test.mjs &&
        step e2e-memory 120 $plain e2e E2E=tests/e2e/sessions_memory.test.mjs
    has tests/security && step asan-security 180 $asan security

    probe_tsan
    step tsan-build 240 $tsan all
    step tsan-unit 180 $tsan unit SHORT=1
    has tests/lua && step tsan-lua 120 $tsan lua-test
    has tests/e2e/tsan.test.mjs && step tsan-e2e 120 $tsan e2e E2E=tests/e2e/tsan.test.mjs

    has tests/torture && step torture 200 $plain torture SHORT=1
    join lint
    has tests/soak && step soak 120 $plain soak SHORT=1
}

exit "$failed"
