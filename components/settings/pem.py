"""Certificates in PEM, as settings hold them: public by purpose, and published to clusters and to Vault.

Owns what passes on: `CERTIFICATE` blocks in their order and nothing else, for a file that a person pastes often holds
comments, and now and then the key. A certificate that has expired or is no authority passes: a bundle may hold an old
authority beside its successor, Go takes a self-signed server's certificate as its own authority, and the same settings
must not be refused tomorrow that were accepted today. Source of the rules: Go's encoding/pem, and
x509.CertPool.AppendCertsFromPEM, which skips every other type and every block with headers.
"""

import base64
import binascii
import re
import ssl

_BLOCK = re.compile(r"-----BEGIN (?P<type>[^-\r\n]+)-----(?P<body>.*?)-----END (?P=type)-----", re.DOTALL)
_PRIVATE_KEY = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File")
_PASTE = "paste the text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"


def problem(text: str) -> str | None:
    """What is wrong with a text that is to hold one or more certificates, as in formats.py; None for a good one."""
    if _PRIVATE_KEY.search(text):
        return (
            "it holds a private key, and this setting is published; remove the key here, keep the certificates only, "
            "and take a new key if this file was ever shared"
        )
    blocks = list(_BLOCK.finditer(text))
    if "-----BEGIN" in (between := _BLOCK.sub("", text)) or "-----END" in between:
        return f"it holds a block without its beginning or end; {_PASTE}"
    if not blocks:
        return f"it is no certificate in PEM; {_PASTE}"
    for number, block in enumerate(blocks, start=1):
        if block["type"] != "CERTIFICATE":
            return f"its block {number} is a {block['type']}, no CERTIFICATE; {_PASTE}"
        if not _is_certificate(block["body"]):
            return f"the text of its certificate {number} is damaged; {_PASTE}, with its line breaks"
    return None


def certificates(text: str) -> str:
    """The certificates of a good text, without what stands around them; a text of nothing else stays as it is."""
    blocks = [[line.strip() for line in block[0].splitlines()] for block in _BLOCK.finditer(text)]
    found = "\n".join(line for lines in blocks for line in lines if line)
    return text if text.strip() == found else f"{found}\n"


def _is_certificate(body: str) -> bool:
    try:
        der = base64.b64decode("".join(body.split()).encode("ascii"), validate=True)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (UnicodeEncodeError, binascii.Error, ssl.SSLError, ValueError):
        return False
    return True
