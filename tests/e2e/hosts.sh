# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# A run on two hosts made for it: `here`, a libvirt daemon of its own on this machine, and `far`, another one in a
# network namespace behind sshd and TLS. far's line is cut in the middle of the run and mended later; then a run
# by TLS alone, whose daemon is killed in the middle. About four minutes under emulation.
hosts_dir=$work/hosts
hosts_ns=cxt$$
hosts_net=10.213.$((RANDOM % 250)) # a /30 of it
hosts_here_socket=$hosts_dir/here/run/libvirt/libvirt-sock
hosts_far_socket=$hosts_dir/far/run/libvirt/libvirt-sock

hosts_certificate() { # NAME SUBJECT EXTENSION
    local pki=$hosts_dir/far/pki
    openssl req -newkey rsa:2048 -nodes -keyout "$pki/$1key.pem" -subj "/CN=$2" -out "$pki/$1.csr" 2>/dev/null &&
        openssl x509 -req -in "$pki/$1.csr" -CA "$pki/cacert.pem" -CAkey "$pki/cakey.pem" -CAcreateserial -days 2 \
            -extfile <(echo "$3") -out "$pki/$1cert.pem" 2>/dev/null
}
hosts_keys() {
    local pki=$hosts_dir/far/pki ssh=$hosts_dir/ssh
    mkdir -p "$pki" "$ssh"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pki/cakey.pem" -out "$pki/cacert.pem" -days 2 \
        -subj /CN=coexist-test 2>/dev/null
    hosts_certificate server "$hosts_net.2" "subjectAltName=IP:$hosts_net.2"
    hosts_certificate client client "extendedKeyUsage=clientAuth"
    ssh-keygen -q -t ed25519 -N '' -f "$ssh/user"
    ssh-keygen -q -t ed25519 -N '' -f "$ssh/host"
    echo "$hosts_net.2 $(cut -d ' ' -f 1,2 "$ssh/host.pub")" >"$ssh/known"
    cat >"$ssh/ssh" <<SSH
#!/bin/sh
exec ssh -F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile=$ssh/known -o StrictHostKeyChecking=yes "\$@"
SSH
    chmod +x "$ssh/ssh"
    cp "$ssh/user.pub" "$ssh/authorized"
    cat >"$hosts_dir/far/sshd_config" <<SSHD
ListenAddress $hosts_net.2:22
HostKey $ssh/host
PidFile $hosts_dir/far/sshd.pid
AuthorizedKeysFile $ssh/authorized
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
SSHD
}
hosts_network() {
    ip netns add "$hosts_ns" && ip link add "$hosts_ns" type veth peer name eth0 netns "$hosts_ns" &&
        ip addr add "$hosts_net.1/30" dev "$hosts_ns" && ip link set "$hosts_ns" up &&
        ip -n "$hosts_ns" addr add "$hosts_net.2/30" dev eth0 && ip -n "$hosts_ns" link set eth0 up &&
        ip -n "$hosts_ns" link set lo up
}
hosts_start() { # NAME SOCKET COMMAND...: until its daemon answers
    local name=$1 socket=$2
    shift 2
    mkdir -p "$hosts_dir/$name/var/cache/libvirt/qemu"
    # What QEMU can do is known already: saves each daemon 4 s.
    [ ! -d "$lab/cache/libvirt-caps-root" ] ||
        cp -r "$lab/cache/libvirt-caps-root" "$hosts_dir/$name/var/cache/libvirt/qemu/capabilities"
    "$@" >>"$hosts_dir/$name.log" 2>&1 &
    hosts_until 30 virsh -q -c "qemu:///system?socket=$socket" version
}
hosts_here_up() { hosts_start here "$hosts_here_socket" unshare -m tests/e2e/host_daemon.sh "$hosts_dir/here"; }
hosts_far_up() {
    hosts_start far "$hosts_far_socket" ip netns exec "$hosts_ns" unshare -m tests/e2e/host_daemon.sh \
        "$hosts_dir/far" "$hosts_net.2"
}
hosts_until() { # SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.2 <> <(:) || true
    done
}
hosts_machines() { virsh -q -c "qemu:///system?socket=$1" list --all --name | grep coexist- | grep -v probe; }
hosts_said() { grep -qE "$1" "$hosts_dir/run.log"; }
hosts_end() {
    jobs -p | xargs -r kill -9 2>/dev/null # the orchestrator, the daemons
    ip netns pids "$hosts_ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
    pgrep -f "qemu-system-x86_64.*guest=coexist-$(cat "$lab/id")-" | xargs -r kill -9 2>/dev/null
    wait 2>/dev/null
    ip netns del "$hosts_ns" 2>/dev/null
}
at_end+=(hosts_end)
hosts_nothing_left() { # SOCKET FOLDER: no machine, no file but the images
    ! hosts_machines "$1" && ! find "$2" -type f ! -name 'image-*' ! -name 'probe-*' | grep .
}
hosts_run() { # NAME ARGUMENTS...: in the background, its log in run.log
    local name=$1
    shift
    "$coexist" --lab "$lab" --runs "$work/$name" run "$@" >"$work/$name.out" 2>"$hosts_dir/run.log" &
    hosts_orchestrator=$!
}
hosts_matrix() { # NAME REPETITIONS
    cat >"$work/$1.json" <<JSON
{ "format": "coexist-matrix/1", "name": "$1", "images": ["winelab"],
  "products": ["$PWD/build/samples/cedar/product.json"],
  "updates": ["$PWD/build/samples/cedar/cedar-content-2.json"],
  "product_sets": [{ "products": ["cedar"] }], "repetitions": $2,
  "steps": ["install", "apply", "took", "verify"] }
JSON
}

hosts_two() {
    local far_pool=$hosts_dir/far-pool here_pool=$hosts_dir/here-pool report
    local ssh_uri="qemu+ssh://root@$hosts_net.2/system?command=$hosts_dir/ssh/ssh&keyfile=$hosts_dir/ssh/user"
    local here="qemu:///system?socket=$hosts_here_socket,name=here,slots=1,folder=$here_pool"
    local far="$ssh_uri,name=far,slots=1,folder=$far_pool,images=copy"
    try "doctor looks at both hosts" "$coexist" --lab "$lab" doctor --host "$here" --host "$far"
    hosts_matrix two 2
    hosts_run two --host "$far" --host "$here" "$work/two.json"
    try "both hosts get work" hosts_until 90 eval \
        "hosts_machines '$hosts_far_socket' && hosts_machines '$hosts_here_socket'"
    try "the image was copied to far" test -e "$(find "$far_pool" -name 'image-*.whole' | head -n 1)"
    ip link set "$hosts_ns" down
    try "the loss of far is noticed" hosts_until 60 hosts_said 'host far is gone, its work goes elsewhere'
    ip link set "$hosts_ns" up
    try "far is taken back" hosts_until 60 hosts_said 'host far is back'
    wait "$hosts_orchestrator"
    try "the run ships" test $? -eq 0
    report=$(echo "$work"/two/*/report.json)
    try "every cell passed" holds "$report" '[.cells[].verdict] | all(. == "pass")'
    try "reports say where cells ran" holds "$report" '[.cells[].host] | unique == ["far", "here"]'
    try "what far lost is told by its name" holds "$report" \
        '[.cells[].earlier_attempts[]] | length >= 1 and all(test("on far: host-resources"))'
    try "nothing is left on far" hosts_nothing_left "$hosts_far_socket" "$far_pool"
    try "nothing is left on here" hosts_nothing_left "$hosts_here_socket" "$here_pool"
}

hosts_tls() {
    local pool=$hosts_dir/far-pool report
    local far="qemu+tls://$hosts_net.2/system?pkipath=$hosts_dir/far/pki,name=far,slots=1,folder=$pool"
    hosts_matrix tls 1
    hosts_run tls --host "$far" "$work/tls.json"
    try "a machine runs by TLS" hosts_until 90 hosts_machines "$hosts_far_socket"
    pkill -9 -F "$hosts_dir/far/run/libvirt/libvirtd.pid"
    try "the end of the daemon is noticed" hosts_until 60 hosts_said 'host far is gone'
    try "its machine outlived it" test -n "$(ip netns pids "$hosts_ns" | xargs -r ps -o args= -p | grep qemu-system)"
    try "the daemon starts again" hosts_far_up
    wait "$hosts_orchestrator"
    try "the run goes on to its end" test $? -lt 3
    report=$(echo "$work"/tls/*/report.json)
    try "every cell passed by TLS" holds "$report" '[.cells[].verdict] | all(. == "pass")'
    try "the run notes that there is no SSH" holds "$report" \
        '[.cells[].evidence[]] | any(test("serial port alone"))'
    try "nothing is left after the daemon was killed" hosts_nothing_left "$hosts_far_socket" "$pool"
}

if [ "$(id -u)" -ne 0 ] || ! hosts_network 2>/dev/null; then
    echo "e2e: hosts: skipped: making network namespaces needs root and a kernel that allows it"
    skipped=$((skipped + 1))
    [ -z "${CI:-}" ] || failed=$((failed + 1))
else
    mkdir -p "$hosts_dir"
    hosts_keys
    try "a daemon of this machine's own starts" hosts_here_up
    try "a daemon behind SSH and TLS starts" hosts_far_up
    hosts_two
    hosts_tls
fi
hosts_end
