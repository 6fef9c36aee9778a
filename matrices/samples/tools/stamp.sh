#!/bin/sh
# stamp.sh TEMPLATE FOLDER: prints TEMPLATE with every @sha256:FILE@ replaced by the SHA-256 of
# FOLDER/FILE. A file that is missing is an error: a digest is never made up.
set -eu
template=$1
folder=$2
script=
for file in $(grep -o '@sha256:[^@]*@' "$template" | sed 's/^@sha256://; s/@$//' | sort -u); do
    digest=$(sha256sum "$folder/$file" | cut -d ' ' -f 1)
    [ -n "$digest" ]
    script="$script;s|@sha256:$file@|$digest|g"
done
sed "${script#;}" "$template"
