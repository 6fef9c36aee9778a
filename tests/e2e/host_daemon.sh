#!/bin/bash
# The inside of a test host: host_daemon.sh DIR [ADDRESS]. Run in a mount namespace of its own (unshare -m), and with an
# ADDRESS in a network namespace that has it. libvirtd with everything of its own below DIR; with an address also by TLS
# (certificates in DIR/pki) and behind an sshd (DIR/sshd_config). Stays until libvirtd ends.
set -eu
dir=$1 address=${2:-}
mount --make-rprivate /
for place in etc/libvirt run/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt; do
    mkdir -p "$dir/$place" "/$place"
    mount --bind "$dir/$place" "/$place"
done
cat >/etc/libvirt/qemu.conf <<'CONF'
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
CONF
cat >/etc/libvirt/libvirtd.conf <<CONF
listen_tcp = 0
listen_tls = $([ -z "$address" ] && echo 0 || echo 1)
listen_addr = "${address:-127.0.0.1}"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_dir = "/run/libvirt"
key_file = "$dir/pki/serverkey.pem"
cert_file = "$dir/pki/servercert.pem"
ca_file = "$dir/pki/cacert.pem"
keepalive_interval = 3
keepalive_count = 3
CONF
if [ -n "$address" ]; then
    mkdir -p /run/sshd
    kill -0 "$(cat "$dir/sshd.pid" 2>/dev/null)" 2>/dev/null || /usr/sbin/sshd -f "$dir/sshd_config"
fi
exec libvirtd ${address:+--listen} -f /etc/libvirt/libvirtd.conf -p /run/libvirt/libvirtd.pid
