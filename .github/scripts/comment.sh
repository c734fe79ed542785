#!/usr/bin/env bash
# comment.sh FILE: makes FILE the one comment of a review on the pull request NUMBER of REPOSITORY.
#
# The comment is found by the marker in its first line, among those that this workflow's own account has written, so nobody else's
# comment is touched. Needs gh, with GH_TOKEN.
set -euo pipefail

file=$1
marker='<!-- rhsi-review -->'
comments="repos/$REPOSITORY/issues/$NUMBER/comments"

found=$(gh api --paginate "$comments" --jq \
  ".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id" | sed -n 1p)
if [ -n "$found" ]; then
  gh api --method PATCH "repos/$REPOSITORY/issues/comments/$found" --field body=@"$file" --silent
  echo "changed comment $found"
else
  gh api --method POST "$comments" --field body=@"$file" --silent
  echo "wrote the first comment"
fi
