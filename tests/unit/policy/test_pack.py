"""The pack as the engine starts and asks it: by Pulumi's host for Python, over gRPC."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from packaging.requirements import Requirement
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from docs.generate import policy as documentation
from lab.home import CHECKOUT
from policy.rules import RULES
from tests.unit.policy.judging import manifest

PACK = CHECKOUT / "policy"
GRANT = manifest("AccessGrant", spec={"expirationWindow": "24h", "redemptionsAllowed": 1})


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack, started in a folder of another project as sdk/python/cmd/pulumi-analyzer-policy-python does."""
    line = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    process = subprocess.Popen(line, cwd=tmp_path_factory.mktemp("project"), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def analyzed(pack: analyzer_pb2_grpc.AnalyzerStub) -> list[tuple[str, int, str]]:
    """What the pack says of a grant whose window is too long."""
    properties = struct_pb2.Struct()
    properties.update(GRANT)
    answer = pack.Analyze(
        analyzer_pb2.AnalyzeRequest(
            type="kubernetes:skupper.io/v2alpha1:AccessGrant",
            properties=properties,
            urn="urn:pulumi:site-a::rhsi::kubernetes:skupper.io/v2alpha1:AccessGrant::it",
            name="it",
        )
    )
    return [(one.policyName, one.enforcementLevel, one.message) for one in answer.diagnostics]


def configure(pack: analyzer_pb2_grpc.AnalyzerStub, **policies: analyzer_pb2.PolicyConfig) -> None:
    pack.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=policies))


def policy_config(level: int, **values: str) -> analyzer_pb2.PolicyConfig:
    properties = struct_pb2.Struct()
    properties.update(values)
    return analyzer_pb2.PolicyConfig(enforcementLevel=level, properties=properties)  # type: ignore[arg-type] # an enum's number


def test_it_tells_its_policies_with_level_and_settings(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "rhsi"
    assert [(one.name, one.description) for one in info.policies] == [(one.name, one.description) for one in RULES]
    levels = {one.name: analyzer_pb2.EnforcementLevel.Name(one.enforcementLevel).lower() for one in info.policies}
    assert levels == {one.name: one.level.value for one in RULES}
    settings = {one.name: set(one.configSchema.properties) for one in info.policies}
    assert settings == {one.name: set(one.settings) for one in RULES}


def test_a_violation_has_the_rule_the_sentence_and_the_level(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack)
    ((policy, level, message),) = analyzed(pack)
    assert (policy, level) == ("grant-window", analyzer_pb2.MANDATORY)
    rule, sentence = message.split("\n")
    assert rule == "A grant can be redeemed for a short time only."
    assert sentence.startswith('AccessGrant rhsi/it: spec.expirationWindow is "24h"')


def test_level_and_values_come_from_the_configuration(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack, **{"grant-window": policy_config(analyzer_pb2.ADVISORY)})
    assert [level for _, level, _ in analyzed(pack)] == [analyzer_pb2.ADVISORY]
    configure(pack, **{"grant-window": policy_config(analyzer_pb2.MANDATORY, maximumWindow="24h")})
    assert not analyzed(pack)
    configure(pack, **{"grant-window": policy_config(analyzer_pb2.DISABLED)})
    assert not analyzed(pack)


def test_the_pack_needs_what_it_is_tested_with() -> None:
    pinned = {requirement.name: requirement for requirement in map(Requirement, lines(PACK / "requirements.txt"))}
    developed = {
        requirement.name: requirement for requirement in map(Requirement, lines(CHECKOUT / "requirements-dev.txt"))
    }
    assert pinned
    assert all(developed[name] == requirement for name, requirement in pinned.items())


def lines(file: Path) -> list[str]:
    """The requirements of a file, without its comments and references."""
    return [line for line in file.read_text().splitlines() if line and line[0] not in "#-"]


def test_the_pack_names_its_runtime() -> None:
    assert yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())["runtime"]["name"] == "python"


def test_the_strict_configuration_makes_every_advisory_rule_mandatory_and_no_other_name_up() -> None:
    strict = json.loads((PACK / "strict.json").read_text())
    assert strict == {rule.name: "mandatory" for rule in RULES if rule.level.value == "advisory"}


def test_the_names_of_the_policies_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_pack_imports_nothing_of_this_project() -> None:
    """It can be published alone."""
    asked = "import rules, sys; print(sorted(sys.modules.keys() & {'components', 'lab', 'ops', 'policy'}))"
    line = [sys.executable, "-c", asked]
    done = subprocess.run(line, cwd=PACK, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_page_is_what_the_rules_say() -> None:
    written = (CHECKOUT / "docs" / "policy.md").read_text()
    assert written == documentation.page(), "`python -m docs.generate.policy > docs/policy.md` writes it anew"
