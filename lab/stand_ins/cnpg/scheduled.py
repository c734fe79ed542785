"""The handler of ScheduledBackups: makes a Backup at once where that is asked for, and at each time of the schedule.

Upstream: internal/controller/scheduledbackup_controller.go. Times that passed while nobody looked are one backup.
"""

from datetime import UTC, datetime

from lab.kube import Manifest
from lab.stand_ins.cnpg.backups import is_done
from lab.stand_ins.cnpg.barman import moment, rfc3339
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.objects import owner
from lab.stand_ins.cnpg.schedule import Schedule, ScheduleError
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller.api import split_key

BUSY_SECONDS = 60.0
_PASSED_ON = ("cluster", "target", "method", "online", "onlineConfiguration", "pluginConfiguration")


class ScheduledBackups:
    """The ScheduledBackups of one group in one API server."""

    def __init__(self, group: Group, store: Store) -> None:
        self._group = group
        self._store = store

    def check(self, key: str) -> float | None:
        """Make the Backup whose time has come; returns in how many seconds the next one's comes."""
        scheduled = self._store.get(self._group.scheduled_backup, *split_key(key))
        if scheduled is None or scheduled["spec"].get("suspend"):
            return None
        if any(not is_done(child) for child in self._children(scheduled)):
            return BUSY_SECONDS
        try:
            schedule = Schedule.parse(scheduled["spec"]["schedule"])
        except ScheduleError as error:
            self._store.log.info("ScheduledBackup %s: %s", key, error)
            return None
        return self._follow(scheduled, schedule, datetime.now(UTC))

    def _follow(self, scheduled: Manifest, schedule: Schedule, now: datetime) -> float | None:
        checked = scheduled.get("status", {}).get("lastCheckTime")
        if checked is None and scheduled["spec"].get("immediate"):
            return self._make(scheduled, schedule, now, now, immediate=True)
        if checked is None:
            self._write(scheduled, {"lastCheckTime": rfc3339(now)})
            return _until(schedule.after(now), now)
        due = schedule.after(moment(checked))
        if due is None or now < due:
            return _until(due, now)
        return self._make(scheduled, schedule, due, now, immediate=False)

    def _children(self, scheduled: Manifest) -> list[Manifest]:
        name, label = scheduled["metadata"]["name"], self._group.label("scheduled-backup")
        found = self._store.items(self._group.backup, scheduled["metadata"]["namespace"])
        return [one for one in found if one["metadata"].get("labels", {}).get(label) == name]

    def _make(
        self, scheduled: Manifest, schedule: Schedule, due: datetime, now: datetime, *, immediate: bool
    ) -> float | None:
        metadata, spec = scheduled["metadata"], scheduled["spec"]
        made: Manifest = {
            "name": f"{metadata['name']}-{due.astimezone(UTC):%Y%m%d%H%M%S}",
            "labels": {
                self._group.label("cluster"): spec["cluster"]["name"],
                self._group.label("immediateBackup"): str(immediate).lower(),
                self._group.label("scheduled-backup"): metadata["name"],
            },
        }
        cluster = self._store.get(self._group.cluster, metadata["namespace"], spec["cluster"]["name"])
        if spec.get("backupOwnerReference") == "self":
            kind = self._group.scheduled_backup
            reference = {"apiVersion": kind.api_version, "kind": kind.name, "name": metadata["name"]}
            made["ownerReferences"] = [{**reference, "uid": metadata["uid"], "controller": True}]
        elif spec.get("backupOwnerReference") == "cluster" and cluster:
            made["ownerReferences"] = owner(self._group, cluster)
        body = {"metadata": made, "spec": {key: spec[key] for key in _PASSED_ON if key in spec}}
        if self._store.api.get(self._group.backup, metadata["namespace"], made["name"]) is None:
            self._store.observed(
                self._group.backup, self._store.api.create(self._group.backup, metadata["namespace"], body)
            )
        following = schedule.after(now)
        times = {"lastCheckTime": rfc3339(now), "lastScheduleTime": rfc3339(due)}
        self._write(scheduled, times | ({"nextScheduleTime": rfc3339(following)} if following else {}))
        return _until(following, now)

    def _write(self, scheduled: Manifest, status: Manifest) -> None:
        known = scheduled.get("status", {})
        self._store.update_status(self._group.scheduled_backup, scheduled | {"status": known | status})


def _until(due: datetime | None, now: datetime) -> float | None:
    return max(0.0, (due - now).total_seconds()) if due else None
