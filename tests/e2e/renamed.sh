# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# The same products under other names and in another order: no verdict hangs on a name.
declare -A new_id=([alder]=omega [birch]=aleph [cedar]=midas)
renamed=$work/renamed
mkdir -p "$renamed"
for old in "${!new_id[@]}"; do
    cp -r "build/samples/$old" "$renamed/${new_id[$old]}"
    for file in "$renamed/${new_id[$old]}"/*.json; do
        jq --arg old "$old" --arg new "${new_id[$old]}" '
            .id |= sub("^" + $old; $new) |
            if has("vendor") then .vendor = $new + " works" else .product |= sub("^" + $old; $new) end' \
            "$file" >"$file.new" && mv "$file.new" "$file"
    done
done
cat >"$work/renamed.json" <<JSON
{ "format": "coexist-matrix/1", "name": "renamed", "images": ["winelab"],
  "products": ["renamed/midas/product.json", "renamed/omega/product.json", "renamed/aleph/product.json"],
  "updates": ["renamed/aleph/birch-engine-fp.json", "renamed/omega/alder-content-bad.json"],
  "product_sets": [{ "products": ["midas", "aleph"], "updates": ["aleph-engine-fp"] },
                   { "products": ["omega"], "updates": ["omega-content-bad"] },
                   { "products": ["aleph"], "updates": ["aleph-engine-fp"] }],
  "steps": ["install", "verify", "detect", "apply", "took", "reboot", "verify", "detect"] }
JSON
"$coexist" --lab "$lab" --runs "$work/renamed-runs" run "$work/renamed.json" >"$work/renamed.out" 2>&1
try "renamed: exits with hold" test $? -eq 1
report=$(find "$work/renamed-runs" -name report.json)
try "renamed: boot loop, driver and vendor named" holds "$report" '
    .cells[] | select(.factors.update == "omega-content-bad") |
    .verdict == "update-regression" and .failure_class == "boot-loop" and
    .blame.product == "omega" and (.blame.module | ascii_downcase) == "alderflt.sys"'
try "renamed: the vendor is told" grep -q "omega works" "$(dirname "$report")/report.html"
try "renamed: interaction of the two, whatever the order" holds "$report" '
    .cells[] | select(.factors.products == ["midas", "aleph"]) |
    .verdict == "interaction-fault" and .blame.product == "aleph" and .blame.with == "midas"'
try "renamed: passes alone" holds "$report" '
    .cells[] | select(.factors.products == ["aleph"]) | .verdict == "pass"'
