"""Signatures of contract wallets: the contract itself says whether one is its own (EIP-1271)."""

from __future__ import annotations

import eth_abi
from eth_hash.auto import keccak

from agon.commons.chain import faults
from agon.commons.chain.answers import malformed
from agon.commons.chain.rpc import Fault, Node
from agon.kernel.errors import refuse

SIGNATURE_BYTES_MAX = 8 * 1024
"""A multisig's holds one of each owner; a passkey's, the page that it was made on."""

_ASK = keccak(b"isValidSignature(bytes32,bytes)")[:4]
_YES = "0x1626ba7e" + "0" * 56
"""The selector itself, as the one word of the answer."""


async def is_by_contract(node: Node, address: str, digest: bytes, signature: bytes) -> bool:
    """Whether the contract at an address says, on the newest block, that it signed a digest.

    False where no contract is, where it reverts, and for a signature above SIGNATURE_BYTES_MAX.
    Raises Refused `chain_fault` where the node could not tell, and as `Node.call`.
    """
    if len(signature) > SIGNATURE_BYTES_MAX:
        return False
    data = _ASK + eth_abi.encode(["bytes32", "bytes"], [digest, signature])
    try:
        said = await node.call("eth_call", {"to": address, "data": "0x" + data.hex()}, "latest")
    except Fault as fault:
        if faults.is_revert(fault.code, fault.message):
            return False
        raise refuse(
            "chain_fault",
            "The node could not ask the contract.",
            details=str(fault),
            hint="Try again later.",
            status=503,
        ) from fault
    if not isinstance(said, str):
        raise malformed("a call's result is no text")
    return said.lower() == _YES
