"""What Vault has of what the primary's outputs promise: only Vault's certain no counts."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pulumi
import pytest

from components.vault.promised import PromisedSecrets, PromisedSecretsArgs
from components.vault.reading import is_missing
from tests.unit.event_loop import run
from tests.unit.recorder import STANDBY, record, reveal

ASKED = "vault:kv/getSecretsListV2:getSecretsListV2"


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[tuple[str, dict[str, Any]]]:
    """Let the provider give this answer, or raise it; what it was asked is in the list."""
    asked = []

    async def invoke(token: str, arguments: dict[str, Any], _options: pulumi.InvokeOptions) -> Any:
        asked.append((token, arguments))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    return asked


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({"names": ["link-token", "postgres-application"]}, False),
        ({"names": ["link-token"]}, True),
        (Exception('no secrets found at "rhsi/metadata/site-b"'), True),
        (Exception("Code: 403. Errors: * permission denied"), False),
        (Exception("Vault is sealed"), False),
    ],
)
def test_only_a_certain_no_is_one(monkeypatch: pytest.MonkeyPatch, answer: Any, missing: bool) -> None:
    asked = answering(monkeypatch, answer)
    assert run(is_missing("rhsi", "site-b/postgres-application", ANY)) is missing
    assert asked == [(ASKED, {"mount": "rhsi", "name": "site-b"})]


async def look(values: dict[str, str]) -> None:
    args = PromisedSecretsArgs(stack="site-a", mount="rhsi", paths=values, version="1")
    component = PromisedSecrets.__new__(PromisedSecrets)
    component._args = args
    inputs = {"input": {"paths": values}}
    hook = SimpleNamespace(new_inputs=inputs)
    await component._look(hook)  # type: ignore[arg-type]


def test_a_promise_that_vault_does_not_keep_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"names": ["postgres-application"]})
    run(look({"postgres-application": "site-b/postgres-application"}))
    with pytest.raises(pulumi.RunError) as refusal:
        run(look({"postgres-replication": "site-b/postgres-replication"}))
    assert str(refusal.value) == (
        "The outputs of the primary's stack site-a promise postgres-replication at rhsi/site-b/postgres-replication, "
        "but Vault has none: run `pulumi up -s site-a` first. If that says unchanged, somebody deleted it: raise "
        "passwordRotation of rhsi:postgres or rhsi:edb there."
    )


def test_whoever_waits_for_a_promised_secret_comes_after_the_question() -> None:
    for section in ({"postgres": {"enabled": True}}, {"edb": {"enabled": True, "operator": "community"}}):
        graph = record({**STANDBY, **section}, stack="site-b")
        (asked,) = [one for one in graph.of_type("pulumi:index:Stash") if one.name.endswith("-promised-paths")]
        awaited = [
            one
            for one in graph.of_type("kubernetes:external-secrets.io/v1:ExternalSecret")
            if one.inputs["metadata"]["name"] in reveal(asked.inputs["input"])["paths"]
        ]
        assert awaited
        assert all(graph.waits_for(one, asked) for one in awaited)
