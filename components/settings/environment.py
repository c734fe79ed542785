"""Environment variables that would make two people's runs differ, or break a promise of this program, are refused.

Owns those that no argument of a provider overrides, and those whose effect nobody would miss: a provider that is told
otherwise by the program would leave them without one, in silence. What a machine needs to reach its clusters and Vault
is not the program's business and passes: KUBECONFIG (the context is always explicit), VAULT_ADDR, VAULT_TOKEN,
VAULT_CACERT, proxies, and the pace of the clients (PULUMI_K8S_CLIENT_QPS, _BURST, _TIMEOUT).
Source of the rules: pulumi-kubernetes:provider/pkg/provider/provider.go (Configure) and provider/pkg/metadata/
overrides.go (ReadyCondition); hashicorp/vault:api/client.go (ReadEnvironment, NewClient).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from components.settings.mistakes import quoted


@dataclass(frozen=True)
class VariableMistake:
    """One environment variable that may not have its value."""

    name: str
    value: str
    problem: str

    def sentence(self, secret_keys: frozenset[str]) -> str:  # noqa: ARG002 -- as Mistake has it
        """The line that the user sees."""
        return f"The environment variable {self.name} is {quoted(self.value)}: {self.problem}."


def _is_true(value: str) -> bool:
    """What Go's strconv.ParseBool calls true; pulumi-kubernetes takes `true` only, which is one of them."""
    return value in ("1", "t", "T", "true", "TRUE", "True")


def _is_false(value: str) -> bool:
    """What pulumi-kubernetes takes for false: everything but true."""
    return value != "" and not _is_true(value)


def _is_set(value: str) -> bool:
    return value != ""


_REFUSED: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "PULUMI_K8S_DELETE_UNREACHABLE": (
        _is_true,
        "what stands on a cluster that does not answer would be forgotten instead of deleted; unset it",
    ),
    "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE": (
        _is_true,
        "`pulumi up` would succeed without having reached the cluster; unset it",
    ),
    "PULUMI_K8S_AWAIT_ALL": (
        _is_true,
        "`pulumi up` would wait for objects that become ready only after another stack's `up`; unset it",
    ),
    "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": (
        _is_false,
        "without server-side apply a run cannot tell its own objects from those of others; unset it",
    ),
    "VAULT_SKIP_VERIFY": (
        _is_true,
        "the token and all credentials would go to whoever answers at Vault's address; unset it, and set VAULT_CACERT "
        "to the file with the CA of Vault's certificate",
    ),
    "VAULT_AGENT_ADDR": (
        _is_set,
        "it would win over VAULT_ADDR and rhsi:vault.address without a word; unset it, and set VAULT_ADDR to it",
    ),
}


def environment_mistakes(environment: Mapping[str, str]) -> Iterator[VariableMistake]:
    """What is wrong with the environment of a run."""
    for name, (is_wrong, problem) in _REFUSED.items():
        if is_wrong(value := environment.get(name, "")):
            yield VariableMistake(name, value, problem)
