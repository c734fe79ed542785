"""The provider's function that renders charts, as far as the lab has it."""

from pathlib import Path

import pytest
import yaml

from components.operators.serving import CHART, FUNCTION
from lab.pulumi.kubernetes import charts
from lab.pulumi.provider import ProviderError


@pytest.mark.parametrize("served", [True, False])
def test_the_programs_chart_tells_whether_olm_is_served(served: bool) -> None:
    asked = []

    def serves(api_version: str, kind: str) -> bool:
        asked.append((api_version, kind))
        return served

    (found,) = charts.render(CHART, serves)
    assert found["data"] == {"olm": str(served).lower()}
    assert asked == [("operators.coreos.com/v1alpha1", "Subscription")]
    assert charts.FUNCTION == FUNCTION


def test_a_chart_that_asks_for_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump({"name": "x"}))
    (tmp_path / "templates" / "a.yaml").write_text("a: {{ .Values.a }}\n")
    with pytest.raises(ProviderError, match="questions for kinds only"):
        charts.render(tmp_path, lambda _, __: True)


def test_a_chart_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="no such file or directory"):
        charts.render(tmp_path / "none", lambda _, __: True)
