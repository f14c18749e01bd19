"""The outcome of a challenge on a chain: a result that anyone recomputes from its verdicts. Pure.

Its bundle is the prompt of the inference that the chain is asked for: the chain keeps the SHA-256
of its bytes, which is also what its content id is made of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agon.kernel import results

SUCCESS, FAIL = 1, 2
"""As ChallengePay numbers them."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """outcome: SUCCESS or FAIL; winners: wallets; prompt_hash: 0x and the SHA-256 of the bundle."""

    outcome: int
    winners: tuple[str, ...]
    prompt_hash: str
    bundle: results.Bundle


def decide(challenge_id: int, verdicts: Sequence[Mapping[str, Any]]) -> Outcome:
    """The outcome of verdicts, each {subject, pass, joined, result_cid}."""
    bundle = results.bundle(KIND, {"challenge_id": challenge_id, "verdicts": list(verdicts)}, {})
    return Outcome(
        outcome=bundle.output["outcome"],
        winners=tuple(bundle.output["winners"]),
        prompt_hash="0x" + hashlib.sha256(bundle.data).hexdigest(),
        bundle=bundle,
    )


def recompute(inputs: Mapping[str, Any], _rules: Mapping[str, Any]) -> dict[str, Any]:
    """{outcome, winners}: who passed and joined on the chain wins; without a winner it fails."""
    winners = sorted(
        each["subject"] for each in inputs["verdicts"] if each["pass"] and each["joined"]
    )
    return {"outcome": SUCCESS if winners else FAIL, "winners": winners}


KIND = results.Kind(name="challenges.outcome", version=1, recompute=recompute)
