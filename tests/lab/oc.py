"""The `oc` lines of docs/runbook.md, run on the lab: by kubectl, except `oc exec`, for which there is no kubelet.

That one enters the container as the lab's probes do, with the user and the environment of its main process.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import psutil

from lab.kube import find
from lab.stand_ins.pods.walls.launching import run_inside
from lab.stand_ins.pods.walls.plan import Plan
from tests.lab.lab import Lab

EXEC_SECONDS = 60.0


def run(lab: Lab, context: str, line: str) -> str:
    """Run `oc ... && oc ...` against a cluster and return what the commands print. Each must succeed."""
    return "".join(_run(lab, context, shlex.split(command)) for command in line.split("&&"))


def _run(lab: Lab, context: str, words: list[str]) -> str:
    program, *arguments = words
    assert program == "oc", words
    if arguments[0] == "exec":
        return _execute(lab, context, arguments)
    kubectl = [str(Path(sys.executable).parent / "kubectl"), "--kubeconfig", str(lab.kubeconfig), "--context", context]
    done = subprocess.run([*kubectl, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _execute(lab: Lab, context: str, arguments: list[str]) -> str:
    """`exec POD -n NAMESPACE -c CONTAINER -- COMMAND...`, where the container is the only one that runs."""
    end = arguments.index("--")
    _, pod, _, namespace, *_ = arguments[:end]
    found = find(lab.connect(context), "v1", "Pod", pod, namespace)
    assert found, f"there is no pod {pod}"
    outermost, main = _processes(lab, found["status"]["podIP"])
    uid, gid = (_inside(main, which) for which in ("uid", "gid"))
    argv = tuple(arguments[end + 1 :])
    plan = Plan(scratch="", argv=argv, environment=main.environ(), hostname=pod, uid=uid, gid=gid)
    done = run_inside(outermost.pid, plan, argv, EXEC_SECONDS)
    assert done.code == 0, done.output
    return done.output


def _processes(lab: Lab, address: str) -> tuple[psutil.Process, psutil.Process]:
    """The outermost process of a container, and its main one: of all with the pod's variables the first."""
    (runner,) = (process for process in lab.environment.processes() if process.name == "pods")
    for outermost in psutil.Process(runner.pid).children():
        _, *inside = [outermost, *outermost.children(recursive=True)]
        for process in inside:
            if process.environ().get("POD_IP") == address:
                return outermost, process
    raise AssertionError(f"no container runs at {address}")


def _inside(process: psutil.Process, which: str) -> int:
    """A process's user or group as it sees itself; it may be the only one of a user namespace."""
    first, _, count = Path(f"/proc/{process.pid}/{which}_map").read_text().split()
    own: int = (process.uids() if which == "uid" else process.gids()).real
    return int(first) if count == "1" else own
