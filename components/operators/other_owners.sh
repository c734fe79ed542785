#!/bin/sh
# Whether an operator of this stack is somebody else's on this cluster: two Subscriptions for one make OLM refuse both, or two
# controllers work at once.
#
# Stands between prelude.sh and the script that asks. Only reads.
# shellcheck disable=SC2154 # what the prelude sets

SUBSCRIPTIONS=subscriptions.operators.coreos.com
AGAIN="then run \`pulumi up\` again"
# Answers are split at white space or separators, never matched with files.
set -f

# Fails if somebody else has subscribed to one of these: `<part of rhsi:operators>=<namespace>/<package>` each. A Subscription at that
# very place is this stack's own: where it is not, it could not be created.
refuse_other_owners() {
  ask get "$SUBSCRIPTIONS" --all-namespaces \
    -o go-template='{{range .items}}{{.spec.name}}={{.metadata.namespace}}/{{.metadata.name}} {{end}}'
  refusals=''
  for found in $answer; do
    for own in "$@"; do
      place=${own#*=}
      package=${place#*/}
      if [ "${found%%=*}" != "$package" ] || [ "${found#*=}" = "$place" ]; then continue; fi
      refusals="$refusals${refusals:+ }Subscription ${found#*=} is for the package $package too, so the operator is somebody else's on this cluster. Remove rhsi:operators.${own%%=*} from the settings, $AGAIN: theirs stays as it is."
    done
  done
  [ -z "$refusals" ] || fail "$refusals"
}
