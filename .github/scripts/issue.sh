#!/usr/bin/env bash
# issue.sh FILE CODE: keeps one open issue with FILE, a review, as long as the review ended with exit code 1; closes it with 0.
#
# An issue whose fingerprint is the review's is left alone, so that nobody hears each night of what is known. Needs gh, with
# GH_TOKEN, and REPOSITORY.
set -euo pipefail

file=$1 code=$2
marker='<!-- rhsi-review -->'
title='The stacks differ from what Pulumi would make'

# The newest open issue that this workflow's own account has opened: its number, and its fingerprint.
# Assigned first: where GitHub does not answer, the script ends here instead of opening a second issue.
found=$(gh api --paginate "repos/$REPOSITORY/issues?state=open" --jq \
  ".[] | select(.user.login == \"github-actions[bot]\" and .pull_request == null and (.body // \"\" | startswith(\"$marker\")))
       | \"\(.number) \(.body | capture(\"<!-- fingerprint (?<it>[0-9a-f]+) -->\").it)\"" | sed -n 1p)
read -r number known <<< "$found"
now=$(sed -nE 's/^<!-- fingerprint ([0-9a-f]+) -->$/\1/p' "$file")

case "$code" in
  0)
    if [ -n "$number" ]; then
      gh api --method POST "repos/$REPOSITORY/issues/$number/comments" --field body='Nothing differs any more.' --silent
      gh api --method PATCH "repos/$REPOSITORY/issues/$number" --field state=closed --silent
      echo "closed issue $number"
    else
      echo 'nothing differs'
    fi
    ;;
  1)
    if [ -z "$number" ]; then
      gh api --method POST "repos/$REPOSITORY/issues" --field title="$title" --field body=@"$file" --silent
      echo 'opened an issue'
    elif [ "$known" = "$now" ]; then
      echo "issue $number says so already"
    else
      gh api --method PATCH "repos/$REPOSITORY/issues/$number" --field body=@"$file" --silent
      gh api --method POST "repos/$REPOSITORY/issues/$number/comments" --field body='What differs has changed: see above.' --silent
      echo "changed issue $number"
    fi
    ;;
  *)
    echo "error: exit code $code of the review says nothing about what differs" >&2
    exit 2
    ;;
esac
