"""Which contracts stand on a chain, what they are made with, and which can be made now. Pure.

Every right is given by a constructor, so a contract is never without its guards, and deploying
takes one transaction a contract. What a contract is told of stands before it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agon.commons.chain import artifacts, calls

Party = Literal["admin", "signer", "base", "terms"]
MILLI = 10**15
"""Wei in a thousandth of an ether."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What ChallengePay is made with. bps: of the pot, and of a loser's stake; 10,000 is all;
    settle_within_s: after a challenge's end, from when on anybody may call it off; first_challenge:
    the number of the first, above those of a ChallengePay that this one follows."""

    min_pot_wei: int = MILLI
    min_validator_stake_wei: int = 10 * MILLI
    quorum: int = 2
    validator_fee_bps: int = 500
    cashback_bps: int = 1000
    settle_within_s: int = 30 * 24 * 3600
    first_challenge: int = 2

    def as_tuple(self) -> tuple[int, ...]:
        """In the order of the contract's struct."""
        return (
            self.min_pot_wei,
            self.min_validator_stake_wei,
            self.quorum,
            self.validator_fee_bps,
            self.cashback_bps,
            self.settle_within_s,
            self.first_challenge,
        )


@dataclass(frozen=True, kw_only=True)
class Parties:
    """admin: holds the admin roles; signer: our own, who deploys and acts (empty: not known yet);
    base: where documents of tokens are, with a slash at the end, or nothing."""

    admin: str = ""
    signer: str = ""
    base: str = ""
    terms: Terms = Terms()


@dataclass(frozen=True, kw_only=True)
class At:
    """Stands for the address of a contract of the plan."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A contract of the plan, and what its constructor is given."""

    name: str
    arguments: tuple[Party | At | int, ...]
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Step:
    """A contract that can be made now. key: means it once; data: of the transaction."""

    name: str
    version: int
    key: str
    data: bytes


PLAN = (
    Planned(name="Treasury", arguments=("admin", "signer")),
    Planned(name="ChallengePay", arguments=("admin", "signer", At(name="Treasury"), "terms")),
    Planned(name="MetadataRegistry", arguments=("admin", "signer")),
    Planned(name="ChallengeAchievement", arguments=("admin", "signer", "base")),
    Planned(name="BotIdentity", arguments=("signer", "base")),
    Planned(name="EpochPayout", arguments=("admin", "signer")),
    Planned(name="Edition", arguments=("admin", "signer")),
)
STANDINS = (Planned(name="AIVM", arguments=("admin", 1)),)
"""For chains that have none of these of their own: test chains, and the demonstration."""


def steps(plan: Sequence[Planned], known: Mapping[str, str], parties: Parties) -> tuple[Step, ...]:
    """What of the plan is not known yet and needs nothing that is not. known: name -> address."""
    return tuple(
        _step(each, known, parties)
        for each in plan
        if each.name not in known and all(name in known for name in _needs(each))
    )


def key_of(planned: Planned, terms: Terms = Terms()) -> str:
    """What the outbox knows its transaction by: a ChallengePay that begins elsewhere is another."""
    key = f"deploy:{planned.name}:{planned.version}"
    if "terms" in planned.arguments and terms.first_challenge != Terms.first_challenge:
        return f"{key}:{terms.first_challenge}"
    return key


def _needs(planned: Planned) -> tuple[str, ...]:
    return tuple(each.name for each in planned.arguments if isinstance(each, At))


def _step(planned: Planned, known: Mapping[str, str], parties: Parties) -> Step:
    contract = artifacts.load(planned.name, planned.version)
    values = [_value(planned, each, known, parties) for each in planned.arguments]
    return Step(
        name=planned.name,
        version=planned.version,
        key=key_of(planned, parties.terms),
        data=calls.encode_deployment(contract, *values),
    )


def _value(
    planned: Planned, argument: Party | At | int, known: Mapping[str, str], parties: Parties
) -> Any:
    match argument:
        case At(name=name):
            return known[name]
        case "terms":
            return parties.terms.as_tuple()
        case "base":
            return parties.base and f"{parties.base}{planned.name}/"
        case "admin":
            return parties.admin
        case "signer":
            return parties.signer
    return argument
