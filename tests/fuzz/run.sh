#!/bin/sh
# run.sh - runs the fuzz targets one after the other; what `make fuzz` calls.
# usage: run.sh check CC             can CC link a target?
#        run.sh corpus DIR NAME...   DIR/feed-NAME with the inputs that are kept, and with changed
#                                    ones for $FUZZ_MS milliseconds each
#        run.sh planted DIR NAME...  DIR/feed-NAME with the input that leads to the planted bug
#        run.sh fuzz DIR NAME...     DIR/libfuzzer-NAME for $FUZZ_S seconds each, or, with PLANT=1,
#                                    until each has found its planted bug
# Exit status 1: a target ended by a finding, or, where a bug is planted, one that found nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
command=$1 dir=$2
shift 2
corpora=tests/fuzz/corpus planted=tests/fuzz/planted

can_fuzz() {
    mkdir -p "${TMPDIR:-/tmp}" && probe=$(mktemp) || exit 1
    echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }' |
        "$dir" -fsanitize=fuzzer,address,undefined -x c - -o "$probe"
    status=$?
    rm -f "$probe"
    [ "$status" = 0 ] && exit 0
    echo "there is no libFuzzer here: ./bootstrap deps fuzz" >&2
    exit 2
}

# feed NAME MS PATH...: what it was given last is in $dir/NAME.last.
feed() {
    log=$dir/$1.log
    program=$dir/feed-$1 ms=$2 last=$dir/$1.last
    shift 2
    timeout 60 "$program" "$ms" "$last" "$@" >"$log" 2>&1
}

# Without the planted bug what leads to it is an input like any other.
feed_all() {
    status=0
    for name; do
        if feed "$name" "${FUZZ_MS:-300}" "$corpora/$name" "$planted/$name"; then
            printf '%-12s %s\n' "$name" "$(tail -n 1 "$log")"
        else
            tail -n 40 "$log"
            echo "FAIL $name: ended by $last"
            status=1
        fi
    done
    exit "$status"
}

# A target that no longer gets as deep as it did, or is not watched, would find nothing ever again.
meet_all() {
    status=0
    for name; do
        if feed "$name" 0 "$planted/$name" || ! grep -q 'AddressSanitizer: heap-buffer-overflow' "$log"; then
            tail -n 40 "$log"
            echo "FAIL $name: $planted/$name does not lead to the planted bug"
            status=1
        fi
    done
    [ "$status" != 0 ] || echo "$# planted bugs are met"
    exit "$status"
}

number() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }
edges() { sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -n 1; }
files_in() { find "$1" -type f | wc -l; }

# fuzz NAME SECONDS: new inputs go to a folder of this build; what is kept is only read.
fuzz() {
    work=$dir/work/$1 log=$dir/$1.log result=ok
    [ -z "${PLANT:-}" ] || rm -rf "$work" # what an earlier run made would blur this one
    mkdir -p "$work" "$corpora/$1" "$dir/found"
    dict=tests/fuzz/dict/$1
    set -- "$1" "$2" "$work" "$corpora/$1"
    # -timeout: a unit that takes so long is a finding as well.
    "$dir/libfuzzer-$1" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="$dir/found/$1-" \
        $([ ! -e "$dict" ] || echo "-dict=$dict") "$3" "$4" >"$log" 2>&1 </dev/null || result=CRASHED
    printf '%-12s %10s %7s %7s  %s\n' "$1" "$(number number_of_executed_units "$log")" \
        "$(edges "$log")" "$(($(files_in "$3") + $(files_in "$4")))" "$result"
    if [ "$result" = CRASHED ]; then
        path=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        [ -n "${PLANT:-}" ] || grep -E -m 1 'ERROR|runtime error' "$log"
        echo "  input: ${path:-none, see $log}"
    fi
    [ "$result" = ok ]
}

fuzz_all() {
    status=0
    printf '%-12s %10s %7s %7s\n' target executions edges corpus
    for name; do
        if [ -n "${PLANT:-}" ]; then
            # What is kept must not meet it: that would show nothing of what is made up.
            if ! "$dir/libfuzzer-$name" -runs=0 -artifact_prefix="$dir/$name-" "$corpora/$name" >"$dir/$name.log" 2>&1; then
                echo "FAIL $name: its planted bug is met by the inputs that are kept"
                status=1
                continue
            fi
            fuzz "$name" "${FUZZ_S:-60}" && status=1 && echo "FAIL $name: the planted bug was not found"
        else
            fuzz "$name" "${FUZZ_S:-60}" || status=1
        fi
    done
    exit "$status"
}

case $command in
    check) can_fuzz ;;
    corpus) feed_all "$@" ;;
    planted) meet_all "$@" ;;
    fuzz) fuzz_all "$@" ;;
    *) exit 2 ;;
esac
