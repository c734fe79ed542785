"""The scripts of operators on their own, with a stand-in for kubectl that answers from files.

The stand-in does not evaluate templates: its answers are what the templates make of real objects, as the lab proves.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from components.operators.waiting import SCRIPT

END = "\036"
STAND_IN = """#!/bin/sh
PATH=/usr/bin:/bin
cd '{root}' || exit 9
printf '%s\\n' "$*" >>calls
case "$2 $*" in
subscriptions.operators.coreos.com*--all-namespaces*) cat all ;;
subscriptions.operators.coreos.com*) cat subscription ;;
catalogsources.*) cat catalogue ;;
pods*) cat pods ;;
packagemanifests.*) if [ -s no_manifests ]; then cat no_manifests >&2 && exit 1; fi && cat manifests ;;
installplans.*) cat plan ;;
clusterserviceversions.*--all-namespaces*) cat versions ;;
clusterserviceversions.*) cat version ;;
customresourcedefinitions*) cat definition ;;
esac
"""


@dataclass
class Wait:
    """One wait for an operator: its world and its settings."""

    root: Path
    approval: str = "Automatic"
    starting: str = "none"

    def run(self, seconds: int = 60, grace: int = 2, **world: str) -> subprocess.CompletedProcess[str]:
        """Run the script to its end, in a world that differs from the usual one in this."""
        usual = {
            "all": "skupper-operator=openshift-operators/skupper-operator other=shop/skupper-operator ",
            "subscription": status(),
            "catalogue": END.join(["exists", "READY", ""]),
            "pods": "",
            "manifests": f"stable-2=={NEW}={NEW}={OLD} stable-2.1=={OLD}={OLD} ",
            "no_manifests": "",
            "plan": END.join(["yes", "Complete", f"{NEW} ", ""]),
            "version": END.join(["Succeeded", "InstallSucceeded", "install strategy completed"]),
            "versions": "",
            "definition": "established v2alpha1 ",
        }
        for name, text in (usual | world).items():
            (self.root / name).write_text(text)
        # The same script with less patience: how long it is on a cluster is no matter of these tests.
        hurried = SCRIPT.replace("SETTLED=15", f"SETTLED={grace}").replace("PATIENCE=60", f"PATIENCE={grace + 1}")
        return self.shell(hurried, seconds)

    def shell(self, script: str, seconds: int = 60, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script with the stand-in."""
        programs = self.root / "bin"
        programs.mkdir(exist_ok=True)
        for program in ("date", "sleep"):
            if not (programs / program).exists():
                (programs / program).symlink_to(str(shutil.which(program)))
        stand_in = programs / "kubectl"
        stand_in.write_text(STAND_IN.format(root=self.root))
        stand_in.chmod(0o755)
        environment = {
            "PATH": str(programs),
            "HOME": str(self.root),
            "PART": "skupper",
            "NAMESPACE": "openshift-operators",
            "PACKAGE": "skupper-operator",
            "CHANNEL": "stable-2",
            "SOURCE": "redhat-operators",
            "SOURCE_NAMESPACE": "openshift-marketplace",
            "APPROVAL": self.approval,
            "STARTING_CSV": self.starting,
            "CSV_NAMES": "skupper-operator",
            "KINDS": "sites.skupper.io/v2alpha1",
            "JOB_NAME": "the-job",
            "TIMEOUT_SECONDS": str(seconds),
            **variables,
        }
        return subprocess.run(
            ["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=90
        )

    def refused(self, seconds: int = 60, **world: str) -> str:
        """The sentence in which a wait ends in vain."""
        done = self.run(seconds, 2, **world)
        assert done.returncode == 1, done.stdout + done.stderr
        sentence = done.stdout.splitlines()[-1]
        assert sentence.endswith(("run `pulumi up` again.", "theirs stays as it is.", "--refresh`.")), sentence
        return sentence


OLD, NEW = "skupper-operator.v2.1.4-rh-3", "skupper-operator.v2.2.1-rh-1"
# Between both, and one that begins like it.
MIDDLE, OTHER_CHANNELS = "skupper-operator.v2.2.0-rh-1", "skupper-operator.v2.2.1-rh-10"
LONG = f"stable-2=={NEW}={NEW}={MIDDLE}={OLD} "


def status(
    installed: str = NEW, current: str = NEW, state: str = "AtLatestKnown", plan: str = "install-1", *conditions: str
) -> str:
    """What the template makes of a Subscription."""
    return END.join([f"exists{installed}", current, state, plan, *conditions])
