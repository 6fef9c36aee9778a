# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# `coexist image build` of a Windows recipe with the rehearsal's CD: in BIOS, and in UEFI with Secure Boot on and a TPM;
# then what goes wrong: no key reaches the prompt, an answer file that is none, a disk too small, a reboot loop, a silent
# hang. About a quarter of an hour under emulation.
install_dir=$work/install
install_lab=$install_dir/lab
install_recipe=images/windows/win11-24h2-pro.json
mkdir -p "$install_lab" "$lab/cache/rehearsal"
install_iso=$install_dir/rehearsal.iso

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

try "install: the rehearsal's CD is built" \
    images/rehearsal/build.sh "$install_iso" "$lab/images/winelab" build/images/rehearsal "$lab/cache/rehearsal"
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
try "install: in UEFI with Secure Boot and a TPM" install_build secure rehearsal uefi-secure-tpm --disk 16G
try "install: the guest itself says that Secure Boot is on" install_says secure \
    '.attested.secure_boot == true and (.files | map(.role) | contains(["disk", "nvram"]))'
try "install: built again it is unchanged" install_build secure rehearsal uefi-secure-tpm --disk 16G --if-changed

try "install: a prompt that no key reaches" install_fails deaf boot-prompt prompt-missed deaf bios --disk 16G
try "install: a wrong answer file" install_fails wrong setup-loading answer-wrong wrong uefi-secure --disk 16G
try "install: a disk too small" install_fails small copying disk-small rehearsal uefi-secure --disk 2G
try "install: a reboot loop" install_fails loop first-logon reboot-loop loop uefi --disk 16G
try "install: a silent hang" install_fails hang copying silent-hang hang bios --disk 16G --patience 1
try "install: no machine is left" test -z "$(machines)"
