"""A project folder with a `pulumi` of the test's own, for the tests of `python -m ops`."""

from pathlib import Path


def install(folder: Path, script: str) -> Path:
    """Make a folder a project, and return the folder to put on PATH: in it, a script is `pulumi`."""
    (folder / "Pulumi.yaml").write_text("name: rhsi\nruntime: python\n")
    tools = folder / "tools"
    tools.mkdir()
    (tools / "pulumi").write_text(script)
    (tools / "pulumi").chmod(0o755)
    return tools
