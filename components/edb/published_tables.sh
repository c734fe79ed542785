#!/bin/sh
# Says what would stop the replication of the tables that two sites publish, before anything of it is published or taken, and
# lets the replication role read what this site publishes. Changes nothing else.
#
# Begins with prelude.sh and needs psql and sed. The last line of a failed run names the table and what to do.
#
# Environment: that of the prelude, libpq's PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE, and PGSSLROOTCERT where it asks for
# one; CREDENTIALS (a folder with the file `password`); SITE, PEER; OWN_TABLES, OWN_SCHEMAS, PEER_TABLES, PEER_SCHEMAS (names
# between blanks); REPLICATOR; SUBSCRIPTION (absent where this site takes nothing), and with it PEER_HOST, PEER_PUBLICATION and
# PEER_CREDENTIALS, those of the replication role. TAKEN is there so that a wish to ask the peer again means a new Job.
# shellcheck disable=SC2154 # what the prelude and the Job set
umask 077
SUBSCRIPTION=${SUBSCRIPTION:-}

# A line of libpq's password file, which escapes colons and backslashes.
export PGPASSFILE="$HOME/pgpass" PGCONNECT_TIMEOUT=10
password_line() { printf '%s:%s:*:*:%s\n' "$1" "$PGPORT" "$(sed 's/[\\:]/\\&/g' "$2/password")"; }
password_line "$PGHOST" "$CREDENTIALS" >"$PGPASSFILE"
[ -z "$SUBSCRIPTION" ] || password_line "$PEER_HOST" "$PEER_CREDENTIALS" >>"$PGPASSFILE"

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

# named: every name that was given. found: the tables behind them, and those that PostgreSQL publishes with them: all partitions,
# and, of a table that is named itself, the tables that inherit from it. Rows are in those of the kind `r` alone. certain: whether
# a name tells that the other site publishes it.
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
  WITH RECURSIVE member AS (
    SELECT class.oid, own, name IS NOT NULL AS alone, name IS NOT NULL AS certain FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
    JOIN named ON schema = nspname AND (name IS NULL OR name = relname)
    WHERE relkind IN ('r', 'p')
    UNION
    SELECT inhrelid, own, alone, certain AND relispartition FROM member
    JOIN pg_inherits ON inhparent = member.oid JOIN pg_class AS class ON class.oid = inhrelid
    WHERE relkind IN ('r', 'p') AND (alone OR relispartition)
  )
  SELECT namespace.nspname AS schema, class.relname AS name, own, class.oid, class.relkind AS kind, certain,
    class.relpersistence = 'p' AS logged, pg_get_userbyid(class.relowner) AS owner, class.relispartition AS part,
    class.relreplident AS identity, keys.conname AS key, keys.condeferrable AS late,
    class.relreplident = 'f' OR EXISTS (
      SELECT FROM pg_index WHERE indrelid = class.oid AND indimmediate AND CASE class.relreplident
        WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident ELSE false END
    ) AS identified
  FROM (SELECT oid, own, bool_or(certain) AS certain FROM member GROUP BY oid, own) AS members
  JOIN pg_class AS class ON class.oid = members.oid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
  LEFT JOIN pg_constraint AS keys ON keys.conrelid = class.oid AND keys.contype = 'p';
"

until printf 'SELECT;' | query >/dev/null; do
  in_time || fail "The database of $SITE did not answer in $TIMEOUT_SECONDS s$(sed -n '1s/^/, /p' "$STDERR"):" \
    "see 'Replication stands still' in docs/troubleshooting/replicated.md, then run \`pulumi up\` again."
  sleep 1
done

# What belongs to somebody else, that one has to grant.
ask_database "
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'replicator') FROM pg_namespace
  WHERE nspname IN (SELECT schema FROM named WHERE own UNION SELECT schema FROM found WHERE own)
    AND pg_get_userbyid(nspowner) = current_user \\gexec
SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', nspname, :'replicator')
  FROM pg_namespace JOIN named ON nspname = schema AND own AND name IS NULL
  WHERE pg_get_userbyid(nspowner) = current_user \\gexec
SELECT format('GRANT SELECT ON %I.%I TO %I', schema, name, :'replicator') FROM found
  WHERE own AND owner = current_user \\gexec
"

# A line for each kind of trouble, in the order in which a person fixes them; the first one counts. A new key is no replica
# identity where that has been set to something else.
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
SELECT format('%1\$I.%2\$I on %3\$s is UNLOGGED, and such a table does not replicate: %4\$s', schema, name, :'site',
    CASE kind WHEN 'r' THEN format('ALTER TABLE %I.%I SET LOGGED', schema, name) ELSE 'make it anew without that word' END)
  FROM found WHERE own AND NOT logged ORDER BY schema, name;
SELECT format('%1\$I.%2\$I on %3\$s has %4\$s, so once it is published PostgreSQL refuses every UPDATE and DELETE on it: '
    '%5\$sALTER TABLE %1\$I.%2\$I REPLICA IDENTITY %6\$s%7\$s', schema, name, :'site',
    CASE WHEN key IS NULL THEN 'neither a primary key nor another replica identity'
      WHEN late THEN 'a DEFERRABLE primary key, which is no replica identity'
      ELSE 'a primary key that is not its replica identity' END,
    CASE WHEN identity <> 'd' OR part AND late THEN ''
      WHEN late THEN format('ALTER TABLE %1\$I.%2\$I DROP CONSTRAINT %3\$I, ADD PRIMARY KEY (...), or ', schema, name, key)
      WHEN part THEN format('ALTER TABLE %s ADD PRIMARY KEY (...), or ', pg_partition_root(oid)::regclass)
      ELSE format('ALTER TABLE %I.%I ADD PRIMARY KEY (...), or ', schema, name) END,
    CASE WHEN key IS NULL OR late THEN 'FULL' ELSE 'DEFAULT' END,
    CASE WHEN part THEN ' and so for each other partition' ELSE '' END)
  FROM found WHERE own AND kind = 'r' AND NOT identified ORDER BY schema, name;
SELECT format('%3\$s may not read %1\$I.%2\$I on %4\$s, which belongs to %5\$s, and so it could not be copied: as '
    'superuser ALTER TABLE %1\$I.%2\$I OWNER TO %6\$I, and let %3\$s use its schema', schema, name, :'replicator', :'site',
    owner, current_user)
  FROM found WHERE own AND kind = 'r' AND NOT (has_table_privilege(:'replicator', oid, 'SELECT')
    AND has_schema_privilege(:'replicator', schema, 'USAGE')) ORDER BY schema, name;
"
[ -z "$answer" ] || fail "$(printf '%s\n' "$answer" | sed -n 1p). Then run \`pulumi up\` again."

# The tables with rows, of those that this site takes for the first time, for which a condition holds.
filled() {
  ask_database "
SELECT DISTINCT format('SELECT %L WHERE EXISTS (SELECT FROM %s)', oid::regclass, oid::regclass) FROM found
  WHERE NOT own AND kind = 'r' AND ($1) AND has_table_privilege(oid, 'SELECT') AND NOT EXISTS (
    SELECT FROM pg_subscription_rel JOIN pg_subscription ON pg_subscription.oid = srsubid
    WHERE subname = :'subscription' AND srrelid IN (SELECT found.oid::regclass UNION SELECT pg_partition_ancestors(found.oid))
  ) \\gexec
"
}

# The tables that the peer publishes, in $answer; it may be away, or not linked yet.
ask_peer() {
  for try in 1 2 3 4 5; do
    answer=$(printf '%s\n' "SELECT coalesce(json_agg(json_build_array(schemaname, tablename)), '[]') FROM pg_publication_tables
      WHERE pubname = :'publication'" |
      psql -XqAtw -v ON_ERROR_STOP=1 -v publication="$PEER_PUBLICATION" -h "$PEER_HOST" -U "$REPLICATOR" -f - 2>"$STDERR") && return
    [ "$try" = 5 ] || sleep 1
  done
  return 1
}

# What this site has not taken yet is copied as a whole, and the copy stops at the first row that is there already. Which tables of
# a schema the peer publishes only the peer knows: a table of this site's own may be among them.
if [ -n "$SUBSCRIPTION" ]; then
  filled true
  if [ -n "$answer" ]; then
    all=$answer
    if ask_peer; then
      filled "certain OR EXISTS (
        SELECT FROM json_array_elements('$(printf '%s' "$answer" | sed "s/'/''/g")') AS one
        JOIN pg_class AS class ON relname = one ->> 1 JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
        WHERE nspname = one ->> 0 AND class.oid IN (SELECT found.oid::regclass UNION SELECT pg_partition_ancestors(found.oid)))"
      all=
    else
      filled certain
    fi
    first=$(printf '%s\n' "$answer" | sed -n 1p)
    [ -z "$first" ] ||
      fail "$first on $SITE has rows already, and the first copy from $PEER stops at a row that is there too: TRUNCATE $first on" \
        "$SITE, then run \`pulumi up\` again."
    printf '%s\n' "$all" | while read -r table; do
      [ -z "$table" ] || say "$table on $SITE has rows already, and $PEER does not say whether it publishes it: if it does, TRUNCATE" \
        "$table on $SITE, else move it to another schema."
    done
  fi
fi

say "What $SITE and $PEER publish can replicate."
