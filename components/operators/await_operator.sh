#!/bin/sh
# Waits until OLM has installed what a Subscription asks for, and the kinds that the stack needs are served. What keeps OLM from it
# ends the wait with OLM's own reason and what to type.
#
# Begins with prelude.sh and other_owners.sh. Only reads, as often as one likes. OLM's status does not say which spec it is about: right after a change
# it still speaks of the time before. So what may be old is believed after it stood for a while, and an upgrade is awaited until the
# channel's newest version is installed, which the catalogue tells, or with approval by hand the one that is wanted. No approval is
# awaited: it is a person's business. What to approve is said only of a plan that leads to that version, for OLM never goes back.
#
# Environment: that of the prelude, PART (key below rhsi:operators), NAMESPACE, SUBSCRIPTION (its UID; another one is another wait),
# PACKAGE (also the Subscription's name), CHANNEL, SOURCE, SOURCE_NAMESPACE, APPROVAL, STARTING_CSV (or none), CSV_NAMES (what its
# versions are called before `.v`), KINDS (plural.group/version of each).
# shellcheck disable=SC2154 # what the prelude and the Job set

PLANS=installplans.operators.coreos.com
VERSIONS=clusterserviceversions.operators.coreos.com
CATALOGUES=catalogsources.operators.coreos.com
MANIFESTS=packagemanifests.packages.operators.coreos.com
CATALOGUE="CatalogSource $SOURCE_NAMESPACE/$SOURCE"
SETTING="rhsi:operators.$PART"
# Seconds after which what OLM says is no leftover of an earlier spec, and those that it may need to begin with a new one.
SETTLED=15
PATIENCE=60
# Of a container that waits, why and for which image.
WAITING="{{\$image := .image}}{{with .state.waiting}}{{or .reason \"Waiting\"}} {{\$image}} {{end}}"
SEPARATOR=$(printf '\036')
STARTED=$(date +%s)
complaint='' complained=0 last="OLM has not looked at Subscription $NAMESPACE/$PACKAGE yet"

trap 'fail "The wait for $PACKAGE was stopped before it was done. Run \`pulumi up\` again."' TERM

# Fails with a sentence if the same thing has been wrong for some seconds: $1 what, $2 seconds, $3 the sentence. Of what is wrong at
# once only the first counts: the rest follows from it.
believe() {
  [ -z "$complaining" ] || return 0
  last=$3 complaining=$1
  if [ "$1" != "$complaint" ]; then
    complaint=$1 complained=$(date +%s)
  fi
  [ $(($(date +%s) - complained)) -lt "$2" ] || fail "$3"
}

# What may stand in one line of a message.
one_line() {
  # shellcheck disable=SC2086 # splitting is what takes the line breaks out
  set -- $1
  printf '%s' "$*"
}

# Splits $answer at the separators into $first to $fourth, and the rest, with its separators, into $rest.
split() {
  IFS=$SEPARATOR
  # shellcheck disable=SC2086 # the separator splits it
  set -- $answer
  first=${1-} second=${2-} third=${3-} fourth=${4-} rest=''
  if [ "$#" -gt 4 ]; then
    shift 4
    rest="$*"
  fi
  unset IFS
}

# Sets $ready if the catalogue answers.
check_catalogue() {
  ready=''
  ask get "$CATALOGUES" "$SOURCE" --namespace "$SOURCE_NAMESPACE" --ignore-not-found \
    -o go-template="exists$SEPARATOR{{with .status}}{{with .connectionState}}{{with .lastObservedState}}{{.}}{{end}}{{end}}$SEPARATOR{{with .message}}{{.}}{{end}}{{end}}"
  split
  if [ "$first" != exists ]; then
    believe missing "$SETTLED" "$CATALOGUE does not exist. Set $SETTING.source and $SETTING.sourceNamespace to one of \`kubectl get $CATALOGUES --all-namespaces\`, $AGAIN."
    return 0
  fi
  if [ "$second" = READY ]; then
    ready=yes
    return 0
  fi
  state=${second:-no state yet} said=$third
  ask get pods --namespace "$SOURCE_NAMESPACE" --selector "olm.catalogSource=$SOURCE" \
    -o go-template="{{range .items}}{{range .status.initContainerStatuses}}$WAITING{{end}}{{range .status.containerStatuses}}$WAITING{{end}}{{end}}"
  case "$answer" in
  *ImagePull* | *InvalidImageName*)
    # shellcheck disable=SC2086 # pairs of words
    set -- $answer
    while :; do
      case "$1" in *ImagePull* | InvalidImageName) break ;; esac
      shift 2
    done
    believe image "$SETTLED" "$CATALOGUE cannot be pulled: $1 of $2. Give the cluster access to that registry (its pull secret, its mirror), $AGAIN."
    ;;
  *)
    said=$(one_line "$said")
    believe "catalogue $state" "$TIMEOUT_SECONDS" "$CATALOGUE does not answer ($state${said:+: $said}). See its pods by \`kubectl -n $SOURCE_NAMESPACE get pods -l olm.catalogSource=$SOURCE\`, $AGAIN."
    ;;
  esac
}

# The newest version in the channel in $head, all of them in $entries, the newest first as the package server sorts them
# (operator-lifecycle-manager:pkg/package-server/provider/registry.go); empty where nobody tells.
check_channel() {
  channels=''
  if ! answer=$(kubernetes get "$MANIFESTS" --namespace "$SOURCE_NAMESPACE" \
    --selector "catalog=$SOURCE,catalog-namespace=$SOURCE_NAMESPACE" --field-selector "metadata.name=$PACKAGE" \
    -o go-template="{{range .items}}{{range .status.channels}}{{.name}}=={{.currentCSV}}{{range .entries}}={{.name}}{{end}} {{end}}{{end}}"); then
    case "$(last_error)" in
    # OLM without its package server; then its word on the Subscription must do.
    *"doesn't have a resource type"* | *'could not find the requested resource'*) return 0 ;;
    esac
    believe manifests "$TIMEOUT_SECONDS" "Nobody tells what $CATALOGUE has: $(last_error). See that OLM's package server runs, $AGAIN."
    return 0
  fi
  for offered in $answer; do
    channels="$channels${channels:+, }${offered%%=*}"
    [ "${offered%%=*}" = "$CHANNEL" ] || continue
    head=${offered#*==} entries=${head#*=}
    [ "$entries" != "$head" ] || entries=''
    head=${head%%=*}
  done
  if [ -z "$channels" ]; then
    believe package "$SETTLED" "$CATALOGUE has no package $PACKAGE. Set $SETTING.source to the catalogue that has it, $AGAIN."
  elif [ -z "$head" ]; then
    believe channel "$SETTLED" "Package $PACKAGE in $CATALOGUE has no channel $CHANNEL, it has $channels. Set $SETTING.channel to one of them, $AGAIN."
  elif [ -z "$installed" ] && [ "$STARTING_CSV" != none ] && [ -n "$entries" ]; then
    is_in_channel "$STARTING_CSV" ||
      believe version "$SETTLED" "Channel $CHANNEL of package $PACKAGE has no $STARTING_CSV, its newest is $head. Set $SETTING.startingCSV to one of the channel, or leave it out, $AGAIN."
  fi
}

is_in_channel() {
  case "=$entries=" in
  *"=$1="*) ;;
  *) return 1 ;;
  esac
}

# Succeeds if the channel has both, and the first is the newer one.
is_newer() {
  listed="=$entries="
  older=${listed#*"=$1="}
  [ "$older" != "$listed" ] || return 1
  case "=$older" in
  *"=$2="*) ;;
  *) return 1 ;;
  esac
}

# What OLM says of the Subscription in $installed, $current, $state, $plan and $conditions.
read_subscription() {
  ask get "$SUBSCRIPTIONS" "$PACKAGE" --namespace "$NAMESPACE" --ignore-not-found \
    -o go-template="exists{{with .status}}{{with .installedCSV}}{{.}}{{end}}$SEPARATOR{{with .currentCSV}}{{.}}{{end}}$SEPARATOR{{with .state}}{{.}}{{end}}$SEPARATOR{{with .installPlanRef}}{{.name}}{{end}}{{range .conditions}}{{if eq .status \"True\"}}$SEPARATOR{{.type}} {{with .reason}}{{.}}{{end}} {{with .message}}{{.}}{{end}}{{end}}{{end}}{{end}}"
  [ -n "$answer" ] || fail "Subscription $NAMESPACE/$PACKAGE was deleted meanwhile. Run \`pulumi up --refresh\`."
  split
  installed=${first#exists} current=$second state=$third plan=$fourth conditions=$rest
}

# The names of versions of this package begin with one of CSV_NAMES.
is_version_of_package() {
  for prefix in $CSV_NAMES; do
    case "$1" in "$prefix.v"*) return 0 ;; esac
  done
  return 1
}

check_resolution() {
  case "$2" in
  *'exists and is not referenced by a subscription'*)
    left=${2%% exists and is not referenced by a subscription*}
    left=${left##* }
    if is_version_of_package "$left"; then
      believe left "$SETTLED" "ClusterServiceVersion $NAMESPACE/$left is left from an earlier Subscription, and OLM lets no new one take it over. Run \`kubectl -n $NAMESPACE delete $VERSIONS $left\` (its kinds and everybody's objects stay), $AGAIN."
      return 0
    fi
    ;;
  esac
  patience=$PATIENCE
  [ "$1" != ConstraintsNotSatisfiable ] || patience=$SETTLED
  believe "resolution $1" "$patience" "OLM cannot resolve Subscription $NAMESPACE/$PACKAGE: $(one_line "$2"). Correct $SETTING, or what else is in that namespace, $AGAIN."
}

check_conditions() {
  IFS=$SEPARATOR
  # shellcheck disable=SC2086 # the separator splits it
  set -- $conditions
  unset IFS
  for condition in "$@"; do
    type=${condition%% *} said=${condition#* }
    case "$type" in
    ResolutionFailed) check_resolution "${said%% *}" "${said#* }" ;;
    BundleUnpackFailed)
      believe unpack "$SETTLED" "OLM cannot unpack the bundle of $PACKAGE: $(one_line "${said#* }"). Give the cluster access to the bundle's image, $AGAIN."
      ;;
    esac
  done
}

# With approval by hand a version that is named is also the one to stay at.
is_pinned() { [ "$APPROVAL" = Manual ] && [ "$STARTING_CSV" != none ]; }

# Succeeds if what is installed is known to be what is wanted.
is_wanted() {
  if is_pinned; then
    [ "$installed" = "$STARTING_CSV" ]
  else
    [ -n "$head" ] && [ "$installed" = "$head" ]
  fi
}

# A wanted version that OLM is past, or that no channel leads to.
check_past() {
  if ! is_pinned || is_wanted || [ -z "$installed" ] || [ -n "$complaining" ]; then return 0; fi
  patience=$SETTLED
  if [ -n "$entries" ]; then
    # From a version of another channel a way may lead there.
    if is_newer "$STARTING_CSV" "$installed" || { is_in_channel "$STARTING_CSV" && ! is_in_channel "$installed"; }; then return 0; fi
  else
    [ "$state" = AtLatestKnown ] || return 0
    patience=$PATIENCE
  fi
  believe past "$patience" "$installed is installed, not $STARTING_CSV; OLM never goes back. Set $SETTING.startingCSV to $installed, $AGAIN."
}

# What the InstallPlan of the Subscription waits for; $approved says that somebody has approved it.
check_plan() {
  approved=''
  [ -n "$plan" ] || return 0
  ask get "$PLANS" "$plan" --namespace "$NAMESPACE" --ignore-not-found \
    -o go-template="{{if .spec.approved}}yes{{else}}no{{end}}$SEPARATOR{{with .status}}{{with .phase}}{{.}}{{end}}{{end}}$SEPARATOR{{range .spec.clusterServiceVersionNames}}{{.}} {{end}}$SEPARATOR{{with .status}}{{with .message}}{{.}} {{end}}{{range .conditions}}{{if eq .status \"False\"}}{{with .message}}{{.}} {{end}}{{end}}{{end}}{{end}}"
  split
  [ -n "$first" ] || return 0
  versions=${third% }
  if [ "$first" = no ]; then
    check_approval
  else
    approved=yes
  fi
  [ "$second" != Failed ] ||
    believe "plan $plan" "$SETTLED" "InstallPlan $NAMESPACE/$plan ($versions) failed: $(one_line "${fourth:-no reason}"). Remove the cause, delete the plan by \`kubectl -n $NAMESPACE delete $PLANS $plan\`, $AGAIN."
  last="InstallPlan $NAMESPACE/$plan ($versions) is ${second:-new}"
}

# Whether the plan that waits is one to approve. Later versions than the wanted one may wait for as long as they like; a plan that is
# older than the settings stays until somebody approves or deletes it (catalog/operator.go: nothingToUpdate), and leads elsewhere.
check_approval() {
  if is_wanted || [ -n "$complaining" ]; then return 0; fi
  planned=''
  for name in $versions; do
    ! is_version_of_package "$name" || planned=$name
  done
  waits="InstallPlan $NAMESPACE/$plan ($versions) waits for approval"
  delete="Delete it by \`kubectl -n $NAMESPACE delete $PLANS $plan\`, and OLM makes another"
  if [ -n "$planned" ] && [ -n "$entries" ] && ! is_in_channel "$planned"; then
    believe "plan $plan" "$SETTLED" "$waits, but channel $CHANNEL has no $planned. $delete, $AGAIN."
  elif [ -n "$planned" ] && is_pinned && [ "$planned" != "$STARTING_CSV" ] && ! is_newer "$STARTING_CSV" "$planned"; then
    believe "plan $plan" "$SETTLED" "$waits, but $SETTING.startingCSV is $STARTING_CSV, and OLM never goes back from $planned. $delete; if that is the same again, no way leads to $STARTING_CSV from here: set $SETTING.startingCSV to $planned, $AGAIN."
  else
    fail "$waits. Approve it by \`kubectl -n $NAMESPACE patch $PLANS $plan --type merge -p '{\"spec\":{\"approved\":true}}'\`, $AGAIN."
  fi
}

# Where nobody tells the newest version, OLM's own word counts once it has had the time to look at the Subscription as it is now.
is_newest_to_olm() {
  [ -z "$head" ] && [ "$(date +%s)" -ge $((STARTED + SETTLED)) ] && [ "$state" = AtLatestKnown ] && [ "$installed" = "$current" ]
}

# Succeeds if the wanted version is installed.
is_installed() {
  [ -n "$installed" ] || return 1
  ! is_wanted || return 0
  if is_pinned; then
    goal="$STARTING_CSV is to be installed, to which no way leads"
  else
    ! is_newest_to_olm || return 0
    goal="the newest version in channel $CHANNEL is $head; it never goes back to an older one"
  fi
  [ "$state" != AtLatestKnown ] || [ -z "$head" ] ||
    believe newest "$PATIENCE" "OLM keeps $installed, but $goal. Set $SETTING.channel to one that leads on from $installed, $AGAIN."
  return 1
}

# Succeeds if that version runs.
check_version() {
  version=${current:-$installed}
  # A later version has no say before somebody approves its plan.
  if is_wanted && [ -z "$approved" ]; then version=$installed; fi
  [ -n "$version" ] || return 1
  ask get "$VERSIONS" "$version" --namespace "$NAMESPACE" --ignore-not-found \
    -o go-template="{{with .status}}{{with .phase}}{{.}}{{end}}$SEPARATOR{{with .reason}}{{.}}{{end}}$SEPARATOR{{with .message}}{{.}}{{end}}{{end}}"
  split
  [ "$first" != Succeeded ] || return 0
  said="$second${third:+: $(one_line "$third")}"
  if [ "$first" = Failed ] && [ "$second" = InterOperatorGroupOwnerConflict ]; then
    check_left_version
  elif [ "$first" = Failed ]; then
    believe "version $version $second" "$SETTLED" "ClusterServiceVersion $NAMESPACE/$version failed: $said. See \`kubectl -n $NAMESPACE describe $VERSIONS $version\`, $AGAIN."
  else
    last="ClusterServiceVersion $NAMESPACE/$version is ${first:-not there yet}${said:+ ($said)}"
  fi
  return 1
}

# The operator runs in another namespace too, mostly because its part moved and its Subscription there is gone.
check_left_version() {
  ask get "$VERSIONS" --all-namespaces --selector '!olm.copiedFrom' \
    -o go-template='{{range .items}}{{.metadata.namespace}}/{{.metadata.name}} {{end}}'
  left=''
  for name in $answer; do
    if [ "${name%/*}" != "$NAMESPACE" ] && is_version_of_package "${name#*/}"; then left=$name; fi
  done
  if [ -n "$left" ]; then
    remove="Run \`kubectl -n ${left%/*} delete $VERSIONS ${left#*/}\` (its kinds and everybody's objects stay)"
  else
    remove="Find out which other operator has the same kinds by \`kubectl get $VERSIONS --all-namespaces\`, and let one of the two go"
  fi
  believe "version $version $second" "$SETTLED" "ClusterServiceVersion $NAMESPACE/$version failed: $said. $remove, $AGAIN."
}

# Succeeds if all kinds are served in the wanted versions.
check_kinds() {
  for kind in $KINDS; do
    ask get customresourcedefinitions "${kind%/*}" --ignore-not-found \
      -o go-template='{{with .status}}{{range .conditions}}{{if and (eq .type "Established") (eq .status "True")}}established{{end}}{{end}}{{end}} {{range .spec.versions}}{{if .served}}{{.name}} {{end}}{{end}}'
    case "$answer" in
    "established "*" ${kind##*/} "* | "established ${kind##*/} "*) ;;
    *)
      served=${answer#established}
      believe "kind $kind" "$PATIENCE" "$installed is installed, but ${kind%/*} is not served in version ${kind##*/} (served: $(one_line "${served:-nothing}")). Choose a channel of $PACKAGE that brings it with $SETTING.channel, $AGAIN."
      return 1
      ;;
    esac
  done
}

say "Waiting for $PACKAGE in namespace $NAMESPACE, channel $CHANNEL of $CATALOGUE..."
refuse_other_owners "$PART=$NAMESPACE/$PACKAGE"
while :; do
  complaining='' head='' entries=''
  read_subscription
  check_catalogue
  [ -z "$ready" ] || check_channel
  check_past
  check_plan
  check_conditions
  if [ -n "$ready" ] && check_version && is_installed && check_kinds && [ -z "$complaining" ]; then break; fi
  [ -n "$complaining" ] || complaint=''
  in_time || [ -z "$complaining" ] || fail "$last"
  in_time || fail "$PACKAGE is not installed after $TIMEOUT_SECONDS s: $last. See \`kubectl -n $NAMESPACE describe $SUBSCRIPTIONS $PACKAGE\`, $AGAIN."
  sleep 2
done
say "$installed is installed and serves what it has to."
