"""The command line of `python -m ops`: `app.py` lists the commands, and each has a module of its own."""
