# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# `coexist image build` of a Windows recipe with the rehearsal's CD: in BIOS by the serial port alone, and with OpenSSH in
# UEFI with Secure Boot on and a TPM; a matrix run on both images; then what goes wrong: no key reaches the prompt, an
# answer file that is none, a disk too small, a reboot loop, a silent hang. About twenty minutes under emulation.
# COEXIST_INSTALL_PROFILES names the profiles that are installed besides those two, 3 to 5 minutes each; all: every one
# that emulation can have (not bios-ide, whose processor is too small for the rehearsal's 64-bit system, and not
# uefi-secure-tpm-vbs, which needs KVM).
install_more=${COEXIST_INSTALL_PROFILES:-}
[ "$install_more" != all ] ||
    install_more='bios-virtio uefi uefi-secure uefi-secure-tpm-virtio uefi-secure-tpm-iommu'
install_dir=$work/install
install_lab=$install_dir/lab
install_recipe=images/windows/win11-24h2-pro.json
mkdir -p "$install_lab" "$lab/cache/rehearsal"
install_iso=$install_dir/rehearsal.iso
install_ssh=build/images/rehearsal/openssh.msi

# install_variant NAME FILE PATH: the CD with one file more
install_variant() {
    xorriso -indev "$install_iso" -outdev "$install_dir/$1.iso" -boot_image any replay -map "$2" "$3" -commit
}
install_build() { # NAME ISO PROFILE OPTIONS...
    local name=$1 iso=$2 profile=$3
    shift 3
    "$coexist" --lab "$install_lab" image build "$install_recipe" --iso "$install_dir/$iso.iso" --profile "$profile" \
        --name "$name" "$@" >"$install_dir/$name.log" 2>&1
}
# install_matrix: one sample product and a good update of it, on these images
install_matrix() { # IMAGE...
    jq -n --arg samples "$PWD/build/samples" '{format: "coexist-matrix/1", name: "sealed", images: $ARGS.positional,
        products: ["\($samples)/birch/product.json"], updates: ["\($samples)/birch/birch-content-2.json"],
        product_sets: [{products: ["birch"], updates: ["birch-content-2"]}],
        steps: ["install", "verify", "reboot", "verify", "apply", "took", "reboot", "verify"]}' \
        --args "$@" >"$install_dir/sealed.json"
}
install_run() {
    "$coexist" --lab "$install_lab" --runs "$install_dir/runs" run --jobs 1 "$install_dir/sealed.json" \
        >"$install_dir/sealed.out" 2>"$install_dir/sealed.err" && return
    tail -n 12 "$install_dir/sealed.out" "$install_dir/sealed.err"
    return 1
}
install_report() { echo "$install_dir"/runs/*/report.json; }
# install_notes CELL: what the journal notes of it
install_notes() {
    sqlite3 "$(echo "$install_dir"/runs/*/journal.sqlite)" \
        "select data from observation where type = 'note' and cell like '$1/%'"
}
install_says() { # NAME JQ-EXPRESSION: true about the image's manifest
    jq -e "$2" "$install_lab/images/$1/manifest.json" >/dev/null && return
    echo "not so: $2"
    jq -c '{attested, installed, install}' "$install_lab/images/$1/manifest.json"
    return 1
}
install_fails() { # NAME PHASE CAUSE ISO PROFILE OPTIONS...
    local name=$1 phase=$2 cause=$3 rc
    shift 3
    install_build "$name" "$@"
    rc=$?
    tail -n 5 "$install_dir/$name.log"
    [ "$rc" -eq 3 ] || { echo "exit code $rc" && return 1; }
    jq -c . "$install_lab/install/$name/install.json"
    jq -e --arg p "$phase" --arg c "$cause" '.failed_in == $p and .cause == $c' \
        "$install_lab/install/$name/install.json" >/dev/null || return 1
    compgen -G "$install_lab/install/$name/*-failed.png" >/dev/null || { echo 'no picture of it' && return 1; }
    [ ! -e "$install_lab/images/$name" ] && [ ! -e "$install_lab/work/install-$name" ]
}

install_refuses() { # WORD OPTIONS...: bad input, before anything was started
    local word=$1 rc
    shift
    "$coexist" --lab "$install_lab" image build "$install_recipe" --iso "$install_iso" --profile uefi "$@" \
        >"$install_dir/refused.log" 2>&1
    rc=$?
    tail -n 2 "$install_dir/refused.log"
    [ "$rc" -eq 2 ] && grep -q "$word" "$install_dir/refused.log"
}
install_virtio() { # a CD like that of the virtio drivers
    local driver
    for driver in viostor NetKVM vioscsi; do
        mkdir -p "$install_dir/virtio/$driver/w11/amd64"
        printf '[Version]\r\n' >"$install_dir/virtio/$driver/w11/amd64/$driver.inf"
        printf 'MZ' >"$install_dir/virtio/$driver/w11/amd64/$driver.sys"
    done
    xorriso -as mkisofs -quiet -J -R -V virtio-win -o "$install_dir/virtio.iso" "$install_dir/virtio"
}

try "install: the rehearsal's CD is built" \
    images/rehearsal/build.sh "$install_iso" "$lab/images/winelab" build/images/rehearsal "$lab/cache/rehearsal"
try "install: a CD of virtio drivers" install_virtio
printf 'set keys=no\n' >"$install_dir/deaf.cfg"
printf 'set fault=loop\n' >"$install_dir/loop.cfg"
printf 'set fault=hang\n' >"$install_dir/hang.cfg"
printf '<unattend><settings>\n' >"$install_dir/broken.xml"
for install_fault in deaf loop hang; do
    try "install: a CD with the fault $install_fault" \
        install_variant "$install_fault" "$install_dir/$install_fault.cfg" /boot/grub/fault.cfg
done
try "install: a CD with an answer file that is none" install_variant wrong "$install_dir/broken.xml" /Autounattend.xml

try "install: in BIOS" install_build bios rehearsal bios --disk 16G
try "install: the image is whole" "$coexist" --lab "$install_lab" image verify bios
try "install: two reboots, one prompt answered" install_says bios \
    '.install.phase == "ready" and .install.resets == 2 and .install.presses >= 1'
try "install: the manifest calls the stand-in what it is" install_says bios \
    '.attested.stand_in and .windows_root == "/C:" and (.limits | length) == 1 and .attested.secure_boot == null'
try "install: nothing is left but the image" test ! -e "$install_lab/work/install-bios"
try "install: in UEFI with Secure Boot and a TPM, and OpenSSH" install_build secure rehearsal uefi-secure-tpm \
    --disk 16G --openssh "$install_ssh"
try "install: the guest itself says that Secure Boot is on" install_says secure \
    '.attested.secure_boot == true and (.files | map(.role) | contains(["disk", "nvram"]))'
try "install: its host key is known, the lab's own is let in" install_says secure \
    '.ssh.user == "lab" and (.ssh.host_key | startswith("ssh-ed25519 ")) and .ssh.client_key == "client_key"'
try "install: the first-logon commands were kept" grep -q 'net.exe start sshd' "$install_lab/install/secure/logon.log"
try "install: built again it is unchanged" install_build secure rehearsal uefi-secure-tpm --disk 16G --if-changed \
    --openssh "$install_ssh"

install_matrix bios secure
try "install: a run on both images" install_run
try "install: both come to a verdict, and it is good" holds "$(install_report)" \
    '[.cells[].verdict] == ["pass", "pass"] and ([.cells[].id | split("/")[0]] | sort) == ["bios", "secure"]'
try "install: without a package the serial port carries it alone" grep -q 'by its serial port alone' <(install_notes bios)
try "install: with one SSH does" test -z "$(install_notes secure | grep 'serial port alone')"

for install_profile in $install_more; do
    try "install: on $install_profile" install_build "$install_profile" rehearsal "$install_profile" --disk 16G \
        --virtio "$install_dir/virtio.iso"
done
try "install: what is no package of OpenSSH is refused" install_refuses 'a Windows program' --openssh build/agents/agent.exe
try "install: a profile that needs KVM says so" install_refuses 'KVM' --profile uefi-secure-tpm-vbs

try "install: a prompt that no key reaches" install_fails deaf boot-prompt prompt-missed deaf bios --disk 16G
try "install: a wrong answer file" install_fails wrong setup-loading answer-wrong wrong uefi-secure --disk 16G
try "install: a disk too small" install_fails small copying disk-small rehearsal uefi-secure --disk 2G
try "install: a reboot loop" install_fails loop first-logon reboot-loop loop uefi --disk 16G
try "install: a silent hang" install_fails hang copying silent-hang hang bios --disk 16G --patience 1
try "install: no machine is left" test -z "$(machines)"
