"""JSON Web Tokens: keys, minting, verifying, and a memory of what was verified.

A key has one algorithm for life, and a token is verified by keys of the algorithm that it names:
a public key is never taken for a secret, `none` never verifies. Times come as arguments. Refusals
carry PostgREST 14's codes and messages: PGRST301 for a token that no key verifies, PGRST303 for
claims that do not hold. RFC 7515 (JWS), 7517 (JWK), 7519 (JWT), 7638 (thumbprint), 8037 (EdDSA).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidSignatureError, PyJWTError

from agon.kernel.errors import Refused, refuse

TOKEN_BYTES_MAX = 16 * 1024
CACHE_TOKENS_MAX = 4096
"""Verified tokens that a verifier remembers."""
KEYS_MAX = 32
"""Keys in a JWKS document; each may cost a token without `kid` one attempt."""
LEEWAY_S = 30
"""Clocks may differ by this much, as in PostgREST."""
SECRET_BYTES_MIN = 32
"""RFC 7518, section 3.2: at least the size of the hash."""
RSA_BITS_MIN = 2048

AUDIENCE = "authenticated"
ROLES = ("anon", "authenticated", "service_role")

_FOREVER_S = 2**62
_JWS = PyJWS(algorithms=["HS256", "ES256", "RS256", "EdDSA"])


@dataclass(frozen=True, kw_only=True)
class _Family:
    """A kind of asymmetric key: its one algorithm, its one curve, and how PyJWT reads it."""

    algorithm: str
    curve: str | None
    reader: Any


_FAMILIES = {
    "EC": _Family(algorithm="ES256", curve="P-256", reader=ECAlgorithm),
    "RSA": _Family(algorithm="RS256", curve=None, reader=RSAAlgorithm),
    "OKP": _Family(algorithm="EdDSA", curve="Ed25519", reader=OKPAlgorithm),
}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key for one algorithm: HS256, ES256, RS256 or EdDSA.

    kid: its name in tokens, None for a secret; public_jwk: what others may see, None for a secret;
    verifying, signing: what PyJWT works with; signing is None where only the public part is known.
    """

    kid: str | None
    algorithm: str
    public_jwk: Mapping[str, Any] | None
    verifying: Any = field(repr=False)
    signing: Any = field(repr=False)


Keys = tuple[Key, ...]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A verified token.

    claims: not to be changed, the verifier holds them too; claims_json: the same, for the setting
    `request.jwt.claims`; until_s: the last second since 1970 at which the token holds.
    """

    role: str
    claims: Mapping[str, Any]
    claims_json: str
    until_s: int


def secret_key(secret: str) -> Key:
    """The HS256 key of a shared secret. Refused: `jwt_secret_unfit` (short, or a PEM or JWK)."""
    raw = secret.encode()
    if len(raw) < SECRET_BYTES_MIN:
        raise _secret_unfit(f"{len(raw)} bytes, at least {SECRET_BYTES_MIN} are needed.")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(raw)
    except PyJWTError as error:
        raise _secret_unfit(str(error)) from error
    return Key(kid=None, algorithm="HS256", public_jwk=None, verifying=raw, signing=raw)


def generate() -> Key:
    """A new ES256 key, named by its thumbprint."""
    private = ec.generate_private_key(ec.SECP256R1())
    return read_jwk(ECAlgorithm.to_jwk(private, as_dict=True))


def read_jwk(document: Mapping[str, Any]) -> Key:
    """A key from a JWK, private or public: EC P-256, RSA from 2048 bits, OKP Ed25519.

    Refused: `jwk_unfit`. Secrets (`oct`) are refused too: in a document that is meant to be public
    they would let everybody sign.
    """
    family = _FAMILIES.get(str(document.get("kty")))
    if family is None or document.get("crv") != family.curve:
        raise _jwk_unfit(f"kty {document.get('kty')!r}, crv {document.get('crv')!r}")
    if document.get("alg", family.algorithm) != family.algorithm:
        raise _jwk_unfit(f"alg {document['alg']!r}")
    if document.get("use", "sig") != "sig":
        raise _jwk_unfit(f"use {document['use']!r}")
    try:
        key = family.reader.from_jwk(dict(document))
    except (PyJWTError, ValueError, TypeError) as error:
        raise _jwk_unfit(str(error)) from error
    if family.algorithm == "RS256" and key.key_size < RSA_BITS_MIN:
        raise _jwk_unfit(f"{key.key_size} bits")
    public = key.public_key() if "d" in document else key
    public_jwk = family.reader.to_jwk(public, as_dict=True)
    public_jwk.pop("key_ops", None)
    named = document.get("kid")
    return Key(
        kid=named if isinstance(named, str) else _thumbprint(public_jwk),
        algorithm=family.algorithm,
        public_jwk=public_jwk,
        verifying=public,
        signing=key if "d" in document else None,
    )


def read_jwks(document: Mapping[str, Any]) -> Keys:
    """The verifying keys of another party's JWKS document.

    Keys of a kind that we do not use are skipped, as RFC 7517, section 5, has it. Refused:
    `jwks_unfit` (not a JWKS, more than KEYS_MAX keys, or none of use).
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise _jwks_unfit(f"It needs a list 'keys' of at most {KEYS_MAX}.")
    keys = []
    for each in listed:
        try:
            keys.append(read_jwk(each if isinstance(each, dict) else {}))
        except Refused as refused:
            skipped = refused.refusal.details
    if not keys:
        raise _jwks_unfit(f"No key of use; the last was skipped: {skipped}" if listed else "Empty.")
    return tuple(keys)


def private_jwk(key: Key) -> dict[str, Any]:
    """A signing key as a JWK, to be stored sealed. ValueError for a secret or a public key."""
    if key.signing is None or key.public_jwk is None:
        raise ValueError("this key has no private JWK")
    reader = _FAMILIES[key.public_jwk["kty"]].reader
    return {**reader.to_jwk(key.signing, as_dict=True), "kid": key.kid, "alg": key.algorithm}


def jwks(keys: Iterable[Key]) -> dict[str, list[dict[str, Any]]]:
    """The public JWKS document: public parts of asymmetric keys, nothing of secrets."""
    return {
        "keys": [
            {**key.public_jwk, "kid": key.kid, "alg": key.algorithm}
            | {"use": "sig", "key_ops": ["verify"]}
            for key in keys
            if key.public_jwk is not None
        ]
    }


def mint(claims: Mapping[str, Any], key: Key, now_s: int, ttl_s: int) -> str:
    """A token with these claims, issued now, expiring after ttl_s seconds.

    `iat` and `exp` are set here. ValueError for a key that cannot sign.
    """
    if key.signing is None:
        raise ValueError("a public key cannot sign")
    payload = {**claims, "iat": now_s, "exp": now_s + ttl_s}
    return _JWS.encode(
        # Escaped, text in other scripts would be up to three times as long.
        json.dumps(payload, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode(),
        key.signing,
        algorithm=key.algorithm,
        headers=None if key.kid is None else {"kid": key.kid},
    )


def verify(
    token: str,
    keys: Keys,
    now_s: int,
    audience: str = AUDIENCE,
    issuer: str | None = None,
) -> dict[str, Any]:
    """The claims of a token that holds now.

    A token without `exp` or without `aud` holds, as with PostgREST (Supabase's long-lived keys
    have no `aud`); one without a role of ROLES does not. issuer: demanded where given.
    Refused, with status 401: `PGRST301`, `PGRST303`.
    """
    claims = _claims(_payload(token, keys))
    _check_times(claims, now_s)
    _check_audience(claims.get("aud"), audience)
    if issuer is not None and claims.get("iss") != issuer:
        raise _claims_refused("JWT not from the expected issuer")
    if claims.get("role") not in ROLES:
        raise _claims_refused("JWT has no role that Agon knows", f"Roles are {', '.join(ROLES)}.")
    return claims


class Verifier:
    """Verifies by a fixed set of keys, and remembers: a token seen before is one look-up.

    New keys need a new verifier. Only verified tokens are remembered, the oldest leave first.
    """

    def __init__(self, keys: Keys, audience: str = AUDIENCE, issuer: str | None = None):
        self._keys, self._audience, self._issuer = keys, audience, issuer
        self._seen: dict[str, Verified] = {}

    def verify(self, token: str, now_s: int) -> Verified:
        """As the function `verify`."""
        seen = self._seen.get(token)
        if seen is not None and now_s <= seen.until_s:
            return seen
        self._seen.pop(token, None)
        claims = verify(token, self._keys, now_s, self._audience, self._issuer)
        if len(self._seen) >= CACHE_TOKENS_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[token] = verified = Verified(
            role=claims["role"],
            claims=claims,
            claims_json=json.dumps(claims, separators=(",", ":")),
            until_s=math.floor(claims.get("exp", _FOREVER_S)) + LEEWAY_S,
        )
        return verified


def _payload(token: str, keys: Keys) -> bytes:
    """The bytes that one of the keys signed."""
    if not token or len(token) > TOKEN_BYTES_MAX:
        raise _token_refused(
            "JWT is too large" if token else "Empty JWT is sent in Authorization header"
        )
    if token.count(".") != 2:
        raise _token_refused(f"Expected 3 parts in JWT; got {token.count('.') + 1}")
    try:
        header = _JWS.get_unverified_header(token)
    except (PyJWTError, UnicodeEncodeError) as error:
        raise _token_refused("JWT cryptographic operation failed") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in _JWS.get_algorithms():
        raise _token_refused("Wrong or unsupported encoding algorithm", f"Got {algorithm!r}."[:80])
    # A secret has no name, so a token that names some key may still be the secret's.
    fitting = [
        key
        for key in keys
        if key.algorithm == algorithm and (kid is None or key.kid in (None, kid))
    ]
    for key in fitting:
        try:
            return _JWS.decode_complete(token, key.verifying, [key.algorithm])["payload"]
        except InvalidSignatureError:
            continue  # the next key may fit; none left is refused below
        except PyJWTError as error:
            raise _token_refused("JWT cryptographic operation failed") from error
    raise _token_refused(
        "No suitable key or wrong key type",
        "None of the keys was able to decode the JWT"
        if fitting
        else "No suitable key was found to decode the JWT",
    )


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _claims_refused("Parsing claims failed") from error
    if not isinstance(claims, dict):
        raise _claims_refused("Parsing claims failed")
    return claims


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_times(claims: dict[str, Any], now_s: int) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        # JSON's 1e999 is read as infinity, which is a float but no time.
        if type(value) not in (int, float) or value in (math.inf, -math.inf):
            raise _claims_refused(f"The JWT '{name}' claim must be a number")
    if now_s > claims.get("exp", _FOREVER_S) + LEEWAY_S:
        raise _claims_refused("JWT expired")
    if now_s < claims.get("nbf", now_s) - LEEWAY_S:
        raise _claims_refused("JWT not yet valid")
    if now_s < claims.get("iat", now_s) - LEEWAY_S:
        raise _claims_refused("JWT issued at future")


def _check_audience(found: Any, audience: str) -> None:
    listed = [found] if isinstance(found, str) else found
    if listed is None:
        return
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise _claims_refused("The JWT 'aud' claim must be a string or an array of strings")
    if audience not in listed:
        raise _claims_refused("JWT not in audience")


def _thumbprint(public_jwk: Mapping[str, Any]) -> str:
    """RFC 7638: the SHA-256 of the members that make the key, in order of their names."""
    text = json.dumps(public_jwk, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _token_refused(message: str, details: str | None = None) -> Refused:
    return refuse("PGRST301", message, details=details, status=401)


def _claims_refused(message: str, details: str | None = None) -> Refused:
    return refuse("PGRST303", message, details=details, status=401)


def _secret_unfit(details: str) -> Refused:
    return refuse(
        "jwt_secret_unfit",
        "This text cannot be the secret of tokens.",
        details=details,
        hint="Use 32 or more random characters; give public and private keys as JWK.",
    )


def _jwk_unfit(details: str) -> Refused:
    return refuse(
        "jwk_unfit",
        "This key cannot be used for tokens.",
        details=details[:200],
        hint="Use EC P-256 (ES256), RSA from 2048 bits (RS256) or Ed25519 (EdDSA).",
    )


def _jwks_unfit(details: str) -> Refused:
    return refuse(
        "jwks_unfit",
        "This document has no keys that tokens can be verified with.",
        details=details[:200],
        hint="Give the JWKS document of the party that issues the tokens.",
    )
