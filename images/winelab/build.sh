#!/bin/bash
# Builds the winelab guest from Debian packages. Run by `coexist image build` as root.
#
#   build.sh OUT KEYS TOOLS AGENT SUITE DISK_MIB PACKAGE...
#
#   OUT       empty folder; gets disk.qcow2, vmlinuz, initrd and packages.tsv (name, version)
#   KEYS      folder with host_key, host_key.pub, client_key.pub
#   TOOLS     folder with the compiled programs of this folder
#   AGENT     agent.exe
#
# Nothing outside OUT is written, and however this ends nothing stays mounted or running: all of it
# happens in namespaces of its own, which end with their first process. That one is killed when this
# one is, and this one when whoever started it dies and asked for that (base/proc.c does). Addresses are not drawn by
# lot, or Wine would fail now and then (winelab/init.c says how).
set -euo pipefail
if [ "${WINELAB_BUILD:-}" != inside ]; then
    export WINELAB_BUILD=inside
    exec setarch --addr-no-randomize unshare --mount --pid --ipc --fork --kill-child --mount-proc -- "$0" "$@"
fi
umask 022
export LC_ALL=C.UTF-8 TZ=UTC

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "$1") keys=$(realpath "$2") tools=$(realpath "$3") agent=$(realpath "$4")
suite=$5 disk_mib=$6
shift 6
packages=("$@")

work=$out/work
tree=$work/packages # what the packages hold
root=$work/root     # what the guest gets of it
libs=usr/lib/x86_64-linux-gnu
wine=$libs/wine
prefix=home/lab/.wine
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

say() { printf 'step: %s\n' "$*"; }

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

# The host's own package sources, as lines; only Debian's and only this suite's.
list_sources() {
    apt-get indextargets --format "deb \$(SITE) \$(RELEASE) \$(COMPONENT)" \
        'Created-By: Packages' 'Origin: Debian' 'Architecture: amd64' |
        awk -v suite="$suite" '$3 ~ "^" suite "(-|$)" && $3 !~ /backports/' | sort -u
}

# Hands on the settings that decide how this host reaches its sources and how it judges their age.
list_apt_options() {
    apt-config dump |
        grep -E '^Acquire::(Check-Valid-Until|Check-Date|Retries|https?::|ftp::|ForceIPv)' || true
}

# "extract" runs no maintainer script: what those would do for us is done below.
fetch_packages() {
    local sources options=() line include
    sources=$(list_sources)
    [ -n "$sources" ] || die "this host has no Debian package source for '$suite' (run apt-get update?)"
    while IFS= read -r line; do
        options+=("--aptopt=$line")
    done < <(list_apt_options)
    include=$(
        IFS=,
        echo "${packages[*]}"
    )
    # shellcheck disable=SC2016 # mmdebstrap's shell expands it
    mmdebstrap --quiet --variant=extract --architectures=amd64 --include="$include" "${options[@]}" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt="path-exclude=/$wine/i386-windows/*" \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --extract-hook='ls "$1/var/cache/apt/archives" >"$1/archives"' \
        "$suite" "$tree" - <<<"$sources" >"$work/mmdebstrap.log" 2>&1 || {
        cat "$work/mmdebstrap.log" >&2
        die 'mmdebstrap failed'
    }
    # The names of the archives are NAME_VERSION_ARCH.deb, a colon written %3a.
    sed -nE 's/%3a/:/g; s/^([^_]+)_([^_]+)_[^_]+\.deb$/\1\t\2/p' "$tree/archives" |
        LC_ALL=C sort >"$out/packages.tsv"
    [ -s "$out/packages.tsv" ] || die 'no list of packages'
    kernel=$(basename "$(echo "$tree"/usr/lib/modules/*)")
    # The date of everything made here: when the kernel was made, an input like its version.
    epoch=$(stat -c %Y "$tree/boot/vmlinuz-$kernel")
    export SOURCE_DATE_EPOCH=$epoch
}

copy() {
    local path
    for path in "$@"; do
        mkdir -p "$root/$(dirname "$path")"
        cp -a "$tree/$path" "$root/$path"
    done
}

# Shared libraries that the chosen programs ask for, and those that ask for those.
copy_libraries() {
    local todo=("$@") file name
    while [ ${#todo[@]} -gt 0 ]; do
        file=${todo[-1]}
        unset 'todo[-1]'
        while IFS= read -r name; do
            if [ ! -e "$tree/$libs/$name" ] || [ -e "$root/$libs/$name" ]; then continue; fi
            cp -aL "$tree/$libs/$name" "$root/$libs/$name"
            todo+=("$root/$libs/$name")
        done < <(objdump -p "$file" | awk '$1 == "NEEDED" {print $2}')
    done
}

# Wine 8.0's server takes the last index of a handle table, -1 in an empty one, for unsigned and does not look at it
# before the first entry: asked for all handles while a process is being made it reads what was never written, and dies,
# and with it all of Windows. The loop (enum_handles) is entered at its comparison (the jump 6 bytes shorter), which is
# made signed (jb to jl). Another build of it is left as it is; the lab tells when it dies (init.c).
mend_wineserver() {
    local server=$root/usr/lib/wine/wineserver64
    perl -0777 -i -pe '
        my $enter = qr/\x49\x8b\x52\x60\x41\xb8\x04\x00\x00\x00\x31\xff\xeb\K\x7d/;
        my $end = qr/\x83\xc7\x01\x48\x83\xc2\x10\x41\x83\xc0\x04\x41\x39\x7a\x54\K\x72(?=\x22\x48\x83\x3a\x00)/;
        if (1 == (() = /$enter/g) && 1 == (() = /$end/g)) { s/$enter/\x77/; s/$end/\x7c/ }' "$server"
    ! cmp -s "$server" "$tree/usr/lib/wine/wineserver64" || say 'this build of wineserver is not known: not mended'
}

# Wine's parts for screens, sound, cameras and scanners need half a desktop of libraries.
copy_wine() {
    copy usr/lib/wine/wine64 usr/lib/wine/wineserver64 "$wine/x86_64-unix" "$wine/x86_64-windows" \
        usr/share/wine/nls usr/share/wine/wine.inf usr/share/wine/fonts
    ln -s wineserver64 "$root/usr/lib/wine/wineserver"
    ( cd "$root/$wine/x86_64-unix" && rm -f capi2032.so gphoto2.so opencl.so winealsa.so winebus.so \
        winegstreamer.so winepulse.so wineusb.so winex11.so wpcap.so ./*.a libwine.so* )
    # libwine's postinst marks zlib as Wine's own; the marker stands in the DOS stub at 0x40.
    cp "$tree/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$root/$wine/x86_64-windows/"
    printf 'Wine builtin DLL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' |
        dd of="$root/$wine/x86_64-windows/zlib1.dll" bs=1 seek=64 conv=notrunc status=none
    # Debug information is two thirds of them.
    find "$root/$wine/x86_64-windows" -type f -size +32k \
        -exec x86_64-w64-mingw32-strip --strip-debug --preserve-dates {} +
    cp "$root/$wine/x86_64-windows/wineboot.exe" "$root/$wine/x86_64-windows/wineinit.exe"
}

assemble_root() {
    mkdir -p "$root"/{C:,dev,proc,sys,run,tmp,root,etc/{coexist,ssh/authorized_keys},usr/bin,usr/sbin} \
        "$root"/usr/lib/{coexist,locale} "$root/$libs" "$root/usr/lib64" "$root/home/lab/.wine"
    chmod 1777 "$root/tmp"
    local link
    for link in bin lib lib64 sbin; do ln -s "usr/$link" "$root/$link"; done
    copy usr/sbin/sshd usr/lib/locale/C.utf8
    cp -aL "$tree/usr/lib64/ld-linux-x86-64.so.2" "$root/usr/lib64/"
    copy_wine
    mend_wineserver
    cp -aL "$tree/$libs"/lib{freetype.so.6,fontconfig.so.1,gcc_s.so.1,gnutls.so.30,nss_files.so.2} "$root/$libs/"
    copy_libraries "$root"/usr/sbin/sshd "$root"/usr/lib/wine/wine* "$root/$wine"/x86_64-unix/*.so \
        "$root/$libs"/*.so*
    ldconfig -r "$root"
    install_settings
}

install_settings() {
    install -m 644 "$here"/files/{passwd,group} "$root/etc/"
    install -D -m 644 "$here/files/fonts.conf" "$root/etc/fonts/fonts.conf"
    # The one place where Wine looks for fonts here. Without a scalable one, a console of its own (a service that starts
    # cmd.exe) has characters of no width, and conhost.exe divides by it.
    install -D -m 644 "$root/usr/share/wine/fonts/tahoma.ttf" "$root/C:/windows/Fonts/tahoma.ttf"
    install -m 644 "$here/files/sshd_config" "$root/etc/ssh/"
    install -m 600 "$keys/host_key" "$root/etc/ssh/host_key"
    install -m 644 "$keys/client_key.pub" "$root/etc/ssh/authorized_keys/lab"
    install -m 755 "$tools/init" "$root/usr/sbin/init"
    install -m 755 "$tools/winshell" "$root/usr/bin/"
    install -m 4755 "$tools/labctl" "$root/usr/lib/coexist/"
    printf 'winelab\n' >"$root/etc/hostname"
    printf '127.0.0.1 localhost winelab\n' >"$root/etc/hosts"
    printf 'nameserver 10.0.2.3\n' >"$root/etc/resolv.conf"
    # Drive C: is /C: itself, so that SFTP's real paths read like Windows' OpenSSH's.
    ln -s /C: "$root/$prefix/drive_c"
    ln -s C: "$root/c:"
    ln -s /C:/users/lab "$root/home/lab/profile"
    chown -hR 1000:1000 "$root/home/lab" "$root/C:"
}

# Runs Wine programs as the guest would, in namespaces that end with them.
in_wine() {
    # shellcheck disable=SC2016
    unshare --mount --pid --net --ipc --fork --kill-child -- bash -c '
        set -e
        root=$1; shift
        mount -t tmpfs dev "$root/dev" -o mode=755
        for n in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
            mknod -m 666 "$root/dev/${n% *}" c 1 "${n#* }"
        done
        mkdir -m 1777 "$root/dev/shm"
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmp "$root/tmp" -o mode=1777
        for line; do
            timeout -k 5 90 env -i HOME=/home/lab USER=lab LOGNAME=lab LC_ALL=C.UTF-8 TZ=UTC \
                WINEPREFIX=/home/lab/.wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" \
                /usr/sbin/chroot --userspec=1000:1000 "$root" $line </dev/null
        done' in_wine "$root" "$@"
}

make_prefix() {
    local c=$root/C:
    # Known before the first program runs: without it each start of the desktop starts another one.
    install -o 1000 -g 1000 -m 644 "$here/files/user.reg" "$root/$prefix/user.reg"
    ( cd "$root" && in_wine '/usr/lib/wine/wine64 wineboot.exe --init' '/usr/lib/wine/wineserver -w' )
    [ -f "$root/$prefix/system.reg" ] || die 'Wine made no prefix'
    # Documents and the like point to the Linux home; on Windows they are folders.
    local link
    for link in "$c"/users/lab/*; do
        [ ! -L "$link" ] || { rm "$link" && mkdir "$link"; }
    done
    mkdir -p "$c"/coexist/{bin,in,out/dumps} "$c/windows/Minidump"
    install -m 755 "$tools"/{linerun,crashdump}.exe "$c/coexist/bin/"
    install -m 755 "$agent" "$c/coexist/agent.exe"
    install -m 644 "$here/files/winelab.reg" "$c/coexist/in/winelab.reg"
    chown -hR 1000:1000 "$c"
    ( cd "$root" && in_wine \
        '/usr/lib/wine/wine64 winecfg.exe -v win10' \
        '/usr/lib/wine/wine64 regedit.exe /S C:\coexist\in\winelab.reg' \
        '/usr/lib/wine/wine64 C:\coexist\agent.exe --install --port COM2' \
        '/usr/lib/wine/wineserver -w' )
    rm "$c/coexist/in/winelab.reg"
    grep -q '^\[System\\\\CurrentControlSet\\\\Services\\\\coexist-agent\]' \
        "$root/$prefix/system.reg" || die 'the agent did not register its service'
    # With Wine's own gone, ours are what the loader finds (see wineboot.c).
    rm "$root/$wine"/x86_64-windows/{wineboot,shutdown}.exe
    rm -f "$c"/windows/system32/{wineboot,shutdown}.exe
    install -m 755 "$tools"/{wineboot,shutdown}.exe "$c/windows/system32/"
    install -m 755 "$root/$wine/x86_64-windows/wineinit.exe" "$c/windows/system32/"
    finish_prefix "$c"
}

finish_prefix() {
    local c=$1 file guid
    guid=$(sha256sum "$out/packages.tsv" |
        sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
    for file in system user userdef; do
        awk -v epoch="$epoch" -v guid="$guid" -f "$here/files/registry.awk" \
            "$root/$prefix/$file.reg" >"$work/reg"
        cat "$work/reg" >"$root/$prefix/$file.reg"
    done
    rm -rf "$root/$prefix"/{wineserver,dosdevices} "$c"/users/lab/{Temp,AppData/Local/Temp}/* \
        "$c"/windows/temp/*
    mkdir "$root/$prefix/dosdevices"
    ln -s ../drive_c "$root/$prefix/dosdevices/c:"
    ln -s /dev/ttyS1 "$root/$prefix/dosdevices/com2"
    # Wine's programs in C: are the very files it loads; one copy of each is enough.
    local name
    while IFS= read -r file; do
        name=$root/$wine/x86_64-windows/${file##*/}
        [ ! -f "$name" ] || ln -f "$name" "$file"
    done < <(find "$c/windows" -type f)
    chown -hR 1000:1000 "$root/home/lab" "$c"
}

make_initrd() {
    local module modules=$work/initrd/modules
    mkdir -p "$modules" "$work/initrd/root" "$work/initrd/dev"
    cp "$tools/init" "$work/initrd/init"
    depmod -b "$tree/usr" "$kernel"
    for module in virtio_pci virtio_blk virtio_net pvpanic-mmio; do
        modprobe -d "$tree" -S "$kernel" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$work/modules"
    while IFS= read -r module; do
        cp "$module" "$modules/"
        basename "$module" >>"$modules/order"
    done <"$work/modules"
    find "$work/initrd" -exec touch -h -d "@$epoch" {} +
    ( cd "$work/initrd" && find . -mindepth 1 | LC_ALL=C sort |
        cpio --quiet -o -H newc --reproducible --owner=+0:+0 >"$out/initrd" )
    cp "$tree/boot/vmlinuz-$kernel" "$out/vmlinuz"
}

# debugfs commands for what mke2fs -d cannot do: names without case below C:, and no change time of
# this build's own. 0x40080000: EXT4_CASEFOLD_FL, EXT4_EXTENTS_FL (linux/fs/ext4/ext4.h).
list_inode_fixes() {
    ( cd "$root" && find . -mindepth 1 -printf '%y /%P\n' | LC_ALL=C sort ) |
        awk -v epoch="$epoch" '{
            path = substr($0, 3)
            if ($1 == "d" && path ~ /^\/C:/) printf "sif \"%s\" flags 0x40080000\n", path
            printf "sif \"%s\" ctime @%d\nsif \"%s\" atime @%d\n", path, epoch, path, epoch
        }'
}

make_disk() {
    local raw=$work/disk.raw id
    id=$(sha256sum "$out/packages.tsv" |
        sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-8\4-\5/')
    find "$root" -newermt "@$epoch" -exec touch -h -d "@$epoch" {} +
    truncate -s "${disk_mib}M" "$raw"
    E2FSPROGS_FAKE_TIME=$epoch mke2fs -q -F -t ext4 -O casefold,^resize_inode -L winelab -m 0 -U "$id" \
        -E "encoding=utf8,lazy_itable_init=0,lazy_journal_init=0,nodiscard,hash_seed=$id" -J size=16 \
        -d "$root" "$raw"
    list_inode_fixes >"$work/fixes"
    E2FSPROGS_FAKE_TIME=$epoch debugfs -w -f "$work/fixes" "$raw" >"$work/debugfs.log" 2>&1
    if grep -v '^debugfs' "$work/debugfs.log" >&2; then die 'debugfs complained'; fi
    e2fsck -fn "$raw" >"$work/fsck.log" 2>&1 || die "file system check: $(tail -n 5 "$work/fsck.log")"
    qemu-img convert -c -m 1 -O qcow2 -o compression_type=zstd "$raw" "$out/disk.qcow2"
}

say 'packages: fetch and unpack'
fetch_packages
say 'root: choose and trim'
assemble_root
say 'windows: make the prefix, install the agent'
make_prefix
say 'kernel and initrd'
make_initrd
say 'disk: write and compress'
make_disk
say 'built'
