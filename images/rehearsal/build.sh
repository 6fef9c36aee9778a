#!/bin/bash
# Builds the rehearsal's installation CD from Debian packages: it boots as Windows Setup does, in BIOS and in UEFI with
# Secure Boot on, and installs the stand-in.
#
#   build.sh ISO WINELAB TOOLS CACHE
#
#   ISO      the file to write; appears whole or not at all
#   WINELAB  folder of the winelab image (disk.qcow2)
#   TOOLS    folder with the compiled programs of this folder
#   CACHE    folder that keeps what was fetched
#
# What the install image says of itself comes from the environment: EDITION (its name), EDITION_ID, INSTALLATION, BUILD,
# REVISION, LANGUAGE.
set -euo pipefail
iso=$1 winelab=$(realpath "$2") tools=$(realpath "$3") cache=$4
edition=${EDITION:-Windows 11 Pro}
edition_id=${EDITION_ID:-Professional} installation=${INSTALLATION:-Client}
build=${BUILD:-26100} revision=${REVISION:-1742} language=${LANGUAGE:-en-US}
unset LANGUAGE
export LC_ALL=C.UTF-8 TZ=UTC
mkdir -p "$cache"
cache=$(realpath "$cache")
iso=$(realpath "$(dirname "$iso")")/$(basename "$iso")
work=$(mktemp -d "$(dirname "$iso")/.rehearsal-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd_root=$work/cd
mkdir -p "$cd_root"/{sources,boot/grub,.disk}

say() { printf 'step: %s\n' "$*"; }

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

# Debian's signed kernel with its modules, from its package and never installed: this host boots what it boots.
fetch_kernel() {
    local package
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    [ -n "$package" ] || die 'no package source has linux-image-amd64 (run apt-get update?)'
    if ! compgen -G "$cache/${package}_*.deb" >/dev/null; then
        (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "$package") || die "cannot fetch $package"
    fi
    dpkg-deb -x "$(compgen -G "$cache/${package}_*.deb" | tail -n 1)" "$work/kernel"
    release=${package#linux-image-}
    cp "$work/kernel/boot/vmlinuz-$release" "$work/vmlinuz"
}

# Drivers of every disk, CD and network of images/profiles/.
make_initrd() {
    local module modules=$work/initrd/modules
    mkdir -p "$modules"
    cp "$tools/setup" "$work/initrd/init"
    mkdir -p "$work/kernel/usr"
    mv "$work/kernel/lib" "$work/kernel/usr/lib"
    ln -s usr/lib "$work/kernel/lib"
    depmod -b "$work/kernel/usr" "$release"
    for module in crc32c_generic crc32c-intel nls_utf8 ahci ata_piix sd_mod sr_mod virtio_pci virtio_blk virtio_net \
        e1000 e1000e isofs ext4 efivarfs pvpanic-mmio; do
        modprobe -d "$work/kernel" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
    while IFS= read -r module; do
        cp "$module" "$modules/"
        basename "$module" >>"$modules/order"
    done <"$work/modules"
    (cd "$work/initrd" && find . -mindepth 1 | LC_ALL=C sort |
        cpio --quiet -o -H newc --reproducible --owner=+0:+0 | gzip -1n >"$work/initrd.gz")
}

# The stand-in without its agent, which comes from the lab's CD, and without keys that may log in: its list of them is
# the file that the first-logon commands write for administrators.
make_system() {
    local raw=$work/system.raw registry=home/lab/.wine/system.reg keys=etc/ssh/authorized_keys/lab
    qemu-img convert -O raw "$winelab/disk.qcow2" "$raw"
    debugfs -R "dump /$registry $work/system.reg" "$raw" 2>/dev/null
    awk '/^\[/ { skip = tolower($0) ~ /services\\\\coexist-agent/ } !skip' "$work/system.reg" >"$work/system.new"
    cmp -s "$work/system.reg" "$work/system.new" && die 'the stand-in has no agent service to remove'
    debugfs -R "dump /etc/ssh/host_key $work/host_key" "$raw" 2>/dev/null
    chmod 600 "$work/host_key"
    ssh-keygen -y -f "$work/host_key" >"$work/host_key.pub" || die 'the stand-in has no host key'
    cat >"$work/changes" <<END
rm /C:/coexist/agent.exe
rm /$registry
write $work/system.new /$registry
sif /$registry uid 1000
sif /$registry gid 1000
sif /$registry mode 0100644
rm /$keys
symlink /$keys /C:/ProgramData/ssh/administrators_authorized_keys
write $work/host_key.pub /etc/ssh/host_key.pub
sif /etc/ssh/host_key.pub mode 0100644
END
    debugfs -w -f "$work/changes" "$raw" >"$work/debugfs.log" 2>&1
    e2fsck -fn "$raw" >"$work/fsck.log" 2>&1 || die "file system check: $(tail -n 3 "$work/fsck.log")"
    mkdir "$work/image"
    "$tools/pack" "$raw" "$work/image/system.sparse"
    rm "$raw"
}

make_wim() {
    local wim=$cd_root/sources/install.wim property
    wimlib-imagex capture "$work/image" "$wim" "$edition" "$edition" --compress=none --no-acls >/dev/null
    for property in "DISPLAYNAME=$edition" "WINDOWS/ARCH=9" "WINDOWS/EDITIONID=$edition_id" \
        "WINDOWS/INSTALLATIONTYPE=$installation" "WINDOWS/PRODUCTNAME=Microsoft® Windows® Operating System" \
        "WINDOWS/LANGUAGES/LANGUAGE=$language" "WINDOWS/LANGUAGES/DEFAULT=$language" "WINDOWS/VERSION/MAJOR=10" \
        "WINDOWS/VERSION/MINOR=0" "WINDOWS/VERSION/BUILD=$build" "WINDOWS/VERSION/SPBUILD=$revision" \
        "WINDOWS/SYSTEMROOT=WINDOWS"; do
        wimlib-imagex info "$wim" 1 --image-property "$property" >/dev/null
    done
    rm -r "$work/image"
    # What makes a CD one of Windows Setup, by name alone.
    mkdir "$work/nothing"
    wimlib-imagex capture "$work/nothing" "$cd_root/sources/boot.wim" 'Rehearsal Setup' --compress=none >/dev/null
}

# What the installed disk starts from, one file system for both kinds of firmware; and the BIOS' boot code.
make_boot_partition() {
    local image=$cd_root/sources/boot.img
    cat >"$work/disk.cfg" <<'END'
search --no-floppy --file --set=root /coexist/vmlinuz
linux /coexist/vmlinuz console=ttyS0,115200 loglevel=6 panic=0 mitigations=off tsc=reliable no_timer_check rehearsal.stage=disk
initrd /coexist/initrd
boot
END
    truncate -s 40M "$image"
    mformat -i "$image" -F ::
    mmd -i "$image" ::EFI ::EFI/BOOT ::EFI/debian ::coexist
    mcopy -i "$image" /usr/lib/shim/shimx64.efi.signed ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$image" /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::EFI/BOOT/grubx64.efi
    mcopy -i "$image" "$work/disk.cfg" ::EFI/debian/grub.cfg
    mcopy -i "$image" "$work/vmlinuz" ::coexist/vmlinuz
    mcopy -i "$image" "$work/initrd.gz" ::coexist/initrd
    mcopy -i "$image" "$work/disk.cfg" ::coexist/grub.cfg
    printf 'search --no-floppy --file --set=root /coexist/grub.cfg\nset prefix=($root)/coexist\n' >"$work/core.cfg"
    grub-mkimage -O i386-pc -p /coexist -c "$work/core.cfg" -o "$cd_root/sources/boot.core" \
        biosdisk part_msdos fat normal search search_fs_file linux echo configfile boot
    cp /usr/lib/grub/i386-pc/boot.img "$cd_root/sources/boot.code"
}

# Any of these keys answers the prompt; nobody's key lets it go on to the disk. A BIOS takes the next drive by itself; UEFI
# goes to its menus when a loader returns without an error, and GRUB cannot hand shim its disk: so what the disk's own GRUB
# would start is started, if there is a disk. Without the CD the disk starts by itself.
make_menu() {
    cat >"$cd_root/boot/grub/grub.cfg" <<'END'
set fault=
set keys=yes
if [ -e /boot/grub/fault.cfg ]; then source /boot/grub/fault.cfg; fi
set timeout=5
set timeout_style=hidden
set default=0
menuentry 'disk' {
    if [ "$grub_platform" = efi ]; then
        if search --no-floppy --file --set=disk /coexist/grub.cfg; then
            configfile ($disk)/coexist/grub.cfg
        fi
    fi
    exit
}
function setup {
    linux /sources/vmlinuz console=ttyS0,115200 loglevel=6 panic=0 mitigations=off tsc=reliable no_timer_check rehearsal.fault=$fault
    initrd /sources/initrd
}
if [ "$keys" = yes ]; then
    for key in " " a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9; do
        menuentry "Setup $key" --hotkey "$key" { setup }
    done
fi
clear
echo 'Press any key to boot from CD or DVD.....'
END
    echo 'coexist rehearsal' >"$cd_root/.disk/info"
    cp "$work/vmlinuz" "$cd_root/sources/vmlinuz"
    cp "$work/initrd.gz" "$cd_root/sources/initrd"
}

make_boot_images() {
    local efi=$cd_root/boot/efi.img
    truncate -s 8M "$efi"
    mformat -i "$efi" ::
    mmd -i "$efi" ::EFI ::EFI/BOOT
    mcopy -i "$efi" /usr/lib/shim/shimx64.efi.signed ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$efi" /usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed ::EFI/BOOT/grubx64.efi
    grub-mkimage -O i386-pc-eltorito -p /boot/grub -o "$cd_root/boot/bios.img" \
        biosdisk iso9660 normal search search_fs_file linux echo configfile boot minicmd test
}

write_iso() {
    xorriso -as mkisofs -quiet -o "$work/out.iso" -iso-level 3 -R -J -V CCOMA_X64FRE -publisher coexist \
        -c boot/boot.cat -b boot/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table \
        -eltorito-alt-boot -e boot/efi.img -no-emul-boot "$cd_root" 2>"$work/xorriso.log" ||
        die "xorriso: $(tail -n 5 "$work/xorriso.log")"
    mv "$work/out.iso" "$iso"
}

say 'kernel: fetch and unpack'
fetch_kernel
say 'initial RAM disk'
make_initrd
say 'system: the stand-in without its agent'
make_system
say 'install image'
make_wim
say 'boot loaders'
make_boot_partition
make_menu
make_boot_images
write_iso
say 'built'
