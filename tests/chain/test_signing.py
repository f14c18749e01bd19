"""Signing: the same bytes every time, by the key that the row's address names, and no other."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes

from agon.commons.chain import signing
from agon.commons.chain.fees import Fees
from agon.commons.chain.signing import Draft
from agon.kernel import sealing
from agon.kernel.errors import Refused
from tests.places import wallet
from tests.standins.anvil import ADDRESSES, KEYS

CHAIN = 31337


@pytest.fixture
def opener():
    private, public = sealing.generate()
    return {sealing.key_id(public): private}, public


def draft(**changes) -> Draft:
    given = {
        "chain_id": CHAIN, "nonce": 7, "to": wallet("ada"), "data": b"\x01\x02", "value": 10**30,
        "gas_limit": 50_000, "fees": Fees(max_fee=10**10, priority_fee=10**9),
    }  # fmt: skip
    return Draft(**given | changes)


def test_the_bytes_say_what_was_drafted_and_who_signed(opener):
    privates, public = opener
    address, sealed = signing.seal_key(public, CHAIN, KEYS[0])
    signed = signing.sign(privates, address, sealed, draft())
    fields = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    assert address == ADDRESSES[0] == Account.recover_transaction(signed.raw).lower()
    assert (fields["chainId"], fields["nonce"], fields["gas"]) == (CHAIN, 7, 50_000)
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == (10**10, 10**9)
    assert (bytes(fields["to"]), bytes(fields["data"])) == (
        bytes.fromhex(wallet("ada")[2:]), b"\x01\x02",
    )  # fmt: skip
    assert fields["value"] == 10**30
    assert signed.raw[0] == 2


def test_the_same_draft_gives_the_same_bytes(opener):
    privates, public = opener
    address, sealed = signing.seal_key(public, CHAIN, KEYS[0])
    assert signing.sign(privates, address, sealed, draft()) == signing.sign(
        privates, address, sealed, draft()
    )


def test_a_deployment_has_no_receiver(opener):
    privates, public = opener
    address, sealed = signing.seal_key(public, CHAIN, KEYS[0])
    signed = signing.sign(privates, address, sealed, draft(to=None))
    assert bytes(TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()["to"]) == b""


@pytest.mark.parametrize("text", [KEYS[1], KEYS[1][2:], f" {KEYS[1]}\n", KEYS[1].upper()[2:]])
def test_a_key_is_read_in_each_usual_spelling(opener, text):
    assert signing.seal_key(opener[1], CHAIN, text)[0] == ADDRESSES[1]


@pytest.mark.parametrize(
    "text", ["", "0x", "hello", KEYS[0][:-1], KEYS[0] + "00", "0x" + "0" * 64, "0x" + "f" * 64,
             KEYS[0][:20] + " " + KEYS[0][21:]],
)  # fmt: skip
def test_what_is_no_key_is_refused_and_not_repeated(opener, text):
    with pytest.raises(Refused) as caught:
        signing.seal_key(opener[1], CHAIN, text)
    assert caught.value.refusal.code == "signer_key_malformed"
    assert not text.strip() or text not in str(caught.value)


def test_a_sealed_key_does_not_show(opener):
    _, sealed = signing.seal_key(opener[1], CHAIN, KEYS[0])
    assert KEYS[0][2:] not in sealed
    assert sealed.startswith("sealed:v1:")


@pytest.mark.parametrize(("chain", "signer"), [(CHAIN + 1, ADDRESSES[0]), (CHAIN, ADDRESSES[1])])
def test_a_key_signs_for_its_own_row_only(opener, chain, signer):
    privates, public = opener
    _, sealed = signing.seal_key(public, CHAIN, KEYS[0])
    with pytest.raises(Refused) as caught:
        signing.sign(privates, signer, sealed, draft(chain_id=chain))
    assert caught.value.refusal.code == "sealed_tampered"


def test_who_cannot_open_cannot_sign(opener):
    address, sealed = signing.seal_key(opener[1], CHAIN, KEYS[0])
    with pytest.raises(Refused) as caught:
        signing.sign({}, address, sealed, draft())
    assert caught.value.refusal.code == "sealed_key_unknown"


def test_a_key_that_stands_in_another_s_row_signs_nothing(opener):
    privates, public = opener
    key = bytes.fromhex(KEYS[0][2:])
    sealed = sealing.seal(public, key, signing.identity(CHAIN, ADDRESSES[1]))
    with pytest.raises(Refused) as caught:
        signing.sign(privates, ADDRESSES[1], sealed, draft())
    assert caught.value.refusal.code == "signer_key_differs"


def test_a_digest_is_signed_in_65_bytes(opener):
    privates, public = opener
    address, sealed = signing.seal_key(public, CHAIN, KEYS[0])
    signature = signing.sign_hash(privates, CHAIN, address, sealed, b"\x11" * 32)
    assert len(signature) == 65
    assert Account._recover_hash(b"\x11" * 32, signature=signature).lower() == address
