"""Signing: the only place where a signer's key is open, and for as long as one call.

eth-account signs by RFC 6979: the same transaction gives the same bytes and the same hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agon.commons.chain.fees import Fees
from agon.kernel import sealing
from agon.kernel.errors import Refused, refuse

KEY_BYTES = 32
DYNAMIC_FEE_TYPE = 2  # EIP-1559

Privates = Mapping[str, Any]
"""The worker's sealing keys by id."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A transaction to sign. to: lower-case hex, None deploys; value: wei."""

    chain_id: int
    nonce: int
    to: str | None
    data: bytes
    value: int
    gas_limit: int
    fees: Fees


@dataclass(frozen=True, kw_only=True)
class Signed:
    """Bytes that a node takes, and the hash that they will be known by."""

    hash: str
    raw: bytes


def identity(chain_id: int, address: str) -> str:
    """What a sealed key is bound to."""
    return f"chain_signers:{chain_id}:{address}"


def seal_key(public: Any, chain_id: int, text: str) -> tuple[str, str]:
    """The address of a key, and the key sealed for that signer's row.

    text: 64 hex digits, with or without 0x. Refused: `signer_key_malformed`.
    """
    key = _read_key(text)
    address = _account(key).address.lower()
    return address, sealing.seal(public, key, identity(chain_id, address))


def sign(privates: Privates, signer: str, sealed_key: str, draft: Draft) -> Signed:
    """Sign a transaction by the sealed key of a signer.

    Refused: as `sealing.open_sealed`; `signer_key_differs` where the key is another address's.
    """
    fields = {
        "type": DYNAMIC_FEE_TYPE,
        "chainId": draft.chain_id,
        "nonce": draft.nonce,
        "to": bytes.fromhex(draft.to[2:]) if draft.to else b"",
        "value": draft.value,
        "data": draft.data,
        "gas": draft.gas_limit,
        "maxFeePerGas": draft.fees.max_fee,
        "maxPriorityFeePerGas": draft.fees.priority_fee,
        "accessList": (),
    }
    signed = _open(privates, draft.chain_id, signer, sealed_key).sign_transaction(fields)
    return Signed(hash="0x" + signed.hash.hex(), raw=bytes(signed.raw_transaction))


def sign_hash(
    privates: Privates, chain_id: int, signer: str, sealed_key: str, digest: bytes
) -> bytes:
    """The 65 bytes r, s, v (27 or 28) of a digest that we computed ourselves."""
    account = _open(privates, chain_id, signer, sealed_key)
    return bytes(account.unsafe_sign_hash(digest).signature)


def _open(privates: Privates, chain_id: int, signer: str, sealed_key: str) -> Any:
    account = _account(sealing.open_sealed(privates, sealed_key, identity(chain_id, signer)))
    if account.address.lower() != signer:
        raise refuse(
            "signer_key_differs",
            f"The key that is stored for {signer} signs for another address.",
            hint="Add the signer again: `agon chain signer add`.",
            status=500,
        )
    return account


def _account(key: bytes) -> Any:
    from eth_account import Account  # takes half a second to import

    try:
        return Account.from_key(key)
    except ValueError as error:  # 0, or not below the order of the curve
        raise _malformed() from error


def _read_key(text: str) -> bytes:
    digits = text.strip().removeprefix("0x")
    try:
        key = bytes.fromhex(digits)
    except ValueError as error:
        raise _malformed() from error
    if len(key) != KEY_BYTES or len(digits) != 2 * KEY_BYTES:
        raise _malformed()
    return key


def _malformed() -> Refused:
    return refuse(
        "signer_key_malformed",
        "This is no private key of an Ethereum account.",
        hint="Give 32 bytes as 64 hex digits, on standard input or in a file.",
        status=422,
    )
