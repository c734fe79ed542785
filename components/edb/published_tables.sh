#!/bin/sh
# Says what would stop the replication of the tables that two sites publish, before anything of it is published or taken, and
# lets the replication role read what this site publishes. Changes nothing else.
#
# Begins with prelude.sh and needs psql and sed. The last line of a failed run names the table and what to do.
#
# Environment: that of the prelude, libpq's PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE, and PGSSLROOTCERT where it asks for
# one; CREDENTIALS (a folder with the file `password`); SITE, PEER; OWN_TABLES, OWN_SCHEMAS, PEER_TABLES, PEER_SCHEMAS (names
# between blanks); REPLICATOR; SUBSCRIPTION (absent where this site takes nothing).
# shellcheck disable=SC2154 # what the prelude and the Job set
umask 077
SUBSCRIPTION=${SUBSCRIPTION:-}

# A line of libpq's password file, which escapes colons and backslashes.
export PGPASSFILE="$HOME/pgpass" PGCONNECT_TIMEOUT=10
printf '%s:%s:*:*:%s\n' "$PGHOST" "$PGPORT" "$(sed 's/[\\:]/\\&/g' "$CREDENTIALS/password")" >"$PGPASSFILE"

# Runs SQL from standard input; what the Job was given are psql's variables, which it quotes itself.
query() {
  psql -XqAtw -v ON_ERROR_STOP=1 -v site="$SITE" -v peer="$PEER" -v own_tables="$OWN_TABLES" -v own_schemas="$OWN_SCHEMAS" \
    -v peer_tables="$PEER_TABLES" -v peer_schemas="$PEER_SCHEMAS" -v replicator="$REPLICATOR" \
    -v subscription="$SUBSCRIPTION" -f - 2>"$STDERR"
}

# The answer to SQL on the views below, in $answer.
ask_database() {
  answer=$(printf '%s\n' "$VIEWS" "$1" | query) ||
    fail "The database of $SITE refused a question about its tables$(sed -n '1s/^/, /p' "$STDERR"): run \`pulumi up\` again."
}

# named: every name that was given. found: the tables behind them.
VIEWS="
SET client_min_messages = warning;
CREATE TEMP VIEW named AS
  SELECT split_part(one, '.', 1) AS schema, nullif(split_part(one, '.', 2), '') AS name, own
  FROM (
    SELECT unnest(string_to_array(:'own_tables', ' ') || string_to_array(:'own_schemas', ' ')) AS one, true AS own
    UNION ALL
    SELECT unnest(string_to_array(:'peer_tables', ' ') || string_to_array(:'peer_schemas', ' ')), false
  ) AS given WHERE one <> '';
CREATE TEMP VIEW found AS
  SELECT namespace.nspname AS schema, class.relname AS name, named.own, class.oid, class.relkind AS kind,
    class.relpersistence = 'p' AS logged, pg_get_userbyid(class.relowner) AS owner,
    class.relreplident = 'f' OR EXISTS (
      SELECT FROM pg_index WHERE indrelid = class.oid AND CASE class.relreplident
        WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident ELSE false END
    ) AS identified
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
  JOIN named ON named.schema = namespace.nspname AND (named.name IS NULL OR named.name = class.relname)
  WHERE class.relkind IN ('r', 'p');
"

until printf 'SELECT;' | query >/dev/null; do
  in_time || fail "The database of $SITE did not answer in $TIMEOUT_SECONDS s$(sed -n '1s/^/, /p' "$STDERR"):" \
    "see 'Replication stands still' in docs/troubleshooting/replicated.md, then run \`pulumi up\` again."
  sleep 1
done

# What belongs to somebody else, that one has to grant.
ask_database "
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'replicator') FROM pg_namespace JOIN named
  ON nspname = schema AND own WHERE pg_get_userbyid(nspowner) = current_user \\gexec
SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', nspname, :'replicator')
  FROM pg_namespace JOIN named ON nspname = schema AND own AND name IS NULL
  WHERE pg_get_userbyid(nspowner) = current_user \\gexec
SELECT format('GRANT SELECT ON %I.%I TO %I', schema, name, :'replicator') FROM found
  WHERE own AND owner = current_user \\gexec
"

# A line for each kind of trouble, in the order in which a person fixes them; the first one counts.
ask_database "
SELECT format('There is no schema %s in the database %s of %s, %s: create it there as user %s',
    string_agg(schema, ', ' ORDER BY schema), current_database(), :'site',
    CASE WHEN own THEN 'though rhsi:edb.publish names it' ELSE format('which takes it from %s', :'peer') END, current_user)
  FROM (SELECT DISTINCT schema, own FROM named) AS wanted
  WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = schema) GROUP BY own ORDER BY own DESC;
SELECT format('There is no table %s in the database %s of %s, %s: create it there as user %s%s',
    string_agg(named.schema || '.' || named.name, ', ' ORDER BY named.schema, named.name), current_database(), :'site',
    CASE WHEN own THEN 'though rhsi:edb.publish names it' ELSE format('which takes it from %s', :'peer') END, current_user,
    CASE WHEN own THEN '' ELSE ', with the columns that it has over there' END)
  FROM named WHERE name IS NOT NULL
    AND NOT EXISTS (SELECT FROM found WHERE (found.schema, found.name) = (named.schema, named.name))
  GROUP BY own ORDER BY own DESC;
SELECT format('%1\$I.%2\$I on %3\$s is UNLOGGED, and such a table does not replicate: ALTER TABLE %1\$I.%2\$I SET LOGGED',
    schema, name, :'site') FROM found WHERE own AND NOT logged ORDER BY schema, name;
SELECT format('%1\$I.%2\$I on %3\$s has neither a primary key nor another replica identity, so once it is published '
    'PostgreSQL refuses every UPDATE and DELETE on it: ALTER TABLE %1\$I.%2\$I ADD PRIMARY KEY (...), or '
    'ALTER TABLE %1\$I.%2\$I REPLICA IDENTITY FULL', schema, name, :'site')
  FROM found WHERE own AND NOT identified ORDER BY schema, name;
SELECT format('%3\$s may not read %1\$I.%2\$I on %4\$s, which belongs to %5\$s, and so it could not be copied: as '
    'superuser ALTER TABLE %1\$I.%2\$I OWNER TO %6\$I, and let %3\$s use its schema', schema, name, :'replicator', :'site',
    owner, current_user)
  FROM found WHERE own AND NOT (has_table_privilege(:'replicator', oid, 'SELECT')
    AND has_schema_privilege(:'replicator', schema, 'USAGE')) ORDER BY schema, name;
"
[ -z "$answer" ] || fail "$(printf '%s\n' "$answer" | sed -n 1p). Then run \`pulumi up\` again."

# What this site has not taken yet is copied as a whole, and the copy stops at the first row that is there already.
[ -z "$SUBSCRIPTION" ] || ask_database "
SELECT DISTINCT format('SELECT %L WHERE EXISTS (SELECT FROM %s)', leaf::regclass, leaf::regclass)
  FROM found CROSS JOIN LATERAL (
    SELECT found.oid AS leaf WHERE kind = 'r'
    UNION SELECT relid FROM pg_partition_tree(found.oid) WHERE isleaf
  ) AS leaves
  WHERE NOT own AND has_table_privilege(leaf, 'SELECT') AND NOT EXISTS (
    SELECT FROM pg_subscription_rel JOIN pg_subscription ON pg_subscription.oid = srsubid
    WHERE subname = :'subscription' AND srrelid = leaf
  ) \\gexec
"
[ -z "$answer" ] || [ -z "$SUBSCRIPTION" ] ||
  fail "$(printf '%s\n' "$answer" | sed -n 1p) on $SITE has rows already, and the first copy from $PEER stops at a row that is" \
    "there too: TRUNCATE $(printf '%s\n' "$answer" | sed -n 1p) on $SITE, then run \`pulumi up\` again."

say "What $SITE and $PEER publish can replicate."
