"""A bench for each test, with a cheap key: deriving a real one takes a good part of a second."""

from pathlib import Path

import pytest

from lab.engine import secrets
from tests.unit.engine.bench import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(secrets, "_ROUNDS", 10)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "test")
    # The engine goes to the program's folder; the other tests stay where they are.
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path)
