"""Scoring of a season: from what its competitions say to the standings. Pure, no floats.

scoring_config is as scoring.schema.json publishes it. In each competition a wallet gets the points
of the entrant on whose roster it stood when that started:

    weight x (win x wins + draw x draws + loss x losses + entry + placement(first place))

with a weight of 4 decimal places, exactly. A match that was played or forfeited counts as a win and
a loss, or as a draw; a double forfeit is a loss of both; a bye is nothing. Of a competition of
type challenge, each challenge passed is a win, each failed a loss. Places count once it is
completed. Points order first, then tie_breakers, then the wallet: a total order, whatever the order
in which results came in.

A result of kind `leagues.standings`, version 1:

    inputs  {"season": id, "competitions": [{"id", "of": CID of its own result or null, "weight",
             "completed", "entrants": [{"participant", "wallets", "from", "to"}, ...],
             "results": [[a, b, winner, kind], ...]}, ...]}
             a and b are places in entrants, from 0; winner is 0, 1 or null; b is null of what an
             entrant has done alone (kind verdict). The order of completed competitions, and of
             their results, is that of ratings.
    rules   scoring_config
    output  {"standings": [{"rank", "place", "wallet", "points", "wins", "draws", "losses",
             "entered", "titles", "podiums", "rating": {"mu", "sigma", "matches"} where there are
             ratings}, ...]}, the first first; place is the same for whom nothing separates, points,
             mu and sigma are decimal strings
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agon.kernel import results
from agon.kernel.errors import refuse
from agon.leagues import decimals, forms, ranking, ratings
from agon.leagues.brackets.matches import SCORE
from agon.leagues.ratings import Played, Rating

SCHEMA = "scoring.schema.json"
WEIGHT_PLACES = 4
PODIUM = 3
"""Places that count as a podium."""
TIE_BREAKERS = ("titles", "wins", "podiums", "losses")
FEWER = {"losses", "entered"}
"""Breakers of which fewer are better."""
Result = Sequence[Any]
"""[a, b, winner, kind], as in the inputs."""


@dataclass(kw_only=True)
class Record:
    """What a competition says of an entrant. first, last: its places; None while it is open."""

    wins: int = 0
    draws: int = 0
    losses: int = 0
    first: int | None = None
    last: int | None = None


@dataclass(kw_only=True)
class Standing:
    """How a wallet stands. points: in units of 10^-WEIGHT_PLACES."""

    wallet: str
    points: int = 0
    wins: int = 0
    draws: int = 0
    losses: int = 0
    entered: int = 0
    titles: int = 0
    podiums: int = 0
    rating: Rating | None = field(default=None)


def check(config: object) -> None:
    """Refuse a scoring_config that nothing can be scored by: `scoring_malformed`, with each
    place."""
    found = list(forms.mistakes(config, SCHEMA))
    if not found:
        found = list(_contradictions(config))  # type: ignore[arg-type]
    if found:
        raise refuse(
            "scoring_malformed",
            "A season cannot be scored by this.",
            details="\n".join(found),
            hint="scoring.schema.json, in the package agon.leagues, describes each key.",
            status=422,
        )


def schema() -> dict[str, Any]:
    """The form of a scoring_config as a JSON Schema, draft 2020-12."""
    return forms.schema(SCHEMA)


def bundle(case: Mapping[str, Any], config: Mapping[str, Any]) -> results.Bundle:
    """The standings of these inputs. Refused: `scoring_malformed`, `result_large`."""
    return results.bundle(KIND, case, config)


def recompute(inputs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a result, from its inputs and rules alone."""
    check(rules)
    found = standings(inputs["competitions"], rules)
    ordered = ranking.ranked((values(each, rules), each.wallet, each) for each in found)
    return {"standings": [shown(each.row, each.rank, each.first) for each in ordered]}


def standings(
    competitions: Sequence[Mapping[str, Any]], config: Mapping[str, Any]
) -> list[Standing]:
    """Everybody's standing, in no order, from all results."""
    records: dict[str, list[tuple[int, Record]]] = {}
    for each in competitions:
        weight = decimals.units(each["weight"], WEIGHT_PLACES)
        entrants = each["entrants"]
        for entrant, own in zip(entrants, tally(entrants, each["results"]), strict=True):
            for wallet in entrant["wallets"]:
                records.setdefault(wallet, []).append((weight, own))
    found = [standing(wallet, own, config) for wallet, own in records.items()]
    if config.get("ratings", False):
        rated = ratings.rate({}, played(competitions))
        for each in found:
            each.rating = rated.get(each.wallet)
    return found


def tally(entrants: Sequence[Mapping[str, Any]], results: Iterable[Result]) -> list[Record]:
    """The record of each entrant, from the results in any order."""
    records = [Record(first=each.get("from"), last=each.get("to")) for each in entrants]
    for a, b, winner, kind in results:
        for side, entrant in enumerate((a, b)):
            if entrant is None:
                continue
            own = records[entrant]
            if winner == side:
                own.wins += 1
            elif winner is None and kind == SCORE:
                own.draws += 1
            else:
                own.losses += 1
    return records


def standing(
    wallet: str, records: Iterable[tuple[int, Record]], config: Mapping[str, Any]
) -> Standing:
    """A wallet's standing, without its rating, from the records of its competitions, each with
    the weight in units of 10^-WEIGHT_PLACES; in any order."""
    found = Standing(wallet=wallet)
    for weight, own in records:
        points = (
            config.get("win", 3) * own.wins
            + config.get("draw", 1) * own.draws
            + config.get("loss", 0) * own.losses
            + config.get("entry", 0)
            + _placement(own.first, config)
        )
        found.points += weight * points
        found.wins += own.wins
        found.draws += own.draws
        found.losses += own.losses
        found.entered += 1
        found.titles += own.first == 1
        found.podiums += own.first is not None and own.first <= PODIUM
    return found


def values(standing: Standing, config: Mapping[str, Any]) -> list[int]:
    """What orders a standing, each the higher the better."""
    found = [standing.points]
    for breaker in config.get("tie_breakers", TIE_BREAKERS):
        if breaker == "rating":
            found.append((standing.rating or ratings.BEGINNER).ordinal)
        else:
            value = getattr(standing, breaker)
            found.append(-value if breaker in FEWER else value)
    return found


def key(standing: Standing, config: Mapping[str, Any]) -> bytes:
    """Where it stands among the others (ranking.py)."""
    return ranking.key(values(standing, config), standing.wallet)


def played(competitions: Sequence[Mapping[str, Any]]) -> Iterator[Played]:
    """The matches that ratings come from, in their order."""
    for each in competitions:
        if not each["completed"]:
            continue
        wallets = [entrant["wallets"] for entrant in each["entrants"]]
        for a, b, winner, kind in each["results"]:
            if kind == SCORE:
                yield Played(a=wallets[a], b=wallets[b], winner=winner)


def shown(standing: Standing, rank: int, place: int) -> dict[str, Any]:
    """A standing as a result has it."""
    found = {"rank": rank, "place": place, **counted(standing)}
    if standing.rating:
        found["rating"] = {
            "mu": decimals.text(standing.rating.mu, ratings.PLACES),
            "sigma": decimals.text(standing.rating.sigma, ratings.PLACES),
            "matches": standing.rating.matches,
        }
    return found


def counted(standing: Standing) -> dict[str, Any]:
    """A standing without what depends on others."""
    return {
        "wallet": standing.wallet,
        "points": decimals.text(standing.points, WEIGHT_PLACES),
        "wins": standing.wins,
        "draws": standing.draws,
        "losses": standing.losses,
        "entered": standing.entered,
        "titles": standing.titles,
        "podiums": standing.podiums,
    }


KIND = results.Kind(name="leagues.standings", version=1, recompute=recompute)


def _placement(first: int | None, config: Mapping[str, Any]) -> int:
    if first is not None:
        for each in config.get("placement", ()):
            if each["from"] <= first <= each["to"]:
                return each["points"]
    return 0


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    after = 1
    for place, each in enumerate(config.get("placement", ())):
        if each["from"] != after or each["to"] < after:
            yield f"/placement/{place}: The places follow on those before, from {after} on."
            return
        after = each["to"] + 1
    if "rating" in config.get("tie_breakers", ()) and not config.get("ratings", False):
        yield "/tie_breakers: rating takes ratings: true."
