"""Custom resource definitions of a controller: read from its folder, created, and awaited until they are served."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import yaml
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.home import LabError
from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import DEFINITION


def load(folder: Path) -> list[Manifest]:
    """The definitions of a folder, one a file, ordered by the files' names."""
    return [cast("Manifest", yaml.safe_load(path.read_text())) for path in sorted(folder.glob("*.yaml"))]


def install(api: Api, wanted: Sequence[Manifest]) -> None:
    """Apply the definitions and wait until the API server serves them; changes nothing where they are there already.

    Raises:
        LabError: one is not established within 30 s.
        kubernetes.client.exceptions.ApiException: the API server refuses one.
    """
    for definition in wanted:
        api.apply(DEFINITION, None, definition)

    @retry(retry=retry_if_result(bool), wait=wait_fixed(0.1), stop=stop_after_delay(30))
    def missing() -> list[str]:
        return [name for name in (found["metadata"]["name"] for found in wanted) if not is_established(api, name)]

    try:
        missing()
    except RetryError as error:
        names = ", ".join(error.last_attempt.result())
        raise LabError(f"The API server did not establish these CRDs within 30 s: {names}; see its log.") from error


def is_established(api: Api, name: str) -> bool:
    """Whether the API server serves the definition's kind."""
    found = api.get(DEFINITION, None, name) or {}
    return conditions.is_true(found.get("status", {}), "Established")
