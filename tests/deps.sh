#!/bin/bash
# Installs the Debian packages that are missing and says so: tests/deps.sh run|all
#   run: what building and running need      all: also what testing needs
set -euo pipefail
run=(build-essential pkg-config libvirt0 libvirt-dev libvirt-daemon libvirt-daemon-driver-qemu
    qemu-system-x86 qemu-utils ovmf swtpm swtpm-tools libssh2-1-dev libjansson-dev libsqlite3-dev libxml2-dev libgsl-dev
    libsodium-dev libcadical-dev libguestfs-dev libguestfs0 libpng-dev libpcre2-dev libtesseract-dev tesseract-ocr-eng
    libevtx-dev libbfio-dev libisofs-dev libudfread-dev libwim-dev libarchive-dev xorriso linux-image-cloud-amd64 ntfs-3g
    gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 binutils-mingw-w64-x86-64 mingw-w64-x86-64-dev
    libjsmn-dev nsis wixl mmdebstrap e2fsprogs openssh-client xz-utils
    cpio kmod)
test=(check libsubunit-dev clang libclang-rt-14-dev clang-tidy cppcheck shellcheck openssh-server
    imagemagick zlib1g-dev fonts-dejavu-core console-setup-linux iproute2 openssl procps
    genisoimage libosinfo-bin osinfo-db libxml2-utils libvirt-clients libwin-hivex-perl fdisk busybox-static json-schema-test-suite man-db sqlite3 jq groff
    shim-signed grub-efi-amd64-signed grub-pc-bin mtools wimtools libexpat1-dev)

want=("${run[@]}")
case "${1:-}" in
run) ;;
all) want+=("${test[@]}") ;;
*)
    echo "usage: tests/deps.sh run|all" >&2
    exit 2
    ;;
esac

. /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-0}" -lt 12 ]; then
    echo "coexist: made for Debian 12; this is ${PRETTY_NAME:-an unknown system}: going on, packages may differ" >&2
fi
missing=()
for p in "${want[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done

# libvirt's QEMU driver, run by root, refuses to work without this user, though our VMs run as whoever starts them. The
# package that makes it (libvirt-daemon-system) would also bring daemons and a bridge that nothing here needs.
need_user=0
[ "$(id -u)" -ne 0 ] || getent passwd libvirt-qemu >/dev/null || need_user=1
make_user() {
    [ "$need_user" -eq 1 ] || return 0
    echo "coexist: making the system user libvirt-qemu, as Debian's libvirt-daemon-system does"
    getent group libvirt-qemu >/dev/null || groupadd --system libvirt-qemu
    useradd --system --gid libvirt-qemu --home-dir /var/lib/libvirt --no-create-home --shell /usr/sbin/nologin \
        --comment 'Libvirt Qemu' libvirt-qemu
}
if [ ${#missing[@]} -eq 0 ]; then
    make_user
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "coexist: these Debian packages are missing: ${missing[*]}" >&2
    echo "coexist: run this again as root (sudo make ...) or install them with apt-get" >&2
    exit 3
fi
echo "coexist: installing ${#missing[@]} Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}" |
    awk '/^Setting up/ {n++; if (n % 25 == 0) print "coexist: " n " packages set up"}'
make_user
