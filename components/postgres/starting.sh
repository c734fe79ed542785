#!/bin/sh
# Begins server.sh for a server that would not start in `prepare`, or would give up WAL there, without what it serves with
# (starting.py): `pg_ctl start` gives it that too. A file of its own, for another text of server.sh starts every server again.
#
# Environment: STARTING (options of postgres, quoted for the shell by which pg_ctl starts it)
set -eu

pg_ctl() {
  [ "$1" != start ] || set -- "$@" --options="$STARTING"
  command pg_ctl "$@"
}
