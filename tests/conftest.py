"""How the tests are spread over workers: one lab a worker, long modules first, and no lab left behind.

Owns the folder of the run's labs, which the controller makes, hands on to its workers and clears, however they end.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from lab import environment
from lab.home import Home

LABS = "RHSI_TEST_LABS"
LONG = (
    "lab/test_databases.py",
    "lab/test_published_tables.py",
    "lab/test_commands.py",
    "lab/test_operators.py",
    "lab/test_adoption.py",
    "lab/test_screens.py",
    "lab/test_stopped_commands.py",
    "lab/test_claim_failures.py",
    "lab/test_vault_owners.py",
    "lab/test_identity.py",
    "lab/test_interrupted_runs.py",
    "lab/test_claim_disturbances.py",
    "lab/test_outages.py",
    "lab/test_ways_in.py",
    "lab/test_doctor.py",
    "lab/test_review.py",
    "lab/test_stacks.py",
    "lab/test_status.py",
    "lab/test_backups.py",
    "lab/test_postgres_backups.py",
    "lab/test_pulumi.py",
    "lab/test_postgres_stacks.py",
    "lab/test_two_standbys.py",
    "lab/test_revocation.py",
    "lab/test_two_environments.py",
    "lab/test_policy.py",
    "lab/test_consumer.py",
    "lab/test_namespace_rights.py",
    "lab/test_rotation.py",
    "lab/test_operator_rights.py",
    "lab/test_refusals.py",
    "lab/test_claim_admission.py",
    "lab/test_examples.py",
    "lab/test_platform_rules.py",
    "lab/test_high_availability.py",
    "lab/test_network.py",
    "lab/test_kubelet.py",
)
"""The modules that bring stacks up, the longest first: whoever begins one late ends late."""


def pytest_configure() -> None:
    if LABS not in os.environ:
        os.environ[LABS] = tempfile.mkdtemp(prefix="rhsi-labs-")


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    folder = Path(os.environ.pop(LABS))
    for root in folder.iterdir():
        environment.stop(Home(root))
    shutil.rmtree(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    places = {place: number for number, place in enumerate(LONG)}

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.relative_to(tests).as_posix()
        return places.get(name, len(LONG)), not name.startswith("lab/")

    # A stable sort: within a module the order is the file's.
    items.sort(key=place)
