#!/bin/sh
# Proves that two sites replicate people's own tables both ways without writing into them: every table of a subscription has been
# copied, and the subscriber confirms what its publisher has just logged.
#
# Begins with prelude.sh and needs psql and sed. The last line of a failed run says what is wrong and what to do.
#
# Environment: that of the prelude, OWN_SITE, OWN_HOST, OWN_PORT, OWN_SUBSCRIPTION, OWN_CREDENTIALS (a folder with the file
# `password`), the same with PEER_, PEER_PUBLICATION, DATABASE, ROLE; PGSSLMODE, and PGSSLROOTCERT where it asks for one. LINK and
# TAKEN are there so that a new link, and other tables, mean a new Job.
# shellcheck disable=SC2154 # what the prelude and the Job set
umask 077

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

# Repeats a question to a site until it has an answer that is as expected; what was answered last is in $answer.
await() {
  site=$1 question=$2 expected=$3 problem=$4
  # The expectation is a pattern.
  # shellcheck disable=SC2254
  until answer=$(query "$site" "$question") && case $answer in $expected) true ;; *) false ;; esac do
    in_time || fail "$problem in $TIMEOUT_SECONDS s${answer:+, $answer}$(sed -n '1s/^/, /p' "$STDERR"): see" \
      "'Replication stands still' in docs/troubleshooting/replicated.md, then run \`pulumi up\` again."
    sleep 1
  done
}

# Every table of a subscription is there; a table that is not has not been copied, which its server's log explains.
copied() {
  await "$1" "SELECT string_agg(srrelid::regclass::text, ', ') FROM pg_subscription_rel
    JOIN pg_subscription ON pg_subscription.oid = srsubid WHERE subname = '$2' AND srsubstate <> 'r'" "" \
    "The copy of tables of $3 on $1 did not end"
}

# What the publisher logs now the subscriber confirms.
streams() {
  await "$1" "SELECT pg_logical_emit_message(false, 'rhsi', 'replication test')" "?*" "$1 did not answer"
  await "$1" "SELECT confirmed_flush_lsn >= '$answer' FROM pg_replication_slots WHERE slot_name = '$2'" "t" \
    "$3 did not confirm what $1 had written"
}

copied "$OWN_SITE" "$OWN_SUBSCRIPTION" "$PEER_SITE"
# What this site has published in this run its peer takes with the next run of its own stack: only this side is complete by now.
await "$PEER_SITE" "SELECT count(*) FROM pg_publication_tables WHERE pubname = '$PEER_PUBLICATION'" "?*" \
  "$PEER_SITE did not say what it publishes"
await "$OWN_SITE" "SELECT count(*) FROM pg_subscription_rel JOIN pg_subscription ON pg_subscription.oid = srsubid
  WHERE subname = '$OWN_SUBSCRIPTION'" "$answer" \
  "$PEER_SITE publishes $answer tables and $OWN_SITE takes others, raise rhsi:edb.refresh of $OWN_SITE; they did not agree"
copied "$PEER_SITE" "$PEER_SUBSCRIPTION" "$OWN_SITE"
streams "$PEER_SITE" "$OWN_SUBSCRIPTION" "$OWN_SITE"
say "What $PEER_SITE writes reaches $OWN_SITE."
streams "$OWN_SITE" "$PEER_SUBSCRIPTION" "$PEER_SITE"
say "$OWN_SITE and $PEER_SITE replicate both ways."
