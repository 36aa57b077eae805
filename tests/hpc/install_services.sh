#!/bin/bash
# Install what some tests need, on Debian, as root: Redis (Celery's broker), PostgreSQL, Chromium, axe-core, nginx,
# openssl, ssh, curl, and systemd, of which only systemd-analyze is used.
# The tests start their own servers. It takes 10 to 40 s and up to 400 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || missing+=(chromium)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v openssl >/dev/null || missing+=(openssl)
command -v ssh >/dev/null || missing+=(openssh-client)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi
redis-server --version
axe=/usr/local/share/ich-tests/axe-core
if [ ! -f "$axe/package/axe.min.js" ]; then
    mkdir -p "$axe"
    curl -fsSL https://registry.npmjs.org/axe-core/-/axe-core-4.11.0.tgz | tar -xzC "$axe"
fi
chromium --version
