"""Sign-in with Ethereum: what is a message, who signed it, where and when it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.commons.people import siwe
from agon.kernel.errors import Refusal
from tests.people.signing import NOW, SITE, account, address, message, sign

HOSTS = siwe.hosts_of([SITE])
ADA = address("ada")
PLAIN = message(ADA)
MINUTE = timedelta(minutes=1)
WHOLE = """https://agon.example wants you to sign in with your Ethereum account:
0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045

I accept the terms: https://agon.example/terms

URI: https://agon.example/login?next=%2F#top
Version: 1
Chain ID: 137
Nonce: 0123456789abcdef
Issued At: 2026-03-01T13:00:00.123456789+01:00
Expiration Time: 2026-03-01T12:05:00Z
Not Before: 2026-03-01T11:59:00.5Z
Request ID: a-b_c!$&'()*+,;=:@%2F
Resources:
- ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
- https://agon.example/claims.json"""


def verified(text: str, *, by: str = "ada", now: datetime = NOW, hosts=HOSTS, chains=()):
    """What signing and sending a message comes to."""
    return siwe.verify(text, sign(by, text), allowed_hosts=hosts, now=now, chain_ids=chains)


def why(answer: siwe.Message | Refusal) -> tuple[str, str | None]:
    assert isinstance(answer, Refusal), answer
    assert answer.status == 400
    return answer.code, answer.details


def test_a_signed_message_proves_its_address():
    proof = verified(PLAIN)
    assert isinstance(proof, siwe.Message)
    assert (proof.address, proof.domain, proof.chain_id) == (ADA, "agon.example", 1)
    assert proof.statement == "Sign in to Agon."


def test_every_field_is_read():
    read = siwe.parse(WHOLE)
    assert isinstance(read, siwe.Message)
    assert read == siwe.Message(
        scheme="https",
        domain="agon.example",
        address="0xd8da6bf26964af9d7eed9e03e53415d37aa96045",
        statement="I accept the terms: https://agon.example/terms",
        uri="https://agon.example/login?next=%2F#top",
        chain_id=137,
        nonce="0123456789abcdef",
        issued_at=datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
        expiration_time=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
        not_before=datetime(2026, 3, 1, 11, 59, 0, 500000, tzinfo=UTC),
        request_id="a-b_c!$&'()*+,;=:@%2F",
        resources=(
            "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
            "https://agon.example/claims.json",
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        message(ADA, statement=None),
        message(ADA, nonce=None),
        message(ADA, statement=None, nonce=None),
        message(account("ada").address),
        message(ADA, statement='Größe "10" — 100 %'),
        message(ADA, statement="URI: https://evil.example"),
        message(ADA, chain_id=str(2**255)),
        message(ADA, rest="\nRequest ID: "),
        message(ADA, rest="\nResources:"),
        message(ADA, domain="127.0.0.1:3000", uri="http://127.0.0.1:3000/x"),
        message(ADA, domain="[::1]:3000", uri="http://[::1]:3000/"),
    ],
)
def test_these_are_messages(text):
    assert isinstance(siwe.parse(text), siwe.Message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("agon.example wants", " wants"),
        ("agon.example wants", "not_a_host wants"),
        ("agon.example wants", "agon.example@evil.example wants"),
        ("agon.example wants", "ftp://agon.example wants"),
        ("agon.example wants", "agon.exаmple wants"),  # a Cyrillic а
        ("agon.example wants", "agon.example:port wants"),
        ("Ethereum", "Solana"),
        (ADA, ADA[:-1]),
        (ADA, ADA + "0"),
        (ADA, ADA[2:]),
        (ADA, "0x" + ADA[2:].upper()),
        (ADA, account("ada").address.swapcase().replace("0X", "0x")),
        (ADA + "\n\n", ADA + "\n"),
        ("Sign in to Agon.\n\n", "Sign in to Agon.\n"),
        ("Sign in to Agon.\n\n", "Sign in\nto Agon.\n\n"),
        ("Sign in to Agon.", "Sign in\tto Agon."),
        ("Sign in to Agon.", "Sign in \u202eto Agon."),
        ("URI: https://agon.example\n", ""),
        ("URI: https://agon.example", "URI: agon.example"),
        ("URI: https://agon.example", "URI: https://agon.example/a b"),
        ("URI: https://agon.example", "URI: _://agon.example"),
        ("URI: https://agon.example\nVersion: 1", "Version: 1\nURI: https://agon.example"),
        ("Version: 1", "Version: 2"),
        ("Version: 1", "Version: one"),
        ("Version: 1\n", ""),
        ("Chain ID: 1", "Chain ID: 0"),
        ("Chain ID: 1", "Chain ID: ?"),
        ("Chain ID: 1", "Chain ID: 0x1"),
        ("Chain ID: 1", "Chain ID: ١"),
        ("Chain ID: 1\n", ""),
        ("Nonce: abcd1234", "Nonce: abcd123"),
        ("Nonce: abcd1234", "Nonce: abcd-1234"),
        ("Nonce: abcd1234", "nonce: abcd1234"),
        ("2026-03-01T12:00:00.000Z", "2026-02-30T12:00:00.000Z"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T25:00:00.000Z"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01 12:00:00Z"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01"),
        ("2026-03-01T12:00:00.000Z", "Sun Mar 01 2026 12:00:00 GMT+0000 (UTC)"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\n"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nExpiration Time: soon"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nResources:\n- _no_uri_"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nResources:\n- a:b - c:d"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nResources:\n- a:b\nRequest ID: x"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nRequest ID: a b"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z\nResources:" + "\n- a:b" * 65),
        ("Issued At: 2026-03-01T12:00:00.000Z", "Issued At: "),
        ("\n", "\r\n"),
        ("Sign in to Agon.", "Sign in to Agon \ud800."),
    ],
)
def test_these_are_none(old, new):
    assert old in PLAIN
    assert why(siwe.parse(PLAIN.replace(old, new, 1))) == ("validation_failed", None)


def test_a_message_has_64_bytes_to_20_kib():
    assert why(siwe.parse("x" * 63))[0] == "validation_failed"
    room = siwe.MESSAGE_BYTES_MAX - len(message(ADA, statement="").encode())
    assert isinstance(siwe.parse(message(ADA, statement="ü" * (room // 2))), siwe.Message)
    assert "bytes" in siwe.parse(message(ADA, statement="ü" * (room // 2 + 1))).message


@given(st.text() | st.text(alphabet="0x \n:-.Zabc").map(PLAIN.__add__))
def test_no_text_is_a_surprise(text):
    answer = siwe.verify(text, "0x" + "1b" * 65, allowed_hosts=HOSTS, now=NOW)
    assert isinstance(answer, Refusal)


@given(st.binary(min_size=65, max_size=65))
def test_no_signature_is_a_surprise(signature):
    assert siwe.recover(PLAIN, signature) != ADA


# Signing.


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-2],
        lambda s: s + "00",
        lambda s: "",
        lambda s: s[:-1] + "g",
        lambda s: s + "0" * 500,  # what a contract wallet (EIP-1271, EIP-6492) may send
        lambda s: "0x" + s,
        lambda s: s + "\n",
    ],
)
def test_a_signature_has_65_bytes_in_hexadecimal(change):
    answer = siwe.verify(PLAIN, change(sign("ada", PLAIN)), allowed_hosts=HOSTS, now=NOW)
    assert why(answer) == ("validation_failed", None)


def test_another_keys_signature_proves_nothing():
    assert why(verified(PLAIN, by="bob")) == ("invalid_credentials", "signature")


def test_a_signature_under_another_text_proves_nothing():
    signature = sign("ada", PLAIN)
    changed = PLAIN.replace("Sign in", "sign in")
    answer = siwe.verify(changed, signature, allowed_hosts=HOSTS, now=NOW)
    assert why(answer) == ("invalid_credentials", "signature")


def test_the_last_byte_counts_from_0_or_from_27():
    signature = sign("ada", PLAIN)
    low = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    for text in (signature, low, signature[2:], signature.upper().replace("0X", "0x")):
        answer = siwe.verify(PLAIN, text, allowed_hosts=HOSTS, now=NOW)
        assert isinstance(answer, siwe.Message)
    for last in (2, 26, 29, 35, 255):
        answer = siwe.verify(PLAIN, signature[:-2] + f"{last:02x}", allowed_hosts=HOSTS, now=NOW)
        assert why(answer) == ("invalid_credentials", "signature")


def test_a_statement_in_any_script_is_signed_as_its_bytes():
    assert isinstance(verified(message(ADA, statement="Ñandú 🦤 größer")), siwe.Message)


def test_checksums_are_those_of_eip_55():
    for name in ("ada", "bob", "cleo", "dirk", "edda"):
        assert siwe.checksummed(address(name)) == account(name).address
        assert siwe.is_address(account(name).address)
        assert siwe.is_address(address(name))
    assert not siwe.is_address(account("ada").address + "0")


# Where.


@pytest.mark.parametrize(
    ("domain", "uri", "details"),
    [
        ("evil.example", "https://evil.example", "host"),
        ("agon.example", "https://evil.example", "domain"),
        ("evil.example", "https://agon.example", "domain"),
        ("agon.example", "https://agon.example.evil.example", "domain"),
        ("agon.example", "https://user@agon.example", "domain"),
        ("agon.example", "http://agon.example", "uri"),
        ("agon.example", "ipfs://agon.example", "uri"),
        ("agon.example", "https:agon.example", "domain"),
        ("agon.example", "https://[agon.example", "uri"),
        ("agon.example:444", "https://agon.example", "domain"),
        ("agon.example:444", "https://agon.example:444", "host"),
        ("http://agon.example", "https://agon.example", "domain"),
        ("sub.agon.example", "https://sub.agon.example", "host"),
        ("localhost:3000", "http://localhost:3000", "host"),
    ],
)
def test_a_message_for_another_place_is_refused(domain, uri, details):
    answer = verified(message(ADA, domain=domain, uri=uri))
    assert why(answer) == ("invalid_credentials", details)


@pytest.mark.parametrize(
    ("domain", "uri", "urls"),
    [
        ("agon.example", "https://agon.example/deep/path?x=1", [SITE]),
        ("https://agon.example", "https://agon.example", [SITE]),
        ("AGON.example", "https://agon.EXAMPLE", [SITE]),
        ("agon.example:443", "https://agon.example", [SITE]),
        ("agon.example:8443", "https://agon.example:8443", ["https://agon.example:8443/x"]),
        ("app.agon.example", "https://app.agon.example", [SITE, "https://*.agon.example/**"]),
        ("other.example", "https://other.example", [SITE, "https://other.example/**"]),
        ("localhost:3000", "http://localhost:3000", ["http://127.0.0.1:8000"]),
        ("127.0.0.1", "http://127.0.0.1/", ["http://localhost:8000/**"]),
    ],
)
def test_a_message_for_one_of_our_places_holds(domain, uri, urls):
    answer = verified(message(ADA, domain=domain, uri=uri), hosts=siwe.hosts_of(urls))
    assert isinstance(answer, siwe.Message), answer


def test_a_star_stands_for_one_label():
    hosts = siwe.hosts_of(["https://*.agon.example"])
    for domain in ("a.b.agon.example", "agon.example", "agon.example.evil"):
        answer = verified(message(ADA, domain=domain, uri=f"https://{domain}"), hosts=hosts)
        assert why(answer) == ("invalid_credentials", "host")


def test_an_address_that_opens_an_application_is_no_place():
    assert siwe.hosts_of(["myapp://callback"]) == frozenset()


# When.


@pytest.mark.parametrize("minutes", [-10, -1, 0, 1, 10])
def test_a_message_holds_ten_minutes_either_way(minutes):
    assert isinstance(verified(PLAIN, now=NOW + minutes * MINUTE), siwe.Message)


@pytest.mark.parametrize("seconds", [-601, 601, 86_400 * 365])
def test_beyond_that_it_does_not(seconds):
    answer = verified(PLAIN, now=NOW + timedelta(seconds=seconds))
    assert why(answer) == ("invalid_credentials", "issued_at")


def test_an_expired_message_is_refused_without_a_not_before():
    text = message(ADA, expires_in=MINUTE)
    assert isinstance(verified(text, now=NOW + timedelta(seconds=59)), siwe.Message)
    answer = verified(text, now=NOW + MINUTE)
    assert why(answer) == ("invalid_credentials", "expiration_time")


def test_a_message_is_refused_before_its_time_without_an_expiration():
    text = message(ADA, begins_in=MINUTE)
    answer = verified(text, now=NOW + timedelta(seconds=59))
    assert why(answer) == ("invalid_credentials", "not_before")
    assert isinstance(verified(text, now=NOW + MINUTE), siwe.Message)


def test_times_are_compared_across_zones():
    text = PLAIN.replace("2026-03-01T12:00:00.000Z", "2026-03-01T23:30:00+11:30")
    assert isinstance(verified(text), siwe.Message)
    local = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert isinstance(verified(text, now=local), siwe.Message)


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time_are_no_surprise(instant):
    answer = verified(PLAIN.replace("2026-03-01T12:00:00.000Z", instant))
    assert why(answer) == ("invalid_credentials", "issued_at")


def test_a_message_may_expire_at_the_end_of_time_but_not_at_its_beginning():
    last = verified(PLAIN + "\nExpiration Time: 9999-12-31T23:59:59-14:00")
    assert last.until == NOW + 10 * MINUTE
    first = verified(PLAIN + "\nExpiration Time: 0001-01-01T00:00:00+14:00")
    assert why(first) == ("invalid_credentials", "expiration_time")


def test_a_message_is_remembered_until_its_own_times_refuse_it():
    assert verified(PLAIN).until == NOW + 10 * MINUTE
    assert verified(message(ADA, expires_in=3 * MINUTE)).until == NOW + 3 * MINUTE
    assert verified(message(ADA, expires_in=600 * MINUTE)).until == NOW + 10 * MINUTE


def test_only_the_chains_that_are_named_are_taken():
    assert isinstance(verified(message(ADA, chain_id="137"), chains={1, 137}), siwe.Message)
    answer = verified(message(ADA, chain_id="10"), chains={1, 137})
    assert why(answer) == ("web3_unsupported_chain", "chain_id")
