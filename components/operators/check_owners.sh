#!/bin/sh
# Ends a run before OLM is asked for anything, if an operator of this stack is somebody else's on this cluster.
#
# Begins with prelude.sh and other_owners.sh. Environment: that of the prelude, WANTED (`<part>=<namespace>/<package>` of each operator).
# shellcheck disable=SC2154 # what the Job sets

trap 'fail "The look for operators of somebody else was stopped before it was done. Run \`pulumi up\` again."' TERM

say "Looking for other people's Subscriptions to $WANTED..."
# shellcheck disable=SC2086 # one word for each operator
refuse_other_owners $WANTED
say "There are none."
