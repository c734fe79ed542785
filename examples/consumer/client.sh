#!/bin/sh
# Runs in the pod of this example: writes a row to the database that rhsi brought here, and counts what is there. libpq takes
# the password from a file that only this pod has, and never from a variable or an argument.
set -eu
umask 077
printf '*:*:*:*:%s\n' "$(sed 's/[\\:]/\\&/g' /secrets/password)" >"$PGPASSFILE"
psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --set=site="$SITE" <<'SQL'
CREATE TABLE IF NOT EXISTS consumer_visits (site text NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO consumer_visits (site) VALUES (:'site');
SELECT format('%s writes to a server that %s', :'site', CASE WHEN pg_is_in_recovery() THEN 'follows' ELSE 'leads' END) AS "said";
SELECT count(*) AS "visits" FROM consumer_visits WHERE site = :'site';
SQL
