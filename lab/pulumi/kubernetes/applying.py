"""Writing an object: server-side apply or plain creation, with the real provider's patience and words.

Source: `Creation`, `ssaUpdate`, `fixCSAFieldManagers`, `handleSSAErr` and `handleSSAIgnoreFields` in
pulumi-kubernetes:provider/pkg/await/await.go.
"""

import threading
from typing import Any

from lab.pulumi import paths
from lab.pulumi.kubernetes.cluster import ApiError, Cluster, Manifest, NoSuchKindError
from lab.pulumi.paths import Path
from lab.pulumi.values import copy

# The manager that a plain creation leaves; the first update takes its fields over.
_PLAIN_MANAGER = "pulumi-kubernetes"
# Whose fields an update takes over too, by operation and by how the manager's name begins. What kubectl has set and the
# program does not is gone then (fluxcd/pkg:ssa/patch.go, patchReplaceFieldsManagers).
_TAKEN_OVER = {
    "Update": ("kubectl", "before-first-apply", _PLAIN_MANAGER, "pulumi-resource-kubernetes"),
    "Apply": ("kubectl",),
}
_RETRIES = 5

_CONFLICT = (
    "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for troubleshooting help\n"
    'The resource managed by field manager "{manager}" had an apply conflict: {error}'
)
_EXISTS = """{error}

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""


class PreviewImpossibleError(Exception):
    """The server cannot say what would happen, for example because the namespace does not exist yet."""


def create(
    cluster: Cluster,
    body: Manifest,
    manager: str,
    *,
    upsert: bool,
    force: bool,
    preview: bool,
    cancelled: threading.Event,
) -> Manifest:
    """Create the object, or with `upsert` take over one that exists.

    A missing namespace or kind may be on its way: it is retried for half a minute.

    Raises:
        ApiError: the server refused.
        NoSuchKindError: the kind is not served.
        PreviewImpossibleError: only in a preview.
    """
    pause = 1.0
    for attempt in range(_RETRIES + 1):
        try:
            if upsert:
                return _apply(cluster, body, manager, force=force, preview=preview)
            return cluster.create(body, _PLAIN_MANAGER, dry_run=preview)
        except NoSuchKindError:
            if attempt == _RETRIES or cancelled.wait(pause):
                raise
        except ApiError as error:
            if preview and _not_previewable(error):
                raise PreviewImpossibleError from error
            if error.status == 409 and not upsert and "already exists" in str(error):
                raise ApiError(409, _EXISTS.format(error=error), error.details) from error
            if error.status != 404 or attempt == _RETRIES or cancelled.wait(pause):
                raise
        pause *= 2
    raise AssertionError("unreachable: the last attempt returns or raises")


def _not_previewable(error: ApiError) -> bool:
    no_namespace = error.status == 404 and error.details.get("kind") == "namespaces"
    exists = error.status == 409 and "already exists" in str(error)
    no_dry_run = error.status == 400 and "does not support dry run" in str(error)
    return error.status == 403 or no_namespace or exists or no_dry_run


def _apply(cluster: Cluster, body: Manifest, manager: str, *, force: bool, preview: bool) -> Manifest:
    try:
        return cluster.apply(body, manager, force=force, dry_run=preview)
    except ApiError as error:
        if error.status == 409:
            raise ApiError(409, _CONFLICT.format(manager=manager, error=error), error.details) from error
        if not (preview and error.status == 422 and "field is immutable" in str(error)):
            raise
    # A replacement: the object of that name will be gone by then, so the preview uses a free name.
    renamed = {**body, "metadata": {**body["metadata"], "name": f"{body['metadata']['name']}-preview"}}
    return cluster.apply(renamed, manager, force=force, dry_run=True)


def update(cluster: Cluster, body: Manifest, live: Manifest, manager: str, *, force: bool, preview: bool) -> Manifest:
    """Apply the object over the live one.

    Raises:
        ApiError: the server refused; a conflict names the other manager.
    """
    if not preview and any(map(_is_taken_over, live["metadata"].get("managedFields") or [])):
        _take_over(cluster, live, manager)
    force = force or not live["metadata"].get("managedFields")
    if not body["metadata"].get("name"):
        body = {**body, "metadata": {**body["metadata"], "name": live["metadata"]["name"]}}
    try:
        return cluster.apply(body, manager, force=force, dry_run=preview)
    except ApiError as error:
        if error.status == 409:
            raise ApiError(409, _CONFLICT.format(manager=manager, error=error), error.details) from error
        raise


def created_without_apply(live: Manifest) -> bool:
    """Whether a plain creation of ours still owns fields of the object."""
    return any(_is_plain(entry) for entry in live["metadata"].get("managedFields") or [])


def _is_plain(entry: Manifest) -> bool:
    return (
        entry.get("manager") == _PLAIN_MANAGER and entry.get("operation") == "Update" and not entry.get("subresource")
    )


def _is_taken_over(entry: Manifest) -> bool:
    names = _TAKEN_OVER.get(entry.get("operation", ""), ())
    return entry.get("manager", "").startswith(names) and not entry.get("subresource")


def _take_over(cluster: Cluster, live: Manifest, manager: str) -> None:
    entries = live["metadata"]["managedFields"]
    ours = {"manager": manager, "operation": "Apply"}
    patch: list[Manifest] = [
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [{**entry, **ours} if _is_taken_over(entry) else entry for entry in entries],
        },
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]
    cluster.json_patch(live, patch)


def with_ignored(body: Manifest, live: Manifest, ignored: list[str]) -> Manifest:
    """The object with live values at the ignored paths, so that applying it leaves them alone."""
    if not ignored:
        return body
    changed: Manifest = copy(body)
    for text in ignored:
        path = paths.parse(text)
        found, value = paths.get(live, path)
        if found:
            _put(changed, path, value)
    return changed


def _put(target: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        if isinstance(target, dict):
            target = target.setdefault(part, {})
        elif isinstance(target, list) and isinstance(part, int) and part < len(target):
            target = target[part]
        else:
            return
    last = path[-1]
    if isinstance(target, dict) or (isinstance(target, list) and isinstance(last, int) and last < len(target)):
        target[last] = value  # type: ignore[index] # of a list it is an index, as was just checked
