"""Proposals to a Safe: what its owners sign (EIP-712), and how the Safe tells what it executed.
Pure.

https://docs.safe.global, `SafeTx` of Safe 1.3.0 and newer, whose domain names the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ZERO = "0x" + "00" * 20
CALL = 0
"""The operation; the other one, delegatecall, is never proposed."""
ORIGIN = "agon"
WORD_BYTES = 32

DOMAIN = "EIP712Domain(uint256 chainId,address verifyingContract)"
SAFE_TX = (
    "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,"
    "uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
EXECUTED = "ExecutionSuccess(bytes32,uint256)"
NOT_EXECUTED = "ExecutionFailure(bytes32,uint256)"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A call by a Safe, under a nonce of its own. The executor pays the gas, with no refund."""

    chain_id: int
    safe: str
    to: str
    data: bytes
    value: int
    nonce: int


def hash_of(proposal: Proposal) -> bytes:
    """What the owners sign, and what the Safe calls the transaction."""
    domain = _keccak(_keccak(DOMAIN.encode()) + _word(proposal.chain_id) + _word(proposal.safe))
    fields = (proposal.to, proposal.value, _keccak(proposal.data), CALL, 0, 0, 0, ZERO, ZERO,
              proposal.nonce)  # fmt: skip
    struct = _keccak(_keccak(SAFE_TX.encode()) + b"".join(map(_word, fields)))
    return _keccak(b"\x19\x01" + domain + struct)


def body(proposal: Proposal, proposer: str, signature: bytes) -> dict[str, Any]:
    """What the service is posted. Numbers are decimal strings, addresses spelled by EIP-55."""
    return {
        "to": spelled(proposal.to),
        "value": str(proposal.value),
        "data": "0x" + proposal.data.hex() if proposal.data else None,
        "operation": CALL,
        "safeTxGas": "0",
        "baseGas": "0",
        "gasPrice": "0",
        "gasToken": ZERO,
        "refundReceiver": ZERO,
        "nonce": proposal.nonce,
        "contractTransactionHash": "0x" + hash_of(proposal).hex(),
        "sender": spelled(proposer),
        "signature": "0x" + signature.hex(),
        "origin": ORIGIN,
    }


def outcome(safe: str, safe_tx_hash: str, logs: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether a Safe executed a transaction, by the logs of a receipt: True, False where the inner
    call failed, None where it is not told of. The hash is indexed since Safe 1.4.1."""
    for log in logs:
        topics, data = log["topics"], log["data"]
        named = topics[1] if len(topics) > 1 else data[: 2 + 2 * WORD_BYTES]
        if log["address"].lower() == safe and topics and named.lower() == safe_tx_hash:
            if topics[0] == "0x" + _keccak(EXECUTED.encode()).hex():
                return True
            if topics[0] == "0x" + _keccak(NOT_EXECUTED.encode()).hex():
                return False
    return None


def spelled(address: str) -> str:
    """An address as EIP-55 spells it, which the service insists on."""
    from eth_utils import to_checksum_address  # loads a library of its own

    return to_checksum_address(address)


def _word(value: int | str | bytes) -> bytes:
    match value:
        case int():
            return value.to_bytes(WORD_BYTES, "big")
        case str():
            return bytes.fromhex(value.removeprefix("0x")).rjust(WORD_BYTES, b"\0")
    return value


def _keccak(data: bytes) -> bytes:
    from eth_utils import keccak  # loads a library of its own

    return keccak(data)
