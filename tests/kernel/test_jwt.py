"""Tokens: only a fitting key verifies, claims hold or are refused, and a second look is cheap."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from agon.kernel import jwt
from agon.kernel.errors import Refused

NOW_S = 1_700_000_000
SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
CLAIMS = {"sub": "3f6b8c1e-0b4e-4c39-a9f5-1de8b2fbb8f1", "role": "authenticated"}


def jwk_of(private) -> dict:
    readers = {"EC": ECAlgorithm, "RSA": RSAAlgorithm, "Ed": OKPAlgorithm}
    reader = next(each for name, each in readers.items() if name in type(private).__name__)
    return reader.to_jwk(private, as_dict=True)


KEYS = {
    "HS256": jwt.secret_key(SECRET),
    "ES256": jwt.generate(),
    "RS256": jwt.read_jwk(jwk_of(rsa.generate_private_key(65537, 2048))),
    "EdDSA": jwt.read_jwk(jwk_of(ed25519.Ed25519PrivateKey.generate())),
}
ES256 = KEYS["ES256"]
ASYMMETRIC = ["ES256", "RS256", "EdDSA"]


def minted(key: jwt.Key = ES256, ttl_s: int = 3600, **claims: object) -> str:
    return jwt.mint({**CLAIMS, **claims}, key, NOW_S, ttl_s)


def signed(claims: object, key: jwt.Key = ES256, **header: object) -> str:
    """A token with exactly these claims, unlike `mint`."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return pyjwt.PyJWS().encode(text.encode(), key.signing, key.algorithm, header or None)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def by_hand(header: dict, payload: str) -> str:
    """A token that ES256 truly signs, whatever its header says."""
    text = part({"alg": "ES256", **header}) + "." + payload
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(text.encode(), ES256.signing)
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def refusal(call, *args, **options):
    with pytest.raises(Refused) as caught:
        call(*args, **options)
    return caught.value.refusal


def no(token: str, keys: jwt.Keys = (ES256,), now_s: int = NOW_S, **options) -> tuple[str, str]:
    found = refusal(jwt.verify, token, keys, now_s, **options)
    assert found.status == 401
    return found.code, found.message


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_minted_token_verifies(algorithm):
    key = KEYS[algorithm]
    claims = jwt.verify(minted(key), (key,), NOW_S)
    assert claims == {**CLAIMS, "iat": NOW_S, "exp": NOW_S + 3600}
    assert pyjwt.get_unverified_header(minted(key)).get("kid") == key.kid


def test_supabases_well_known_development_key_verifies():
    anon = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9."
        "CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0"
    )
    assert jwt.verify(anon, (KEYS["HS256"],), NOW_S)["role"] == "anon"


@pytest.mark.parametrize("algorithm", KEYS)
def test_another_key_of_the_same_kind_does_not_verify(algorithm):
    others = {
        "HS256": jwt.secret_key("x" * 32),
        "ES256": jwt.generate(),
        "RS256": jwt.read_jwk(jwk_of(rsa.generate_private_key(65537, 2048))),
        "EdDSA": jwt.read_jwk(jwk_of(ed25519.Ed25519PrivateKey.generate())),
    }
    token = minted(replace(others[algorithm], kid=KEYS[algorithm].kid))
    refused = refusal(jwt.verify, token, (KEYS[algorithm],), NOW_S)
    assert (refused.code, refused.message) == ("PGRST301", "No suitable key or wrong key type")
    assert refused.details == "None of the keys was able to decode the JWT"


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_public_key_is_not_taken_for_a_secret(algorithm):
    key = KEYS[algorithm]
    for encoding in (Encoding.PEM, Encoding.DER):
        raw = key.verifying.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        forged = part({"alg": "HS256", "kid": key.kid}) + "." + part(CLAIMS)
        signature = base64.urlsafe_b64encode(hmac.digest(raw, forged.encode(), "sha256"))
        token = f"{forged}.{signature.decode().rstrip('=')}"
        refused = refusal(jwt.verify, token, (key,), NOW_S)
        assert refused.details == "No suitable key was found to decode the JWT"


@pytest.mark.parametrize("algorithm", ["none", "None", "", None, "HS512", "PS256", "HS256", ["a"]])
def test_the_token_does_not_choose_the_algorithm(algorithm):
    _, payload, signature = minted().split(".")
    header = part({"alg": algorithm, "kid": ES256.kid})
    assert no(f"{header}.{payload}.{signature}")[0] == "PGRST301"
    assert no(f"{header}.{payload}.")[0] == "PGRST301"


@settings(max_examples=100)
@given(st.data())
def test_a_changed_character_is_noticed(data):
    token = minted()
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    if letter != token[at]:
        assert no(token[:at] + letter + token[at + 1 :])[0] == "PGRST301"


@settings(max_examples=100)
@given(st.text(max_size=60) | st.text("abcAB01-_.", max_size=60))
def test_any_text_is_refused_not_raised_through(text):
    assert no(text, tuple(KEYS.values()))[0] == "PGRST301"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "Empty JWT is sent in Authorization header"),
        ("one", "Expected 3 parts in JWT; got 1"),
        ("one.two", "Expected 3 parts in JWT; got 2"),
        ("a.b.c.d", "Expected 3 parts in JWT; got 4"),
        ("not.a.jwt", "JWT cryptographic operation failed"),
        ("\ud800.a.b", "JWT cryptographic operation failed"),
        (part({"alg": "none"}) + ".e30.", "Wrong or unsupported encoding algorithm"),
    ],
)
def test_a_malformed_token_has_postgrests_message(token, message):
    assert no(token) == ("PGRST301", message)


def test_a_token_over_the_limit_is_refused():
    large = minted(note="x" * jwt.TOKEN_BYTES_MAX)
    assert no(large) == ("PGRST301", "JWT is too large")
    assert jwt.verify(minted(note="x" * 8000), (ES256,), NOW_S)["note"]


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({"crit": ["exp"], "exp": 1}, part(CLAIMS)),
        ({"crit": []}, part(CLAIMS)),
        ({"crit": ["b64"], "b64": False}, ""),
        ({"kid": 5}, part(CLAIMS)),
    ],
)
def test_a_header_that_we_do_not_understand_is_refused(header, payload):
    assert jwt.verify(by_hand({}, part(CLAIMS)), (ES256,), NOW_S)
    assert no(by_hand(header, payload)) == ("PGRST301", "JWT cryptographic operation failed")


def test_a_token_is_verified_by_the_key_it_names():
    old, new = jwt.generate(), jwt.generate()
    assert jwt.verify(minted(old), (new, old), NOW_S)
    refused = refusal(jwt.verify, minted(old), (new,), NOW_S)
    assert refused.details == "No suitable key was found to decode the JWT"
    misnamed = minted(replace(old, kid=new.kid))
    assert no(misnamed, (new, old))[0] == "PGRST301"


def test_a_token_without_kid_is_tried_with_every_key():
    nameless = minted(replace(ES256, kid=None))
    assert jwt.verify(nameless, (jwt.generate(), ES256), NOW_S)
    for others in ((), (jwt.generate(), jwt.generate())):
        assert no(nameless, others)[0] == "PGRST301"


def test_a_secrets_token_may_name_a_key():
    token = signed({**CLAIMS}, KEYS["HS256"], kid="whatever")
    assert jwt.verify(token, (ES256, KEYS["HS256"]), NOW_S)


@pytest.mark.parametrize(
    ("claims", "offset_s", "message"),
    [
        ({"exp": NOW_S}, jwt.LEEWAY_S, None),
        ({"exp": NOW_S}, jwt.LEEWAY_S + 1, "JWT expired"),
        ({"exp": NOW_S + 0.5}, jwt.LEEWAY_S, None),
        ({"exp": NOW_S + 0.5}, jwt.LEEWAY_S + 1, "JWT expired"),
        ({"exp": 0}, 0, "JWT expired"),
        ({"exp": -(10**400)}, 0, "JWT expired"),
        ({"nbf": NOW_S}, -jwt.LEEWAY_S, None),
        ({"nbf": NOW_S}, -jwt.LEEWAY_S - 1, "JWT not yet valid"),
        ({"iat": NOW_S}, -jwt.LEEWAY_S, None),
        ({"iat": NOW_S}, -jwt.LEEWAY_S - 1, "JWT issued at future"),
        ({}, 10**9, None),
    ],
)
def test_times_hold_within_the_leeway(claims, offset_s, message):
    token = signed({**CLAIMS, **claims})
    if message is None:
        assert jwt.verify(token, (ES256,), NOW_S + offset_s)["role"] == "authenticated"
    else:
        assert no(token, now_s=NOW_S + offset_s) == ("PGRST303", message)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ['"1700000000"', "true", "null", "[]", "1e999", "-1e999"])
def test_a_time_that_is_no_number_is_refused(name, value):
    token = signed(f'{{"role":"anon","{name}":{value}}}')
    assert no(token) == ("PGRST303", f"The JWT '{name}' claim must be a number")


@pytest.mark.parametrize("payload", ["", "[]", '"x"', "{", '{"role":"anon","x":NaN}', "[" * 10_000])
def test_claims_that_are_no_json_object_are_refused(payload):
    assert no(signed(payload)) == ("PGRST303", "Parsing claims failed")


@pytest.mark.parametrize(
    ("audience", "message"),
    [
        ("authenticated", None),
        (["other", "authenticated"], None),
        (None, None),
        ("other", "JWT not in audience"),
        (["other"], "JWT not in audience"),
        ([], "JWT not in audience"),
        (5, "The JWT 'aud' claim must be a string or an array of strings"),
        (["authenticated", 5], "The JWT 'aud' claim must be a string or an array of strings"),
    ],
)
def test_the_audience_is_ours(audience, message):
    token = minted(aud=audience)
    if message is None:
        assert jwt.verify(token, (ES256,), NOW_S)
    else:
        assert no(token) == ("PGRST303", message)


def test_the_issuer_is_the_one_demanded():
    ours = "http://127.0.0.1:8000/auth/v1"
    assert jwt.verify(minted(iss=ours), (ES256,), NOW_S, issuer=ours)
    assert jwt.verify(minted(iss="else"), (ES256,), NOW_S)
    for token in (minted(iss="else"), minted()):
        assert no(token, issuer=ours) == ("PGRST303", "JWT not from the expected issuer")


@pytest.mark.parametrize("role", jwt.ROLES)
def test_a_role_of_ours_is_accepted(role):
    assert jwt.verify(minted(role=role), (ES256,), NOW_S)["role"] == role


@pytest.mark.parametrize("role", ["postgres", "agon_worker", "agon_service", "", None, ["anon"], 1])
def test_any_other_role_and_none_is_refused(role):
    assert no(minted(role=role))[0] == "PGRST303"
    assert no(signed({"exp": NOW_S + 9}))[0] == "PGRST303"


def test_a_second_look_does_not_verify_again(monkeypatch):
    verifier, token = jwt.Verifier((ES256,)), minted()
    first = verifier.verify(token, NOW_S)
    monkeypatch.setattr(jwt, "verify", None)
    assert verifier.verify(token, NOW_S) is first
    assert first.role == "authenticated"
    assert json.loads(first.claims_json) == first.claims


def test_a_remembered_token_still_expires():
    verifier, token = jwt.Verifier((ES256,)), minted(ttl_s=60)
    last_s = NOW_S + 60 + jwt.LEEWAY_S
    assert verifier.verify(token, NOW_S) is verifier.verify(token, last_s)
    for _ in range(2):
        assert refusal(verifier.verify, token, last_s + 1).message == "JWT expired"


def test_a_refused_token_is_not_remembered():
    verifier, token = jwt.Verifier((ES256,)), signed({**CLAIMS, "nbf": NOW_S + 60})
    assert refusal(verifier.verify, token, NOW_S).message == "JWT not yet valid"
    assert verifier.verify(token, NOW_S + 60)


def test_a_verifier_demands_its_audience_and_issuer():
    verifier = jwt.Verifier((ES256,), audience="storage", issuer="us")
    assert verifier.verify(minted(aud="storage", iss="us"), NOW_S)
    assert refusal(verifier.verify, minted(iss="us", aud="x"), NOW_S).code == "PGRST303"
    assert refusal(verifier.verify, minted(aud="storage"), NOW_S).code == "PGRST303"


def test_the_memory_is_bounded_and_forgets_the_oldest(monkeypatch):
    monkeypatch.setattr(jwt, "CACHE_TOKENS_MAX", 2)
    verifier = jwt.Verifier((ES256,))
    tokens = [minted(n=n) for n in range(3)]
    seen = [verifier.verify(token, NOW_S) for token in tokens]
    assert verifier.verify(tokens[2], NOW_S) is seen[2]
    assert verifier.verify(tokens[1], NOW_S) is seen[1]
    assert verifier.verify(tokens[0], NOW_S) is not seen[0]


def test_the_key_set_verifies_and_shows_nothing_private():
    document = jwt.jwks(KEYS.values())
    assert len(document["keys"]) == len(ASYMMETRIC)
    for shown in document["keys"]:
        assert not shown.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
    public = jwt.read_jwks(json.loads(json.dumps(document)))
    for algorithm in ASYMMETRIC:
        assert jwt.verify(minted(KEYS[algorithm]), public, NOW_S)
    assert all(key.signing is None for key in public)
    assert no(minted(KEYS["HS256"]), public)[0] == "PGRST301"


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_private_key_is_read_back_from_its_jwk(algorithm):
    key = KEYS[algorithm]
    back = jwt.read_jwk(json.loads(json.dumps(jwt.private_jwk(key))))
    assert (back.kid, back.algorithm) == (key.kid, key.algorithm)
    assert jwt.verify(minted(back), (key,), NOW_S)


def test_a_public_key_or_a_secret_has_no_private_jwk_and_the_public_one_cannot_sign():
    (public,) = jwt.read_jwks(jwt.jwks([ES256]))
    for key in (public, KEYS["HS256"]):
        with pytest.raises(ValueError, match="private JWK"):
            jwt.private_jwk(key)
    with pytest.raises(ValueError, match="cannot sign"):
        minted(public)


def test_a_key_does_not_show_its_private_part():
    for key in KEYS.values():
        assert SECRET not in repr(key)
        assert "private" not in repr(key).lower()


def test_a_key_is_named_by_its_thumbprint():
    # RFC 8037, appendix A.3
    ed25519_x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = jwt.read_jwk({"kty": "OKP", "crv": "Ed25519", "x": ed25519_x, "use": "sig"})
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    covered = '{{"e":"AQAB","kty":"RSA","n":"{n}"}}'.format(**KEYS["RS256"].public_jwk)
    digest = hashlib.sha256(covered.encode()).digest()
    assert KEYS["RS256"].kid == base64.urlsafe_b64encode(digest).decode().rstrip("=")


GOOD = jwt.private_jwk(ES256)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kty": "oct", "k": part(SECRET)},
        {**GOOD, "kty": "RSA"},
        {**GOOD, "crv": "P-384"},
        {**GOOD, "alg": "ES512"},
        {**GOOD, "use": "enc"},
        {**GOOD, "x": GOOD["y"]},  # not on the curve
        {**GOOD, "d": "AQ"},  # another key's private part
        {**GOOD, "x": 5},
        {key: value for key, value in GOOD.items() if key != "y"},
        jwk_of(ec.generate_private_key(ec.SECP384R1())),
        jwk_of(rsa.generate_private_key(65537, 1024)),
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {"kty": ["EC"]},
    ],
)
def test_a_key_of_another_kind_is_refused(document):
    assert refusal(jwt.read_jwk, document).code == "jwk_unfit"


def test_a_key_set_skips_what_it_cannot_use_and_refuses_what_has_nothing():
    (public,) = jwt.jwks([ES256])["keys"]
    odd = [{"kty": "oct", "k": "AAAA"}, "text", {"kty": "EC", "crv": "P-521"}]
    assert [key.kid for key in jwt.read_jwks({"keys": [*odd, public]})] == [ES256.kid]
    for document in ({}, {"keys": {}}, {"keys": []}, {"keys": odd}, {"keys": [public] * 33}):
        assert refusal(jwt.read_jwks, document).code == "jwks_unfit"


def test_an_unfit_secret_is_refused():
    pem = ES256.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for secret in ("", "x" * 31, pem):
        assert refusal(jwt.secret_key, secret).code == "jwt_secret_unfit"
    assert jwt.secret_key("x" * 32).algorithm == "HS256"
