"""The claim's script on its own, with a stand-in for kubectl that keeps a small world in a file and records its calls.

The stand-in does not evaluate templates; what the script makes of real answers is tested on the lab.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.link.claim import SCRIPT, removable
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
"delete "*) case " $* " in *" $(cat forbidden) "*) echo "Error from server (Forbidden): $*" >&2 && exit 1 ;; esac ;;
esac
"""


@dataclass
class Claim:
    """One claim: its world and its settings."""

    root: Path
    rotation: int = 5
    client: str = "kubectl"
    expires: str = FUTURE

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
            "forbidden": "nothing",
            "stopped_at": "nothing",
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
            "TOKEN_PREFIX": TOKEN_PREFIX,
            "JOB_NAME": "the-job",
            "JOB_UID": "the-uid",
            "SUPERSEDED": " ".join(removable(superseded(self.rotation))),
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


def test_the_links_of_earlier_rotations_are_removed_and_no_other_ones(claim: Claim) -> None:
    earlier = ["standby-from-vault-4", "standby-from-vault-1", "standby-from-vault-3-1", "standby-from-vault-3-2"]
    others = [
        "standby-from-vault-5-1",
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
    done = claim.run(links="".join(f"{name} " for name in [*earlier, *others]))
    assert done.returncode == 0, done.stdout
    assert claim.removed_links() == set(earlier)


def test_a_rotations_own_link_is_not_claimed_twice(claim: Claim) -> None:
    done = claim.run(links="standby-from-vault-5 ", grant="")
    assert done.returncode == 0, done.stdout
    assert not claim.calls("create")
    assert done.stdout.endswith("Rotation 5 is in use through Link standby-from-vault-5.\n")


def test_secrets_are_removed_by_name_newest_first_and_as_far_back_as_the_rights_reach(claim: Claim) -> None:
    claim.rotation = REACH + 3
    assert claim.run().returncode == 0
    (call,) = [call for call in claim.calls("delete") if call[1] == "secrets"]
    names = [name for name in call if name.startswith(TOKEN_PREFIX)]
    assert names == [f"{TOKEN_PREFIX}-{number}" for number in range(REACH + 2, 2, -1)]


def test_a_link_beyond_the_rights_is_left_with_a_note_that_names_the_command(claim: Claim) -> None:
    claim.rotation = 40
    done = claim.run(links="standby-from-vault-7 ", forbidden="standby-from-vault-7")
    assert done.returncode == 0, done.stdout
    command = "kubectl delete links.skupper.io/standby-from-vault-7 secret/standby-from-vault-7"
    assert f"Note: Link standby-from-vault-7 is beyond the {REACH} rotations" in done.stdout
    assert command in done.stdout


def test_it_makes_do_with_oc(claim: Claim) -> None:
    claim.client = "oc"
    done = claim.run()
    assert done.returncode == 0, done.stdout
    assert claim.calls("create") == [["create", "-f", "-"]]


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
    done = claim.run(seconds=2, grant=held, events="permission denied")
    assert done.returncode == 1
    assert f"holds {held or 'nothing'} instead of the grant 5/{FUTURE} (rotation/expiry)" in done.stdout
    assert "External Secrets says: permission denied. Mend that, then run `pulumi up` again." in done.stdout
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


def test_of_several_events_the_last_one_is_told_in_one_line(claim: Claim) -> None:
    done = claim.run(seconds=2, grant="", events="not ready\036Code: 403. Errors:\n\n\t* permission denied\n\n\036")
    assert "External Secrets says: Code: 403. Errors: * permission denied. Mend that" in done.stdout


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
