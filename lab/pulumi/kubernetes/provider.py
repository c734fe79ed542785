"""The kubernetes provider.

Source: pulumi-kubernetes:provider/pkg/provider/provider.go and provider/pkg/await/await.go. Field validation is strict
everywhere; the real provider only warns on creation, where server-side apply itself refuses unknown fields.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lab.pulumi.kubernetes import applying, charts, job, objects, stateful_set, waiting
from lab.pulumi.kubernetes.cluster import ApiError, Manifest, NoSuchKindError, UnreachableError
from lab.pulumi.kubernetes.diff import force_new, object_diff
from lab.pulumi.kubernetes.naming import named
from lab.pulumi.kubernetes.settings import Settings
from lab.pulumi.provider import CheckResult, Diff, InitError, ProviderError, Reading, Request
from lab.pulumi.values import UNKNOWN, Properties, has_unknown, reveal

Log = Callable[[str, str, str], None]

# The engine does not know this variable, but the words are those that an operator may look for.
_CLUSTER_GONE = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesProvider:
    """One configured provider; `log` takes an URN, a severity and a text."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._cluster = settings.cluster()
        self._cancelled = threading.Event()
        self._watcher = waiting.Watcher(self._cluster, self._cancelled)
        self._log = log

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Call a function: the one that renders charts."""
        if token == charts.FUNCTION:
            options = json.loads(reveal(arguments)["jsonOpts"])
            return {"result": charts.render(Path(options["path"]) / options["chart"], self._cluster.has_kind)}
        raise ProviderError(f"the lab's stand-in for the kubernetes plugin knows no function {token}")

    def cancel(self) -> None:
        """Let every wait end soon."""
        self._cancelled.set()

    def check(self, request: Request) -> CheckResult:
        """Name an unnamed object, and put it into the default namespace if its kind has namespaces."""
        return CheckResult(named(request, self._default_namespace))

    def _default_namespace(self, body: Manifest) -> str:
        try:
            if not self._cluster.namespaced(body.get("apiVersion", ""), body.get("kind", "")):
                return ""
        except UnreachableError:
            return ""
        return self._settings.namespace or self._cluster.default_namespace

    def diff(self, request: Request) -> Diff:
        """Compare the live object of the state, as far as the inputs go, with the new inputs."""
        old_inputs, live = objects.split_checkpoint(request.outputs)
        news = reveal(request.news)
        if (unknown := news.get("metadata")) is UNKNOWN:
            # So the engine asks which dependents a replacement would replace too.
            news = {**news, "metadata": old_inputs["metadata"]}
        new = objects.without_read_only(news)
        replacing = force_new(
            new,
            secret_mutable=self._settings.secret_mutable,
            config_map_mutable=self._settings.config_map_mutable,
        )
        unready = self._must_replace_unready(request, new, live)
        found = object_diff(old_inputs, live, new, replacing, request.ignore_changes, replace_unready=unready)
        if unknown is UNKNOWN:
            found = dataclasses.replace(found, changes=True, detailed={**found.detailed, "metadata": "update"})
        return found

    def _must_replace_unready(self, request: Request, new: Manifest, live: Manifest) -> bool:
        if objects.annotation(new, objects.REPLACE_UNREADY) != "true":
            return False
        if new.get("kind") != "Job":
            self._log(request.urn, "warning", "replaceUnready annotation is not supported for this resource")
            return False
        try:
            return not job.is_complete(self._cluster.get(live))
        except UnreachableError:
            self._log(request.urn, "warning", "Cluster is unreachable, skipping replaceUnready check")
        except (ApiError, NoSuchKindError):
            # As upstream: an object that cannot be read is no reason to replace it.
            return False
        return False

    def create(self, request: Request) -> tuple[str, Properties]:
        """Apply (or create) the object and wait until it is ready."""
        plain: Manifest = reveal(request.news)
        if not request.preview and (reason := self._cluster.unreachable):
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {reason}")
        if request.preview and not self._can_preview(plain):
            return "", request.news
        manager = objects.annotation(plain, objects.PATCH_FIELD_MANAGER) or objects.new_field_manager()
        try:
            live = self._create(plain, manager, request)
        except applying.PreviewImpossibleError:
            return "", request.news
        if request.preview:
            live.pop("status", None)
            return "", objects.checkpoint(plain, live, request.news, plain["apiVersion"], manager)
        try:
            live = self._await(plain, live, objects.timeout_of(request.timeout, plain))
        except waiting.MalformedWaitError as error:
            # As upstream, the object stays on the server and is not in the state.
            raise ProviderError(
                f'resource "{request.urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from error
        except waiting.WaitError as error:
            outputs = objects.checkpoint(plain, error.live, request.news, plain["apiVersion"], manager)
            sentence = (
                f'resource "{request.urn}" was successfully created, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {error}"
            )
            raise InitError(objects.full_name(live), outputs, [sentence, *error.details]) from error
        outputs = objects.checkpoint(plain, live, request.news, plain["apiVersion"], manager)
        return objects.full_name(live), outputs

    def _create(self, plain: Manifest, manager: str, request: Request) -> Manifest:
        try:
            return applying.create(
                self._cluster,
                plain,
                manager,
                upsert=self._settings.upsert,
                force=self._force(plain, None, preview=request.preview),
                preview=request.preview,
                cancelled=self._cancelled,
            )
        except NoSuchKindError as error:
            raise ProviderError(
                f'creation of resource "{request.urn}" with kind {plain["apiVersion"]}/{plain["kind"]} failed because '
                "the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that "
                f"any required CRDs have been created: {error}"
            ) from error
        except ApiError as error:
            raise ProviderError(
                f'resource "{request.urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from error

    def _can_preview(self, plain: Manifest) -> bool:
        return not has_unknown(plain) and self._cluster.has_kind(plain["apiVersion"], plain["kind"])

    def _force(self, plain: Manifest, live: Manifest | None, *, preview: bool) -> bool:
        return (
            self._settings.force
            or objects.annotation(plain, objects.PATCH_FORCE) == "true"
            or (preview and (live is None or applying.created_without_apply(live)))
        )

    def _await(self, plain: Manifest, live: Manifest, timeout: float) -> Manifest:
        """Wait as annotations and kind ask for.

        Raises:
            WaitError: in vain.
        """
        if objects.annotation(plain, objects.SKIP_AWAIT) == "true":
            return live
        try:
            condition = waiting.requested_condition(live)
        except ValueError as error:
            raise waiting.MalformedWaitError(str(error), live) from error
        if condition is not None:
            return self._watcher.until(live, timeout, condition)
        if (live["apiVersion"], live["kind"]) == ("batch/v1", "Job"):
            return job.wait(self._watcher, live, timeout)
        if (live["apiVersion"], live["kind"]) == ("apps/v1", "StatefulSet"):
            return stateful_set.wait(self._watcher, live, timeout)
        if live["kind"] == "Secret" and live.get("type") == "kubernetes.io/service-account-token":
            return self._watcher.until(live, 5, lambda body: bool(body.get("data")))
        return live

    def read(self, request: Request) -> Reading | None:
        """The live object. Without inputs, name and namespace come from the id, else the namespace from the inputs."""
        if reason := self._cluster.unreachable:
            self._log(request.urn, "warning", f"configured Kubernetes cluster is unreachable: {reason}")
            raise ProviderError(f"failed to read resource state due to unreachable cluster. {_CLUSTER_GONE}")
        inputs: Manifest = reveal(request.olds or {})
        _, old_live = objects.split_checkpoint(request.outputs)
        namespace, name = objects.split_name(request.id)
        api_version, kind = objects.kind_of_type(request.type)
        known = "apiVersion" in inputs and "kind" in inputs
        target = {
            "apiVersion": inputs.get("apiVersion") or old_live.get("apiVersion") or api_version,
            "kind": inputs.get("kind") or old_live.get("kind") or kind,
            "metadata": {"name": name, "namespace": self._namespace_to_read(inputs, namespace, known=known)},
        }
        try:
            live = self._cluster.get(target)
        except NoSuchKindError:
            return None
        except ApiError as error:
            if error.status == 404:
                return None
            raise ProviderError(str(error)) from error
        return self._reading(request, inputs if known else {}, live)

    def _namespace_to_read(self, inputs: Manifest, from_id: str, *, known: bool) -> str:
        if known:
            return str((inputs.get("metadata") or {}).get("namespace") or "")
        return from_id

    def _reading(self, request: Request, inputs: Manifest, live: Manifest) -> Reading:
        found = objects.live_inputs(live, inputs) if inputs else objects.all_inputs(live)
        origin = request.olds or {}
        manager = request.outputs.get(objects.FIELD_MANAGER) or objects.new_field_manager()
        version = request.outputs.get(objects.INITIAL_API_VERSION) or live["apiVersion"]
        outputs = objects.checkpoint(found, live, origin, version, manager)
        marked = objects.mark_secrets(found, origin)
        skipped = objects.annotation(inputs, objects.SKIP_AWAIT) == "true"
        if inputs and not skipped and (problems := self._problems(live)) is not None:
            name = live["metadata"]["name"]
            reasons = [f"Resource '{name}' was created but failed to initialize", *problems]
            raise InitError(request.id, outputs, reasons, inputs=marked)
        return Reading(request.id or objects.full_name(live), outputs, marked)

    def _problems(self, live: Manifest) -> tuple[str, ...] | None:
        """What a refresh says about an object that should be ready by now and is not."""
        if live["kind"] == "Job" and not job.is_complete(live):
            return job.problems(self._watcher, live)
        if live["kind"] == "StatefulSet" and not stateful_set.is_ready(live):
            return stateful_set.problems(self._watcher, live)
        return None

    def update(self, request: Request) -> Properties:
        """Apply the new inputs over the live object and wait until it is ready."""
        plain = objects.without_read_only(reveal(request.news))
        if not request.preview and (reason := self._cluster.unreachable):
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {reason}")
        if request.preview and not self._can_preview(plain):
            return request.news
        _, old_live = objects.split_checkpoint(request.outputs)
        stored = request.outputs.get(objects.FIELD_MANAGER)
        manager = objects.annotation(plain, objects.PATCH_FIELD_MANAGER) or stored or objects.new_field_manager()
        version = request.outputs.get(objects.INITIAL_API_VERSION) or plain["apiVersion"]

        def outputs_of(live: Manifest) -> Properties:
            return objects.checkpoint(plain, live, request.news, version, manager)

        try:
            live = self._cluster.get(old_live)
            force = self._force(plain, live, preview=request.preview)
            body = applying.with_ignored(plain, live, request.ignore_changes)
            live = applying.update(self._cluster, body, live, manager, force=force, preview=request.preview)
            if not request.preview:
                live = self._await(plain, live, objects.timeout_of(request.timeout, plain))
            return outputs_of(live)
        except NoSuchKindError as error:
            raise ProviderError(
                f'update of resource "{request.urn}" failed because the Kubernetes API server reported that the '
                f"apiVersion for this resource does not exist. Verify that any required CRDs have been created: {error}"
            ) from error
        except (ApiError, waiting.WaitError) as error:
            if request.preview and isinstance(error, ApiError) and error.status == 403:
                return request.news
            raise self._update_failed(request, old_live, outputs_of, error) from error

    def _update_failed(
        self, request: Request, old_live: Manifest, outputs_of: Callable[[Manifest], Properties], error: Exception
    ) -> Exception:
        """As upstream, a refused update is a failure to initialize: the new inputs are kept and tried again."""
        try:
            live = self._cluster.get(old_live)
        except (ApiError, NoSuchKindError, UnreachableError) as second:
            return ProviderError(
                f'update of resource "{request.urn}" failed: {error}\nunable to get cluster state: {second}'
            )
        sentence = (
            f'the Kubernetes API server reported that "{objects.full_name(live)}" failed to fully initialize or become '
            f"live: {error}"
        )
        details = error.details if isinstance(error, waiting.WaitError) else ()
        return InitError(request.id, outputs_of(live), [sentence, *details])

    def delete(self, request: Request) -> None:
        """Delete the object with everything it owns, and wait until it is gone."""
        if reason := self._cluster.unreachable:
            self._log(request.urn, "warning", f"configured Kubernetes cluster is unreachable: {reason}")
            raise ProviderError(f"configured Kubernetes cluster is unreachable. {_CLUSTER_GONE}")
        inputs, live = objects.split_checkpoint(request.outputs)
        policy = objects.annotation(inputs, objects.DELETION_PROPAGATION).lower()
        started = time.monotonic()
        timeout = objects.timeout_of(request.timeout, inputs)
        try:
            self._cluster.delete(live, {"orphan": "Orphan", "background": "Background"}.get(policy, "Foreground"))
            self._watcher.until_gone(live, timeout - (time.monotonic() - started))
        except NoSuchKindError:
            return
        except ApiError as error:
            if error.status != 404:
                raise ProviderError(str(error)) from error
        except waiting.WaitError as error:
            finalizers = ", ".join(error.live["metadata"].get("finalizers") or [])
            self._log(request.urn, "warning", f"finalizers might be preventing deletion ({finalizers})")
            raise ProviderError(str(error)) from error
