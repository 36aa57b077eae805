#!/usr/bin/env bash
# base.sh FILE.tar: stands in for python:3.11-slim-bookworm, made from Debian's packages alone.
# pip inside trusts what this machine trusts, and finds the package index as pip does here.
set -euo pipefail

mirror=$(awk '/^URIs/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}

no_docs=()
for folder in doc man locale; do
    no_docs+=(--dpkgopt="path-exclude=/usr/share/$folder/*")
done

# The hooks run in a shell of mmdebstrap's: $1 is the folder of the new system there.
# shellcheck disable=SC2016
mmdebstrap --quiet --mode=root --variant=minbase --components=main \
    --include=ca-certificates,python3,python3-pip \
    "${no_docs[@]}" --dpkgopt=force-unsafe-io \
    --customize-hook='ln -s python3 "$1/usr/bin/python"; rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook="copy-in $certificates /etc/ssl" \
    --customize-hook="printf '[global]\ncert = /etc/ssl/${certificates##*/}\n' >\"\$1/etc/pip.conf\"" \
    bookworm "$1" "$mirror"
