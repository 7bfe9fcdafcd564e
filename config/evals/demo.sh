#!/bin/sh
# demo.sh - an evaluation that takes three seconds, tells how far it is and can fail.
# usage: demo.sh TASKID CONFIGID      (CONFIGID "fail": it fails in the middle)
set -eu

steps=6
step=0
while [ "$step" -lt "$steps" ]; do
    sleep 0.5
    step=$((step + 1))
    echo "step $step of $steps"
    if [ "${2-}" = fail ] && [ "$step" -eq 2 ]; then
        echo "asked to fail, and failing at step $step" >&2
        exit 3
    fi
done
printf '{"metrics":{"steps":%d,"seconds":3},"artifacts":[]}\n' "$steps"
