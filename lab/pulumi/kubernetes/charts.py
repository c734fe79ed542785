"""Helm charts as the provider's function renders them, as far as the program asks: what does the cluster serve?

Source: pulumi-kubernetes:provider/pkg/provider/invoke_helm_template.go; helm/helm:pkg/action/action.go (GetVersionSet).
A template that asks for anything else is refused, not guessed.
"""

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from lab.pulumi.kubernetes.cluster import Manifest
from lab.pulumi.provider import ProviderError

FUNCTION = "kubernetes:helm:template"
_HAS = re.compile(r'\{\{ \.Capabilities\.APIVersions\.Has "(?P<api>[^"]+)/(?P<kind>[^"/]+)" \}\}')


def render(chart: Path, served: Callable[[str, str], bool]) -> list[Manifest]:
    """The objects of a chart.

    Args:
        chart: its folder.
        served: whether the cluster serves an apiVersion's kind.

    Raises:
        ProviderError: there is no such chart, or it holds more than questions for kinds.
    """
    if not (chart / "Chart.yaml").is_file():
        raise ProviderError(f"failed to load chart from temp directory: stat {chart}: no such file or directory")
    found: list[Manifest] = []
    for template in sorted((chart / "templates").glob("*.yaml")):
        text = _HAS.sub(lambda match: str(served(match["api"], match["kind"])).lower(), template.read_text())
        if "{{" in text:
            raise ProviderError(
                f"the lab's stand-in for the kubernetes plugin renders questions for kinds only: {template} holds more"
            )
        found += [document for document in yaml.safe_load_all(text) if document]
    return found
