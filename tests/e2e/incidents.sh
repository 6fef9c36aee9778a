# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# Some cases of the incident library, each of another kind: every harmful one held with class and blame, no harmless
# one held. `make incidents` runs all.
incidents_out=$work/incidents
mkdir -p "$incidents_out" "$work/incident-runs"
cp build/incidents/*.{dll,exe,content} "$incidents_out/"
try "incidents are built" matrices/incidents/build.sh build/samples "$incidents_out" \
    shortcuts svchost self-updater handles ok-burst ok-fullscan ok-helpers
incidents_began=$SECONDS
matrices/incidents/run.sh "$coexist" "$lab" "$work/incident-runs" "$incidents_out" \
    >"$work/incidents.out" 2>"$work/incidents.err"
incidents_exit=$?
echo "e2e: seven incidents took $((SECONDS - incidents_began)) s"
incidents_are_right() { cat "$work/incidents.out" && [ "$incidents_exit" -eq 0 ]; }
try "each is caught, or let pass, as it should be" incidents_are_right
