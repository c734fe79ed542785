"""A Cluster's status: phases, conditions, and which instances there are.

Pure functions on the status (upstream: pkg/resources/status, internal/controller/cluster_status.go).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.validation import major_version
from lab.stand_ins.controller import conditions

HEALTHY = "Cluster in healthy state"
FIRST_PRIMARY = "Setting up primary"
CREATING_REPLICA = "Creating a new replica"
WAITING_FOR_INSTANCES = "Waiting for the instances to become active"
RESTARTING = "Primary instance is being restarted in-place"
UNRECOVERABLE = "Cluster is unrecoverable and needs manual intervention"
CANNOT_CREATE_OBJECTS = "Unable to create required cluster objects"
INVALID = "Invalid cluster definition"


@dataclass(frozen=True)
class InstanceState:
    """One instance that runs: its pod's address, whether it is the primary, and its timeline."""

    name: str
    address: str
    primary: bool
    timeline: int


def _set_condition(status: Manifest, kind: str, value: str, reason: str, message: str) -> None:
    conditions.put(status, kind, value, reason=reason, message=message)


def set_phase(status: Manifest, phase: str, reason: str = "") -> None:
    """Set phase and reason, and the Ready condition, which is the phase's other form."""
    status["phase"] = phase
    if reason:
        status["phaseReason"] = reason
    else:
        status.pop("phaseReason", None)
    if phase == HEALTHY:
        _set_condition(status, "Ready", "True", "ClusterIsReady", "Cluster is Ready")
    else:
        _set_condition(status, "Ready", "False", "ClusterIsNotReady", "Cluster Is Not Ready")


def set_bootstrapped(status: Manifest, *, done: bool) -> None:
    """Say whether the first instance has been made; once true, that stays."""
    if done:
        _set_condition(status, "Initialized", "True", "BootstrapCompleted", "Cluster has been bootstrapped")
    elif not conditions.find(status, "Initialized"):
        _set_condition(status, "Initialized", "False", "BootstrapPending", "Cluster has not been bootstrapped yet")


def set_target(status: Manifest, primary: str) -> None:
    """Say who is to be the primary."""
    if status.get("targetPrimary") != primary:
        status["targetPrimary"] = primary
        status["targetPrimaryTimestamp"] = _precisely()


def set_primary(status: Manifest, primary: str, system: str) -> None:
    """Say who is the primary, and of which system."""
    if status.get("currentPrimary") != primary:
        status["currentPrimary"] = primary
        status["currentPrimaryTimestamp"] = _precisely()
    status["systemID"] = system
    _set_condition(
        status,
        "ConsistentSystemID",
        "True",
        "Unique",
        "A single, unique system ID was found across reporting instances.",
    )


def set_archiving(status: Manifest, fault: str = "") -> None:
    """Say whether WAL is archived; without an archive every file of it counts as archived, as upstream's."""
    if fault:
        _set_condition(status, "ContinuousArchiving", "False", "ContinuousArchivingFailing", fault)
        return
    _set_condition(
        status, "ContinuousArchiving", "True", "ContinuousArchivingSuccess", "Continuous archiving is working"
    )


def set_backup(status: Manifest, *, done: bool, fault: str = "") -> None:
    """Say how the last backup ended, or that one is being made."""
    if fault:
        _set_condition(status, "LastBackupSucceeded", "False", "LastBackupFailed", fault)
    elif done:
        _set_condition(status, "LastBackupSucceeded", "True", "LastBackupSucceeded", "Backup was successful")
    else:
        _set_condition(status, "LastBackupSucceeded", "False", "BackupStarted", "New Backup starting up")


def describe(status: Manifest, group: Group, cluster: Manifest) -> None:
    """Set what follows from the spec alone."""
    name, image = cluster["metadata"]["name"], cluster["spec"]["imageName"]
    status["writeService"], status["readService"] = f"{name}-rw", f"{name}-r"
    status["selector"] = f"{group.label('cluster')}={name},{group.label('podRole')}=instance"
    status["image"] = image
    status["pgDataImageInfo"] = {"image": image, "majorVersion": major_version(image)}


def data_version(status: Manifest) -> int | None:
    """The major version of PostgreSQL whose data the Cluster has; None before it has any."""
    found: int | None = status.get("pgDataImageInfo", {}).get("majorVersion")
    return found


def count(status: Manifest, claims: list[str], running: list[InstanceState]) -> None:
    """Set what is there: claims, and the instances that run and answer."""
    names = [instance.name for instance in running]
    status["instances"] = len(claims)
    status["instanceNames"] = claims
    status["pvcCount"] = len(claims)
    status["healthyPVC"] = claims
    status["readyInstances"] = len(running)
    status["instancesStatus"] = {"healthy": names} if names else {}
    status["instancesReportedState"] = {
        instance.name: {"ip": instance.address, "isPrimary": instance.primary, "timeLineID": instance.timeline}
        for instance in running
    }
    if running:
        status["timelineID"] = max(instance.timeline for instance in running)


def _precisely() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
