"""Labels and annotations that a platform demands of every object: `rhsi:labels` and `rhsi:annotations`.

Owns where each kind carries those of what is made after it, such as a Job's pods. They are added in one place,
custom_resource.py, and not by a transformation of Pulumi's, for that comes after the gate of an awaited object is
written, which has to know of them. Does not own what no object of this program makes: Skupper's router has its own way
(docs/platform.md).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# On awaited objects, whose gate it is part of: another value means other labels or annotations.
MARK = "rhsi/metadata"


@dataclass(frozen=True, kw_only=True)
class CommonMetadata:
    """What every object gets besides its own labels and annotations, which win."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def mark(self) -> dict[str, str]:
        """An annotation that tells these labels and annotations from others; none where there are none."""
        if not (self.labels or self.annotations):
            return {}
        text = json.dumps([self.labels, self.annotations], sort_keys=True)
        return {MARK: hashlib.sha256(text.encode()).hexdigest()[:8]}

    def on(self, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        """An object's metadata with these besides; what it does not need it does not get."""
        own = dict(metadata or {})
        for field, extra in (("labels", self.labels), ("annotations", self.annotations)):
            if extra:
                own[field] = {**extra, **(own.get(field) or {})}
        return own

    def on_what_it_makes(self, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """A spec with these on what the object's controller makes of it."""
        if not (self.labels or self.annotations):
            return spec
        if kind in {"Job", "StatefulSet", "Pooler"}:
            template = spec.get("template") or {}
            spec = {**spec, "template": {**template, "metadata": self.on(template.get("metadata"))}}
        if kind == "CronJob":
            job = spec["jobTemplate"]
            template = {**job["spec"]["template"], "metadata": self.on(job["spec"]["template"]["metadata"])}
            made = {"metadata": self.on(None), "spec": {**job["spec"], "template": template}}
            return {**spec, "jobTemplate": made}
        if kind == "StatefulSet":
            claims = [{**claim, "metadata": self.on(claim["metadata"])} for claim in spec["volumeClaimTemplates"]]
            return {**spec, "volumeClaimTemplates": claims}
        if kind == "Cluster":
            # The operator's own word for it; it follows a change on living pods, which go on running.
            return {**spec, "inheritedMetadata": self.on(None)}
        if kind == "ExternalSecret" and (template := spec["target"].get("template")):
            # Without a template, External Secrets gives the Secret what the ExternalSecret has.
            template = {**template, "metadata": self.on(template.get("metadata"))}
            return {**spec, "target": {**spec["target"], "template": template}}
        return spec


NONE = CommonMetadata(labels={}, annotations={})
