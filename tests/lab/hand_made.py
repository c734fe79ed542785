"""Two linked sites as the manual procedure leaves them, made as a person makes them: without the program.

Names and order are the procedure's; where its manifests leave something open, it is what a person would write. Skupper,
External Secrets and Vault are the lab's.
"""

import base64
import json
import subprocess
from typing import Any

import hvac

from lab.kube import Manifest
from tests.lab import kubectl
from tests.lab.lab import Lab
from tests.lab.vault_mounts import mount_kv
from tests.lab.waiting import eventually, until

NAMESPACE, LINK, JOB = "rhsi", "standby-from-vault", "create-access-token-from-vault"
GRANT, SECRET, READER = "rhsi-standby-grant", "rhsi-link-token", "rhsi-vault-reader"
MOUNT, POLICY, AUTH = "rhsi", "rhsi-site-b", "kubernetes-site-b"
REVIEWER_BINDING = "rhsi-vault-reader-delegator"
RULES = """path "rhsi/data/site-b/*" {
  capabilities = ["read"]
}
"""
SKUPPER = "skupper.io/v2alpha1"
TOKEN = """apiVersion: skupper.io/v2alpha1
kind: AccessToken
metadata:
  name: standby-from-vault
spec:
  url: {{.data.url | base64decode | printf "%q"}}
  code: {{.data.code | base64decode | printf "%q"}}
  ca: {{.data.ca | base64decode | printf "%q"}}
"""
SCRIPT = f"""kubectl get secret {SECRET} -o go-template='{TOKEN}' | kubectl create -f -"""


class HandMade:
    """The sites, and what a person asks of them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._vault = hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))

    def make(self) -> None:
        """Follow the procedure to its section 9: the link is Ready."""
        for context, site in (("site-a", "rhsi-primary"), ("site-b", "rhsi-standby")):
            self.apply(context, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            spec = {"linkAccess": "default"} if context == "site-a" else {}
            self.apply(context, _object("Site", SKUPPER, site, spec=spec))
            self._ready(context, "site", site)
        service = {"routingKey": "postgres-primary", "port": 5432}
        self.apply("site-a", _object("Connector", SKUPPER, "postgres-primary", spec={**service, "host": "postgres"}))
        self.apply("site-b", _object("Listener", SKUPPER, "postgres-primary", spec={**service, "host": "postgres"}))
        self._let_site_b_in()
        self._grant()
        self._sync()
        self._claim()
        until(self.link_is_ready)

    def link_is_ready(self, name: str = LINK) -> bool:
        """Whether a Link of the standby is Ready."""
        found = self._get("site-b", "link", name)
        return found is not None and (found.get("status") or {}).get("status") == "Ready"

    def exists(self, context: str, kind: str, name: str) -> bool:
        """Whether an object stands in the site's namespace, or in none."""
        return self._get(context, kind, name) is not None

    def logins(self) -> str:
        """Whether External Secrets can log in to Vault now, as the store says."""
        store = self._get("site-b", "secretstore", "vault-rhsi") or {}
        return next((one["status"] for one in store["status"]["conditions"] if one["type"] == "Ready"), "")

    def auth_config(self) -> dict[str, Any]:
        """How Vault asks the cluster."""
        data: dict[str, Any] = self._vault.read(f"auth/{AUTH}/config")["data"]
        return data

    def destroyed_versions(self) -> list[str]:
        """The versions of the credentials in Vault that nobody can read any more."""
        data = self._vault.secrets.kv.v2.read_secret_metadata("site-b/link-token", mount_point=MOUNT)["data"]
        return [number for number, one in data["versions"].items() if one["destroyed"]]

    def remove(self) -> None:
        """Take away what is left, whoever made it."""
        for context in self._lab.contexts:
            self.kubectl(context, "delete", "namespace", NAMESPACE, "--ignore-not-found")
        self.kubectl("site-b", "delete", "clusterrolebinding", REVIEWER_BINDING, "--ignore-not-found")
        self._vault.sys.disable_secrets_engine(MOUNT)
        self._vault.sys.disable_auth_method(AUTH)
        self._vault.sys.delete_policy(POLICY)

    def apply(self, context: str, manifest: Manifest) -> None:
        """`kubectl apply`, which leaves its own field manager and annotation."""
        self.kubectl(context, "apply", "-f", "-", given=json.dumps(manifest))

    def kubectl(self, context: str, *arguments: str, given: str = "") -> str:
        """Run kubectl in the site's namespace; what it prints."""
        line = kubectl.command(self._lab, context, "-n", NAMESPACE, *arguments)
        done = subprocess.run(line, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _get(self, context: str, kind: str, name: str) -> Manifest | None:
        text = self.kubectl(context, "get", kind, name, "--ignore-not-found", "-o", "json")
        found: Manifest | None = json.loads(text) if text else None
        return found

    def _ready(self, context: str, kind: str, name: str) -> None:
        self.kubectl(context, "wait", "--for=condition=Ready", "--timeout=120s", kind, name)

    def _let_site_b_in(self) -> None:
        """Sections 3.1 to 3.3: mount, auth mount with a reviewer token, policy, role."""
        mount_kv(self._vault, MOUNT)
        self.apply("site-b", _object("ServiceAccount", "v1", READER))
        self.apply("site-b", _binding(REVIEWER_BINDING, "system:auth-delegator", READER))
        ca = self.kubectl("site-b", "get", "configmap", "kube-root-ca.crt", "-o", r"jsonpath={.data.ca\.crt}")
        self._vault.sys.enable_auth_method("kubernetes", path=AUTH)
        self._vault.write_data(
            f"auth/{AUTH}/config",
            data={
                "token_reviewer_jwt": self.kubectl("site-b", "create", "token", READER).strip(),
                "kubernetes_host": self._lab.environment.api_servers["site-b"],
                "kubernetes_ca_cert": self._lab.environment.api_authorities.get("site-b") or ca,
            },
        )
        self._vault.sys.create_or_update_policy(POLICY, RULES)
        self._vault.write_data(
            f"auth/{AUTH}/role/{POLICY}",
            data={
                "bound_service_account_names": READER,
                "bound_service_account_namespaces": NAMESPACE,
                "token_policies": POLICY,
                "ttl": "1h",
            },
        )

    def _grant(self) -> None:
        """Sections 5 and 6: the grant, and its fields in Vault."""
        spec = {"expirationWindow": "1h", "redemptionsAllowed": 100}
        self.apply("site-a", _object("AccessGrant", SKUPPER, GRANT, spec=spec))
        self._ready("site-a", "accessgrant", GRANT)
        status = (self._get("site-a", "accessgrant", GRANT) or {})["status"]
        fields = {key: status[key] for key in ("code", "url", "ca")}
        self._vault.secrets.kv.v2.create_or_update_secret("site-b/link-token", fields, mount_point=MOUNT)

    def _sync(self) -> None:
        """Sections 4 and 7: store and ExternalSecret, and the Secret that comes of them."""
        assert self._lab.vault_cacert
        authority = base64.b64encode(self._lab.vault_cacert.read_bytes()).decode()
        login = {"mountPath": AUTH, "role": POLICY, "serviceAccountRef": {"name": READER}}
        vault = {"server": self._lab.vault_addr, "path": MOUNT, "version": "v2", "caBundle": authority}
        provider = {"vault": {**vault, "auth": {"kubernetes": login}}}
        version = "external-secrets.io/v1"
        self.apply("site-b", _object("SecretStore", version, "vault-rhsi", spec={"provider": provider}))
        self._ready("site-b", "secretstore", "vault-rhsi")
        data = [
            {"secretKey": key, "remoteRef": {"key": "site-b/link-token", "property": key}}
            for key in ("code", "url", "ca")
        ]
        spec = {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "SecretStore", "name": "vault-rhsi"},
            "target": {"name": SECRET},
            "data": data,
        }
        self.apply("site-b", _object("ExternalSecret", version, SECRET, spec=spec))
        self._ready("site-b", "externalsecret", SECRET)

    def _claim(self) -> None:
        """Section 8: the Job that turns the Secret into a token."""
        account = "create-access-token"
        self.apply("site-b", _object("ServiceAccount", "v1", account))
        rules = [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
            {"apiGroups": ["skupper.io"], "resources": ["accesstokens"], "verbs": ["create", "get"]},
        ]
        rbac = "rbac.authorization.k8s.io"
        self.apply("site-b", _object("Role", f"{rbac}/v1", account, rules=rules))
        role = {"apiGroup": rbac, "kind": "Role", "name": account}
        subjects = [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}]
        self.apply("site-b", _object("RoleBinding", f"{rbac}/v1", account, roleRef=role, subjects=subjects))
        container = {"name": "main", "image": "openshift/cli:1", "command": ["sh", "-ec", SCRIPT]}
        pod = {"restartPolicy": "Never", "serviceAccountName": account, "containers": [container]}
        self.apply("site-b", _object("Job", "batch/v1", JOB, spec={"backoffLimit": 0, "template": {"spec": pod}}))
        self.kubectl("site-b", "wait", "--for=condition=Complete", "--timeout=60s", f"job/{JOB}")
        eventually(lambda: self.kubectl("site-b", "wait", "--for=condition=Redeemed", f"accesstoken/{LINK}"))


def _object(kind: str, api_version: str, name: str, **fields: Any) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _binding(name: str, role: str, account: str) -> Manifest:
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
    }
