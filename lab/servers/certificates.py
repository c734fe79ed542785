"""The former place of these names, for lab/stacks.py and lab/environment.py only; goes once they import lab.files."""

from lab.files import write_private

__all__ = ["write_private"]
