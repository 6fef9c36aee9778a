# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# Repair drills on a real machine: a content update after which a driver crashes at every boot; its file removed from the
# disk from outside, then, from the disk as the failure left it, a boot into safe mode and the vendor's own rollback there.
# Under five minutes without KVM on two cores.
drills_began=$SECONDS
cat >"$work/drills.json" <<JSON
{ "format": "coexist-matrix/1", "name": "drills", "images": ["winelab"], "drills": true,
  "products": ["$PWD/build/samples/alder/product.json"],
  "updates": ["$PWD/build/samples/alder/alder-content-bad.json"],
  "product_sets": [{ "products": ["alder"], "updates": ["alder-content-bad"] }],
  "steps": ["install", "apply", "took", "reboot", "verify"] }
JSON
# In a lab of its own, whose image's state at ready gets damaged: that one is told of, left alone, and the image booted.
drills_lab=$work/drills-lab
mkdir -p "$drills_lab/images"
cp -a "$lab/images/winelab" "$drills_lab/images/"
cp -a "$lab/keys" "$lab/cache" "$drills_lab/"
drills_there=$(find "$drills_lab/images/winelab" -name memory)
"$coexist" --lab "$drills_lab" image ready winelab >"$work/drills-ready.txt" 2>&1
try "drills: a state at ready of another lab is not gone on from, and gives way to one" bash -c \
    'grep -q "is kept at ready" "$2" && [ ! -e "$1" ]' _ "$drills_there" "$work/drills-ready.txt"
"$coexist" --lab "$drills_lab" image ready winelab >"$work/drills-again.txt" 2>&1
try "drills: and is made once" grep -q "has a state at ready that fits this host" "$work/drills-again.txt"
drills_memory=$(find "$drills_lab/images/winelab" -name memory)
dd if=/dev/zero of="$drills_memory" bs=64k count=1 conv=notrunc status=none
# By its digest the run itself would refuse it: with one that fits, libvirt does, in the worker.
(cd "${drills_memory%/*}" && sha256sum memory disk.qcow2 >SHA256SUMS)
"$coexist" --lab "$drills_lab" --runs "$work/drills-runs" --verbose run "$work/drills.json" >"$work/drills.txt" 2>&1
try "drills: the update is held" test $? -eq 1
drills_report=$(find "$work/drills-runs" -name report.json)
try "drills: the verdict is that of the boot loop" holds "$drills_report" \
    '.cells[0] | .verdict == "update-regression" and .failure_class == "boot-loop" and .blame.module == "alderflt.sys"'
try "drills: every way back brings it back, and says in what time" holds "$drills_report" \
    '.cells[0].drills | map(.what) == ["repair", "rollback", "safe-mode", "safe-mode-rollback"] and
    all(.[]; .ok and .ms > 1000 and .ms < 600000)'
try "drills: boots: out of the failure, after the rollback, into safe mode, normal again" holds "$drills_report" \
    '.cells[0] | (.timeline[] | select(.step == "drill").begin_ms) as $from |
    [.moments[] | select(.at_ms >= $from and .type == "event") | .text | split(":")[0]] | map(select(. == "ready")) | length == 4'
try "drills: they are in the page and on the terminal" bash -c 'grep -q "boot into safe mode" "$1" &&
    grep -q "rollback in safe mode, then a normal boot" "$2"' _ "$work/drills.txt" "${drills_report%.json}.html"
try "drills: in the place of a damaged state the image is booted" holds "$drills_report" \
    '.cells[0] | .attempts == 1 and any(.metrics[]; .name == "first-boot") and all(.moments[]; .text | startswith("restored") | not)'
try "drills: the damage is told, and the state not used again" bash -c 'grep -q "state at ready, .*, is of no use" "$1" && [ ! -e "$2" ] &&
    [ -e "${2%memory}disk.qcow2" ]' _ "${drills_report%report.json}workers.log" "$drills_memory"
try "drills: the vendor's own log came from the disk of the machine that did not boot" holds "$drills_report" \
    '.cells[0].artifacts | any(.role == "product-log" and .name == "alder Alder.log" and .bytes > 0)'
try "drills: asked for every call, the run has them, with cell and time" grep -qE \
    'debug: winelab/alder/alder-content-bad/1 \(attempt 1\) [0-9]+\.[0-9]{3} s: guest: exec .*alderctl.exe" update' \
    "${drills_report%report.json}workers.log"
try "drills: nothing is left" test -z "$(machines)$(find "$drills_lab/work" -mindepth 1 -type d 2>/dev/null)"
rm -rf "$drills_lab"
echo "e2e: drills took $((SECONDS - drills_began)) s"
