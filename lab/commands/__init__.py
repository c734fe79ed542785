"""The command line of `python -m lab`: one module for each kind of command, and what they have in common."""
