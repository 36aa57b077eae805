#!/usr/bin/env bash
# Install the programs that the Docker tests need, on Debian 12, as root: an engine, mmdebstrap and Compose.
set -euo pipefail

plugins=/usr/local/lib/docker/cli-plugins
export DEBIAN_FRONTEND=noninteractive

if ! command -v dockerd mmdebstrap >/dev/null; then
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends docker.io mmdebstrap
fi
[[ ! -x $plugins/docker-compose ]] || exit 0

# Debian 12 has only Compose 1. The program of Debian 13 runs on Debian 12 too. So the script takes this one
# program out of the package.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial cache/archives/partial
mirror=$(awk '/^URIs/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >sources.list
apart=(
    -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root
)
apt-get "${apart[@]}" -qq update
apt-get "${apart[@]}" -qq download docker-compose/trixie
dpkg-deb --extract docker-compose_*.deb package
install -D package/usr/libexec/docker/cli-plugins/docker-compose "$plugins/docker-compose"
