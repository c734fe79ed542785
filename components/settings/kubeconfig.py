"""Which contexts the kubeconfig of this machine has; what is in them is the provider's business.

Source of the rules: k8s.io/client-go/tools/clientcmd/loader.go: $KUBECONFIG lists files, of which missing ones do not
count; without it there is `~/.kube/config`.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.settings.mistakes import Mistake
from components.settings.section import section


def contexts(environment: Mapping[str, str]) -> list[str] | None:
    """The names of all contexts, or None where there is no kubeconfig or none that can be read: the provider tells."""
    listed = environment.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [Path(file) for file in listed.split(os.pathsep) if file and Path(file).is_file()]
    if not files:
        return None
    try:
        return [name for file in files for name in _names(yaml.safe_load(file.read_text()))]
    except (OSError, UnicodeError, yaml.YAMLError, RecursionError):
        return None


def _names(config: Any) -> Iterator[str]:
    entries = config.get("contexts") if isinstance(config, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"]


def context_mistakes(raw: Mapping[str, Any], known: list[str] | None) -> Iterator[Mistake]:
    """A context that the kubeconfig lacks."""
    context = section(raw, "cluster").get("context")
    if known is not None and isinstance(context, str) and context and context not in known:
        fix = f"the kubeconfig has {', '.join(known)}" if known else "the kubeconfig has no context"
        yield Mistake("cluster.context", context, f"{fix}; correct it, or set KUBECONFIG to the file that has it")
