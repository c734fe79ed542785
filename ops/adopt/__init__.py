"""What was made by hand becomes a stack's, without an outage: a plan, and the file for `pulumi import --file`.

`catalogue` lists what a stack has to import, `found` looks at what stands, `objects` says what is kept of it. `owners`
keeps out what another stack made, `imports` says why a thing cannot be imported and what changes with it. `site`,
`link` and `services` hold the rules for everything else, as `notes`; `plan` puts it together, `text` writes it down.
`import_file` and `providers` make the file. Nothing here changes a cluster, Vault or a state.
"""
