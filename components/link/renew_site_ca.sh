#!/bin/sh
# Renews the CA of a Skupper site, which makes every certificate of every link to it worthless: the only revocation that
# Skupper has. Deletes the CA's Secret, waits until the controller has made it anew, then does the same with the router's own
# certificate, for the controller would keep one that the old CA signed (skupper:internal/kube/certificates/mgr.go).
#
# Begins with prelude.sh. Tried again after a failure it renews again, which harms nothing: the new grants come later. Once it is
# done it must not: each renewal cuts every link. So it writes its number on the new CA, and does nothing where it finds it. The
# last line of a failed run says what is wrong and what to do.
#
# Environment: that of the prelude, REVOCATION (its number), CA_SECRET, SERVER_SECRET.
# shellcheck disable=SC2154 # what the prelude and the Job set
RECORD=rhsi/revocation

# The uid of a Secret, or nothing where there is none.
uid_of() {
  ask get secret "$1" --ignore-not-found -o go-template='{{.metadata.uid}}'
  uid=$answer
}

renew() {
  uid_of "$1"
  old=$uid
  say "Deleting Secret $1..."
  until quietly delete secret "$1" --ignore-not-found --wait=false; do
    in_time || fail "Secret $1 could not be deleted: $(last_error). Run \`pulumi up\` again."
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

ask get secret "$CA_SECRET" --ignore-not-found \
  -o go-template="{{with .metadata.annotations}}{{with index . \"$RECORD\"}}{{.}}{{end}}{{end}}"
if [ "${answer:-0}" -ge "$REVOCATION" ]; then
  say "Revocation $REVOCATION was done already."
  exit 0
fi
renew "$CA_SECRET"
renew "$SERVER_SECRET"
until quietly annotate secret "$CA_SECRET" "$RECORD=$REVOCATION" --overwrite; do
  in_time || fail "Secret $CA_SECRET could not be annotated: $(last_error). Run \`pulumi up\` again."
  sleep 1
done
say "Revocation $REVOCATION is done: the site's CA is new, and every link needs new credentials."
