"""What would make `pulumi up` fail, found in seconds and without changing anything.

A module per subject: each has checks, functions from a `Scene` to findings. `scene.py` is what they look at,
`examination.py` lists them, `running.py` runs them side by side, `report.py` writes what came of it.
"""
