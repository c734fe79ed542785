"""Encryption of secrets by passphrase, byte for byte as Pulumi's passphrase provider does it.

The key is PBKDF2-SHA256 of the passphrase (1,000,000 rounds), the cipher AES-256-GCM; a text is `v1:<nonce>:<sealed>`,
both base64. `encryptionsalt` in a stack's file and `salt` in its state are `v1:<salt>:<the word "pulumi", encrypted>`,
which tells a wrong passphrase. Source: pulumi:sdk/go/common/resource/config/crypt.go, pkg/secrets/passphrase.
"""

import base64
import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lab.engine.errors import EngineError

_ROUNDS = 1_000_000
_PROBE = "pulumi"


class PassphraseError(EngineError):
    """The passphrase is absent, or not the one that the stack was made with."""


def read_passphrase() -> str:
    """The passphrase from the environment.

    Raises:
        PassphraseError: neither variable is set, or the file cannot be read.
    """
    if (phrase := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return phrase
    if file := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PassphraseError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
    raise PassphraseError(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    )


class Crypter:
    """Encrypts and decrypts for one salt. The key is derived in the background: it takes a good part of a second."""

    _workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="key")

    def __init__(self, passphrase: str, salt_text: str | None = None) -> None:
        """Begin to derive the key for `salt_text` (the `encryptionsalt`), or for a new salt.

        Raises:
            PassphraseError: the salt is malformed. A wrong passphrase shows at the first use.
        """
        self._salt_text = salt_text
        if salt_text is None:
            salt = os.urandom(8)
        else:
            parts = salt_text.split(":", 2)
            if len(parts) != 3 or parts[0] != "v1":
                raise PassphraseError("malformed state value in encryptionsalt")
            salt = base64.b64decode(parts[1])
        self._salt = salt
        self._key: Future[AESGCM] = self._workers.submit(self._derive, passphrase)

    def _derive(self, passphrase: str) -> AESGCM:
        key = AESGCM(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), self._salt, _ROUNDS, 32))
        if self._salt_text is not None:
            try:
                proven = _open(key, self._salt_text.split(":", 2)[2]) == _PROBE
            except (InvalidTag, ValueError):
                proven = False
            if not proven:
                raise PassphraseError("incorrect passphrase")
        return key

    def prepare(self) -> None:
        """Nothing more: that the key is being derived is the reason to call this early."""

    @property
    def salt_text(self) -> str:
        """What `encryptionsalt` and the state hold."""
        if self._salt_text is None:
            self._salt_text = f"v1:{base64.b64encode(self._salt).decode()}:{self.encrypt(_PROBE)}"
        return self._salt_text

    def encrypt(self, text: str) -> str:
        """The text encrypted, with a fresh nonce."""
        nonce = os.urandom(12)
        sealed = self._key.result().encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, text: str) -> str:
        """The text decrypted.

        Raises:
            PassphraseError: it was encrypted with another key.
        """
        key = self._key.result()
        try:
            return _open(key, text)
        except InvalidTag as error:
            raise PassphraseError("failed to decrypt: incorrect passphrase") from error


def _open(key: AESGCM, text: str) -> str:
    version, nonce, sealed = text.split(":")
    if version != "v1":
        raise ValueError("unknown value version")
    return key.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
