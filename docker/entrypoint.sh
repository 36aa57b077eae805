#!/bin/sh
# Start a command with a Dagster home. Without a dagster.yaml there, Dagster would write telemetry into the home folder.
set -eu

if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    # libpq reads the password from this file. So it stands in no environment variable and no command line.
    export PGPASSFILE="${PGPASSFILE:-/tmp/pgpass}"
    (umask 077 && sed 's/[\\:]/\\&/g; s/^/*:*:*:*:/' "$POSTGRES_PASSWORD_FILE" >"$PGPASSFILE")
fi

if [ ! -e "$DAGSTER_HOME/dagster.yaml" ]; then
    mkdir -p "$DAGSTER_HOME"
    cp "/opt/ich/conf/dagster${DAGSTER_POSTGRES_URL:+.postgres}.yaml" "$DAGSTER_HOME/dagster.yaml"
fi
exec "$@"
