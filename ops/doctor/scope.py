"""Which namespaces a controller works on, as its Deployment says: many are installed for one namespace only.

Source: skupper:cmd/controller/main.go (`-watch-namespace`, WATCH_NAMESPACE), external-secrets:cmd/controller/root.go
(`--namespace`), and OLM, which writes an OperatorGroup's namespaces into the pod's annotation `olm.targetNamespaces`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from ops.clusters import Manifest

VARIABLE = "WATCH_NAMESPACE"
_ANNOTATION = re.compile(r"^metadata\.annotations\['([^']+)'\]$")


def watches(deployment: Manifest, namespace: str, *, flag: str = "") -> bool:
    """Whether a controller works on a namespace.

    Args:
        deployment: the controller's.
        namespace: where it is wanted.
        flag: its argument with a namespace, without hyphens; it wins over the variable.
    """
    template = (deployment.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or []
    given = [value for container in containers for value in _arguments(container, flag)] if flag else []
    known = given[-1:] or [value for container in containers for value in _variables(container, deployment, template)]
    # Empty means all of them.
    names = {name.strip() for value in known for name in value.split(",")} - {""}
    return not names or namespace in names


def _arguments(container: Manifest, flag: str) -> Iterator[str]:
    words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
    for word, after in pairwise([*words, ""]):
        name, given, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == flag:
            yield value if given else after


def _variables(container: Manifest, deployment: Manifest, template: Manifest) -> Iterator[str]:
    for variable in container.get("env") or []:
        if variable.get("name") != VARIABLE:
            continue
        path = str(((variable.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath") or "")
        if path == "metadata.namespace":
            yield str(deployment["metadata"]["namespace"])
        elif annotation := _ANNOTATION.match(path):
            yield str(((template.get("metadata") or {}).get("annotations") or {}).get(annotation[1]) or "")
        else:
            yield str(variable.get("value") or "")
