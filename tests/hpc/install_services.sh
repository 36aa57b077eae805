#!/bin/bash
# Install the services that some tests need, on Debian, as root: Redis (Celery's broker) and PostgreSQL.
# The tests start their own servers. It takes 5 to 20 s and 10 to 60 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi
redis-server --version
