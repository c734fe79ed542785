"""Entry point of `python -m lab`."""

from lab.commands.app import app

app(prog_name="python -m lab")
