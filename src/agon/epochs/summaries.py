"""What a settled day is told by, as files for everybody: its summary, and its edition's metadata.
Pure.

Both are canonical JSON, so that a day has one of each, whoever writes it; numbers that a double
cannot hold (wei) and fractions (shares) are decimal strings. Both name the result that they are
taken from, and which anyone can compute again; the metadata names the summary, too.

    summary   {"kind": "agon.epoch_summary", "version": 1, "day", "number", "epoch", "profile":
              {key, version}, "outcome", "caps", "pool_wei", "totals", "bots": [BOT_KEYS of those
              with the largest shares, BOTS_MAX at most], "bots_in_all", "result_cid"}
    metadata  ERC-721's JSON (name, description), `attributes` as marketplaces show them, and
              `properties`, for programs: {"kind": "agon.epoch_edition", "version": 1, "day",
              "number", "result_cid", "summary_uri"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.kernel.canonical import canonical

VERSION = 1
BOTS_MAX = 1000
BOT_KEYS = (
    "bot", "owner", "occupied_ms", "claims", "defense_ms", "vote_quality", "share", "bps", "wei",
)  # fmt: skip
"""Of a bot in a result's output."""
SENTENCES = {
    "paid": "The pool of {pool_wei} wei was shared out among {paid} of {bots} bots.",
    "no_contribution": "Nobody contributed, so nobody was paid.",
    "no_recipient": "No bot that contributed has an owner, so nobody was paid.",
}


def summarise(
    inputs: Mapping[str, Any],
    profile: Mapping[str, Any],
    number: int,
    result_cid: str,
    output: Mapping[str, Any],
) -> bytes:
    """The summary's bytes. inputs: {epoch, pool_wei} at least, as the result has them; profile:
    {key, version}; number: of the day on a chain; output: the result's."""
    ranked = sorted(output["bots"], key=_rank)
    return canonical(
        {
            "kind": "agon.epoch_summary",
            "version": VERSION,
            "day": inputs["epoch"]["day"],
            "number": number,
            "epoch": inputs["epoch"],
            "profile": profile,
            "outcome": output["outcome"],
            "caps": output["caps"],
            "pool_wei": inputs["pool_wei"],
            "totals": output["totals"],
            "bots": [{key: bot[key] for key in BOT_KEYS} for bot in ranked[:BOTS_MAX]],
            "bots_in_all": len(ranked),
            "result_cid": result_cid,
        }
    )


def describe_edition(
    inputs: Mapping[str, Any],
    number: int,
    result_cid: str,
    summary_uri: str,
    output: Mapping[str, Any],
) -> bytes:
    """The metadata's bytes; arguments as of `summarise`."""
    day, totals, bots = inputs["epoch"]["day"], output["totals"], output["bots"]
    sentence = SENTENCES[output["outcome"]].format(
        pool_wei=inputs["pool_wei"], bots=len(bots), paid=sum(bot["wei"] != "0" for bot in bots)
    )
    traits = {
        "Day": day,
        "Outcome": output["outcome"],
        "Bots": len(bots),
        "Claims": totals["claims"],
        "Votes": totals["votes"],
        "Paid (wei)": totals["wei"],
    }
    if output["outcome"] == "paid":
        traits["Largest share"] = min(bots, key=_rank)["bot"]
    return canonical(
        {
            "name": f"Epoch {day}",
            "description": f"The contest of {day}. {sentence}",
            "attributes": [{"trait_type": name, "value": value} for name, value in traits.items()],
            "properties": {
                "kind": "agon.epoch_edition",
                "version": VERSION,
                "day": day,
                "number": number,
                "result_cid": result_cid,
                "summary_uri": summary_uri,
            },
        }
    )


def _rank(bot: Mapping[str, Any]) -> tuple[int, str]:
    """The largest share first; shares have the same places, so digits alone compare."""
    return -int(bot["share"].replace(".", "")), bot["bot"]
