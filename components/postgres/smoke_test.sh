#!/bin/sh
# Writes a row on the primary, over the link, and waits until the standby beside this pod shows it.
#
# Begins with prelude.sh and needs psql. The password comes from a libpq service file. The last line says what happened, and after
# a failure what to do. The row stays: the table is the history of the tests.
#
# Environment: that of the prelude, PGSERVICEFILE, SERVICE (the primary in it), STANDBY (the standby's Service), SLOT (its slot on the
# primary), NAMESPACE, SITE, LINK. PRIMARY_PARAMETERS is there so that other ones mean a new test.
# shellcheck disable=SC2154 # what the prelude and the Job set

ID=0
THERE=
NEWLINE='
'

# Runs the statements of stdin on a host; $answer is what they return, or why they failed.
query() {
  answer=$(psql "service=$SERVICE host=$1" --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
    --set=VERBOSITY=terse --set=site="$SITE-via-skupper" --set=id="$ID" --set=slot="$SLOT" --set=there="$THERE" 2>&1)
}

# The answer's first line; libpq adds guesses in further ones.
first_line() { printf '%s' "${answer%%"$NEWLINE"*}"; }

write_row() {
  query "$SERVICE" <<'EOF'
SET client_min_messages = error;
CREATE TABLE IF NOT EXISTS skupper_test (
  id         serial PRIMARY KEY,
  site       text,
  created_at timestamptz DEFAULT now()
);
INSERT INTO skupper_test (site) VALUES (:'site') RETURNING id;
EOF
}

last_rows() {
  query "$SERVICE" <<'EOF'
\pset tuples_only off
\pset format aligned
SELECT * FROM skupper_test ORDER BY id DESC LIMIT 5;
EOF
}

# Succeeds once the row is there; until then $answer says what is instead.
find_row() {
  query "$STANDBY" <<'EOF' && [ "$answer" = "$ID" ]
SELECT coalesce((SELECT id::text FROM skupper_test WHERE id = :id), 'the row is not there yet');
EOF
}

primary_parameters() {
  query "$SERVICE" <<'EOF'
SELECT string_agg(name || '=' || setting, ' ') FROM pg_settings WHERE name IN
  ('max_connections', 'max_locks_per_transaction', 'max_prepared_transactions', 'max_wal_senders', 'max_worker_processes');
EOF
}

slot_state() {
  query "$SERVICE" <<'EOF'
SELECT coalesce((SELECT CASE WHEN wal_status = 'lost' THEN 'lost' WHEN active THEN 'in use' ELSE 'not in use' END
  FROM pg_replication_slots WHERE slot_name = :'slot'), 'missing');
EOF
}

# What the standby says of its replay, against the primary's parameters in $THERE.
replay_state() {
  query "$STANDBY" <<'EOF'
SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN 'promoted'
  WHEN pg_get_wal_replay_pause_state() = 'not paused' THEN 'replays'
  ELSE 'paused' || coalesce((
    SELECT format(' %s is %s there and %s', name, own.setting, split_part(one, '=', 2))
    FROM unnest(string_to_array(:'there', ' ')) AS one JOIN pg_settings AS own ON name = split_part(one, '=', 1)
    WHERE own.setting::bigint < split_part(one, '=', 2)::bigint ORDER BY name LIMIT 1), '')
END;
EOF
}

# Ends the test with what keeps the standby from showing a row, as far as the servers tell.
does_not_show() {
  problem="Row $ID is on $SERVICE, but $STANDBY did not show it in $TIMEOUT_SECONDS s" seen=$(first_line)
  THERE=$(primary_parameters && printf %s "$answer") || :
  state=$(replay_state && printf %s "$answer") || state=unknown
  its_slot=$(slot_state && printf %s "$answer") || its_slot=unknown
  again="then run \`pulumi up\` again."
  anew="See 'Copy a standby anew' in docs/troubleshooting/streaming.md; $again"
  logs="The log of its pod says why (\`kubectl logs $STANDBY-0 -n $NAMESPACE --all-containers\`); $again"
  case $state in
  promoted) fail "$problem: it was promoted, and follows nobody. Is that meant, set rhsi:postgres.promoted to true. Otherwise see" \
    "'Copy a standby anew' in docs/troubleshooting/streaming.md; $again" ;;
  paused) fail "$problem: somebody paused its replay. Type \`kubectl exec $STANDBY-0 -n $NAMESPACE -c postgres -- psql -c" \
    "'SELECT pg_wal_replay_resume()'\`; $again" ;;
  paused*) fail "$problem: ${state#paused } on $SERVICE, so that it stopped replaying. Type \`kubectl delete pod $STANDBY-0 -n" \
    "$NAMESPACE\`, after which it starts with as much; $again" ;;
  esac
  case $its_slot in
  lost) fail "$problem: its slot $SLOT is lost, for it was away longer than rhsi:postgres.maxSlotWalKeepSize lasts. $anew" ;;
  missing | 'not in use') fail "$problem: $seen, and its slot $SLOT on $SERVICE is $its_slot. $logs" ;;
  *) fail "$problem: $seen. $logs" ;;
  esac
}

# How often anybody has logged in to the standby's database postgres, as its readiness probe does (replication.py); nothing of a
# server that has been up for a minute.
logins() {
  query "$STANDBY" <<'EOF'
SELECT sessions FROM pg_stat_database
  WHERE datname = 'postgres' AND pg_postmaster_start_time() > now() - interval '1 minute';
EOF
}

# Kubernetes finds a server that has just started Ready only when its probe logs in next. The stack reads that after this test, and
# would take a standby that follows for one that does not.
await_probe() {
  logins || return 0
  before=$answer
  tries=0
  while [ -n "$before" ] && [ "$answer" = "$before" ] && [ "$tries" -lt 10 ]; do
    sleep 1
    tries=$((tries + 1))
    logins || return 0
  done
}

say "Writing to $SERVICE through Link $LINK..."
until write_row; do
  in_time || fail "$SERVICE could not be written to through Link $LINK in $TIMEOUT_SECONDS s: $(first_line). See that it runs on the" \
    "primary's site and that Listener $SERVICE is Ready here, then run \`pulumi up\` again."
  sleep 1
done
ID=$answer
last_rows && say "$answer"

say "Waiting for row $ID on $STANDBY..."
until find_row; do
  in_time || does_not_show
  sleep 1
done
await_probe
say "The row stays in table skupper_test, with those of the tests before it."
say "Row $ID went to $SERVICE through Link $LINK and came back to $STANDBY."
