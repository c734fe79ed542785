#!/bin/sh
# What every script of a ScriptJob begins with: words for the log, the deadline, and questions to the API server.
#
# Needs sh (with date and sleep), and kubectl or oc where `ask` is used. Environment: TIMEOUT_SECONDS, HOME (a writable folder).
set -eu

STDERR="$HOME/stderr"
DEADLINE=$(($(date +%s) + TIMEOUT_SECONDS))
KUBECTL=kubectl
command -v "$KUBECTL" >/dev/null 2>&1 || KUBECTL=oc

say() { printf '%s\n' "$*"; }

# The last line of a failed run is the message that Pulumi shows.
fail() {
  say "$*"
  exit 1
}

in_time() { [ "$(date +%s)" -lt "$DEADLINE" ]; }

# What the last request complained about last.
last_error() {
  line=
  while read -r next; do line=$next; done <"$STDERR"
  printf '%s' "$line"
}

# Asks the API server until it answers, which it may not do for a moment while it is restarted; the answer is in $answer.
# shellcheck disable=SC2034 # the scripts read it
ask() {
  until answer=$("$KUBECTL" "$@" 2>"$STDERR"); do
    in_time || fail "The API server refused or did not answer: $(last_error). Run \`pulumi up\` again."
    sleep 1
  done
}
