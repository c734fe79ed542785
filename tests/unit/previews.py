"""Previews that the real engine (3.274.1) made of the lab's stacks, and how they came here.

Each file in fixtures/previews is one document of `pulumi preview --json --show-replacement-steps -s STACK`, run in
`python -m lab shell` and stripped of its bulk:

    python -m tests.unit.previews < whole.json > tests/unit/fixtures/previews/NAME.json

Its name says what was changed before: `rotation` one more rotation, `restart` postgres.parameters, `without-edb` and
`without-postgres` their `enabled`, `ca` both CAs, `unprotect` protect, `protected` edb.enabled under protection,
`disown` createNamespace; `drift` is `--refresh` after a Connector was deleted and the Site changed by hand.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from lab.home import CHECKOUT
from ops.review.preview import Preview, read

FOLDER = CHECKOUT / "tests" / "unit" / "fixtures" / "previews"
LONGEST_TEXT = 300
STATE = ("type", "custom", "protect")
# Of what is only read, created or deleted, these tell which object it is.
NAMES = ("apiVersion", "kind", "mount", "path", "name")
BULK = ("managedFields", "status", "__inputs", "__fieldManager", "__initialApiVersion")


def recorded(name: str) -> Preview:
    """A preview by the name of its file."""
    return read((FOLDER / f"{name}.json").read_text())


def stripped(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what no test looks at; its shape stays."""
    return {**document, "steps": [_step(step) for step in document.get("steps", ())]}


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    differs = step["op"] in {"update", "replace"}
    kept = {key: value for key, value in step.items() if key not in {"oldState", "newState", "provider"}}
    for key in ("oldState", "newState"):
        if key in step:
            kept[key] = _state(step[key], step.get("diffReasons") or [], whole=differs)
    return kept


def _state(state: Mapping[str, Any], changed: list[str], *, whole: bool) -> dict[str, Any]:
    kept = {key: state[key] for key in STATE if key in state}
    inputs = state.get("inputs", {})
    if whole:
        outputs = {key: value for key, value in state.get("outputs", {}).items() if key in changed}
        return {**kept, "inputs": _cut(inputs), "outputs": _cut(outputs)}
    names = {key: inputs[key] for key in NAMES if isinstance(inputs.get(key), str)}
    metadata = {key: value for key, value in inputs.get("metadata", {}).items() if key in {"name", "namespace"}}
    policy = inputs.get("spec", {}).get("persistentVolumeClaimRetentionPolicy") if "spec" in inputs else None
    spec = {"spec": {"persistentVolumeClaimRetentionPolicy": policy}} if policy else {}
    return {**kept, "inputs": {**names, **({"metadata": metadata} if metadata else {}), **spec}}


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(one) for key, one in value.items() if key not in BULK}
    if isinstance(value, list):
        return [_cut(one) for one in value]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


if __name__ == "__main__":
    json.dump(stripped(json.load(sys.stdin)), sys.stdout, indent=1)
    print()
