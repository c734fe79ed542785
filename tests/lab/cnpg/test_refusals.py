"""What a Cluster of CloudNativePG says of a spec, Secret or SQL that is wrong: in its status, or in the log alone."""

import base64
from collections.abc import Callable

import psycopg
import pytest

from lab.stand_ins.controller import kinds
from tests.lab.cnpg.clusters import apply, log_of
from tests.lab.databases import ClusterSite
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def has_phase(site: ClusterSite, phase: str, reason: str) -> Callable[[], None]:
    """Whether the Cluster is in a phase for a reason, and not Ready."""

    def check() -> None:
        status = site.status()
        assert (status["phase"], status["phaseReason"]) == (phase, reason)
        assert {one["type"]: one["status"] for one in status["conditions"]}["Ready"] == "False"

    return check


def test_a_bootstrap_whose_sql_fails_is_reported_and_never_made_again(lab: Lab, alone: ClusterSite) -> None:
    apply(alone, bootstrap={"initdb": {"postInitApplicationSQL": ["CREATE TABLE t (id int)", "SELECT * FROM missing"]}})
    reason = (
        "Instance creation failed for the following jobs: edb-site-b-1-initdb. "
        "Check the job logs to investigate the cause of the failure."
    )
    eventually(has_phase(alone, "Cluster is unrecoverable and needs manual intervention", reason))
    assert 'relation "missing" does not exist' in log_of(lab, alone)


def test_what_the_webhook_would_refuse_is_named_by_field_in_the_status(lab: Lab, alone: ClusterSite) -> None:
    apply(alone, imageName="registry.example.com/postgresql:latest", postgresql={"parameters": {"ssl": "off"}})
    reason = (
        "the resource failed admission validation on: spec.imageName, spec.postgresql.parameters.ssl "
        "(see the operator logs for details)"
    )
    eventually(has_phase(alone, "Invalid cluster definition", reason))
    assert "Can't use 'latest' as image tag" in (lab.home.logs / "cnpg.log").read_text()


def test_a_ca_with_a_key_of_another_kind_is_refused_in_the_operators_words(alone: ClusterSite) -> None:
    data = {"ca.crt": base64.b64encode(alone.authority.certificate).decode()}
    alone.api.apply(kinds.SECRET, alone.namespace, {"metadata": {"name": "half"}, "data": data})
    apply(alone, certificates={"serverCASecret": "half"})
    eventually(has_phase(alone, "Unable to create required cluster objects", "missing ca.key secret data"))
    apply(alone, certificates={"serverCASecret": "absent"})
    reason = 'missing specified server CA secret absent: Secret "absent" not found'
    eventually(has_phase(alone, "Unable to create required cluster objects", reason))


def test_a_role_whose_secret_is_missing_is_reported_and_made_once_it_is_there(alone: ClusterSite) -> None:
    apply(alone, managed={"roles": [{"name": "reader", "login": True, "passwordSecret": {"name": "reader"}}]})

    def reported() -> None:
        status = alone.status()["managedRolesStatus"]
        assert status["cannotReconcile"] == {
            "reader": ['failed to get password secret reader: Secret "reader" not found']
        }
        assert status["byStatus"]["pending-reconciliation"] == ["reader"]

    eventually(reported)
    alone.wait_until_ready()
    assert alone.api.get(kinds.SECRET, alone.namespace, "edb-site-b-superuser") is None
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=alone.address(), user="postgres", password="any", connect_timeout=5)
    alone.secret("reader", "reader", "given late")

    def made() -> None:
        status = alone.status()["managedRolesStatus"]
        assert status["byStatus"]["reconciled"] == ["reader"]
        assert "cannotReconcile" not in status

    eventually(made)


def test_a_password_secret_of_another_user_is_told_of_in_the_log_alone(lab: Lab, alone: ClusterSite) -> None:
    alone.secret("foreign", "somebody", "secret")
    apply(alone, enableSuperuserAccess=True, superuserSecret={"name": "foreign"})
    alone.wait_until_ready()
    words = "while updating database owner password: wrong username 'somebody' in secret, expected 'postgres'"
    assert words in log_of(lab, alone)
