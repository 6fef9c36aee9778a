#!/bin/bash
# Makes the smallest guest that can do what the VM contract asks of one: Debian's kernel and a busybox that takes orders
# on its second serial port. micro_guest.sh DIR makes DIR/vmlinuz, DIR/initrd and DIR/disk.qcow2; says on standard
# error what is missing and exits 77 when it cannot.
set -euo pipefail
out=$1
missing() {
    echo "$1" >&2
    exit 77
}
kernel=$(find /boot -maxdepth 1 -name 'vmlinuz-*' | sort -V | tail -n 1)
[ -n "$kernel" ] || missing "no kernel in /boot (linux-image-cloud-amd64)"
[ -r "$kernel" ] || missing "$kernel cannot be read by this user"
release=${kernel#/boot/vmlinuz-}
busybox=$(command -v busybox) || missing "no busybox (busybox-static)"
file -L "$busybox" 2>/dev/null | grep -q 'dynamically' && missing "busybox is not static (busybox-static)"
command -v cpio >/dev/null || missing "no cpio"

root=$out/root
mkdir -p "$root"/{bin,dev,proc,sys,mod}
cp "$busybox" "$root/bin/busybox"
n=10
for module in virtio_pci virtio_blk pvpanic-mmio efivarfs; do
    while read -r _ path; do
        name=$(basename "$path")
        compgen -G "$root/mod/*-$name" >/dev/null || cp "$path" "$root/mod/$((n++))-$name"
    done < <(PATH=$PATH:/sbin:/usr/sbin modprobe -S "$release" --show-depends "$module" | grep '^insmod')
done
cat >"$root/init" <<'EOF'
#!/bin/busybox sh
B=/bin/busybox
$B mount -t devtmpfs dev /dev
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
for m in /mod/*; do $B insmod "$m"; done
# With UEFI there are variables to be kept, with a TPM registers that tell what was started.
var=/sys/firmware/efi/efivars/Coexist-5a3f0b1e-7c52-4a6e-9d3e-0f6f4f1c2b77
[ ! -d /sys/firmware/efi ] || $B mount -t efivarfs efivarfs /sys/firmware/efi/efivars
exec 3<>/dev/ttyS1
$B stty -F /dev/ttyS1 raw -echo
mark=none
echo "micro guest: up"
# Says that it heard; stty returns only once that has left the port.
heard() {
    echo "said $n heard" >&3
    $B stty -F /dev/ttyS1 raw -echo
}
while read -r n order rest <&3; do
    case $order in
    ping) echo "said $n pong $mark" >&3 ;;
    mark) mark=$rest; echo "said $n remembered" >&3 ;;
    write)
        echo "$rest " | $B dd of=/dev/vda bs=512 conv=sync,fsync,notrunc 2>/dev/null
        echo "said $n written" >&3
        ;;
    read)
        echo 3 >/proc/sys/vm/drop_caches
        word=$($B dd if=/dev/vda bs=512 count=1 2>/dev/null | $B tr -d '\000 \n')
        echo "said $n disk $word" >&3
        ;;
    setvar)
        $B printf '\007\000\000\000%s' "$rest" >$var
        echo "said $n set" >&3
        ;;
    getvar)
        word=$($B dd if=$var bs=1 skip=4 2>/dev/null)
        echo "said $n var $word" >&3
        ;;
    pcrs)
        word=$($B cat /sys/class/tpm/tpm0/pcr-sha256/[0-7] | $B sha256sum)
        echo "said $n pcrs ${word%% *}" >&3
        ;;
    talk) for i in 1 2 3 4 5 6 7 8 9; do echo "........................................................................................................................" >&3; done ;;
    panic) heard; echo c >/proc/sysrq-trigger ;;
    reboot) heard; $B reboot -f ;;
    off) heard; $B poweroff -f ;;
    fill) heard; $B dd if=/dev/urandom of=/dev/vda bs=64k count=512 conv=fsync 2>/dev/null ;;
    esac
done
EOF
chmod 755 "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$out/initrd"
rm -rf "$root"
cp "$kernel" "$out/vmlinuz"
qemu-img create -q -f qcow2 "$out/disk.qcow2" 64M
