"""What the real `pulumi` needs beside itself on a machine that has only its command line.

Owns the language host for Python, the plugins `kubernetes` and `vault`, which stand in for the real ones, and how
`pulumi` finds and starts them. Nothing here imitates the engine: `pulumi` itself decides what is created, replaced
and deleted, and prints what a person reads. `lab.binaries` finds or builds it.
"""
