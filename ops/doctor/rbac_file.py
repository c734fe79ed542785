"""deploy/operator-rbac.yaml as rights: what the file grants, with what stands there in comments.

Owns the reading only. Which of it the settings of a stack need is up to needs.py; that nothing is missing from the file
is proved by the lab, which runs both stacks with exactly these rights.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).parents[2] / "deploy" / "operator-rbac.yaml"
# A rule that the administrator takes out of its comment.
_COMMENTED = re.compile(r"^# (- (?:apiGroups|nonResourceURLs):|  (?:resources|resourceNames|verbs):)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One verb on one resource, as a rule of a role has it.

    Attributes:
        role: `ClusterRole/rhsi-operator`, or `Role/rhsi-preview` with a namespace of its own.
        group: API group, empty for the core's.
        resource: plural, with its subresource behind a slash; or a path, for what is no resource.
        name: of the object, empty for all of them.
        verb: as in a rule.
    """

    role: str
    group: str
    resource: str
    name: str
    verb: str


def grants(text: str) -> Iterator[Grant]:
    """Every right in the file, commented rules included."""
    for manifest in yaml.safe_load_all(_COMMENTED.sub(r"\1", text)):
        if manifest["kind"] not in ("ClusterRole", "Role"):
            continue
        role = f"{manifest['kind']}/{manifest['metadata']['name']}"
        for rule in manifest["rules"]:
            for verb in rule["verbs"]:
                for path in rule.get("nonResourceURLs", []):
                    yield Grant(role=role, group="", resource=path, name="", verb=verb)
                for group in rule.get("apiGroups", []):
                    for resource in rule["resources"]:
                        for name in rule.get("resourceNames", [""]):
                            yield Grant(role=role, group=group, resource=resource, name=name, verb=verb)
