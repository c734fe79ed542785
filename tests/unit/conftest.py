"""What every unit test finds around it: no Vault of the person who runs the tests, and a token that opens nothing.

And `lab`, for those of the doctor: clusters and a Vault that answer from dicts.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.doctor_world import World, world


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_ADDR", "KUBECONFIG", "VAULT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_TOKEN", "test-token")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made
