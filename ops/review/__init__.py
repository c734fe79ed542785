"""One review of what `pulumi up` would do to all stacks, made from `pulumi preview --json`.

`preview` reads the document, `changes` classifies it, `meaning` says what a change does here, `values` decides what is
shown, `comment` and `report` write it for people and for scripts. All of these are pure; `running` runs `pulumi`.
"""
