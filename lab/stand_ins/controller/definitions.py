"""Custom resource definitions of a controller: created, and awaited until the API server serves them."""

from collections.abc import Sequence

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.home import LabError
from lab.kube import Manifest
from lab.stand_ins.controller.api import Api, Kind

CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")


def install(api: Api, wanted: Sequence[Manifest]) -> None:
    """Apply the definitions and wait until the API server serves them; changes nothing where they are there already.

    Raises:
        LabError: one is not established within 30 s.
        kubernetes.client.exceptions.ApiException: the API server refuses one.
    """
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
