"""One review of what `pulumi up` would do to all stacks, made from `pulumi preview --json`.

`preview` reads the document, `changes` and `differences` classify it, `meaning` says what a change does here. `values`
and `words` decide what is shown of a value and of a message. `report` puts it together for scripts, `comment` for
people. All of these are pure; `running` runs `pulumi`.
"""
