#!/bin/sh
# Brings a running server to what its stack says: promotes a standby, makes users and databases, sets passwords, makes and drops
# slots, and lets the server read its access rules anew. What is so already is left alone, and nothing with data is ever dropped.
#
# Begins with prelude.sh and needs kubectl or oc. Statements reach psql in the server's pod by its stdin, as superuser through the
# socket there. Passwords are in no argument, and the server is told to log none. The last line of a failed run says what to do.
#
# Environment: that of the prelude, NAMESPACE, SERVER (its StatefulSet). The rest only where it is asked for:
#   PROMOTE      1: a standby becomes a primary, unless its own still sends it WAL
#   WAL_KEEP     with it: what becomes max_slot_wal_keep_size, for the pod of a standby does not say
#   PARAMETERS   with it: name=value of what the former primary had, separated by spaces; the pod has them only while it follows
#   USERS        folders below /secrets, each with username and password; OWN names those whose roles server.sh has made
#   DATABASES    name=owner, separated by spaces
#   MONITOR      a role without a password that may read statistics
#   SLOTS        every slot that shall be, or - for none; those made here before and not named are dropped
#   RESERVE      whether a new slot keeps WAL from now on (true), or from its first use (false)
#   VERSION      the major version that the server must have
#   ACCESS       what the access rules must have in them before the server reads them
# shellcheck disable=SC2154 # what the prelude and the Job set

# A standby notices a dead connection after wal_receiver_timeout, which is a minute.
STREAMING_SECONDS=90
MARK='Made by rhsi'

# A text as a literal of SQL. Without a program, whose arguments others could see.
literal() {
  rest=$1 quoted=
  while [ "${rest#*\'}" != "$rest" ]; do
    quoted="$quoted${rest%%\'*}''"
    rest=${rest#*\'}
  done
  printf "'%s'" "$quoted$rest"
}

# Runs the statements of stdin; $answer is what they return.
sql() {
  answer=$(
    {
      printf '%s\n' "SET log_statement = 'none';" "SET log_min_error_statement = 'panic';" 'SET log_min_duration_statement = -1;' \
        'SET client_min_messages = error;'
      cat
    } | "$KUBECTL" exec -i "$SERVER-0" -n "$NAMESPACE" -c postgres -- psql --no-psqlrc --dbname=postgres --quiet --tuples-only \
      --no-align --set=ON_ERROR_STOP=1 --set=VERBOSITY=terse 2>"$STDERR"
  )
}

# What psql complained about; kubectl adds a line that it ended.
problem() {
  line=
  read -r line <"$STDERR" || :
  printf '%s' "${line:-no answer}"
}

must() { sql || fail "$SERVER refused: $(problem). Run \`pulumi up\` again once that is fixed."; }

await_server() {
  until
    sql <<EOF
SELECT 1;
EOF
  do
    in_time || fail "$SERVER does not answer ($(problem)). See its pod's log, then run \`pulumi up\` again."
    sleep 1
  done
}

check_version() {
  must <<EOF
SHOW server_version_num;
EOF
  [ "$((answer / 10000))" = "$VERSION" ] || fail "$SERVER runs PostgreSQL $((answer / 10000)), and rhsi:postgres.version is $VERSION." \
    "Write the version that it has, then run \`pulumi up\` again."
}

receives() {
  must <<EOF
SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming';
EOF
  [ "$answer" != 0 ]
}

promote() {
  must <<EOF
SELECT pg_is_in_recovery();
EOF
  if [ "$answer" = t ]; then
    tries=0
    while receives; do
      { [ "$tries" -lt "$STREAMING_SECONDS" ] && in_time; } || fail "$SERVER is not promoted: its primary still runs and sends it WAL, and" \
        "two servers would take writes. Stop it first: set rhsi:postgres.promotedStandby in the primary's stack and run" \
        "\`pulumi up\` there, or, where it is itself a promoted standby, set rhsi:postgres.enabled to false in its stack and run" \
        "\`pulumi up\` there, or scale its StatefulSet to 0; then run \`pulumi up\` here again."
      tries=$((tries + 1))
      sleep 1
    done
    must <<EOF
SELECT pg_promote(true, 60);
EOF
    [ "$answer" = t ] || fail "$SERVER was told to take writes and does not yet. See its pod's log, then run \`pulumi up\` again."
  fi
  must <<EOF
ALTER SYSTEM SET max_slot_wal_keep_size = $(literal "$WAL_KEEP");
$(for parameter in $PARAMETERS; do printf 'ALTER SYSTEM SET %s = %s;\n' "${parameter%%=*}" "${parameter#*=}"; done)
SELECT pg_reload_conf() \\g /dev/null
SELECT substring(pg_walfile_name(pg_current_wal_lsn()) FOR 8);
EOF
  say "$SERVER takes writes, on timeline $answer."
}

# $1 is a role, as a literal. One that somebody else has made stays his.
make_user() {
  must <<EOF
SELECT count(*) FROM pg_roles
  WHERE rolname = $1 AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM '$MARK';
EOF
  [ "$answer" = 0 ] || fail "$SERVER has a role $1 that this program did not make, and leaves it alone. Give the user of" \
    "rhsi:postgres.users another name, then run \`pulumi up\` again."
  must <<EOF
BEGIN;
SELECT format('CREATE ROLE %I', $1) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) \\gexec
SELECT format('COMMENT ON ROLE %I IS %L', $1, '$MARK') \\gexec
COMMIT;
EOF
}

# $1 is a folder of a Secret.
apply_user() {
  IFS= read -r user <"/secrets/$1/username" || :
  IFS= read -r password <"/secrets/$1/password" || :
  name=$(literal "$user")
  case " ${OWN:-} " in
  *" $1 "*) ;;
  *) make_user "$name" ;;
  esac
  must <<EOF
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $name, $(literal "$password")) \\gexec
EOF
  say "User $user has the password of its Secret."
}

# $1 is name=owner.
make_database() {
  database=${1%%=*} owner=${1#*=}
  must <<EOF
SELECT format('CREATE DATABASE %I OWNER %I', '$database', '$owner')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$database') \\gexec
SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$database';
EOF
  [ "$answer" = "$owner" ] || fail "Database $database belongs to $answer, not to $owner. Write $answer as its owner in" \
    "rhsi:postgres.databases, or type \`oc exec $SERVER-0 -n $NAMESPACE -c postgres -- psql -c 'ALTER DATABASE $database OWNER TO" \
    "$owner'\`; then run \`pulumi up\` again."
  say "Database $database belongs to $owner."
}

make_monitor() {
  must <<EOF
SELECT 'CREATE ROLE $MONITOR LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$MONITOR') \\gexec
GRANT pg_monitor TO $MONITOR;
EOF
  say "Role $MONITOR reads statistics."
}

# A table tells the slots that were made here from everybody else's.
keep_slots() {
  wanted="''"
  must <<EOF
CREATE SCHEMA IF NOT EXISTS rhsi;
CREATE TABLE IF NOT EXISTS rhsi.standby_slots (slot_name name PRIMARY KEY);
EOF
  for slot in $SLOTS; do
    [ "$slot" != - ] || continue
    wanted="$wanted, '$slot'"
    must <<EOF
INSERT INTO rhsi.standby_slots VALUES ('$slot') ON CONFLICT DO NOTHING;
SELECT pg_create_physical_replication_slot('$slot', $RESERVE)
  WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot') \\g /dev/null
EOF
    say "Slot $slot is there."
  done
  must <<EOF
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots JOIN rhsi.standby_slots USING (slot_name)
  WHERE NOT active AND slot_name NOT IN ($wanted) \\g /dev/null
DELETE FROM rhsi.standby_slots
  WHERE slot_name NOT IN ($wanted) AND slot_name NOT IN (SELECT slot_name FROM pg_replication_slots);
SELECT string_agg(slot_name, ', ') FROM rhsi.standby_slots WHERE slot_name NOT IN ($wanted);
EOF
  [ -z "$answer" ] || fail "Slot $answer on $SERVER is still used by a standby that rhsi:standbys does not list any more, and stays." \
    "Turn rhsi:postgres off in that standby's stack, or destroy it; then run \`pulumi up\` here again."
}

reads_access() {
  sql <<EOF
SELECT strpos(pg_read_file(current_setting('hba_file')), '$ACCESS') > 0;
EOF
  [ "$answer" = t ]
}

# The kubelet brings a changed ConfigMap into the pod after a minute or so.
reload_access() {
  until reads_access; do
    in_time || fail "The pod of $SERVER does not see its new access rules. Run \`pulumi up\` again."
    sleep 1
  done
  must <<EOF
SELECT string_agg(format('line %s: %s', line_number, error), '; ') FROM pg_hba_file_rules WHERE error <> '';
EOF
  [ -z "$answer" ] || fail "$SERVER does not take a rule of rhsi:postgres.pgHba ($answer), and goes on with those it had. Correct it," \
    "then run \`pulumi up\` again."
  must <<EOF
SELECT pg_reload_conf();
EOF
  say "The access rules are in force."
}

await_server
[ -z "${VERSION:-}" ] || check_version
[ -z "${PROMOTE:-}" ] || promote
for folder in ${USERS:-}; do apply_user "$folder"; done
for database in ${DATABASES:-}; do make_database "$database"; done
[ -z "${MONITOR:-}" ] || make_monitor
[ -z "${SLOTS:-}" ] || keep_slots
[ -z "${ACCESS:-}" ] || reload_access
say "$SERVER is what the stack says."
