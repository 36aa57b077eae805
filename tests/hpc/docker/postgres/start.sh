#!/bin/sh
# Create the database at the first start, with the password of the secret. Then serve it: every client must
# give the password.
set -eu
data=/var/lib/postgresql/data
password=$(mktemp)
cat "$POSTGRES_PASSWORD_FILE" >"$password"
chown -R postgres "$data" "$password"
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
if [ ! -e "$data/PG_VERSION" ]; then
    as_postgres initdb --pgdata="$data" --username="$POSTGRES_USER" --auth=scram-sha-256 --pwfile="$password" --no-sync
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | as_postgres postgres --single -D "$data" postgres
fi
rm "$password"
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$data" -c listen_addresses='*'
