#!/usr/bin/env bash
# base.sh FILE.tar: make a replacement for python:3.11-slim-bookworm, only from Debian packages.
# pip in the image trusts the certificates of this machine and uses the package index of this machine.
set -euo pipefail

mirror=$(awk '/^URIs/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}

no_docs=()
for folder in doc man locale; do
    no_docs+=(--dpkgopt="path-exclude=/usr/share/$folder/*")
done

# The shell of mmdebstrap runs the hooks. In that shell $1 is the folder of the new system.
# shellcheck disable=SC2016
mmdebstrap --quiet --mode=root --variant=minbase --components=main \
    --include=ca-certificates,python3,python3-pip \
    "${no_docs[@]}" --dpkgopt=force-unsafe-io \
    --customize-hook='ln -s python3 "$1/usr/bin/python"; rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook="copy-in $certificates /etc/ssl" \
    --customize-hook="printf '[global]\ncert = /etc/ssl/${certificates##*/}\n' >\"\$1/etc/pip.conf\"" \
    bookworm "$1" "$mirror"
