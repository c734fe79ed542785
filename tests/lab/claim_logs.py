"""How far a claim is, by what its pods have printed."""

from components.link.claim import JOB_NAME
from lab.stand_ins.pods import logs
from tests.lab.jobs import Jobs, container_state
from tests.lab.lab import Lab
from tests.lab.waiting import eventually


def wait_until_said(lab: Lab, line: str, job: str = JOB_NAME) -> str:
    """The name of site-b's pod of the Job that runs and has printed the line, once there is one."""
    jobs = Jobs(lab.connect("site-b"), "rhsi")

    def found() -> str:
        running = [pod["metadata"]["name"] for pod in jobs.pods(job) if container_state(pod).get("running")]
        said = [pod for pod in running for _, _, text in logs.read(lab.home, "site-b", "rhsi", pod) if line in text]
        assert said, f"no pod of {job} has said {line!r}; running: {running}"
        return str(said[0])

    return eventually(found, 120)
