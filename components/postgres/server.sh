#!/bin/sh
# Runs a PostgreSQL server in a pod, in two steps, each of them a container of the pod:
#
#   prepare   makes what is missing and returns; what is done already is left alone, what was interrupted is done anew
#             primary: the database cluster; then, at every start, roles, database and the passwords of the mounted Secrets
#             standby: a copy of the primary, made by pg_basebackup through the link, and the slot that keeps its WAL there
#   serve     the server, on the pod's own address and on the socket in $PGHOST; ends with a fast shutdown
#
# What follows the step goes to the server as it is (`-c name=value`); a standby raises what PostgreSQL wants to be at least as high
# as on the primary. A standby that was promoted stays one: nothing here makes it a standby again.
#
# Needs sh (with cat, chmod, id, mkdir, mv, rm, sleep) and PostgreSQL's programs in PATH. The last line of a failed run says what
# is wrong. Passwords are read from files only: by psql on the primary, by libpq from a service file on the standby, anew for
# each connection, so that a changed one needs no restart there.
#
# Environment: ROLE (primary or standby), PGDATA (its parent is the volume), PGHOST, HOME (writable),
#   primary: APPLICATION and REPLICATION (folders with username and password), DATABASE, WAL_KEEP (max_slot_wal_keep_size)
#   standby: PGSERVICEFILE, SERVICE (the primary in that file), SLOT (on the primary; also the standby's name there),
#            PRIMARY_PARAMETERS (what the primary's stack says of them: name=value, separated by spaces; may be empty)
#   serve:   POD_IP
set -eu

say() { printf '%s\n' "$*"; }

fail() {
  say "$*"
  exit 1
}

# initdb wants a name for its user. OpenShift gives an arbitrary UID one; elsewhere nss_wrapper, which most images have, does.
with_user_name() {
  if ! id -un >/dev/null 2>&1; then
    for library in /usr/lib*/libnss_wrapper.so /usr/lib/*/libnss_wrapper.so; do [ ! -e "$library" ] || break; done
    [ -e "$library" ] || fail "UID $(id -u) has no name in this image, which initdb needs: set rhsi:postgres.runAsUser to the UID of" \
      "the image's postgres user."
    printf 'postgres:x:%s:%s::%s:/bin/sh\n' "$(id -u)" "$(id -g)" "$HOME" >"$HOME/passwd"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$HOME/group"
    export NSS_WRAPPER_PASSWD="$HOME/passwd" NSS_WRAPPER_GROUP="$HOME/group" LD_PRELOAD="$library"
  fi
  "$@"
}

make_cluster() {
  say "Making the database cluster..."
  rm -rf "$PGDATA.new"
  # Sorts alike in every image, so that no index is wrong on a standby that runs another one.
  (with_user_name initdb --pgdata="$PGDATA.new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=trust --auth-host=scram-sha-256)
  mv "$PGDATA.new" "$PGDATA"
}

# Whoever reaches the socket is in the pod already; everybody else needs a password.
write_access_rules() {
  cat >"$PGDATA/pg_hba.conf" <<'EOF'
# Written by the pod at every start.
local all all trust
host all all all scram-sha-256
host replication all all scram-sha-256
EOF
}

# Nobody but this script sees the server until the passwords are right: it listens on a socket of its own.
apply_roles() {
  mkdir -p "$HOME/private"
  say "Applying roles and passwords..."
  pg_ctl start --pgdata="$PGDATA" --silent --wait --timeout=86400 \
    --options="-c listen_addresses='' -c unix_socket_directories='$HOME/private' -c logging_collector=off"
  trap 'pg_ctl stop --pgdata="$PGDATA" --silent --mode=fast' EXIT
  # psql fetches the passwords itself; the server must not quote a statement with one in its log, nor psql in its messages.
  psql --host="$HOME/private" --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=VERBOSITY=terse <<'SQL'
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
\set application `cat "$APPLICATION/username"`
\set application_password `cat "$APPLICATION/password"`
\set replication `cat "$REPLICATION/username"`
\set replication_password `cat "$REPLICATION/password"`
\set database `printf %s "$DATABASE"`
SELECT format('CREATE ROLE %I', name) FROM (VALUES (:'application'), (:'replication')) AS wanted (name)
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE :"application" LOGIN PASSWORD :'application_password';
ALTER ROLE :"replication" LOGIN REPLICATION PASSWORD :'replication_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'application')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SQL
  trap - EXIT
  pg_ctl stop --pgdata="$PGDATA" --silent --mode=fast
}

prepare_primary() {
  [ -d "$PGDATA" ] || make_cluster
  # A volume's group may have been given rights on it, with which no server starts.
  chmod 0700 "$PGDATA"
  write_access_rules
  apply_roles
  say "The primary is prepared."
}

# Until the link is up, the primary's name does not answer, or not even exist. Every new reason is told once.
make_slot() {
  reason=
  until answer=$(psql "service=$SERVICE dbname=postgres" --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 \
    --set=slot="$SLOT" 2>&1 <<'SQL'
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
  WHERE slot_name = :'slot' AND wal_status = 'lost' AND NOT active;
SELECT pg_create_physical_replication_slot(:'slot', true)
  WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot');
SQL
  ); do
    [ "$answer" = "$reason" ] || say "Waiting for the primary: $answer"
    reason=$answer
    sleep 2
  done
}

# Runs a long program so that a signal ends it at once; this shell would hear it only afterwards.
run() {
  "$@" &
  child=$!
  trap 'kill "$child" 2>/dev/null; exit 143' TERM INT
  wait "$child"
}

prepare_standby() {
  if [ ! -d "$PGDATA" ]; then
    until
      make_slot
      say "Copying the primary..."
      rm -rf "$PGDATA.new"
      run pg_basebackup --dbname="service=$SERVICE application_name=$SLOT" --no-password --pgdata="$PGDATA.new" \
        --wal-method=stream --slot="$SLOT" --checkpoint=fast
    do
      say "The copy was interrupted and starts anew."
      sleep 2
    done
    : >"$PGDATA.new/standby.signal"
    mv "$PGDATA.new" "$PGDATA"
  fi
  # As on the primary.
  chmod 0700 "$PGDATA"
  say "The standby is prepared."
}

# The primary's parameters as of the last WAL that this copy has: its control file follows them, also where somebody set them by
# hand, and where the server then stopped replaying (PostgreSQL's xlog_redo, XLOG_PARAMETER_CHANGE).
parameters_in_wal() {
  LC_ALL=C pg_controldata "$PGDATA" | while IFS=: read -r name value; do
    case $name in
    'max_connections setting' | 'max_worker_processes setting' | 'max_wal_senders setting') name=${name% setting} ;;
    'max_prepared_xacts setting') name=max_prepared_transactions ;;
    'max_locks_per_xact setting') name=max_locks_per_transaction ;;
    *) continue ;;
    esac
    echo "$name=${value##* }"
  done
}

# A standby with less than the primary neither starts nor replays (documentation, "Hot Standby", "Administrator's Overview").
serve_standby() {
  if [ -e "$PGDATA/standby.signal" ]; then
    for parameter in $PRIMARY_PARAMETERS $(parameters_in_wal); do
      own=$(postgres -D "$PGDATA" -C "${parameter%%=*}" "$@" 2>/dev/null) || own=0
      [ "$own" -ge "${parameter#*=}" ] || set -- "$@" -c "$parameter"
    done
  fi
  serve -c "primary_conninfo=service=$SERVICE application_name=$SLOT" -c "primary_slot_name=$SLOT" "$@"
}

# The server is a child, because Kubernetes sends SIGTERM, for which PostgreSQL would wait until its last client has gone.
serve() {
  postgres -D "$PGDATA" -c "listen_addresses=$POD_IP" -c "unix_socket_directories=$PGHOST" -c logging_collector=off "$@" &
  server=$!
  trap 'kill -INT "$server"' TERM INT
  # A signal ends the wait, not the server.
  while :; do
    status=0
    wait "$server" || status=$?
    kill -0 "$server" 2>/dev/null || break
  done
  exit "$status"
}

# The pod's first process ignores signals that it has not asked for.
trap 'exit 143' TERM INT
step=$1
shift
case "$step $ROLE" in
'prepare primary') prepare_primary ;;
'prepare standby') prepare_standby ;;
'serve primary') serve -c "max_slot_wal_keep_size=$WAL_KEEP" "$@" ;;
'serve standby') serve_standby "$@" ;;
*) fail "There is no step '$step' of a '$ROLE'." ;;
esac
