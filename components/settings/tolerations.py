"""Taints that pods bear, as `rhsi:pods.tolerations` and `rhsi:edb.affinity.tolerations` list them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from components.settings import labels
from components.settings.labels import LabelValue
from components.settings.mistakes import Mistake
from components.settings.section import Count, Section, checked


class Toleration(Section):
    """A taint that pods bear."""

    key: Annotated[str, checked(labels.any_key)] = ""
    """Key of the taint; empty stands for every taint, and goes with `Exists`."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Whether the taint's value counts."""
    value: LabelValue = ""
    """The taint's value, with `Equal`."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect of the taint; empty stands for all of them."""
    toleration_seconds: Count | None = None
    """How long a pod stays after the taint came, with `NoExecute`. Default: for ever."""

    @property
    def manifest(self) -> dict[str, Any]:
        """As a pod has it: what is left out is absent."""
        found = self.model_dump(by_alias=True)
        return {key: value for key, value in found.items() if value not in ("", None)}


def tolerations_mistakes(path: str, block: Mapping[str, Any]) -> Iterator[Mistake]:
    """What the API server refuses of a block's `tolerations`.

    Source: kubernetes:pkg/apis/core/validation, ValidateTolerations.

    Args:
        path: the block's, such as `pods`.
        block: unchecked.
    """
    given = block.get("tolerations")
    for index, one in enumerate(given if isinstance(given, list) else []):
        if isinstance(one, dict):
            yield from _of_one(f"{path}.tolerations.{index}", one)


def _of_one(path: str, given: Mapping[str, Any]) -> Iterator[Mistake]:
    exists = given.get("operator") == "Exists"
    if not given.get("key") and not exists:
        fix = "name the taint's key, or set operator to Exists for all taints"
        yield Mistake.of(f"{path}.key", given.get("key"), fix)
    if exists and given.get("value"):
        yield Mistake.of(f"{path}.value", given["value"], "with operator Exists the value does not count; remove it")
    if given.get("tolerationSeconds") is not None and given.get("effect") != "NoExecute":
        fix = "only a taint with effect NoExecute ends pods; set effect to NoExecute, or remove this"
        yield Mistake.of(f"{path}.tolerationSeconds", given["tolerationSeconds"], fix)
