"""Entry point of `python -m ops`."""

from ops.commands.app import app

app(prog_name="python -m ops")
