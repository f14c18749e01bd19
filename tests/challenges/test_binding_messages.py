"""What a wallet signs to bind an account: one spelling, one site, ten minutes, its own key."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from agon.challenges import binding_messages
from agon.challenges.binding_messages import Message
from agon.kernel.errors import Refusal
from tests.people import signing
from tests.people.signing import NOW

MESSAGE = Message(
    domain="agon.example:8443",
    wallet=signing.address("mia"),
    platform="steam",
    platform_id="76561198085067169",
    nonce="n" * 32,
    issued_at=NOW,
)
TEXT = binding_messages.write(MESSAGE)


def verified(text: str = TEXT, signer: str = "mia", **given: object) -> Message | Refusal:
    known = {"domain": MESSAGE.domain, "now": NOW, **given}
    return binding_messages.verify(text, signing.sign(signer, text), **known)


def test_a_signed_message_is_read_as_it_was_written():
    assert verified() == MESSAGE
    assert TEXT.splitlines()[2:] == [
        "Purpose: identity binding",
        "Domain: agon.example:8443",
        f"Wallet: {MESSAGE.wallet}",
        "Platform: steam",
        "Account: 76561198085067169",
        f"Nonce: {MESSAGE.nonce}",
        "Issued At: 2026-03-01T12:00:00.000Z",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT + "\n",
        " " + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("identity binding", "sign in"),
        TEXT.replace("Domain: agon.example:8443", "Domain: evil.example"),
        TEXT.replace("Platform: steam", "Platform: epic"),
        TEXT.replace("Wallet: 0x", "Wallet: 0X"),
        TEXT.replace("Nonce: " + "n" * 32, "Nonce: short"),
        TEXT.replace("2026-03-01", "2026-02-30"),
        TEXT.replace("12:00:00.000Z", "12:00:00Z"),
        TEXT.replace("Account: 7656", "Account: ٧656"),
        TEXT + "\nAccount: 1",
    ],
)
def test_any_other_spelling_is_no_message(text):
    assert verified(text).code == "binding_malformed"


@pytest.mark.parametrize("signature", ["", "0x00", "0x" + "A" * 130, "0x" + "g" * 130])
def test_what_is_no_signature_is_refused(signature):
    found = binding_messages.verify(TEXT, signature, domain=MESSAGE.domain, now=NOW)
    assert found.code == "binding_malformed"


@pytest.mark.parametrize("signature", ["0x" + "0" * 130, "0x" + "f" * 130])
def test_a_signature_that_no_key_can_have_made_is_refused(signature):
    found = binding_messages.verify(TEXT, signature, domain=MESSAGE.domain, now=NOW)
    assert (found.code, found.details) == ("binding_invalid", "signature")


def test_only_the_messages_own_wallet_signs_it():
    assert verified(signer="nils").details == "signature"


def test_a_message_is_for_one_site():
    assert verified(domain="agon.example").details == "domain"


@pytest.mark.parametrize(("minutes", "holds"), [(-11, 0), (-10, 1), (10, 1), (11, 0)])
def test_a_message_holds_for_ten_minutes_either_way(minutes, holds):
    found = verified(now=NOW + timedelta(minutes=minutes))
    assert isinstance(found, Message) if holds else found.details == "issued_at"


def test_the_operator_signs_every_part_of_the_binding():
    text = binding_messages.countersigned_text(MESSAGE, TEXT, "Mia")
    assert json.loads(text)["ts"] == 1_772_366_400_000
    others = (
        binding_messages.countersigned_text(replace(MESSAGE, platform_id="1"), TEXT, "Mia"),
        binding_messages.countersigned_text(replace(MESSAGE, wallet="0x"), TEXT, "Mia"),
        binding_messages.countersigned_text(MESSAGE, TEXT + "x", "Mia"),
        binding_messages.countersigned_text(MESSAGE, TEXT, None),
    )
    assert text not in others
