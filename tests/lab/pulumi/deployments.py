"""Small projects for the plugins' tests, run by the real `pulumi` as a person at the terminal runs it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRELUDE = """
import json
import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from pulumi import ResourceOptions

config = pulumi.Config()
namespace = config.require("namespace")
cluster = kubernetes.Provider(
    "cluster", kubeconfig="", context="site-a", cluster_identifier="a", upsert_existing_objects=True
)


def options(**more):
    return ResourceOptions(provider=cluster, **more)


class Widget(pulumi.CustomResource):
    status: pulumi.Output[dict]

    def __init__(self, name, spec=None, opts=None, wait=None, annotations=None, **metadata):
        metadata = {"name": name, "namespace": namespace, **metadata, "annotations": annotations or {}}
        if wait:
            metadata["annotations"]["pulumi.com/waitFor"] = json.dumps(wait)
        properties = {"apiVersion": "widgets.test/v1", "kind": "Widget", "metadata": metadata, "spec": spec or {}}
        super().__init__("kubernetes:widgets.test/v1:Widget", name, {**properties, "status": None}, opts)


class Existing(pulumi.CustomResource):
    status: pulumi.Output[dict]

    def __init__(self, name, id):
        properties = dict.fromkeys(("apiVersion", "kind", "metadata", "spec", "status"))
        super().__init__("kubernetes:widgets.test/v1:Widget", name, properties, options(id=id))


def config_map(name, opts=None, labels=None, **data):
    metadata = {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}
    return kubernetes.core.v1.ConfigMap(name, metadata=metadata, data=data, opts=opts or options())


def timeouts(seconds):
    return pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s", delete=f"{seconds}s")
"""

WIDGETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.widgets.test"},
    "spec": {
        "group": "widgets.test",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


@dataclass
class Deployment:
    """One stack of one project. `text` is what the last command printed, `code` its exit code."""

    folder: Path
    environment: dict[str, str]
    config: dict[str, str]
    text: str = field(default="", init=False)
    code: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        options = {"toolchain": "pip", "virtualenv": sys.prefix}
        project = {"name": "proj", "runtime": {"name": "python", "options": options}}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project))
        state = self.folder / "state"
        state.mkdir()
        self.environment = {
            **os.environ,
            **self.environment,
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self.run("stack", "init")
        assert self.code == 0, self.text
        for key, value in self.config.items():
            self.run("config", "set", key, value)

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--stack", "dev"]

    def run(self, *arguments: str) -> str:
        """Run one command."""
        done = subprocess.run(
            self._command(*arguments),
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        self.text, self.code = done.stdout, done.returncode
        return self.text

    def program(self, source: str) -> None:
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(source))

    def up(self, source: str | None = None, *arguments: str, code: int = 0) -> str:
        """Run `up`; it must end with this exit code."""
        if source is not None:
            self.program(source)
        self.run("up", "--yes", "--skip-preview", *arguments)
        assert self.code == code, self.text
        return self.text

    def preview(self, source: str | None = None, *, code: int = 0) -> str:
        if source is not None:
            self.program(source)
        self.run("preview")
        assert self.code == code, self.text
        return self.text

    def destroy(self) -> str:
        self.run("destroy", "--yes", "--skip-preview")
        assert self.code == 0, self.text
        return self.text

    def begin(self, source: str) -> subprocess.Popen[str]:
        """Begin an `up` that the test will interrupt."""
        self.program(source)
        return subprocess.Popen(
            self._command("up", "--yes", "--skip-preview"),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json", "--show-secrets"))
        return found

    def state(self) -> dict[str, Any]:
        """The state file's deployment, secrets encrypted."""
        document = json.loads((self.folder / "state" / ".pulumi" / "stacks" / "proj" / "dev.json").read_text())
        found: dict[str, Any] = document["checkpoint"]["latest"]
        return found

    def resource(self, name: str) -> dict[str, Any]:
        """A resource as the state file has it."""
        found: dict[str, Any] = next(
            item for item in self.state()["resources"] if item["urn"].endswith(f"::{name}") and not item.get("delete")
        )
        return found


def read_until(process: subprocess.Popen[str], line: str) -> str:
    """What the process printed up to and with the line that contains this."""
    assert process.stdout is not None
    seen = ""
    for text in process.stdout:
        seen += text
        if line in text:
            return seen
    raise AssertionError(f"{line!r} was never printed:\n{seen}")


def interrupt(process: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    """Signal the process and wait for its end; the rest of its output."""
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    return rest
