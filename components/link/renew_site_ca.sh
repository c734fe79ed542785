#!/bin/sh
# Renews the CA of a Skupper site, which makes every certificate of every link to it worthless: the only revocation that
# Skupper has. Deletes the CA's Secret, waits until the controller has made it anew, then does the same with the router's own
# certificate, for the controller would keep one that the old CA signed (skupper:internal/kube/certificates/mgr.go).
#
# Needs sh (with cat, date and sleep) and kubectl or oc. Doing it twice renews twice, which harms nothing: the new grants come later.
# The last line of a failed run says what is wrong and what to do.
#
# Environment: REVOCATION (its number), CA_SECRET, SERVER_SECRET, TIMEOUT_SECONDS, HOME (a writable folder).
set -eu

KUBECTL=kubectl
command -v "$KUBECTL" >/dev/null 2>&1 || KUBECTL=oc

DEADLINE=$(($(date +%s) + TIMEOUT_SECONDS))
STDERR="$HOME/stderr"

say() { printf '%s\n' "$*"; }

fail() {
  say "$*"
  exit 1
}

in_time() { [ "$(date +%s)" -lt "$DEADLINE" ]; }

# The uid of a Secret, or nothing where there is none.
uid_of() {
  until uid=$("$KUBECTL" get secret "$1" --ignore-not-found -o go-template='{{.metadata.uid}}' 2>"$STDERR"); do
    in_time || fail "The API server refused or did not answer: $(cat "$STDERR"). Run \`pulumi up\` again."
    sleep 1
  done
}

renew() {
  uid_of "$1"
  old=$uid
  say "Deleting Secret $1..."
  until "$KUBECTL" delete secret "$1" --ignore-not-found --wait=false >/dev/null 2>"$STDERR"; do
    in_time || fail "Secret $1 could not be deleted: $(cat "$STDERR"). Run \`pulumi up\` again."
    sleep 1
  done
  uid_of "$1"
  while [ -z "$uid" ] || [ "$uid" = "$old" ]; do
    in_time || fail "The Skupper controller did not make Secret $1 again in $TIMEOUT_SECONDS s: see that it runs and that the" \
      "Site is Ready, then run \`pulumi up\` again."
    sleep 1
    uid_of "$1"
  done
  say "Secret $1 is new."
}

renew "$CA_SECRET"
renew "$SERVER_SECRET"
say "Revocation $REVOCATION is done: the site's CA is new, and every link needs new credentials."
