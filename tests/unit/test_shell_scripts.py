"""What of the embedded scripts reaches a cluster: every statement, and no comment."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from components.edb import published_tables, replication_test
from components.link import claim, revocation
from components.operators import owners, waiting
from components.postgres import backup, pod, smoke_test, starting, upkeep
from components.script_job import PRELUDE, job_script
from components.shell_script import read_script

COMPONENTS = PRELUDE.parent
BASH = str(shutil.which("bash"))
FILES = sorted(COMPONENTS.glob("**/*.sh"))
EMBEDDED = {
    "link/claim_link.sh": claim.SCRIPT,
    "link/renew_site_ca.sh": revocation.SCRIPT,
    "edb/progress_test.sh": replication_test.PROGRESS_SCRIPT,
    "edb/published_tables.sh": published_tables.SCRIPT,
    "operators/await_operator.sh": waiting.SCRIPT,
    "operators/check_owners.sh": owners.SCRIPT,
    "edb/replication_test.sh": replication_test.SCRIPT,
    "postgres/smoke_test.sh": smoke_test.SCRIPT,
    "postgres/archive.sh": backup.ARCHIVE_SCRIPT,
    "postgres/backup.sh": backup.SCRIPT,
    "postgres/server.sh": pod.SCRIPT,
    "postgres/starting.sh": starting.SCRIPT,
    "postgres/upkeep.sh": upkeep.SCRIPT,
    "postgres/version.sh": pod.VERSION_SCRIPT,
}
# What stands between the prelude and a script.
BETWEEN = dict.fromkeys(("operators/await_operator.sh", "operators/check_owners.sh"), "operators/other_owners.sh")
IN_SERVERS = {f"postgres/{name}.sh" for name in ("archive", "backup", "server", "starting", "version")}


def parsed(script: str) -> str:
    """A script as the shell understands it, which knows no comments."""
    done = subprocess.run(
        [BASH, "-c", f"script() {{\n{script}\n}}\ndeclare -f script"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_script_is_embedded_and_all_but_the_servers_begin_with_the_prelude() -> None:
    assert {str(file.relative_to(COMPONENTS)) for file in FILES} == {*EMBEDDED, *BETWEEN.values(), "prelude.sh"}
    for name, script in EMBEDDED.items():
        assert script.startswith("#!/bin/sh\nset -eu\n")
        files = [COMPONENTS / BETWEEN[name]] if name in BETWEEN else []
        assert script == (read_script if name in IN_SERVERS else job_script)(*files, COMPONENTS / name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_shell_sees_the_same_script_with_and_without_comments(file: Path) -> None:
    assert parsed(read_script(file)) == parsed(file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_another_comment_leaves_every_manifest_as_it_is(file: Path, tmp_path: Path) -> None:
    """A script is in its manifest as it is read, and nowhere else."""
    lines = file.read_text().splitlines()
    kept = read_script(file).splitlines()
    comments = [number for number, line in enumerate(lines) if line.startswith("#") and line not in kept]
    assert comments
    reworded = tmp_path / file.name
    for number in comments:
        lines[number] = "# Said in other words."
    lines[comments[-1]] += "\n\n    # And more of them, with a << sign that opens 'nothing.\n"
    reworded.write_text("\n".join(lines))
    assert read_script(reworded) == read_script(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_comment_is_behind_a_statement_where_it_would_stay(file: Path) -> None:
    statements = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in statements if re.search(r"\s#\s", line)]


def test_a_here_document_keeps_its_comments_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "script.sh"
    text = "cat <<'EOF'\n# kept\n\n  EOF of another kind\nEOF\n"
    file.write_text(f"#!/bin/sh\n# gone\n\n{text}  # gone too\nexit\n")
    assert read_script(file) == f"#!/bin/sh\n{text}exit\n"
