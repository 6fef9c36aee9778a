# shellcheck shell=bash
# Sourced: in_slots JOBS FUNCTION ARGUMENT... runs FUNCTION ARGUMENT in the background for each ARGUMENT, so many at a
# time, and waits for all.
in_slots() {
    local jobs=$1 function=$2 running=0 each
    shift 2
    for each in "$@"; do
        [ "$running" -lt "$jobs" ] || wait -n
        "$function" "$each" &
        running=$((running < jobs ? running + 1 : jobs))
    done
    wait
}
