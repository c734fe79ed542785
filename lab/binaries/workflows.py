"""`python -m lab.binaries.workflows [ARGUMENTS]`: actionlint on the workflows of GitHub, built from source once.

The Python package of that name holds no program: it downloads one when it is installed, from where air-gapped machines
do not come. Owns no rule; what a workflow must be is actionlint's to say.
"""

import os
import sys
from pathlib import Path

from lab.binaries.build import build
from lab.binaries.recipes import ACTIONLINT
from lab.home import LabError
from lab.progress import Terminal


def main() -> None:
    """Become actionlint, with this virtual environment's shellcheck for the scripts in the workflows."""
    try:
        with Terminal() as progress:
            program = build(ACTIONLINT, progress) / "actionlint"
    except LabError as error:
        sys.exit(f"error: {error}")
    shellcheck = Path(sys.prefix, "bin", "shellcheck")
    os.execv(program, [program.name, "-shellcheck", str(shellcheck), "-pyflakes", "", *sys.argv[1:]])  # noqa: S606 -- a list needs no shell


if __name__ == "__main__":
    main()
