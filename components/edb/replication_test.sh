#!/bin/sh
# Proves that two sites replicate both ways: each writes, changes and deletes a row of its own table, and every time the other
# must come to show the same. The row's id is the Job's, so that a statement whose answer was lost can be repeated; its payload
# begins with a mark, so that a row that a test could not delete is deleted by the next one.
#
# Begins with prelude.sh and needs psql and sed. The last line of a failed run says what is wrong and what to do.
#
# Environment: that of the prelude, OWN_SITE, OWN_HOST, OWN_PORT, OWN_TABLE, OWN_CREDENTIALS (a folder with the file `password`),
# the same with PEER_, DATABASE, ROLE, JOB_UID; PGSSLMODE, and PGSSLROOTCERT where it asks for one. LINK is there so that a
# new link means a new Job.
# shellcheck disable=SC2154 # what the prelude and the Job set
umask 077
MARK=edb-replication-test

# A line of libpq's password file, which escapes colons and backslashes.
password_line() { printf '%s:%s:*:*:%s\n' "$1" "$2" "$(sed 's/[\\:]/\\&/g' "$3/password")"; }

export PGPASSFILE="$HOME/pgpass" PGCONNECT_TIMEOUT=10
{
  password_line "$OWN_HOST" "$OWN_PORT" "$OWN_CREDENTIALS"
  password_line "$PEER_HOST" "$PEER_PORT" "$PEER_CREDENTIALS"
} >"$PGPASSFILE"

query() {
  case $1 in
  "$OWN_SITE") set -- "$OWN_HOST" "$OWN_PORT" "$2" ;;
  *) set -- "$PEER_HOST" "$PEER_PORT" "$2" ;;
  esac
  psql -XqAtw -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U "$ROLE" -d "$DATABASE" -c "$3" 2>"$STDERR"
}

# What psql complained about first, as the continuation of a sentence.
told() { sed -n "1s/^/, /p" "$STDERR"; }

# Deletes the rows of this test, and of those before it, from the table of their writer: the deletion replicates too. In $left is
# where that failed.
clean_up() {
  left=
  for site in "$OWN_SITE" "$PEER_SITE"; do
    table=$OWN_TABLE
    [ "$site" = "$OWN_SITE" ] || table=$PEER_TABLE
    query "$site" "DELETE FROM public.\"$table\" WHERE payload LIKE '$MARK: %'" || left="${left:+$left, }$table on $site"
  done
}
trap clean_up EXIT
trap 'exit 143' TERM INT

give_up() {
  why=$(told)
  clean_up
  trap - EXIT
  fail "$problem in $TIMEOUT_SECONDS s$why: see 'Replication stands still' in docs/troubleshooting/replicated.md, then run \`pulumi up\`" \
    "again.${left:+ Rows of the test may stay until the next one passes, in $left.}"
}

# Repeats a question to a site until it gives this answer.
await() {
  site=$1 expected=$2 question=$3 problem=$4
  until answer=$(query "$site" "$question") && [ "$answer" = "$expected" ]; do
    in_time || give_up
    sleep 1
  done
}

prove() {
  writer=$1 reader=$2 table=public.\"$3\"
  seen="SELECT payload FROM $table WHERE id = '$JOB_UID'"
  for done in written changed; do
    payload="$MARK: $done"
    await "$writer" "$payload" "INSERT INTO $table (id, site, payload) VALUES ('$JOB_UID', '$writer', '$payload')
      ON CONFLICT (id) DO UPDATE SET payload = excluded.payload RETURNING payload" "$writer did not take a row"
    await "$reader" "$payload" "$seen" "A row that was $done on $writer did not show on $reader"
  done
  await "$writer" "" "DELETE FROM $table WHERE id = '$JOB_UID'" "$writer did not delete a row"
  await "$reader" "" "$seen" "A row that was deleted on $writer did not go on $reader"
  say "Rows of $writer reach $reader."
}

prove "$PEER_SITE" "$OWN_SITE" "$PEER_TABLE"
prove "$OWN_SITE" "$PEER_SITE" "$OWN_TABLE"
say "$OWN_SITE and $PEER_SITE replicate both ways."
