"""`python -m lab.engine`, in the place of `pulumi`."""

import sys

from lab.engine.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
