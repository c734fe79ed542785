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

# How kubectl reaches the API server as the pod's account. By itself it finds out only as long as nothing is set, such as a
# timeout (client-go's tools/clientcmd/merged_client_builder.go).
ACCOUNT=/var/run/secrets/kubernetes.io/serviceaccount
if [ -r "$ACCOUNT/token" ]; then
  export KUBECONFIG="$HOME/kubeconfig"
  host=$KUBERNETES_SERVICE_HOST
  case "$host" in *:*) host="[$host]" ;; esac
  read -r namespace <"$ACCOUNT/namespace" || :
  printf '%s\n' 'apiVersion: v1' 'kind: Config' 'current-context: pod' \
    "contexts: [{name: pod, context: {cluster: own, user: pod, namespace: $namespace}}]" \
    "users: [{name: pod, user: {tokenFile: $ACCOUNT/token}}]" \
    "clusters: [{name: own, cluster: {server: 'https://$host:$KUBERNETES_SERVICE_PORT', certificate-authority: $ACCOUNT/ca.crt}}]" \
    >"$KUBECONFIG"
fi

# A question that the API server does not answer ends after ten seconds: a stalled server, or a network that drops what it
# does not allow, would hold the script beyond its deadline, and nothing would say why.
kubernetes() { "$KUBECTL" "$@" --request-timeout=10s 2>"$STDERR"; }

# The same without its answer. A caller that redirected it would also swallow what a trap says meanwhile.
quietly() { "$KUBECTL" "$@" --request-timeout=10s >/dev/null 2>"$STDERR"; }

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
  until answer=$(kubernetes "$@"); do
    in_time || fail "The API server refused or did not answer: $(last_error). Run \`pulumi up\` again."
    sleep 1
  done
}
