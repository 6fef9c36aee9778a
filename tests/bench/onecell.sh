#!/bin/bash
# One cell as somebody without coexist would script it: virsh on an embedded connection, ssh, scp, and the guest's agent
# behind ssh for what Windows has no command for over SSH. The same image, installer, update, questions and waiting
# signals as the cell of bench_onecell.c, which starts this and times it; looks again every half second, as the cell does.
#
#     onecell.sh FOLDER   with domain.xml (overlay FOLDER/disk.qcow2), env (see below), capabilities/, product.json,
#                         update.json, workloads (a line of arguments each); exit code 0: the cell passed
set -euo pipefail
cd "$1"
# GOLDEN, USER_NAME, HOST_KEY, CLIENT_KEY, AGENT, INSTALLER, CONTENT: paths and names; ROOT: libvirt's folder
. ./env
id=0
serial_pid=

say() { [ -z "${VERBOSE:-}" ] || echo "$EPOCHREALTIME $*" >&2; }
die() {
    echo "onecell.sh: $*" >&2
    exit 1
}

# ---- the machine ------------------------------------------------------------------------------------------------
mkdir -p "$ROOT/etc" "$ROOT/cache/qemu"
cp -r capabilities "$ROOT/cache/qemu/capabilities"
printf '%s\n' 'stdio_handler = "file"' 'namespaces = []' 'cgroup_controllers = []' 'remember_owner = 0' \
    'security_driver = "none"' >"$ROOT/etc/qemu.conf"
[ "$(id -u)" -ne 0 ] ||
    printf '%s\n' 'user = "root"' 'group = "root"' 'dynamic_ownership = 0' >>"$ROOT/etc/qemu.conf"
qemu-img create -q -f qcow2 -b "$GOLDEN" -F qcow2 disk.qcow2

# On one core while it connects: libvirt drops its cache of capabilities when it is asked on another.
mkfifo virsh.in virsh.out ssh.in ssh.out
taskset -c 0 virsh -q -c "qemu:///embed?root=$ROOT" <virsh.in >virsh.out 2>virsh.log &
virsh_pid=$!
exec 8>virsh.in 7<virsh.out
# virsh_do COMMAND...: its output in $said; virsh's own pwd marks where that ends
virsh_do() {
    local line
    printf '%s\npwd\n' "$*" >&8
    said=
    while IFS= read -r -t 60 line <&7; do
        case $line in
        "$PWD") return 0 ;;
        "virsh # "*) ;;
        *) said+=$line$'\n' ;;
        esac
    done
    die "virsh does not answer: $(cat virsh.log)"
}
trap 'kill "$virsh_pid" $serial_pid 2>/dev/null || true; pkill -KILL -f "guest=onecell.*$ROOT" 2>/dev/null || true' EXIT
virsh_do version
taskset -apc "0-$(($(nproc --all) - 1))" "$virsh_pid" >/dev/null

# ---- the guest --------------------------------------------------------------------------------------------------
now_ms() { printf '%s' $((${EPOCHREALTIME/./} / 1000)); }

# serial_line MS: the next line from the serial port, in $line. A cat reads the port all the time: a guest whose beats
# nobody takes has a full line when it restarts.
partial=
serial_line() {
    local piece until
    until=$(($(now_ms) + $1))
    while ! IFS= read -r -u 3 piece; do
        partial+=$piece
        [ "$(now_ms)" -lt "$until" ] || return 1
        read -r -t 0.05 -u "$idle" || true
    done
    line=$partial$piece
    partial=
}

# wait_hello SINCE_MS: the agent's hello on the serial port, of a boot that is not older than that
wait_hello() {
    local line up
    while :; do
        id=$((id + 1))
        printf '\x1e{"id":%d,"op":"hello"}\n' "$id" >&9
        while serial_line 2000; do
            [[ $line =~ \"boot_ms\":([0-9]+) ]] || continue
            up=${BASH_REMATCH[1]}
            [ "$up" -gt $((($(now_ms) - $1) * 11 / 10 + 3000)) ] || return 0
        done
        [ $(($(now_ms) - $1)) -lt 240000 ] || die "the guest does not come up"
    done
}

serial_ping() {
    local line
    id=$((id + 1))
    printf '\x1e{"id":%d,"op":"ping"}\n' "$id" >&9
    while serial_line 60000; do
        [[ $line != *"{\"id\":$id,"* ]] || return 0
    done
    die "no answer on the serial port"
}

ssh_options() {
    echo "127.0.0.1 $HOST_KEY" >known_hosts
    opts=(-F none -i "$CLIENT_KEY" -o "UserKnownHostsFile=$PWD/known_hosts" -o HostKeyAlias=127.0.0.1
        -o BatchMode=yes -o LogLevel=ERROR)
}

agent_connect() {
    ssh "${opts[@]}" -p "$port" "$USER_NAME@127.0.0.1" "$AGENT --stdio" <ssh.in >ssh.out 2>ssh.log &
    ssh_pid=$!
    exec 6>ssh.in 5<ssh.out
}

agent_drop() {
    exec 5<&- 6>&-
    kill "$ssh_pid" 2>/dev/null || true
    wait "$ssh_pid" 2>/dev/null || true
}

# ask OP [ARGS]: all that the agent says to it, in $said; 1 when it refuses
ask() {
    local line none='{}'
    id=$((id + 1))
    printf '\x1e{"id":%d,"op":"%s","args":%s}\n' "$id" "$1" "${2:-$none}" >&6
    said=
    while IFS= read -r -t 300 line <&5; do
        said+=$line
        [[ $line != *"{\"id\":$id,\"ok\":true"* ]] || return 0
        [[ $line != *"{\"id\":$id,\"ok\":false"* ]] || return 1
    done
    die "the agent does not answer $1: $(cat ssh.log)"
}

put() { scp -q "${opts[@]}" -P "$port" "$1" "$USER_NAME@127.0.0.1:$2"; }

# run FILE KEY: a command of a product or an update
run() {
    local args
    args=$(jq -c --arg key "$2" --arg installer "C:\\coexist\\in\\cedar\\$(basename "$INSTALLER")" \
        '{command: (.[$key].command | gsub("\\{installer\\}"; $installer) |
            gsub("\\{files\\}"; "C:\\coexist\\in\\update")), timeout_ms: (.[$key].timeout_s * 1000),
          max_output: 262144}' "$1")
    ask exec "$args" || die "$2: $said"
    [[ $said == *'"exit_code":0'* ]] || die "$2: $said"
}

# Lines of op, arguments, what the answer must hold: the checks of a "health" or "took".
checks() {
    jq -r --arg key "$2" '.[$key] |
        ((.services // [])[] | ["service", ({name} | tojson), "\"state\":\"\(.state)\""]),
        ((.drivers // [])[] | ["drivers", "{}", "\"name\":\"\(.name)"]),
        ((.processes // [])[] | ["processes", "{}", "\"name\":\"\(.name)\""]),
        ((.files // [])[] | ["stat", ({path} | tojson), "\"exists\":true"]),
        ((.registry // [])[] | ["registry", ({key, value} | tojson),
            if .data then "\"data\":\"\(.data)\"" else "\"exists\":true" end]) | join("\t")' "$1"
}

# hold CHECKS: until all of them have held once
hold() {
    local op args want open began
    local -A held=()
    began=$(now_ms)
    while :; do
        open=0
        while IFS=$'\t' read -r -u 4 op args want; do
            [ -z "${held[$op$args$want]:-}" ] || continue
            if ask "$op" "$args" && [[ ${said,,} == *"${want,,}"* ]]; then
                held[$op$args$want]=1
            else
                open=$((open + 1))
            fi
        done 4<<<"$1"
        [ "$open" -gt 0 ] || return 0
        [ $(($(now_ms) - began)) -lt 45000 ] || die "not healthy: $said"
        read -r -t 0.5 -u "$idle" || true
    done
}

verify() {
    serial_ping
    ssh "${opts[@]}" -p "$port" -N -o PermitLocalCommand=yes -o LocalCommand='kill $PPID' \
        "$USER_NAME@127.0.0.1" 2>/dev/null || true
    hold "$health"
    ask list '{"path":"C:\\coexist\\out\\dumps"}' || true
}

detect() {
    printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STAND' 'ARD-ANTIVIRUS-TEST-FILE!$H+H*' >sample
    local path within
    path=$(jq -r .detection.path product.json)
    within=$(jq -r '.detection.within_s * 1000' product.json)
    ask remove "$(jq -c '{path: .detection.path}' product.json)" || true
    local began
    began=$(now_ms)
    put sample "/${path//\\//}"
    while ask stat "$(jq -c '{path: .detection.path}' product.json)" && [[ $said == *'"exists":true'* ]]; do
        [ $(($(now_ms) - began)) -lt "$within" ] || die "not detected"
        read -r -t 0.5 -u "$idle" || true
    done
}

measure() {
    local args
    ask system
    while IFS= read -r args; do
        virsh_do domstats onecell --vcpu
        ask workload "$args" || die "workload $args: $said"
        virsh_do domstats onecell --vcpu
    done <workloads
}

reboot() {
    local since
    since=$(now_ms)
    ask shutdown '{"reboot":true}' || die "it does not restart: $said"
    agent_drop
    wait_hello "$since"
    agent_connect
}

# ---- the cell ---------------------------------------------------------------------------------------------------
exec {idle}<> <(:)
ssh_options
health=$(checks product.json health)
took=$(checks update.json took)
since=$(now_ms)
virsh_do create domain.xml
virsh_do dumpxml onecell
[[ $said =~ (/dev/pts/[0-9]+) ]] || die "no serial port: $(cat virsh.log)"
exec 9<>"${BASH_REMATCH[1]}"
touch serial.log
cat <&9 >>serial.log &
serial_pid=$!
exec 3<serial.log
port=$((20000 + RANDOM % 20000))
virsh_do qemu-monitor-command onecell --hmp "hostfwd_add hostnet0 tcp:127.0.0.1:$port-:22"
wait_hello "$since"
say booted
agent_connect
ask mkdir '{"path":"C:\\coexist\\in\\cedar"}'
put "$INSTALLER" "/C:/coexist/in/cedar/$(basename "$INSTALLER")"
run product.json install
say installed
verify
say verified
detect
reboot
say rebooted
verify
say verified
measure
say measured
ask mkdir '{"path":"C:\\coexist\\in\\update"}'
put "$CONTENT" "/C:/coexist/in/update/$(basename "$CONTENT")"
run update.json apply
hold "$took"
say applied
reboot
say rebooted
ready=$(now_ms)
verify
say verified
detect
measure
say measured
# The last look: it must have stood for half a minute.
left=$((30000 - ($(now_ms) - ready)))
[ "$left" -le 0 ] || read -r -t "$((left / 1000)).$(printf %03d $((left % 1000)))" -u "$idle" || true
serial_ping
hold "$health"
ask list '{"path":"C:\\coexist\\out\\dumps"}' || true
ask list '{"path":"C:\\Windows\\Minidump"}' || true
ask list '{"path":"C:\\coexist\\out"}' || true
[[ $said != *agent.log* ]] ||
    scp -q "${opts[@]}" -P "$port" "$USER_NAME@127.0.0.1:/C:/coexist/out/agent.log" agent.log
virsh_do screenshot onecell screen.ppm
agent_drop
virsh_do destroy onecell
say end
