"""The claim's script on its own, with a stand-in for kubectl that keeps a small world in a file and records its calls.

The stand-in does not evaluate templates; what the script makes of real answers is tested on the lab.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.link.claim import SCRIPT
from components.link.rotation import REACH, TOKEN_PREFIX, superseded

CODE = "qUiTeSecretCodeOfTheGrant"
FUTURE, PAST = "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
STAND_IN = """#!/bin/sh
PATH=/usr/bin:/bin
cd '{root}' || exit 9
call=$(printf '%s\\037' "$@" && printf '\\036')
printf %s "$call" >>calls # in one piece: two of a pipeline write at the same time
[ "$1" != "$(cat stopped_at)" ] || kill "$PPID"
case "$1 $2" in
"get links.skupper.io") [ "$3" != -o ] || cat links ;;
"get externalsecrets.external-secrets.io") case "$*" in *rhsi/grant*) cat claimed ;; esac ;;
"annotate links.skupper.io")
  for one in "$@"; do grant=${{one#rhsi/grant=}}; [ "$grant" = "$one" ] || printf '%s' "$grant" >recorded; done
  ;;
"get secret") case "$*" in *--ignore-not-found*) cat grant ;; *) printf 'code: ' && cat code ;; esac ;;
"get accesstokens.skupper.io") cat status ;;
"get events") cat events ;;
"create -f")
  sent=$(cat)
  [ "$sent" = "code: $(cat code)" ] || exit 9
  if [ -s refusal ]; then echo "Error from server ($(cat refusal)): it quotes $sent" >&2 && exit 1; fi
  printf '%s ' "$(cat made)" >>links
  ;;
"wait accesstokens"*) [ ! -s status ] ;;
esac
"""


@dataclass
class Claim:
    """One claim: its world and its settings."""

    root: Path
    rotation: int = 5
    client: str = "kubectl"
    expires: str = FUTURE
    expected: str = ""

    def run(self, seconds: int = 20, **world: str) -> subprocess.CompletedProcess[str]:
        """Run the script to its end, in a world that differs from the usual one in this."""
        usual = {
            "links": "",
            "grant": f"{self.rotation}/{self.expires}",
            "code": CODE,
            "status": "",
            "events": "",
            "refusal": "",
            "made": f"{TOKEN_PREFIX}-{self.rotation}",
            "stopped_at": "nothing",
            "claimed": "",
        }
        for name, text in (usual | world).items():
            (self.root / name).write_text(text)
        programs = self.root / "bin"
        programs.mkdir()
        for program in ("date", "sleep"):
            (programs / program).symlink_to(str(shutil.which(program)))
        stand_in = programs / self.client
        stand_in.write_text(STAND_IN.format(root=self.root))
        stand_in.chmod(0o755)
        environment = {
            "PATH": str(programs),
            "HOME": str(self.root),
            "ROTATION": str(self.rotation),
            "EXPIRES": self.expires,
            "SECRET": "rhsi-link-token",
            "EXTERNAL_SECRET": "rhsi-link-token",
            "SECRET_STORE": "vault-rhsi",
            "LINKS": self.expected or f"{TOKEN_PREFIX}-{self.rotation}",
            "TOKEN_PREFIX": TOKEN_PREFIX,
            "JOB_NAME": "the-job",
            "JOB_UID": "the-uid",
            "SUPERSEDED": " ".join(superseded(self.rotation)),
            "TIMEOUT_SECONDS": str(seconds),
            "ROTATE": "the commands of a rotation",
        }
        return subprocess.run(
            ["/bin/sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def calls(self, verb: str = "") -> list[list[str]]:
        """The arguments of every call, or of those with one verb."""
        found = [call.split("\037")[:-1] for call in (self.root / "calls").read_text().split("\036")[:-1]]
        return [call for call in found if not verb or call[0] == verb]

    def removed_links(self) -> set[str]:
        """Links that it deleted."""
        return {call[2] for call in self.calls("delete") if call[1] == "links.skupper.io"}


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    return Claim(tmp_path)


def test_the_links_of_other_rotations_are_removed_and_no_other_ones(claim: Claim) -> None:
    own = [f"{TOKEN_PREFIX}-{number}" for number in ("4", "1", "3-1", "3-2", "20261126", "6")]
    others = [
        "standby-from-vault",
        "standby-from-vault-",
        "standby-from-vault-x",
        "standby-from-vault-4x",
        "standby-from-vault-4-",
        "standby-from-vault-4-x",
        "standby-from-vault--4",
        "standby-from-vault-4-1-2",
        "my-standby-from-vault-4",
        "standby-from-vaults-4",
        "link-by-hand",
        "west-4",
    ]
    done = claim.run(links="".join(f"{name} " for name in [*own, *others]))
    assert done.returncode == 0, done.stdout
    assert claim.removed_links() == set(own)
    (call,) = [call for call in claim.calls("delete") if call[1] == "secrets"]
    assert {"standby-from-vault-20261126", "standby-from-vault-6", "standby-from-vault-3"} <= set(call)
    assert not {name for name in others if name in call}


def test_a_link_of_the_same_grant_is_not_claimed_twice(claim: Claim) -> None:
    done = claim.run(links=f"standby-from-vault-5=5/{FUTURE} ", grant="")
    assert done.returncode == 0, done.stdout
    assert not claim.calls("create")
    assert done.stdout.endswith("Rotation 5 is in use through Link standby-from-vault-5.\n")


def test_a_link_that_nobody_recorded_is_taken_over_once_it_is_ready(claim: Claim) -> None:
    done = claim.run(links="standby-from-vault-5= ", grant="")
    assert done.returncode == 0, done.stdout
    assert not claim.calls("create")
    assert (claim.root / "recorded").read_text() == f"5/{FUTURE}"


def test_a_link_of_another_grant_with_the_same_number_is_refused_and_left_alone(claim: Claim) -> None:
    done = claim.run(links=f"standby-from-vault-5=5/{PAST} standby-from-vault-4= ")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"Link standby-from-vault-5 is of the grant 5/{PAST} (rotation/expiry), not of 5/{FUTURE},")
    assert last.endswith(": the commands of a rotation")
    assert {call[0] for call in claim.calls()} == {"get"}


@pytest.mark.parametrize(("claimed", "code"), [(f"5/{PAST}", 1), (f"5/{FUTURE}", 0), (f"4/{PAST}", 0), ("", 0)])
def test_a_link_that_never_became_ready_is_known_by_what_was_redeemed_last(
    claim: Claim, claimed: str, code: int
) -> None:
    done = claim.run(links="standby-from-vault-5= ", claimed=claimed)
    assert done.returncode == code, done.stdout
    assert (f"is of the grant {claimed} (rotation/expiry)" in done.stdout) == bool(code)


def test_a_claim_writes_down_of_which_grant_its_link_is(claim: Claim) -> None:
    assert claim.run().returncode == 0
    assert (claim.root / "recorded").read_text() == f"5/{FUTURE}"


def test_two_routers_make_two_links_and_both_are_awaited(claim: Claim) -> None:
    claim.expected = "standby-from-vault-5-1 standby-from-vault-5-2"
    done = claim.run(made=claim.expected)
    assert done.returncode == 0, done.stdout
    assert {call[1] for call in claim.calls("wait")} >= {
        "links.skupper.io/standby-from-vault-5-1",
        "links.skupper.io/standby-from-vault-5-2",
    }


def test_other_links_than_the_primarys_setting_says_are_told(claim: Claim) -> None:
    done = claim.run(made="standby-from-vault-5-1 standby-from-vault-5-2")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert (
        "has Link standby-from-vault-5-1 standby-from-vault-5-2 instead of standby-from-vault-5: rhsi:skupper.ha"
        in last
    )
    assert last.endswith(": the commands of a rotation")


def test_every_question_to_the_api_server_has_an_end(claim: Claim) -> None:
    assert claim.run(links="standby-from-vault-4 ").returncode == 0
    assert {call[0] for call in claim.calls()} == {"get", "create", "wait", "annotate", "delete"}
    assert all("--request-timeout=10s" in call for call in claim.calls())


def test_secrets_whose_link_is_gone_are_removed_twenty_rotations_back(claim: Claim) -> None:
    claim.rotation = REACH + 3
    assert claim.run().returncode == 0
    (call,) = [call for call in claim.calls("delete") if call[1] == "secrets"]
    names = [name for name in call if name.startswith(TOKEN_PREFIX)]
    assert names == [f"{TOKEN_PREFIX}-{number}" for number in range(REACH + 2, 2, -1)]


def test_it_makes_do_with_oc(claim: Claim) -> None:
    claim.client = "oc"
    done = claim.run()
    assert done.returncode == 0, done.stdout
    assert [call[:3] for call in claim.calls("create")] == [["create", "-f", "-"]]


def test_an_expired_grant_fails_at_once_and_nothing_is_made(claim: Claim) -> None:
    claim.expires = PAST
    done = claim.run(seconds=300)
    assert done.returncode == 1
    assert done.stdout.endswith(f"expired at {PAST}. Make a new one: the commands of a rotation\n")
    assert {call[0] for call in claim.calls()} == {"get"}


def test_an_expired_grant_that_was_never_synced_fails_at_once_too(claim: Claim) -> None:
    claim.expires = PAST
    done = claim.run(seconds=300, grant=f"4/{PAST}")
    assert done.returncode == 1
    assert f"expired at {PAST} before it was claimed. Make a new one: the commands of a rotation" in done.stdout
    assert not claim.calls("create")


@pytest.mark.parametrize("held", [f"4/{FUTURE}", f"5/{PAST}", ""])
def test_the_secret_of_another_grant_is_never_used(claim: Claim, held: str) -> None:
    done = claim.run(seconds=2, grant=held, events=events("permission denied"))
    assert done.returncode == 1
    assert f"holds {held or 'nothing'} instead of the grant 5/{FUTURE} (rotation/expiry)" in done.stdout
    assert "External Secrets says: permission denied. Fix that, then run `pulumi up` again." in done.stdout
    assert not claim.calls("create")
    assert claim.calls("annotate"), "a read was asked for"


def test_the_code_is_in_no_argument_and_no_line(claim: Claim) -> None:
    done = claim.run()
    assert done.returncode == 0, done.stdout
    assert CODE not in done.stdout + done.stderr
    assert claim.calls("create"), "the code was sent"
    assert not any(CODE in argument for call in claim.calls() for argument in call)


def test_a_refusal_that_quotes_the_code_is_told_by_its_reason(claim: Claim) -> None:
    done = claim.run(seconds=2, refusal="Invalid")
    assert done.returncode == 1
    assert "AccessToken standby-from-vault-5 could not be created (Invalid)." in done.stdout
    assert CODE not in done.stdout + done.stderr


def test_a_token_that_somebody_made_by_hand_is_never_touched_and_nobody_waits_for_it(claim: Claim) -> None:
    done = claim.run(seconds=300, refusal="AlreadyExists", status="nobody")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last == "AccessToken standby-from-vault-5 was made by hand. Delete it, then run `pulumi up` again."
    assert {call[0] for call in claim.calls()} == {"get", "create"}


def test_a_token_of_another_job_is_waited_for_and_never_touched(claim: Claim) -> None:
    done = claim.run(seconds=2, refusal="AlreadyExists", status="another-uid")
    assert done.returncode == 1
    assert "(AlreadyExists). If one of that name is there, delete it, then run `pulumi up` again." in done.stdout
    assert {call[0] for call in claim.calls()} == {"get", "create"}
    assert len(claim.calls("create")) > 1


def events(*told: str) -> str:
    """Events as the script's template prints them, one second apart."""
    return "".join(f"2999-01-01T00:00:0{second}Z {text}\036" for second, text in enumerate(told))


def test_of_several_events_the_last_one_is_told_in_one_line(claim: Claim) -> None:
    done = claim.run(seconds=2, grant="", events=events("403", "Code: 403. Errors:\n\n\t* permission denied\n\n"))
    assert "External Secrets says: Code: 403. Errors: * permission denied. Fix that" in done.stdout


def test_the_cause_outlives_what_external_secrets_says_after_it(claim: Claim) -> None:
    generic = 'SecretStore "vault-rhsi" is not ready'
    done = claim.run(seconds=2, grant="", events=events(generic, "* Vault is sealed", generic, generic))
    assert f"External Secrets says: {generic}: * Vault is sealed. Fix that" in done.stdout
    looked_at = {call[1] for call in claim.calls("annotate")}
    assert looked_at == {
        "secretstores.external-secrets.io/vault-rhsi",
        "externalsecrets.external-secrets.io/rhsi-link-token",
    }


def test_without_a_cause_the_generic_words_are_told(claim: Claim) -> None:
    done = claim.run(seconds=2, grant="", events=events('SecretStore "vault-rhsi" is not ready'))
    assert 'External Secrets says: SecretStore "vault-rhsi" is not ready. Fix that' in done.stdout


def test_without_an_event_the_claim_names_the_two_causes_that_make_none(claim: Claim) -> None:
    done = claim.run(seconds=2, grant="")
    assert (
        "External Secrets says: nothing; see that its controller runs and that nobody changed the value in Vault."
    ) in done.stdout


def test_a_claim_that_is_told_to_stop_says_what_to_do(claim: Claim) -> None:
    done = claim.run(seconds=60, grant="", stopped_at="annotate")
    assert done.returncode == 1
    assert done.stdout.endswith("The claim was stopped before it was done. Run `pulumi up` again.\n")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("Controller got failed response: 404 (Not Found) No such claim", "The grant server knows no grant for"),
        (
            "Controller got failed response: 404 (Not Found) No such access granted",
            "The grant of rotation 5 is used up.",
        ),
        (
            "Controller got failed response: 403 (Forbidden) Redemption of access token refused",
            "The grant server refused the code of rotation 5.",
        ),
        ('Controller could not create received secret: secrets "x" already exists', "An object named standby-from"),
        (
            'Controller got error: Post "https://h/u": tls: failed to verify certificate: x509: unknown authority',
            "The grant server's certificate is not from the CA of rotation 5.",
        ),
        (
            "Already redeemed for a deleted site",
            "AccessToken standby-from-vault-5 was redeemed for a Site that is gone.",
        ),
    ],
)
def test_a_failed_redemption_names_the_cause_and_the_commands(claim: Claim, message: str, sentence: str) -> None:
    done = claim.run(status=message + ";", made="by-hand")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(sentence)
    assert last.endswith(": the commands of a rotation")


GO = 'Controller got error: Post "https://h/u": tls: failed to verify certificate: x509: '
"""What the controller says before the words of Go's crypto/x509/verify.go."""


@pytest.mark.parametrize(
    ("said", "sentence", "end"),
    [
        (
            "certificate has expired or is not yet valid: current time A is before B",
            "The grant server's certificate is not valid at the time of this cluster: certificate has",
            "then run `pulumi up` again.",
        ),
        (
            "certificate is valid for a.example.com, not b.example.com",
            "The grant server's certificate is for another name than the grant's URL: certificate is valid for a.",
            "make a new grant: the commands of a rotation",
        ),
        (
            "cannot validate certificate for 10.0.0.7 because it doesn't contain any IP SANs",
            "The grant server's certificate is for another name than the grant's URL: cannot validate",
            "make a new grant: the commands of a rotation",
        ),
        (
            "certificate relies on legacy Common Name field, use SANs instead",
            "The grant server's certificate is for another name",
            "make a new grant: the commands of a rotation",
        ),
        (
            "certificate specifies an incompatible key usage",
            "The grant server's certificate cannot be verified: certificate specifies an incompatible key usage.",
            "if the certificate was renewed, make a new grant: the commands of a rotation",
        ),
        (
            "certificate signed by unknown authority",
            "The grant server's certificate is not from the CA of rotation 5.",
            "Make a new grant: the commands of a rotation",
        ),
    ],
)
def test_each_reason_to_distrust_a_certificate_has_its_own_sentence(
    claim: Claim, said: str, sentence: str, end: str
) -> None:
    done = claim.run(seconds=2, status=f"{GO}{said};", made="by-hand")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(sentence)
    assert last.endswith(end)


def test_clocks_that_differ_by_seconds_are_waited_for(claim: Claim) -> None:
    done = claim.run(seconds=3, status=f"{GO}certificate has expired or is not yet valid: soon;", made="by-hand")
    assert len(claim.calls("wait")) > 1
    assert done.returncode == 1


def test_a_token_without_a_status_is_told_with_what_to_look_at(claim: Claim) -> None:
    done = claim.run(seconds=2, status=";", made="by-hand")
    assert done.returncode == 1
    told = "no status yet: is there a Site in this namespace, and does the Skupper controller run?"
    assert f"was not redeemed in 2 s: {told}. The grant expires at {FUTURE}; until then" in done.stdout


def test_a_token_that_stays_unredeemed_is_told_without_the_grants_url(claim: Claim) -> None:
    url = "https://grants.example.com:443/0b8e6d4e-of-the-grant"
    answer = f'Controller got error: Post "{url}": dial tcp: connection refused;'
    done = claim.run(seconds=2, status=answer, made="by-hand")
    assert done.returncode == 1
    told = "Controller got error: Post the grant server: dial tcp: connection refused"
    assert f"was not redeemed in 2 s: {told}. The grant expires at {FUTURE}; until then" in done.stdout
    for part in ("grants.example.com", "0b8e6d4e"):
        assert part not in done.stdout + done.stderr


def test_a_failed_redemption_that_left_a_link_counts(claim: Claim) -> None:
    done = claim.run(status="Controller got failed response: 404 (Not Found) No such access granted;")
    assert done.returncode == 0, done.stdout
    assert "Link standby-from-vault-5 is Ready." in done.stdout
