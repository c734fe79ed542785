#!/bin/sh
# Ends a pod whose volume, or whose image, has another major version of PostgreSQL than the stack says, before a server of the
# wrong one touches the data. The last line says what to do.
#
# Needs sh and postgres in PATH. Environment: PGDATA, VERSION (the major version of rhsi:postgres.version).
set -eu

fail() {
  printf '%s\n' "$*"
  exit 1
}

image=$(postgres --version)
image=${image#*(PostgreSQL) }
image=${image%%[!0-9]*}
if [ -r "$PGDATA/PG_VERSION" ]; then
  read -r data <"$PGDATA/PG_VERSION"
  [ "$data" = "$VERSION" ] || fail "The data on this volume is PostgreSQL $data's, and rhsi:postgres.version is $VERSION, which does" \
    "not read it. Write $data again, and see 'Another major version' in docs/databases/streaming.md."
fi
[ "$image" = "$VERSION" ] || fail "The image has PostgreSQL $image, and rhsi:postgres.version is $VERSION. Set both to the same version."
