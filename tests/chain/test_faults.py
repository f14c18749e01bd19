"""What nodes' refusals mean, in the words of several nodes."""

from __future__ import annotations

import pytest

from agon.commons.chain import faults


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("already known", "known"),  # geth, erigon
        ("transaction already imported", "known"),  # anvil
        ("AlreadyKnown", "known"),  # nethermind
        ("Known transaction", "known"),  # besu
        ("Transaction with the same hash was already imported.", "known"),  # openethereum
        ("nonce too low", "nonce_low"),
        ("nonce too low: next nonce 5, tx nonce 3", "nonce_low"),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", "nonce_low"),
        ("Transaction nonce is too low. Try incrementing the nonce.", "nonce_low"),
        ("replacement transaction underpriced", "underpriced"),
        ("transaction underpriced: tip needed 1, tip permitted 0", "underpriced"),
        ("max fee per gas less than block base fee: address 0x0", "underpriced"),
        ("FeeTooLow, MaxFeePerGas too low", "underpriced"),
        ("insufficient funds for gas * price + value: balance 0", "funds"),
        ("Upfront cost exceeds account balance", "funds"),
        ("intrinsic gas too low: have 21000, want 21016", "permanent"),
        ("exceeds block gas limit", "permanent"),
        ("tx fee (2.10 ether) exceeds the configured cap (1.00 ether)", "permanent"),
        ("rlp: expected input list for types.LegacyTx", "permanent"),
        ("nonce too high", "unclear"),
        ("txpool is full", "unclear"),
        ("header not found", "unclear"),
        ("", "unclear"),
    ],
)
def test_a_refusal_of_bytes_is_understood(said, kind):
    assert faults.of_sending(said) == kind


@pytest.mark.parametrize(
    ("code", "said", "reverts"),
    [
        (3, "execution reverted: AlreadyClaimed()", True),
        (3, "execution reverted", True),
        (-32000, "execution reverted", True),
        (-32015, "VM execution error. revert", True),
        (-32000, "invalid opcode: INVALID", True),
        (-32603, "EVM error InvalidFEOpcode", True),
        (-32000, "gas required exceeds allowance (30000000)", True),
        (-32003, "Out of gas: gas required exceeds allowance: 30000000", True),
        (-32000, "insufficient funds for transfer", False),
        (-32603, "Internal error", False),
        (-32005, "limit exceeded", False),
        (-32000, "header not found", False),
        (-32601, "the method eth_estimateGas does not exist", False),
    ],
)
def test_only_the_chain_s_own_no_is_a_revert(code, said, reverts):
    assert faults.is_revert(code, said) is reverts
