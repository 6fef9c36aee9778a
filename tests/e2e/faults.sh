# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# Real faults on real machines, each in a run of one small cell: the class it is given, and how the lab recovers.
# QEMU killed, the worker killed and told to stop, the disk full while a state is saved, the guest's network lost, its
# clock stepped, an interrupt that keeps the step it came to. About eight minutes without KVM on two cores.
faults_matrix() { # NAME UPDATES STEPS
    cat >"$work/$1.json" <<JSON
{ "format": "coexist-matrix/1", "name": "$1", "images": ["winelab"],
  "products": ["$PWD/build/samples/cedar/product.json"],
  "updates": ["$PWD/build/samples/cedar/cedar-content-2.json"],
  "product_sets": [{ "products": ["cedar"], "updates": [$2] }],
  "steps": [$3] }
JSON
}
faults_matrix faults '"cedar-content-2"' '"install", "verify", "apply", "took"'
faults_matrix faults-pair '"none", "cedar-content-2"' '"install", "verify", "apply", "took"'
fault_machine() { machines | head -n 1; }
fault_worker() { pgrep -P "$orchestrator" -f "coexist .*worker" | head -n 1; }
fault_left() { find "$lab/work" "$lab/states" -mindepth 1 -type d 2>/dev/null; }
# fault_start NAME [ARGUMENTS of run]: returns once the step $fault_step has begun
fault_start() {
    fault_runs=$work/$1-runs fault_events=$work/$1.events
    shift
    : >"$fault_events"
    # shellcheck disable=SC2086  # a command and its arguments
    $fault_under "$coexist" --lab "$fault_lab" --runs "$fault_runs" run --json --jobs 1 "$@" >"$fault_events" 2>>"$work/faults.err" &
    orchestrator=$!
    fault_until grep -q "\"kind\":\"$fault_step\"" "$fault_events"
}
fault_until() { # up to ten minutes, while the orchestrator lives
    for _ in $(seq 6000); do
        "$@" && return 0
        kill -0 "$orchestrator" 2>/dev/null || return 1
        read -rt 0.1 <> <(:) || true
    done
    return 1
}
fault_end() { # the run's exit code in fault_exit, its report in fault_report
    wait "$orchestrator"
    fault_exit=$?
    fault_report=$(find "$fault_runs" -name report.json)
}
fault_ssh() { # COMMAND in the guest, by the lab's own key and the port that QEMU forwards
    local port
    port=$(ss -ltnpH | grep "pid=$(fault_machine)," | grep -o '127.0.0.1:[0-9]*' | head -n 1 | cut -d: -f2)
    install -m 600 "$lab/images/winelab/client_key" "$work/key"
    timeout 20 ssh -i "$work/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        "$(jq -r .ssh.user "$lab/images/winelab/manifest.json")@127.0.0.1" "$1"
}
# fault_retried NAME TEXT: the lab's own failure with that text, then a pass that says so
fault_retried() {
    fault_end
    try "$1: the update ships" test "$fault_exit" -eq 0
    try "$1: tried again, and told" holds "$fault_report" \
        ".cells[0] | .verdict == \"pass\" and .attempts == 2 and (.earlier_attempts | length == 1 and (.[0] | test(\"$2\")))"
    try "$1: nothing is left" test -z "$(machines)$(fault_left)"
}
fault_under="" fault_lab=$lab
faults_began=$SECONDS

fault_step=install
fault_start qemu "$work/faults.json" && kill -9 "$(fault_machine)"
fault_retried "QEMU killed" "^attempt 1 on this host: vm-died: "

fault_start worker "$work/faults.json" && kill -9 "$(fault_worker)"
fault_retried "worker killed" "^attempt 1 on this host: host-resources: .*signal 9 "

fault_start told "$work/faults.json" && kill -TERM "$(fault_worker)"
fault_retried "worker told to stop" "^attempt 1 on this host: host-resources: .*signal 15 "

fault_step=verify
fault_start clock "$work/faults.json" && fault_ssh 'start /wait /unix /usr/lib/coexist/labctl shift 172800000'
clock_said=$(fault_ssh 'date /t' | tr -d '\r') # "Current Date is 11/24/2026"
try "clock stepped: the guest is two days ahead" test "$(date -d "${clock_said##* }" +%s)" -gt "$(($(date +%s) + 86400))"
fault_end
try "clock stepped: harms nothing" test "$fault_exit" -eq 0
try "clock stepped: no failure is seen, no time is wrong" holds "$fault_report" \
    '.cells[0] | .verdict == "pass" and .attempts == 1 and (.timeline | all(.ms >= 0 and .ms < 3600000))'

# Everything runs in a network of its own, which is taken down: the agent still answers on the serial port. That is weak
# evidence: the cell is run again, when the network is up, and the failure stands nevertheless.
if unshare -n -- ip link set lo up 2>/dev/null; then
    fault_step=install
    printf '#!/bin/sh\nip link set lo up && exec "$@"\n' >"$work/alone.sh"
    fault_under="unshare -n -- sh $work/alone.sh"
    fault_start network "$work/faults.json"
    fault_under=""
    fault_until grep -q '"kind":"verify"' "$fault_events" && nsenter -t "$orchestrator" -n ip link set lo down
    fault_until grep -q '"event":"cell-finished"' "$fault_events" && nsenter -t "$orchestrator" -n ip link set lo up
    fault_end
    try "network lost: told as such, run again, never averaged away" holds "$fault_report" '
        (.cells | length) == 2 and .cells[0].failure_class == "network-lost" and .cells[0].verdict == "product-fault" and
        .cells[1].verdict == "pass" and .cells[1].factors.confirmation == 1 and
        all(.cells[]; .repetitions == {"with_verdict": 2, "failed": 1} and (.summary | test("Flaky: 1 of 2")))'
    try "network lost: the update is not known" test "$fault_exit" -eq 4
else
    echo "e2e: network lost: skipped, no network of its own may be made here"
fi

# The first interrupt keeps the step that the cell has come to; the resumed run goes on behind it.
fault_step=verify
fault_start stopped "$work/faults.json" && kill -INT "$orchestrator"
fault_end
try "interrupt: keeps where it stood" test -n "$(find "$lab/states" -path '*/p0.0-1-*/state.json')"
"$coexist" --lab "$lab" --runs "$fault_runs" run --json --resume "$(ls "$fault_runs")" >"$work/stopped-2.events" 2>>"$work/faults.err"
try "interrupt: resumed, the update ships" test $? -eq 0
fault_report=$(find "$fault_runs" -name report.json)
try "interrupt: no step is done twice" bash -c 'jq -es "[.[] | select(.event == \"step-started\" and .kind != \"teardown\") | .step] | length > 5 and
    (. | unique | length) == length" "$@"' _ "$fault_events" "$work/stopped-2.events"
try "interrupt: all steps are in the report" holds "$fault_report" \
    '.cells[0] | .verdict == "pass" and .attempts == 1 and ([.timeline[].step] | index(["provision", "boot", "install", "verify", "apply"]) == 0)'

# The disk fills up while a cell runs: a state, some 200 MB, does not fit, and that is a note, nobody's failure.
fault_full=$work/full-lab
fault_full_end() { umount "$fault_full" 2>/dev/null; }
at_end+=(fault_full_end)
mkdir -p "$fault_full"
if mount -t tmpfs -o size=2400m coexist-e2e "$fault_full" 2>/dev/null; then
    for folder in images keys cache; do
        ln -s "$(realpath "$lab/$folder")" "$fault_full/$folder"
    done
    fault_lab=$fault_full fault_step=install
    fault_start full --state-budget 20G "$work/faults-pair.json" # without, room for one would be set aside first
    fallocate -l $(($(df --output=avail -B1 "$fault_full" | tail -n 1) - (100 << 20))) "$fault_full/filler"
    try "disk full: the state that was not kept is told" fault_until \
        bash -c 'sqlite3 "$0"/*/journal.sqlite "select data from observation" | grep -qiE "was not kept: .*(space|full)"' "$fault_runs"
    rm "$fault_full/filler"
    fault_end
    try "disk full: both cells pass at their first attempt" holds "$fault_report" \
        '(.cells | length) == 2 and all(.cells[]; .verdict == "pass" and .attempts == 1)'
    try "disk full: the report tells of it, too" holds "$fault_report" \
        '[.cells[].evidence[] | select(test("was not kept: .*(space|full)"; "i"))] | length > 0'
    try "disk full: nothing is left" test -z "$(machines)$(find "$fault_full/work" "$fault_full/states" -mindepth 1 -type d)"
    fault_full_end
else
    echo "e2e: disk full: skipped, no file system may be mounted here"
fi
echo "e2e: real faults took $((SECONDS - faults_began)) s"
