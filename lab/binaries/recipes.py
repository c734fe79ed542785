"""What the lab builds from source: modules, versions, packages and flags.

Owns the pins. Does not build. A recipe's key is a hash of everything that decides what comes out, so a changed pin
gives a new folder in the cache and an old checkout keeps finding its own programs.
"""

import hashlib
import platform
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPONENT_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One `go build` that makes one or more programs.

    Attributes:
        name: of the folder in the cache and of the log file.
        module: the Go module that the programs come from.
        version: of that module.
        programs: program name -> import path of its main package.
        sources: the committed files that take part in the build.
        ldflags: for the linker; `-s -w` leaves out what only a debugger reads.
        replaced: file in the module -> committed file that takes its place; the module is then built from a copy of its
            own folder, so that its own go.sum decides.
        copied: name of a script for the programs -> a module that the build requires, and the file in it.
        oldest_go: the oldest Go that the module's go.mod accepts.
        gigabytes: free space that a build from nothing needs for modules, build cache and programs together.
        minutes: how long a build from nothing takes on two idle cores, for the progress.
    """

    name: str
    module: str
    version: str
    programs: dict[str, str]
    sources: Path
    ldflags: str = "-s -w"
    replaced: dict[str, str] = field(default_factory=dict)
    copied: dict[str, tuple[str, str]] = field(default_factory=dict)
    oldest_go: tuple[int, ...]
    gigabytes: float
    minutes: float

    @property
    def key(self) -> str:
        """`<name>-<version>-<hash>`: the folder in the cache."""
        digest = hashlib.sha256()
        copied = (part for place in sorted(self.copied.values()) for part in place)
        facts = (self.module, self.version, self.ldflags, *sorted(self.programs.values()), *copied, platform.machine())
        for fact in facts:
            digest.update(fact.encode() + b"\0")
        for file in sorted(self.sources.iterdir()):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        return f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"


KUBERNETES = Recipe(
    name="kubernetes",
    module="k8s.io/kubernetes",
    version="v1.34.4",
    programs={
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    },
    sources=HERE / "kubernetes",
    # Without these the servers report v0.0.0-master, which clients that compare versions refuse.
    ldflags=f"-s -w -X {COMPONENT_VERSION}.gitVersion=v1.34.4 -X {COMPONENT_VERSION}.gitMajor=1"
    f" -X {COMPONENT_VERSION}.gitMinor=34",
    oldest_go=(1, 24),
    gigabytes=3.5,
    minutes=4,
)

# Our own program: what it serves by is the kubelet's.
KUBELET_STREAMS = Recipe(
    name="kubelet-streams",
    module="k8s.io/kubelet",
    version="v0.34.4",
    programs={"kubelet-streams": "."},
    sources=HERE / "kubelet-streams",
    oldest_go=(1, 24),
    gigabytes=1.0,
    minutes=1,
)

EXTERNAL_SECRETS = Recipe(
    name="external-secrets",
    module="github.com/external-secrets/external-secrets",
    version="v0.20.4",  # the newest that builds as a plain module: later ones are several, with local replaces
    programs={"external-secrets": "."},
    sources=HERE / "external-secrets",
    replaced={
        "pkg/provider/register/register.go": "providers.go",
        "pkg/generator/register/register.go": "generators.go",
    },
    oldest_go=(1, 25),
    gigabytes=2.5,
    minutes=2,
)

PULUMI = Recipe(
    name="pulumi",
    module="github.com/pulumi/pulumi/pkg/v3",
    version="v3.274.1",
    programs={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
    sources=HERE / "pulumi",
    ldflags="-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.274.1",
    # Runs a Python program for the language host.
    copied={
        "pulumi-language-python-exec": ("github.com/pulumi/pulumi/sdk/v3", "python/cmd/pulumi-language-python-exec")
    },
    oldest_go=(1, 26, 6),
    gigabytes=4.0,
    minutes=4,
)

# Nothing of it is built: the lab takes its definitions (definitions.py).
OPERATOR_API = Recipe(
    name="operator-api",
    module="github.com/operator-framework/api",
    version="v0.33.0",
    programs={},
    sources=HERE,
    oldest_go=(1, 24),
    gigabytes=0.1,
    minutes=0,
)

# For `make lint`; the lab does without.
ACTIONLINT = Recipe(
    name="actionlint",
    module="github.com/rhysd/actionlint",
    version="v1.7.12",
    programs={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
    sources=HERE / "actionlint",
    oldest_go=(1, 25),
    gigabytes=0.3,
    minutes=1,
)

RECIPES = (KUBERNETES, KUBELET_STREAMS, EXTERNAL_SECRETS, PULUMI)
