"""Entry point of `python -m lab`."""

import os

from lab.commands import completion
from lab.commands.app import app

if completion.VARIABLE in os.environ:
    completion.prepare()
app(prog_name="python -m lab", complete_var=completion.VARIABLE)
