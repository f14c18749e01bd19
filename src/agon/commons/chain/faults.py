"""What a node's refusals mean: of sending bytes, and of a call that is only tried. Pure.

Nodes agree on no codes, so their words are read: geth's, and where they differ those of anvil,
besu, erigon, nethermind and openethereum.
"""

from __future__ import annotations

from typing import Literal

Sending = Literal["known", "nonce_low", "underpriced", "funds", "permanent", "unclear"]
"""known: the node has these bytes; nonce_low: the nonce is used, perhaps by these bytes;
underpriced: more must be offered; funds: the signer cannot pay; permanent: no node will ever take
these bytes; unclear: try the same bytes again."""

REVERT_CODE = 3
"""Of `eth_call` and `eth_estimateGas`, by geth and those who follow it."""

_SENDING: tuple[tuple[Sending, tuple[str, ...]], ...] = (
    ("known", ("already known", "already imported", "known transaction", "alreadyknown")),
    ("nonce_low", ("nonce too low", "nonce is too low", "oldnonce", "nonce has already been used")),
    (
        "underpriced",
        (
            "underpriced",
            "less than block base fee",
            "below base fee",
            "fee too low",
            "feetoolow",
            "gas price too low",
            "below the minimum",
        ),
    ),
    ("funds", ("insufficient funds", "insufficientfunds", "insufficient balance", "upfront cost")),
    (
        "permanent",
        (
            "intrinsic gas",
            "exceeds block gas limit",
            "gas limit exceeded",
            "gaslimitexceeded",
            "exceeds the configured cap",
            "oversized data",
            "max initcode size exceeded",
            "floor data gas",
            "transaction gas limit too high",
            "transaction type not supported",
            "invalid sender",
            "invalid transaction",
            "rlp:",
        ),
    ),
)
_EXECUTION_FAILS = (
    "revert",
    "evm error",  # anvil, before the name of what stopped it
    "vm execution error",
    "invalid opcode",
    "invalid jump",
    "stack underflow",
    "out of gas",
    "outofgas",
    "gas required exceeds allowance",
    "max code size exceeded",
)


def of_sending(message: str) -> Sending:
    """What an error of `eth_sendRawTransaction` means."""
    said = message.lower()
    return next(
        (kind for kind, words in _SENDING if any(word in said for word in words)), "unclear"
    )


def is_revert(code: int, message: str) -> bool:
    """Whether an error of `eth_estimateGas` says that the chain would refuse the transaction, and
    not that the node could not tell, or that the signer cannot pay."""
    said = message.lower()
    if "insufficient funds" in said:
        return False
    return code == REVERT_CODE or any(word in said for word in _EXECUTION_FAILS)
