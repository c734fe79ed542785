#!/bin/sh
# Writes a row on the primary, over the link, and waits until the standby beside this pod shows it.
#
# Begins with prelude.sh and needs psql. The password comes from a libpq service file. The last line says what happened, and after
# a failure what to do.
#
# Environment: that of the prelude, PGSERVICEFILE, SERVICE (the primary in it), STANDBY (the standby's Service), SITE, LINK.
# shellcheck disable=SC2154 # what the prelude and the Job set

ID=0
NEWLINE='
'

# Runs the statements of stdin on a host; $answer is what they return, or why they failed.
query() {
  answer=$(psql "service=$SERVICE host=$1" --no-psqlrc --no-password --quiet --tuples-only --no-align \
    --set=ON_ERROR_STOP=1 --set=VERBOSITY=terse --set=site="$SITE-via-skupper" --set=id="$ID" 2>&1)
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
  in_time || fail "Row $ID is on $SERVICE, but $STANDBY did not show it in $TIMEOUT_SECONDS s: $(first_line). The log of its pod says how far" \
    "it is (\`kubectl logs $STANDBY-0 --all-containers\`); then run \`pulumi up\` again."
  sleep 1
done
say "Row $ID went to $SERVICE through Link $LINK and came back to $STANDBY."
