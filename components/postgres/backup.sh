#!/bin/sh
# Runs Barman's cloud tools beside a PostgreSQL server, in one of three ways:
#
#   serve     archives what archive.sh asks for, and makes the first base backup; ends after the server
#   base      makes a base backup, then deletes what no recovery needs any more
#   recover   fills an empty volume from the store, up to the moment that was asked for, in a timeline of its own; data stays as it is.
#             What follows are the server's parameters
#
# Begins with the functions archive, check, back_up, clean and restore, and with FETCH, which backup.py writes. Needs sh (with cat, chmod,
# cp, mv, rm, sleep), Barman's cloud tools and PostgreSQL's programs in PATH. Keys are in a file, never in an argument or a variable.
#
# Environment: PGDATA, PGHOST, PGUSER, HOME (writable), SPOOL, FOLDER (in the store), FIRST (true: the first base backup at once)
# shellcheck disable=SC2154 # what backup.py writes
set -eu

say() { printf '%s\n' "$*"; }

fail() {
  say "$*"
  exit 1
}

# Anew each time, so that changed keys need no restart.
open_store() {
  [ -d /secrets/backup ] || return 0
  IFS= read -r identity </secrets/backup/ACCESS_KEY_ID || :
  IFS= read -r secret </secrets/backup/ACCESS_SECRET_KEY || :
  (umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$identity" "$secret" >"$HOME/keys-$1")
  export AWS_SHARED_CREDENTIALS_FILE="$HOME/keys-$1"
}

takes_writes() { [ "$(psql --no-psqlrc --dbname=postgres --tuples-only --no-align --command='SELECT pg_is_in_recovery()' 2>&1)" = f ]; }

# A folder with the WAL of another server, or of another life of this one, would be spoilt, and lose what is too old for this one.
# Who has begun a folder may go on.
own_folder() {
  mark="${PGDATA%/*}/archives-into-$FOLDER"
  [ -e "$mark" ] || check || return 1
  : >"$mark"
}

archive_into_own() {
  own_folder || return 1
  archive "$PGDATA/pg_wal/$1"
}

base() {
  if ! takes_writes; then
    say "This server follows another one, whose stack makes the backups."
    return 0
  fi
  own_folder || return 1
  back_up || return 1
  : >"${PGDATA%/*}/backed-up-into-$FOLDER"
  say "The base backup is complete."
  clean
}

first() {
  until [ -e "${PGDATA%/*}/backed-up-into-$FOLDER" ]; do
    if takes_writes; then
      open_store first
      base || say "The first base backup failed, and is tried again."
    fi
    sleep 5
  done
}

serve() {
  stopping=
  trap 'stopping=1' TERM INT
  [ "$FIRST" != true ] || first &
  # The server's last files come while it stops.
  while [ -z "$stopping" ] || [ -e "$PGDATA/postmaster.pid" ]; do
    for wanted in "$SPOOL"/*.wanted; do
      file=${wanted%.wanted}
      # What the store has, and archive.sh has not seen yet, PostgreSQL may give to other WAL at any moment: never archive it again.
      [ ! -e "$file.done" ] || continue
      [ -e "$wanted" ] || continue
      open_store archive
      if archive_into_own "${file##*/}" >"$HOME/answer" 2>&1; then
        rm -f "$wanted"
        : >"$file.done"
      else
        rm -f "$wanted"
        cat "$HOME/answer"
        cp "$HOME/answer" "$file.answer"
        mv "$file.answer" "$file.failed"
      fi
    done
    sleep 0.2
  done
}

recover() {
  if [ -d "$PGDATA" ]; then
    say "The volume has data, which stay as they are."
    return 0
  fi
  open_store recover
  say "Fetching the base backup..."
  rm -rf "$PGDATA.new"
  restore "$PGDATA.new" || fail "There is no base backup that the recovery could begin with. See the log above, and rhsi:postgres.recovery."
  chmod 0700 "$PGDATA.new"
  : >"$PGDATA.new/recovery.signal"
  say "Replaying WAL..."
  # Without hot_standby the server answers once it takes writes, and wants no parameter to be as high as before. What the new timeline
  # writes is archived later.
  # shellcheck disable=SC2016 # a shell of PostgreSQL's expands it
  postgres -D "$PGDATA.new" "$@" -c "listen_addresses=" -c "unix_socket_directories=$PGHOST" -c logging_collector=off -c hot_standby=off \
    -c archive_mode=on -c archive_command= -c 'restore_command=sh -c "$FETCH" fetch %f %p' -c recovery_target_action=promote \
    ${TARGET:+-c "recovery_target_time=$TARGET"} &
  server=$!
  trap 'kill -INT "$server"' TERM INT
  until pg_isready -q; do
    kill -0 "$server" 2>/dev/null || fail "The recovery failed: the server's last words are in the log above."
    sleep 1
  done
  kill -INT "$server"
  wait "$server" || :
  mv "$PGDATA.new" "$PGDATA"
  say "The server is recovered."
}

case $1 in
serve) serve ;;
base)
  open_store base
  base
  ;;
recover)
  shift
  recover "$@"
  ;;
*) fail "There is no step '$1'." ;;
esac
