#!/bin/sh
# What the official image of Postgres does at its start, as far as the stack uses it.
set -eu
data=/var/lib/postgresql/data
bin=$(ls -d /usr/lib/postgresql/*/bin)
if [ ! -s "$data/PG_VERSION" ]; then
  "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 \
    --data-checksums > /dev/null
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$data/postgresql.conf"
  # As there, a first server makes the database: at the usual socket, but not over TCP.
  "$bin/pg_ctl" -D "$data" -w -o "-c listen_addresses=''" start > /dev/null
  "$bin/psql" -U "$POSTGRES_USER" -d postgres -qc "create database \"$POSTGRES_DB\""
  "$bin/pg_ctl" -D "$data" -w stop > /dev/null
fi
shift
exec "$bin/postgres" -D "$data" -c hba_file="$data/pg_hba.conf" -c ident_file="$data/pg_ident.conf" "$@"
