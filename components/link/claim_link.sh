#!/bin/sh
# Claims a Skupper link: turns the credentials that External Secrets synced into an AccessToken, waits until the controller
# has redeemed it and its Links are Ready, then removes the Links that other rotations of this claim left behind.
#
# Begins with prelude.sh. Runs as a Job with the rights of its own service account, as often as one likes: what is done already
# is found and left alone. A Link is that of the grant if its annotation says so: rotations may come back, and a primary that was
# made anew begins at 1 again. Until the Link is Ready its controller writes it, and loses what somebody else's write crosses
# (skupper:internal/kube/site/site.go, NetworkStatusUpdated); so long the ExternalSecret says of which grant it is. The last line
# of a failed run says what is wrong and what to do.
#
# Environment: that of the prelude, ROTATION and EXPIRES (of the grant to claim), LINKS (names of the Links that it makes), SECRET,
# EXTERNAL_SECRET, SECRET_STORE, TOKEN_PREFIX, JOB_NAME, JOB_UID, SUPERSEDED (names of earlier rotations, of which a claim that was
# killed may have left a Secret), ROTATE (the commands of a rotation, for the messages).
# shellcheck disable=SC2154 # what the prelude and the Job set

TOKEN="$TOKEN_PREFIX-${ROTATION:?}"
GRANT="$ROTATION/$EXPIRES"
RECORD=rhsi/grant
STARTED=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# A deleted pod, a drained node and the Job's own deadline end a claim this way.
trap 'fail "The claim was stopped before it was done. Run \`pulumi up\` again."' TERM

# 2026-11-23T21:00:00Z as 20261123210000, to compare times without knowing a calendar.
as_number() {
  rest=$1
  number=
  while [ -n "$rest" ]; do
    tail=${rest#?}
    case "${rest%"$tail"}" in [0-9]) number=$number${rest%"$tail"} ;; esac
    rest=$tail
  done
  printf '%s' "$number"
}

expired() { [ "$(date -u +%Y%m%d%H%M%S)" -ge "$(as_number "$EXPIRES")" ]; }

# The first number in the name of one of this claim's Links (a second one belongs to HA), or nothing for all other Links.
rotation_of() {
  number=${1#"$TOKEN_PREFIX-"}
  [ "$number" != "$1" ] || return 0
  case "$number" in
  *-*-*) return 0 ;;
  *-*) case "${number#*-}" in '' | *[!0-9]*) return 0 ;; esac ;;
  esac
  number=${number%-*}
  case "$number" in '' | *[!0-9]*) return 0 ;; esac
  printf '%s' "$number"
}

# The Links of this rotation in $FOUND, those of other ones in $OTHERS; $RECORDED is of which grant the former are.
find_links() {
  FOUND='' OTHERS='' RECORDED=''
  ask get links.skupper.io -o go-template="{{range .items}}{{.metadata.name}}={{with .metadata.annotations}}{{with index . \"$RECORD\"}}{{.}}{{end}}{{end}} {{end}}"
  for item in $answer; do
    name=${item%%=*} number=$(rotation_of "${item%%=*}")
    if [ "$number" != "$ROTATION" ]; then
      [ -z "$number" ] || OTHERS="$OTHERS$name "
      continue
    fi
    FOUND="$FOUND$name "
    case "$item" in *=?*) RECORDED=${item#*=} ;; esac
  done
}

# Of which grant the Links in $FOUND are, in $RECORDED, if it is another one than that to claim. An older version of this program
# recorded nothing.
is_foreign() {
  if [ -z "$RECORDED" ]; then
    ask get externalsecrets.external-secrets.io "$EXTERNAL_SECRET" --ignore-not-found \
      -o go-template="{{with .metadata.annotations}}{{with index . \"$RECORD\"}}{{.}}{{end}}{{end}}"
    case "$answer" in "$ROTATION/"*) RECORDED=$answer ;; esac
  fi
  [ "${RECORDED:-$GRANT}" != "$GRANT" ]
}

all_links() {
  for name in $LINKS; do
    case " $FOUND" in *" $name "*) ;; *) return 1 ;; esac
  done
}

# Writes down of which grant the objects are, a kind and names.
record_grant() {
  until quietly annotate "$@" "$RECORD=$GRANT" --overwrite; do
    in_time || fail "$* could not be annotated: $(last_error). Run \`pulumi up\` again."
    sleep 1
  done
}

# What External Secrets said last since this claim began, in one line: an event stays for an hour, and an old one would name an
# old cause. "Not ready" is what it goes on saying of a store after it told why: the cause is told with it.
why_not_synced() {
  end=$(printf '\036')
  ask get events --field-selector type=Warning -o go-template="{{range .items}}{{\$event := .}}{{\$at := or .lastTimestamp .eventTime \"\"}}
{{- with .involvedObject}}{{\$of := print .kind \"/\" .name}}{{if and (ge \$at \"$STARTED\")
  (or (eq \$of \"ExternalSecret/$EXTERNAL_SECRET\") (eq \$of \"SecretStore/$SECRET_STORE\"))}}
{{- \$at}} {{\$event.message}}$end{{end}}{{end}}{{end}}"
  cause='' cause_at=0 generic=''
  set -f
  IFS=$end
  # shellcheck disable=SC2086 # the separator splits it
  set -- $answer
  unset IFS
  for event in "$@"; do
    at=$(as_number "${event%%[.Z]*}") said=${event#* }
    case "$said" in
    *'is not ready'*) generic=$said ;;
    *) if [ "${at:-0}" -ge "$cause_at" ]; then cause=$said cause_at=${at:-0}; fi ;;
    esac
  done
  answer=$generic${generic:+${cause:+: }}$cause
  # Its controller may have sent too many events already; the condition says less, but is there.
  [ -n "$answer" ] || ask get externalsecrets.external-secrets.io "$EXTERNAL_SECRET" --ignore-not-found \
    -o go-template='{{with .status}}{{range .conditions}}{{if and (eq .type "Ready") (eq .status "False")}}{{.message}}{{end}}{{end}}{{end}}'
  # shellcheck disable=SC2086 # splitting is what takes the line breaks out
  set -- $answer
  printf '%s' "${*:-nothing; see that its controller runs and that nobody changed the value in Vault}"
}

# External Secrets waits ever longer after a failure, for the value and for the store; a changed annotation makes it look at once.
look_again() {
  for object in "secretstores.external-secrets.io/$SECRET_STORE" "externalsecrets.external-secrets.io/$EXTERNAL_SECRET"; do
    quietly annotate "$object" --overwrite "rhsi/claim=$JOB_UID-$(date +%s)" || :
  done
}

wait_for_secret() {
  say "Waiting for Secret $SECRET to exist..."
  touch_at=0
  while :; do
    ask get secret "$SECRET" --ignore-not-found \
      -o go-template='{{with .data}}{{with .rotation}}{{base64decode .}}{{end}}/{{with .expires}}{{base64decode .}}{{end}}{{end}}'
    [ "$answer" != "$GRANT" ] || break
    expired && fail "The grant of rotation $ROTATION expired at $EXPIRES before it was claimed. Make a new one: $ROTATE"
    in_time || fail "Secret $SECRET holds ${answer:-nothing} instead of the grant $GRANT (rotation/expiry)." \
      "External Secrets says: $(why_not_synced). Fix that, then run \`pulumi up\` again."
    if [ "$(date +%s)" -ge "$touch_at" ]; then
      look_again
      touch_at=$(($(date +%s) + 10))
    fi
    sleep 1
  done
  say "Secret $SECRET found."
  expired && fail "The grant of rotation $ROTATION expired at $EXPIRES. Make a new one: $ROTATE"
  return 0
}

# One read and one request: the credentials pass through a pipe, and only if they still are those of the expected grant.
send_token() {
  "$KUBECTL" get secret "$SECRET" --request-timeout=10s -o go-template="
{{- if and (eq (base64decode .data.rotation) \"$ROTATION\") (eq (base64decode .data.expires) \"$EXPIRES\") -}}
apiVersion: skupper.io/v2alpha1
kind: AccessToken
metadata:
  name: $TOKEN
  ownerReferences:
  - apiVersion: batch/v1
    kind: Job
    name: $JOB_NAME
    uid: $JOB_UID
spec:
  url: {{.data.url | base64decode | printf \"%q\"}}
  code: {{.data.code | base64decode | printf \"%q\"}}
  ca: {{.data.ca | base64decode | printf \"%q\"}}
{{end}}" 2>/dev/null | kubernetes create -f -
}

create_token() {
  say "Reading AccessToken fields from Secret $SECRET..."
  say "Creating AccessToken $TOKEN..."
  until send_token; do
    # The text of a refusal could quote what was sent, so only its reason is shown: "Error from server (Forbidden): ...".
    reason=$(last_error)
    case "$reason" in
    # The Secret changed after it was found.
    *'no objects passed'*) wait_for_secret ;;
    *AlreadyExists*)
      ask get accesstokens.skupper.io "$TOKEN" --ignore-not-found \
        -o go-template='{{range .metadata.ownerReferences}}{{.uid}}{{else}}nobody{{end}}'
      owner=$answer
      [ "$owner" != "$JOB_UID" ] || return 0
      find_links
      # Another claim of this rotation was quicker.
      ! all_links || return 0
      # A token of another Job goes with that Job; this one would stay.
      [ "$owner" != nobody ] || fail "AccessToken $TOKEN was made by hand. Delete it, then run \`pulumi up\` again."
      ;;
    esac
    case "$reason" in *\(*\)*) reason=${reason#*\(} reason=${reason%%)*} ;; *) reason='no answer' ;; esac
    in_time || fail "AccessToken $TOKEN could not be created ($reason). If one of that name is there, delete it, then" \
      "run \`pulumi up\` again."
    sleep 1
  done
  say "AccessToken $TOKEN created/updated."
}

# What crypto/x509 of Go says about the grant server's certificate (its verify.go).
explain_certificate() {
  case "$1" in
  *'unknown authority'*) fail "The grant server's certificate is not from the CA of rotation $ROTATION. Make a new grant: $ROTATE" ;;
  # Right after the certificate was made, clocks that differ by seconds agree soon.
  *'not yet valid'*)
    in_time || fail "The grant server's certificate is not valid at the time of this cluster: $1. Set the clocks of both" \
      "clusters right (or renew the certificate if it has expired), then run \`pulumi up\` again."
    ;;
  *' valid for '* | *'IP SANs'* | *'Common Name'* | *'for this name'* | *'unconstrained name'* | *'SAN extension'*)
    fail "The grant server's certificate is for another name than the grant's URL: $1. See that its address is right on the" \
      "primary and that no proxy answers in its place, then make a new grant: $ROTATE"
    ;;
  *)
    fail "The grant server's certificate cannot be verified: $1. See that no proxy answers in its place, then run \`pulumi up\`" \
      "again; if the certificate was renewed, make a new grant: $ROTATE"
    ;;
  esac
}

explain_failure() {
  case "$1" in
  *'No such claim'*) fail "The grant server knows no grant for AccessToken $TOKEN: it has expired or was deleted. Make a new one: $ROTATE" ;;
  *'No such access granted'*) fail "The grant of rotation $ROTATION is used up. Make a new one: $ROTATE" ;;
  *'access token refused'*) fail "The grant server refused the code of rotation $ROTATION. Make a new grant: $ROTATE" ;;
  *'already exists'*) fail "An object named $TOKEN is in the way, so the redemption was lost. Make a new grant: $ROTATE" ;;
  *x509:*) explain_certificate "${1#*x509: }" ;;
  *'deleted site'*) fail "AccessToken $TOKEN was redeemed for a Site that is gone. Make a new grant: $ROTATE" ;;
  esac
}

# The controller's message without the grant's URL, which belongs in no log and in no stack's state.
without_url() {
  case "$1" in
  *\"*\"*) rest=${1#*\"} && printf '%s%s%s' "${1%%\"*}" 'the grant server' "${rest#*\"}" ;;
  *) printf '%s' "$1" ;;
  esac
}

wait_for_redemption() {
  silent='no status yet: is there a Site in this namespace, and does the Skupper controller run?'
  say "Waiting for AccessToken $TOKEN to be redeemed..."
  until quietly wait "accesstokens.skupper.io/$TOKEN" --for=condition=Redeemed --timeout=2s; do
    ask get accesstokens.skupper.io "$TOKEN" --ignore-not-found \
      -o go-template='{{with .status}}{{range .conditions}}{{if eq .type "Redeemed"}}{{.message}}{{end}}{{end}}{{end}};'
    found=$answer
    # A foreign write can fail a token whose Link was made all the same (skupper:internal/kube/grants/redeem.go), and a
    # deleted one leaves its Link.
    find_links
    ! all_links || return 0
    [ -n "$found" ] || fail "AccessToken $TOKEN was deleted before it was redeemed. Run \`pulumi up\` again."
    message=${found%;}
    explain_failure "$message"
    in_time || fail "AccessToken $TOKEN was not redeemed in $TIMEOUT_SECONDS s: $(without_url "${message:-$silent}")." \
      "The grant expires at $EXPIRES; until then fix the cause and run \`pulumi up\` again, later: $ROTATE"
    sleep 1
  done
  find_links
  [ -n "$FOUND" ] || fail "AccessToken $TOKEN is redeemed, but its Link was deleted. Make a new grant: $ROTATE"
}

count() { printf '%s' "$#"; }

# With one router the primary makes one Link, with two (HA) two of other names, and the stack reads back those that it expects.
check_names() {
  # shellcheck disable=SC2086 # lists of names
  all_links && [ "$(count $FOUND)" -eq "$(count $LINKS)" ] ||
    fail "Rotation $ROTATION has Link ${FOUND% } instead of $LINKS: rhsi:skupper.ha on the primary does not say what its Site" \
      "had when the grant was redeemed. Set it, then make a new grant: $ROTATE"
}

wait_for_link() {
  say "Waiting for Link $1 to be Ready..."
  until quietly wait "links.skupper.io/$1" --for=condition=Ready --timeout=5s; do
    if ! in_time; then
      ask get links.skupper.io "$1" --ignore-not-found \
        -o go-template='{{with .status}}{{with .message}}{{.}}{{end}}{{end}}'
      fail "Link $1 is not Ready: ${answer:-no status}. Earlier links were left as they are. See that both sites are Ready" \
        "and that this cluster reaches the other one's router, then run \`pulumi up\` again."
    fi
    sleep 1
  done
  say "Link $1 is Ready."
}

# Deletes what may be gone already, as often as the API server needs; $1 to $n are names of one resource.
remove() {
  until kubernetes delete "$@" --ignore-not-found --wait=false; do
    in_time || fail "$* of another rotation could not be removed: $(last_error). Run \`pulumi up\` again."
    sleep 1
  done
}

remove_other_links() {
  secrets=$SUPERSEDED
  find_links
  for name in $OTHERS; do
    remove links.skupper.io "$name"
    secrets="$TOKEN_PREFIX-$(rotation_of "$name") $secrets"
  done
  # The Secrets last, and whether or not their Link was still there: a router that restarts waits for a Link's Secret, and
  # a claim that was killed between the two left a Secret without a Link.
  # shellcheck disable=SC2086 # a list of names
  remove secrets $secrets
}

find_links
if [ -n "$FOUND" ] && is_foreign; then
  fail "Link ${FOUND% } is of the grant $RECORDED (rotation/expiry), not of $GRANT, and was left as it is. Make a new grant under" \
    "a number of its own: $ROTATE"
elif [ -n "$FOUND" ]; then
  say "Link ${FOUND% } exists: rotation $ROTATION is claimed already."
  check_names
else
  wait_for_secret
  create_token
  all_links || wait_for_redemption
  record_grant externalsecrets.external-secrets.io "$EXTERNAL_SECRET"
  check_names
fi
for link in $LINKS; do wait_for_link "$link"; done
# shellcheck disable=SC2086 # a list of names
record_grant links.skupper.io $LINKS
remove_other_links
say "Rotation $ROTATION is in use through Link $LINKS."
