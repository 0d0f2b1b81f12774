#!/bin/sh
# Makes the roles with least rights when the database is new; 'feedmill migrate'
# grants them what they need.
set -eu
for role in serve generate admin; do
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v role="feedmill_$role" \
    -v password="$(cat "/run/secrets/${role}_password")" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SQL
done
