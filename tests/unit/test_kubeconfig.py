"""The contexts of the kubeconfig, and a stack whose context is none of them."""

import os
from pathlib import Path

import pytest

from components import settings
from components.settings.kubeconfig import contexts


def kubeconfig(folder: Path, *names: str) -> Path:
    file = folder / "-".join(["config", *names])
    file.write_text("contexts:\n" + "".join(f"- name: {name}\n" for name in names))
    return file


def test_all_files_of_the_list_count_and_missing_ones_do_not(tmp_path: Path) -> None:
    files = [kubeconfig(tmp_path, "one", "two"), tmp_path / "missing", kubeconfig(tmp_path, "three")]
    assert contexts({"KUBECONFIG": os.pathsep.join(map(str, files))}) == ["one", "two", "three"]


@pytest.mark.parametrize("content", [b"", b"- a list", b"contexts: text", b"contexts: [1, {}]", b"\xff", b"{"])
def test_a_file_that_is_no_kubeconfig_is_no_error_of_this_program(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    assert contexts({"KUBECONFIG": str(file)}) in ([], None)
    assert contexts({"KUBECONFIG": str(tmp_path / "missing")}) is None


@pytest.mark.parametrize(
    ("known", "told"),
    [(["site-a", "prod"], "the kubeconfig has site-a, prod; "), ([], "the kubeconfig has no context; ")],
)
def test_a_context_that_the_kubeconfig_lacks_is_refused_with_those_that_it_has(known: list[str], told: str) -> None:
    config = {"role": "primary", "cluster": '{"context": "site-b"}', "vault": '{"address": "https://v:8200"}'}
    with pytest.raises(settings.SettingsError, match=f'rhsi:cluster.context is "site-b": {told}correct it'):
        settings.load(config, stack="site-b", known_contexts=known)
    assert settings.load(config, stack="site-b", known_contexts=["site-b"])
    assert settings.load(config, stack="site-b", known_contexts=None)
