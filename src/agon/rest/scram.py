"""SCRAM-SHA-256 (RFC 5802, 7677), the client's side: a password is proved and never sent.

Pure: the nonce is an argument. Without channel binding, which Postgres allows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stringprep
import unicodedata
from dataclasses import dataclass

MECHANISM = "SCRAM-SHA-256"
ITERATIONS_MAX = 1_000_000
"""A server could keep us computing; Postgres's default is 4096."""
NONCE_BYTES = 18

_HEADER = b"n,,"
_FORBIDDEN = (
    stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
    stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
    stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
)  # fmt: skip


class ServerUnproven(Exception):
    """The server's messages are wrong, or it does not know the password either."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """message: what is sent last; signature: what the server must answer with."""

    message: bytes
    signature: bytes


def first_message(nonce: str) -> bytes:
    """The client's first message. The user's name is left out; Postgres takes the session's."""
    return _HEADER + _bare(nonce)


def prove(password: str, nonce: str, challenge: bytes) -> Proof:
    """Answer the server's first message. Raises ServerUnproven if it is malformed."""
    fields = _fields(challenge)
    try:
        server_nonce, rounds = fields["r"], int(fields["i"])
        salt = base64.b64decode(fields["s"], validate=True)
    except (KeyError, ValueError, binascii.Error) as error:
        raise ServerUnproven("the server's first message is malformed") from error
    if not server_nonce.startswith(nonce) or server_nonce == nonce:
        raise ServerUnproven("the server's nonce does not continue ours")
    if not 1 <= rounds <= ITERATIONS_MAX:
        raise ServerUnproven(f"the server asks for {rounds} rounds; at most {ITERATIONS_MAX}")
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password).encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    bare = f"c={base64.b64encode(_HEADER).decode()},r={server_nonce}".encode()
    said = b",".join((_bare(nonce), challenge, bare))
    signature = hmac.digest(hashlib.sha256(client_key).digest(), said, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return Proof(
        message=bare + b",p=" + base64.b64encode(proof),
        signature=hmac.digest(server_key, said, "sha256"),
    )


def check_server(proof: Proof, final: bytes) -> None:
    """Raises ServerUnproven unless the server's last message shows that it knows the password."""
    try:
        signature = base64.b64decode(_fields(final)["v"], validate=True)
    except (KeyError, binascii.Error) as error:
        raise ServerUnproven("the server's last message is malformed") from error
    if not hmac.compare_digest(signature, proof.signature):
        raise ServerUnproven("the server's signature does not fit the password")


def prepare(password: str) -> str:
    """SASLprep (RFC 4013), as Postgres does it: what the profile forbids is taken as it is."""
    if password.isascii():
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    text = unicodedata.normalize("NFKC", mapped)
    if not text or any(check(char) for char in text for check in _FORBIDDEN):
        return password
    if any(stringprep.in_table_a1(char) for char in text):
        return password
    right_to_left = [stringprep.in_table_d1(char) for char in text]
    if any(right_to_left):
        left_to_right = any(stringprep.in_table_d2(char) for char in text)
        if left_to_right or not (right_to_left[0] and right_to_left[-1]):
            return password
    return text


def _bare(nonce: str) -> bytes:
    return f"n=,r={nonce}".encode()


def _fields(message: bytes) -> dict[str, str]:
    parts = message.decode("ascii", "replace").split(",")
    return {name: value for name, _, value in (part.partition("=") for part in parts)}
