"""Public keys of a key set (JWK, RFC 7517 and 7518) in the form in which Vault takes them: PEM (RFC 5280, 8017, 5480).

Pure functions, for the two kinds of key with which Kubernetes signs (k8s.io/kubernetes, pkg/serviceaccount/jwt.go).
"""

import base64
import textwrap
from collections.abc import Mapping
from typing import Any

_INTEGER, _BIT_STRING, _NULL, _OBJECT, _SEQUENCE = 0x02, 0x03, 0x05, 0x06, 0x30
# Object identifiers, encoded: rsaEncryption, ecPublicKey. By curve: algorithm, identifier, bytes of a coordinate.
_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
_CURVES = {
    "P-256": ("ES256", bytes.fromhex("2a8648ce3d030107"), 32),
    "P-384": ("ES384", bytes.fromhex("2b81040022"), 48),
    "P-521": ("ES512", bytes.fromhex("2b81040023"), 66),
}


class KeyFormatError(ValueError):
    """A key of another kind, or one that is spoilt."""


def algorithm(jwk: Mapping[str, Any]) -> str:
    """With which algorithm the key signs, as a token's header names it.

    Raises:
        KeyFormatError: it is of another kind.
    """
    if jwk.get("kty") == "RSA":
        return "RS256"
    if jwk.get("kty") == "EC" and jwk.get("crv") in _CURVES:
        return _CURVES[jwk["crv"]][0]
    raise KeyFormatError("is neither RSA nor EC on a curve of NIST")


def pem(jwk: Mapping[str, Any]) -> str:
    """The public key as `PUBLIC KEY` in PEM.

    Raises:
        KeyFormatError: it is of another kind, or lacks a number.
    """
    if algorithm(jwk) == "RS256":
        numbers = [_integer(_number(jwk, "n")), _integer(_number(jwk, "e"))]
        kind, key = _tagged(_OBJECT, _RSA) + _tagged(_NULL, b""), _tagged(_SEQUENCE, b"".join(numbers))
    else:
        _, curve, size = _CURVES[jwk["crv"]]
        try:
            key = b"\x04" + b"".join(_number(jwk, axis).to_bytes(size, "big") for axis in ("x", "y"))
        except OverflowError as error:
            raise KeyFormatError("lies on no point of its curve") from error
        kind = _tagged(_OBJECT, _EC) + _tagged(_OBJECT, curve)
    # A bit string begins with the number of bits that its last byte leaves out.
    info = _tagged(_SEQUENCE, _tagged(_SEQUENCE, kind) + _tagged(_BIT_STRING, b"\x00" + key))
    text = "\n".join(textwrap.wrap(base64.b64encode(info).decode(), 64))
    # Without a line break at its end: Vault takes it away, and each refresh would show that as a change.
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----"


def _number(jwk: Mapping[str, Any], name: str) -> int:
    value = jwk.get(name)
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(f"{value}==") if isinstance(value, str) else b"", "big")
    except ValueError:
        number = 0
    if not number:
        raise KeyFormatError(f"has no number {name}")
    return number


def _integer(value: int) -> bytes:
    # One bit more than the number has: the first one is its sign.
    return _tagged(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
