#!/bin/sh
# Claims a Skupper link: turns the credentials that External Secrets synced into an AccessToken, waits until the controller
# has redeemed it and the Link is Ready, then removes the Links that earlier rotations of this claim left behind.
#
# Begins with prelude.sh. Runs as a Job with the rights of its own service account, as often as one likes: what is done already
# is found and left alone. The last line of a failed run says what is wrong and what to do.
#
# Environment: that of the prelude, ROTATION and EXPIRES (of the grant to claim), SECRET, EXTERNAL_SECRET, TOKEN_PREFIX, JOB_NAME,
# JOB_UID, SUPERSEDED (names of the earlier rotations that this account may remove), ROTATE (the commands of a rotation, for the
# messages).
# shellcheck disable=SC2154 # what the prelude and the Job set

TOKEN="$TOKEN_PREFIX-${ROTATION:?}"
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

find_link() {
  LINK=
  ask get links.skupper.io -o go-template='{{range .items}}{{.metadata.name}} {{end}}'
  for name in $answer; do
    if [ "$(rotation_of "$name")" = "$ROTATION" ]; then LINK=$name; fi
  done
}

# What External Secrets said since this claim began, in one line: an event stays for an hour, and an old one would name an
# old cause.
why_not_synced() {
  end=$(printf '\036')
  ask get events --field-selector "type=Warning,involvedObject.kind=ExternalSecret,involvedObject.name=$EXTERNAL_SECRET" \
    -o go-template="{{range .items}}{{if ge (or .lastTimestamp .eventTime \"\") \"$STARTED\"}}{{.message}}$end{{end}}{{end}}"
  answer=${answer%"$end"}
  # Its controller may have sent too many events already; the condition says less, but is there.
  [ -n "$answer" ] || ask get externalsecrets.external-secrets.io "$EXTERNAL_SECRET" --ignore-not-found \
    -o go-template='{{with .status}}{{range .conditions}}{{if and (eq .type "Ready") (eq .status "False")}}{{.message}}{{end}}{{end}}{{end}}'
  set -f
  # shellcheck disable=SC2086 # splitting is what takes the line breaks out
  set -- ${answer##*"$end"}
  printf '%s' "${*:-nothing; see that its controller runs and that nobody changed the value in Vault}"
}

wait_for_secret() {
  say "Waiting for Secret $SECRET to exist..."
  touch_at=0
  while :; do
    ask get secret "$SECRET" --ignore-not-found \
      -o go-template='{{with .data}}{{with .rotation}}{{base64decode .}}{{end}}/{{with .expires}}{{base64decode .}}{{end}}{{end}}'
    [ "$answer" != "$ROTATION/$EXPIRES" ] || break
    expired && fail "The grant of rotation $ROTATION expired at $EXPIRES before it was claimed. Make a new one: $ROTATE"
    in_time || fail "Secret $SECRET holds ${answer:-nothing} instead of the grant $ROTATION/$EXPIRES (rotation/expiry)." \
      "External Secrets says: $(why_not_synced). Mend that, then run \`pulumi up\` again."
    # External Secrets waits ever longer after a failure; a changed annotation makes it read at once.
    if [ "$(date +%s)" -ge "$touch_at" ]; then
      "$KUBECTL" annotate externalsecrets.external-secrets.io "$EXTERNAL_SECRET" --overwrite \
        "rhsi/claim=$JOB_UID-$(date +%s)" >/dev/null 2>"$STDERR" || :
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
  "$KUBECTL" get secret "$SECRET" -o go-template="
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
{{end}}" 2>/dev/null | "$KUBECTL" create -f - 2>"$STDERR"
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
      find_link
      # Another claim of this rotation was quicker.
      [ -z "$LINK" ] || return 0
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

explain_failure() {
  case "$1" in
  *'No such claim'*) fail "The grant server knows no grant for AccessToken $TOKEN: it has expired or was deleted. Make a new one: $ROTATE" ;;
  *'No such access granted'*) fail "The grant of rotation $ROTATION is used up. Make a new one: $ROTATE" ;;
  *'access token refused'*) fail "The grant server refused the code of rotation $ROTATION. Make a new grant: $ROTATE" ;;
  *'already exists'*) fail "An object named $TOKEN is in the way, so the redemption was lost. Make a new grant: $ROTATE" ;;
  *x509:*) fail "The grant server's certificate is not from the CA of rotation $ROTATION. Make a new grant: $ROTATE" ;;
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
  until "$KUBECTL" wait "accesstokens.skupper.io/$TOKEN" --for=condition=Redeemed --timeout=2s >/dev/null 2>"$STDERR"; do
    ask get accesstokens.skupper.io "$TOKEN" --ignore-not-found \
      -o go-template='{{with .status}}{{range .conditions}}{{if eq .type "Redeemed"}}{{.message}}{{end}}{{end}}{{end}};'
    found=$answer
    # A foreign write can fail a token whose Link was made all the same (skupper:internal/kube/grants/redeem.go), and a
    # deleted one leaves its Link.
    find_link
    [ -z "$LINK" ] || return 0
    [ -n "$found" ] || fail "AccessToken $TOKEN was deleted before it was redeemed. Run \`pulumi up\` again."
    message=${found%;}
    explain_failure "$message"
    in_time || fail "AccessToken $TOKEN was not redeemed in $TIMEOUT_SECONDS s: $(without_url "${message:-$silent}")." \
      "The grant expires at $EXPIRES; until then mend the cause and run \`pulumi up\` again, later: $ROTATE"
    sleep 1
  done
  find_link
  [ -n "$LINK" ] || fail "AccessToken $TOKEN is redeemed, but its Link was deleted. Make a new grant: $ROTATE"
}

wait_for_link() {
  say "Waiting for Link $LINK to be Ready..."
  until "$KUBECTL" wait "links.skupper.io/$LINK" --for=condition=Ready --timeout=5s >/dev/null 2>"$STDERR"; do
    if ! in_time; then
      ask get links.skupper.io "$LINK" --ignore-not-found \
        -o go-template='{{with .status}}{{with .message}}{{.}}{{end}}{{end}}'
      fail "Link $LINK is not Ready: ${answer:-no status}. Earlier links were left as they are. See that both sites are Ready" \
        "and that this cluster reaches the other one's router, then run \`pulumi up\` again."
    fi
    sleep 1
  done
  say "Link $LINK is Ready."
}

# Deletes what may be gone already, as often as the API server needs; $1 to $n are names of one resource.
remove() {
  until "$KUBECTL" delete "$@" --ignore-not-found --wait=false 2>"$STDERR"; do
    case "$(last_error)" in *orbidden*) return 1 ;; esac
    in_time || fail "$* of an earlier rotation could not be removed: $(last_error). Run \`pulumi up\` again."
    sleep 1
  done
}

remove_older_links() {
  # shellcheck disable=SC2086 # a list of names
  set -- $SUPERSEDED
  ask get links.skupper.io -o go-template='{{range .items}}{{.metadata.name}} {{end}}'
  for name in $answer; do
    number=$(rotation_of "$name")
    if [ -z "$number" ] || [ "$number" = "$ROTATION" ]; then continue; fi
    case " $SUPERSEDED " in *" $TOKEN_PREFIX-$number "*) remove links.skupper.io "$name" && continue ;; esac
    say "Note: Link $name is beyond the $# rotations that this claim may remove; it stays. Remove it with" \
      "\`kubectl delete links.skupper.io/$name secret/$TOKEN_PREFIX-${number}\` on this cluster."
  done
  # The Secrets last, and whether or not their Link was still there: a router that restarts waits for a Link's Secret, and
  # a claim that was killed between the two left a Secret without a Link.
  [ "$#" -eq 0 ] || remove secrets "$@" || fail "This claim may not remove Secrets of earlier rotations: $(last_error)"
}

find_link
if [ -n "$LINK" ]; then
  say "Link $LINK exists: rotation $ROTATION is claimed already."
else
  wait_for_secret
  create_token
  [ -n "$LINK" ] || wait_for_redemption
fi
wait_for_link
remove_older_links
say "Rotation $ROTATION is in use through Link $LINK."
