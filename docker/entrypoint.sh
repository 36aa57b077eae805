#!/bin/sh
# Starts a command with a Dagster home: without its dagster.yaml Dagster writes telemetry into the home folder.
set -eu

if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    # libpq takes it from here, so that no environment and no command line shows it.
    export PGPASSFILE="${PGPASSFILE:-/tmp/pgpass}"
    (umask 077 && sed 's/[\\:]/\\&/g; s/^/*:*:*:*:/' "$POSTGRES_PASSWORD_FILE" >"$PGPASSFILE")
fi

if [ ! -e "$DAGSTER_HOME/dagster.yaml" ]; then
    mkdir -p "$DAGSTER_HOME"
    cp "/opt/ich/conf/dagster${DAGSTER_POSTGRES_URL:+.postgres}.yaml" "$DAGSTER_HOME/dagster.yaml"
fi
exec "$@"
