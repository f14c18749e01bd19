"""Sealing: only the private key opens, only in the row, and every changed bit is noticed."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.kernel import sealing
from agon.kernel.errors import Refused

PRIVATE, PUBLIC = sealing.generate()
OTHER_PRIVATE, OTHER_PUBLIC = sealing.generate()
RING = {sealing.key_id(PUBLIC): PRIVATE}
BOTH = {**RING, sealing.key_id(OTHER_PUBLIC): OTHER_PRIVATE}
ROW = "linked_accounts:42:access_token"
IDENTITIES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def refusal(call, *args):
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.refusal


def code_on_opening(sealed: str, identity: str = ROW) -> str:
    return refusal(sealing.open_sealed, RING, sealed, identity).code


def parts_of(sealed: str) -> list[str]:
    return sealed.split(":")


@settings(max_examples=60)
@given(st.binary(max_size=300), IDENTITIES)
def test_what_was_sealed_opens(plaintext, identity):
    sealed = sealing.seal(PUBLIC, plaintext, identity)
    assert re.fullmatch(sealing.SEALED_PATTERN, sealed)
    assert sealing.open_sealed(RING, sealed, identity) == plaintext


@settings(max_examples=60)
@given(IDENTITIES, IDENTITIES)
def test_a_value_opens_in_its_own_row_only(identity, other):
    sealed = sealing.seal(PUBLIC, b"token", identity)
    if identity != other:
        assert code_on_opening(sealed, other) == "sealed_tampered"


def test_the_secret_is_not_in_the_sealed_text():
    secret = b"a secret of some length"
    sealed = sealing.seal(PUBLIC, secret, ROW)
    for part in parts_of(sealed)[3:]:
        assert secret not in base64.urlsafe_b64decode(part + "==")


def test_sealing_twice_gives_two_texts():
    one, two = (sealing.seal(PUBLIC, b"token", ROW) for _ in range(2))
    assert all(a != b for a, b in zip(parts_of(one)[3:], parts_of(two)[3:], strict=True))


def test_every_flipped_bit_is_noticed():
    sealed = sealing.seal(PUBLIC, b"token", ROW)
    codes = set()
    for at in range(len(sealed)):
        for bit in range(7):
            changed = sealed[:at] + chr(ord(sealed[at]) ^ 1 << bit) + sealed[at + 1 :]
            codes.add(code_on_opening(changed))
    assert codes == {"sealed_malformed", "sealed_key_unknown", "sealed_tampered"}


@settings(max_examples=60)
@given(st.sampled_from([3, 4, 5]), st.binary(min_size=1, max_size=90))
def test_a_replaced_part_is_noticed(at, data):
    parts = parts_of(sealing.seal(PUBLIC, b"token", ROW))
    parts[at] = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert code_on_opening(":".join(parts)) in {"sealed_malformed", "sealed_tampered"}


def test_a_second_spelling_of_the_same_bytes_is_refused():
    parts = parts_of(sealing.seal(PUBLIC, b"token", ROW))
    # 80 bytes in 107 characters leave two spare bits in the last one, which must be zero.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = alphabet.index(parts[3][-1])
    assert at % 4 == 0
    for spare in (1, 2, 3):
        spelled = [*parts[:3], parts[3][:-1] + alphabet[at + spare], *parts[4:]]
        assert code_on_opening(":".join(spelled)) == "sealed_malformed"


@pytest.mark.parametrize("at", [3, 4, 5])
def test_parts_of_two_secrets_do_not_mix(at):
    one, two = (parts_of(sealing.seal(PUBLIC, b"token", ROW)) for _ in range(2))
    one[at] = two[at]
    assert code_on_opening(":".join(one)) == "sealed_tampered"


def test_another_key_does_not_open():
    sealed = sealing.seal(OTHER_PUBLIC, b"token", ROW)
    assert code_on_opening(sealed) == "sealed_key_unknown"
    renamed = sealed.replace(sealing.key_id(OTHER_PUBLIC), sealing.key_id(PUBLIC))
    assert code_on_opening(renamed) == "sealed_tampered"


@pytest.mark.parametrize(
    "change",
    [
        lambda sealed: "",
        lambda sealed: "token",
        lambda sealed: sealed + "\n",
        lambda sealed: " " + sealed,
        lambda sealed: sealed + "=",
        lambda sealed: sealed.replace("v1", "v2"),
        lambda sealed: sealed.replace("sealed:", "SEALED:"),
        lambda sealed: sealed[: sealed.rindex(":")],
        lambda sealed: sealed + ":AAAA",
        lambda sealed: sealed + "A" * 100_000,
    ],
)
def test_text_that_is_not_sealed_is_refused(change):
    assert code_on_opening(change(sealing.seal(PUBLIC, b"token", ROW))) == "sealed_malformed"


def test_a_secret_over_the_limit_is_refused():
    largest = bytes(sealing.PLAINTEXT_BYTES_MAX)
    assert sealing.open_sealed(RING, sealing.seal(PUBLIC, largest, ROW), ROW) == largest
    assert refusal(sealing.seal, PUBLIC, largest + b"x", ROW).code == "sealed_large"


def test_an_empty_identity_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="identity"):
        sealing.seal(PUBLIC, b"token", "")


def test_rewrapping_changes_the_key_and_leaves_the_ciphertext():
    old = sealing.seal(PUBLIC, b"token", ROW)
    new = sealing.rewrap(RING, OTHER_PUBLIC, old, ROW)
    assert parts_of(new)[2] == sealing.key_id(OTHER_PUBLIC)
    assert parts_of(new)[4:] == parts_of(old)[4:]
    assert sealing.open_sealed(BOTH, new, ROW) == b"token"
    assert code_on_opening(new) == "sealed_key_unknown"


def test_rewrapping_twice_changes_nothing_more():
    new = sealing.rewrap(RING, OTHER_PUBLIC, sealing.seal(PUBLIC, b"token", ROW), ROW)
    assert sealing.rewrap({}, OTHER_PUBLIC, new, ROW) == new


def test_rewrapping_refuses_another_rows_value_and_an_unknown_key():
    sealed = sealing.seal(PUBLIC, b"token", ROW)
    args = OTHER_PUBLIC, sealed
    assert refusal(sealing.rewrap, RING, *args, "other:1").code == "sealed_tampered"
    assert refusal(sealing.rewrap, {}, *args, ROW).code == "sealed_key_unknown"


def test_keys_are_read_back_from_their_text():
    private = sealing.load_private(sealing.private_text(PRIVATE) + "\n")
    public = sealing.load_public(sealing.public_text(PUBLIC) + "\n")
    assert private.private_bytes_raw() == PRIVATE.private_bytes_raw()
    assert sealing.key_id(public) == sealing.key_id(PUBLIC) != sealing.key_id(OTHER_PUBLIC)


def test_a_keyring_holds_every_key_of_a_file():
    lines = ["# keys", "", sealing.private_text(PRIVATE), sealing.private_text(OTHER_PRIVATE)]
    ring = sealing.keyring("\n".join(lines))
    assert ring.keys() == BOTH.keys()
    sealed = sealing.seal(OTHER_PUBLIC, b"token", ROW)
    assert sealing.open_sealed(ring, sealed, ROW) == b"token"
    assert sealing.keyring("") == {}
    assert refusal(sealing.keyring, "a stray line").code == "sealing_key_malformed"


@pytest.mark.parametrize("load", [sealing.load_public, sealing.load_private])
@pytest.mark.parametrize("text", ["", "A" * 43, "agon-sealing-public:", "agon-sealing-private:!"])
def test_text_that_is_no_key_is_refused(load, text):
    assert refusal(load, text).code == "sealing_key_malformed"


def test_a_private_key_is_not_taken_for_a_public_one_nor_repeated():
    text = sealing.private_text(PRIVATE)
    no = refusal(sealing.load_public, text)
    assert no.code == "sealing_key_malformed"
    assert text.removeprefix(sealing.PRIVATE_PREFIX) not in f"{no}{no.details}"
    assert refusal(sealing.load_private, sealing.public_text(PUBLIC)).code == no.code


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_public_key_of_small_order_is_refused(point):
    text = sealing.public_text(X25519PublicKey.from_public_bytes(point))
    assert refusal(sealing.load_public, text).code == "sealing_key_malformed"
