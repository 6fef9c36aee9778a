#!/bin/bash
# Makes two small UEFI boot disks: esp.sh DIR makes DIR/signed.img, Debian's shim, signed by Microsoft, which starts
# Debian's GRUB, which says a word; and DIR/tampered.img, the same with one byte of shim changed. Says on standard error
# what is missing and exits 77 when it cannot.
set -euo pipefail
out=$1
shim=/usr/lib/shim/shimx64.efi.signed
grub=/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed
missing() {
    echo "$1" >&2
    exit 77
}
[ -r "$shim" ] || missing "no $shim (shim-signed)"
[ -r "$grub" ] || missing "no $grub (grub-efi-amd64-signed)"
command -v mformat >/dev/null || missing "no mformat (mtools)"
printf 'echo COEXIST-LOADER-RAN\nsleep 600\n' >"$out/grub.cfg"
make_disk() {
    truncate -s 34M "$out/$1.img"
    mformat -i "$out/$1.img" -F ::
    mmd -i "$out/$1.img" ::EFI ::EFI/BOOT ::EFI/debian
    mcopy -i "$out/$1.img" "$2" ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$out/$1.img" "$grub" ::EFI/BOOT/grubx64.efi
    mcopy -i "$out/$1.img" "$out/grub.cfg" ::EFI/debian/grub.cfg
}
make_disk signed "$shim"
# "This program cannot be run in DOS mode." is never run nor shown, yet part of what is signed.
sed 's/cannot be run in DOS mode/cannot be run in dos mode/' "$shim" >"$out/shim"
! cmp -s "$shim" "$out/shim" || missing "$shim has no DOS stub to change"
make_disk tampered "$out/shim"
rm "$out/shim" "$out/grub.cfg"
