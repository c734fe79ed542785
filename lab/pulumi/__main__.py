"""`python -m lab.pulumi PLUGIN [ARGUMENT...]`: one plugin; `... resident`: the process that forks them."""

import argparse
import sys
from pathlib import Path

from lab.pulumi.plugins import PLUGINS, preload, run
from lab.pulumi.resident import serve
from lab.signals import stop_event

if __name__ == "__main__":
    if sys.argv[1:2] == ["resident"]:
        parser = argparse.ArgumentParser(prog="python -m lab.pulumi resident", description=__doc__)
        parser.add_argument("--socket", type=Path, required=True, help="where launchers ask")
        parser.add_argument("--ready-file", type=Path, required=True, help="is written when they can")
        options = parser.parse_args(sys.argv[2:])
        preload()
        serve(options.socket, options.ready_file)
    elif sys.argv[1:2] and sys.argv[1] in PLUGINS:
        sys.exit(run(sys.argv[1], sys.argv[2:], stop_event()))
    else:
        sys.exit(f"usage: python -m lab.pulumi {'|'.join(PLUGINS)} [ARGUMENT...], or resident --socket PATH")
