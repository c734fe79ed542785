"""`python -m lab.engine`, in the place of `pulumi`."""

import os
import sys

from lab.engine.cli import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A program that was stopped may have threads left that never end.
    os._exit(code)
