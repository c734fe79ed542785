#!/bin/sh
# What PostgreSQL runs for each file of WAL, whose name follows: asks the container `backup` to archive it, and waits for the answer.
#
# Ends with 0 only when the store has the file; after anything else PostgreSQL asks again. An upload that takes longer than one call
# waits goes on, and the next call finds its end. Needs sh (with cat, rm, sleep).
# Environment: SPOOL (a folder that both containers see).
set -eu
file="$SPOOL/$1"
rm -f "$file.failed"
[ -e "$file.done" ] || : >"$file.wanted"
tries=0
until [ -e "$file.done" ]; do
  if [ -e "$file.failed" ]; then
    cat "$file.failed" >&2
    exit 1
  fi
  if [ "$tries" -ge 600 ]; then
    echo "The container 'backup' has not archived $1 within a minute. See its log." >&2
    exit 1
  fi
  tries=$((tries + 1))
  sleep 0.1
done
# In this order: whoever no longer finds the answer no longer finds the question either.
rm -f "$file.wanted"
rm -f "$file.done"
