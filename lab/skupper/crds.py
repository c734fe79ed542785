"""The lab's own, compact and strict CustomResourceDefinitions for Skupper, and how they are installed.

Owns the files under crds/. They carry what upstream carries for the kinds that the lab works with: every type, format,
enum and required field, no `preserve-unknown-fields`.
"""

from pathlib import Path
from typing import cast

import yaml
from kubernetes.dynamic import DynamicClient
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.home import LabError
from lab.kube import Manifest
from lab.skupper.api import Api, Kind

FOLDER = Path(__file__).with_name("crds")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return [cast("Manifest", yaml.safe_load(path.read_text())) for path in sorted(FOLDER.glob("*.yaml"))]


def install(client: DynamicClient) -> None:
    """Apply all CRDs and wait until the API server serves them; changes nothing where they are there already.

    Raises:
        LabError: one is not established within 30 s.
        kubernetes.client.exceptions.ApiException: the API server refuses one.
    """
    api = Api(client)
    wanted = definitions()
    for definition in wanted:
        api.apply(CRD, None, definition)

    @retry(retry=retry_if_result(bool), wait=wait_fixed(0.1), stop=stop_after_delay(30))
    def missing() -> list[str]:
        return [name for name in (found["metadata"]["name"] for found in wanted) if not _established(api, name)]

    try:
        missing()
    except RetryError as error:
        names = ", ".join(error.last_attempt.result())
        raise LabError(f"The API server did not establish these CRDs within 30 s: {names}; see its log.") from error


def _established(api: Api, name: str) -> bool:
    found = api.get(CRD, "", name) or {}
    # A definition that is seconds old has no conditions yet: the field is there and null.
    conditions = found.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)
