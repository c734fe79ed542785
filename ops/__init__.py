"""What a platform team needs around `pulumi up`, as `python -m ops`.

Each folder is one command's subject, and `commands/` is the command line. Nothing here changes a cluster or Vault. It
may import `components.settings` and `components.outputs`; the program never imports it.
"""
