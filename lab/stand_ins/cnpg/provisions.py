"""What the administrator of an object store makes: the bucket, and Secrets with keys and authority.

Plays that person, for the lab's own store only: an ObjectStore that names another endpoint gets nothing, and a Secret
that is there stays as it is. No operator does this; on a real cluster somebody has to.
"""

import base64
from urllib.parse import urlsplit

import urllib3

from lab.kube import Manifest
from lab.object_store import ObjectStore
from lab.stand_ins.cnpg.kinds import OBJECT_STORE
from lab.stand_ins.controller.api import Api, owned_by
from lab.stand_ins.controller.kinds import SECRET

SECONDS = 10.0


def provide(api: Api, own: ObjectStore, store: Manifest) -> None:
    """Make what an ObjectStore names and what is not there yet."""
    configuration = store["spec"]["configuration"]
    if not own.url or configuration.get("endpointURL", "").rstrip("/") != own.url:
        return
    _make_bucket(own, urlsplit(configuration["destinationPath"]).netloc)
    keys, credentials = own.keys(), configuration.get("s3Credentials") or {}
    wanted: dict[str, dict[str, bytes]] = {}
    contents = {
        "accessKeyId": keys.identity.encode(),
        "secretAccessKey": keys.secret.encode(),
        "region": b"us-east-1",
    }
    references = [(credentials.get(field), content) for field, content in contents.items()]
    references.append((configuration.get("endpointCA"), own.authority.certificate.read_bytes()))
    for reference, content in references:
        if reference:
            wanted.setdefault(reference["name"], {})[reference["key"]] = content
    for name, data in wanted.items():
        if api.get(SECRET, store["metadata"]["namespace"], name):
            continue
        body = {
            "metadata": {"name": name, "ownerReferences": [owned_by(OBJECT_STORE, store)]},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }
        api.create(SECRET, store["metadata"]["namespace"], body)


def _make_bucket(own: ObjectStore, bucket: str) -> None:
    """An existing one stays as it is; a store that does not answer is told of by whoever uses it."""
    with urllib3.PoolManager(ca_certs=str(own.authority.certificate), timeout=SECONDS, retries=False) as pool:
        try:
            pool.request("PUT", f"{own.url}/{bucket}")
        except urllib3.exceptions.HTTPError:
            return
