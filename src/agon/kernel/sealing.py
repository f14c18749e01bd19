"""Sealing of secrets: whoever holds the public key seals, only the private key opens.

Each secret has its own data key (AES-256-GCM). The data key is wrapped to the opener's X25519 key
by HPKE (RFC 9180: base mode, DHKEM X25519 with HKDF-SHA256, AES-256-GCM). Both layers are bound to
the row's identity, so a sealed value opens in its own row only. Rotation wraps the data key anew
and leaves the ciphertext alone. `docs/deciding/sealing.md` says why, and what this does not do.

    sealed:v1:<key id>:<wrapped data key>:<nonce>:<ciphertext>     (base64url without padding)
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from agon.kernel.errors import Refused, refuse

PLAINTEXT_BYTES_MAX = 64 * 1024
KEY_BYTES = 32
"""Of a data key (AES-256), of a public and of a private key (X25519)."""
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID_CHARS = 16

SEALED_PATTERN = "^sealed:v1:[0-9a-f]{16}:[A-Za-z0-9_-]{107}:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]{22,}$"
"""What a sealed value looks like, for `check (secret ~ '…')` in Postgres and for Python."""

PUBLIC_PREFIX = "agon-sealing-public:"
PRIVATE_PREFIX = "agon-sealing-private:"

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CONTEXT = b"agon:sealed:v1:"
_SEALED_CHARS_MAX = 200 + -(-(PLAINTEXT_BYTES_MAX + TAG_BYTES) * 4 // 3)
_SEALED = re.compile(SEALED_PATTERN)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class _Sealed:
    """A sealed value in parts: text of the key id, bytes of the rest."""

    key_id: str
    wrapped: bytes
    nonce: bytes
    ciphertext: bytes

    def __str__(self) -> str:
        parts = map(_encode, (self.wrapped, self.nonce, self.ciphertext))
        return ":".join(("sealed", "v1", self.key_id, *parts))


def generate() -> tuple[X25519PrivateKey, X25519PublicKey]:
    """A new pair: the private key for whoever opens, the public one for whoever seals."""
    private = X25519PrivateKey.generate()
    return private, private.public_key()


def key_id(public: X25519PublicKey) -> str:
    """The name of a key pair: 16 hex digits of the SHA-256 of the public key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:KEY_ID_CHARS]


def seal(public: X25519PublicKey, plaintext: bytes, identity: str) -> str:
    """Seals a secret for one row.

    identity: names the row for ever, the same text at opening (`linked_accounts:<uuid>:token`).
    Refused: `sealed_large`.
    """
    if len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise refuse(
            "sealed_large",
            "The secret is too large to seal.",
            details=f"{len(plaintext)} bytes, the limit is {PLAINTEXT_BYTES_MAX}.",
            hint="Seal keys and tokens; store files elsewhere.",
            status=413,
        )
    data_key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    context = _context(identity)
    sealed = _Sealed(
        key_id=key_id(public),
        wrapped=_SUITE.encrypt(data_key, public, context),
        nonce=nonce,
        ciphertext=AESGCM(data_key).encrypt(nonce, plaintext, context),
    )
    return str(sealed)


def open_sealed(privates: Mapping[str, X25519PrivateKey], sealed: str, identity: str) -> bytes:
    """The secret, if the value is whole and belongs to this row.

    privates: key id -> key, see `keyring`. Refused: `sealed_malformed`, `sealed_key_unknown`,
    `sealed_tampered` (changed bytes, or another row's value).
    """
    parts = _parse(sealed)
    data_key = _unwrap(privates, parts, identity)
    try:
        return AESGCM(data_key).decrypt(parts.nonce, parts.ciphertext, _context(identity))
    except InvalidTag as error:
        raise _tampered(identity) from error


def rewrap(
    privates: Mapping[str, X25519PrivateKey],
    public: X25519PublicKey,
    sealed: str,
    identity: str,
) -> str:
    """The same value for another key pair, the ciphertext untouched.

    A value that is already wrapped to `public` comes back as it is, so that a rotation can be
    run again. Refused: as `open_sealed`.
    """
    parts = _parse(sealed)
    if parts.key_id == key_id(public):
        return sealed
    data_key = _unwrap(privates, parts, identity)
    rewrapped = _Sealed(
        key_id=key_id(public),
        wrapped=_SUITE.encrypt(data_key, public, _context(identity)),
        nonce=parts.nonce,
        ciphertext=parts.ciphertext,
    )
    return str(rewrapped)


def public_text(public: X25519PublicKey) -> str:
    """The key as one line for a file or a setting."""
    return PUBLIC_PREFIX + _encode(public.public_bytes_raw())


def private_text(private: X25519PrivateKey) -> str:
    """The key as one line for a secret file."""
    return PRIVATE_PREFIX + _encode(private.private_bytes_raw())


def load_public(text: str) -> X25519PublicKey:
    """Reads `public_text`. Refused: `sealing_key_malformed`."""
    public = X25519PublicKey.from_public_bytes(_key_bytes(text, PUBLIC_PREFIX))
    try:
        # A point of small order makes every shared secret zero: refuse it here, not when sealing.
        X25519PrivateKey.generate().exchange(public)
    except ValueError as error:
        raise _key_malformed(PUBLIC_PREFIX) from error
    return public


def load_private(text: str) -> X25519PrivateKey:
    """Reads `private_text`. Refused: `sealing_key_malformed`."""
    return X25519PrivateKey.from_private_bytes(_key_bytes(text, PRIVATE_PREFIX))


def keyring(text: str) -> dict[str, X25519PrivateKey]:
    """Private keys by key id, from one a line; empty lines and lines that start with # are skipped.

    Refused: `sealing_key_malformed`.
    """
    lines = (line.strip() for line in text.splitlines())
    keys = [load_private(line) for line in lines if line and not line.startswith("#")]
    return {key_id(private.public_key()): private for private in keys}


def _unwrap(privates: Mapping[str, X25519PrivateKey], parts: _Sealed, identity: str) -> bytes:
    private = privates.get(parts.key_id)
    if private is None:
        raise refuse(
            "sealed_key_unknown",
            "The key that opens this secret is not here.",
            details=f"It is sealed to key {parts.key_id}; here are {len(privates)} others.",
            hint="Give the worker this private key, or have the secret entered again.",
            status=500,
        )
    try:
        return _SUITE.decrypt(parts.wrapped, private, _context(identity))
    except InvalidTag as error:
        raise _tampered(identity) from error


def _parse(sealed: str) -> _Sealed:
    if len(sealed) <= _SEALED_CHARS_MAX and _SEALED.fullmatch(sealed):
        name, *texts = sealed.split(":")[2:]
        blobs = [_decode(text) for text in texts]
        if None not in blobs:
            wrapped, nonce, ciphertext = blobs
            return _Sealed(key_id=name, wrapped=wrapped, nonce=nonce, ciphertext=ciphertext)
    raise refuse(
        "sealed_malformed",
        "This is not a sealed secret.",
        hint="Sealed secrets start with 'sealed:v1:'; see docs/deciding/sealing.md.",
        status=500,
    )


def _context(identity: str) -> bytes:
    if not identity:
        raise ValueError("a sealed value needs the identity of its row")
    return _CONTEXT + identity.encode()


def _tampered(identity: str) -> Refused:
    return refuse(
        "sealed_tampered",
        "The sealed secret was changed, or belongs to another row.",
        details=f"It does not open as {identity[:200]!r}.",
        hint="Restore the value, or have the secret entered again.",
        status=500,
    )


def _key_bytes(text: str, prefix: str) -> bytes:
    found, raw = text.strip().startswith(prefix), _decode(text.strip().removeprefix(prefix))
    if not found or raw is None or len(raw) != KEY_BYTES:
        raise _key_malformed(prefix)
    return raw


def _key_malformed(prefix: str) -> Refused:
    # The text itself may be a private key: it is not repeated.
    return refuse(
        "sealing_key_malformed",
        "This is not a sealing key.",
        details=f"Expected '{prefix}' and 43 characters of base64url.",
        hint="Generate a pair anew, or copy the whole line.",
    )


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes | None:
    """Base64url without padding in its one spelling (spare bits zero), otherwise None."""
    if len(text) % 4 == 1 or not _BASE64URL.fullmatch(text):
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if _encode(data) == text else None
