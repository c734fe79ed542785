"""The program's stacks on the lab: their files, what differs here, and `pulumi` on them."""

from lab.stacks.files import Stack, discover
from lab.stacks.runner import Runner

__all__ = ["Runner", "Stack", "discover"]
