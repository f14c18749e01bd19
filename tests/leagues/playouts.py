"""Brackets played out by chance."""

from __future__ import annotations

import random
from collections import Counter

from agon.leagues.brackets import replay
from agon.leagues.brackets.matches import Match
from agon.leagues.brackets.playing import Bracket

SINGLE = {"version": 1, "kind": "single_elimination", "third_place": True}
DOUBLE = {"version": 1, "kind": "double_elimination"}
ROUND_ROBIN = {"version": 1, "kind": "round_robin"}
SWISS = {"version": 1, "kind": "swiss", "rounds": 5}
GROUPS = {
    "version": 1,
    "kind": "groups",
    "groups": {"size": 4, "advance": 2, "playoffs": {"kind": "double_elimination"}},
}
FORMATS = (SINGLE, DOUBLE, ROUND_ROBIN, SWISS, GROUPS)


def names(count: int) -> list[str]:
    return [f"e{number}" for number in range(1, count + 1)]


def start(config: dict, count: int) -> Bracket:
    return Bracket(config, names(count))


def win(match: str, side: int = 0, games: int = 1) -> dict:
    return {"match": match, "scores": [[0, 1] if side else [1, 0]] * games}


def ready(bracket: Bracket) -> list[str]:
    return [match.id for match in bracket.matches.values() if match.state == "ready"]


def chance_report(bracket: Bracket, match: Match, chance: random.Random) -> dict:
    """Mostly scores; now and then a walkover, nobody coming, or a disqualification."""
    table = match.bracket_type in ("group", "swiss")
    what = chance.random()
    both = [bracket.entrants[match.a], bracket.entrants[match.b]]
    if what < 0.04:
        return {"match": match.id, "kind": "double_forfeit"}
    if what < 0.08:
        return {"match": match.id, "kind": "forfeit", "by": chance.choice(both)}
    if what < 0.12:
        return {"match": match.id, "kind": "walkover", "winner": chance.choice(both)}
    if what < 0.15:
        return {"kind": "disqualified", "by": chance.choice(both)}
    if table and what < 0.3:
        return {"match": match.id, "scores": [[1, 1]] * match.best_of}
    return win(match.id, chance.randrange(2), match.best_of // 2 + 1)


def step(bracket: Bracket, chance: random.Random, rough: bool = False) -> bool:
    """One report of a match that is ready, by chance; false where none is."""
    open_ids = ready(bracket)
    if not open_ids:
        return False
    match = bracket.match(chance.choice(open_ids))
    report = chance_report(bracket, match, chance) if rough else None
    bracket.report(report or win(match.id, chance.randrange(2), match.best_of // 2 + 1))
    return True


def play_out(bracket: Bracket, chance: random.Random) -> Bracket:
    """Every match by chance, as they become ready; a match is a win of one."""
    queue = ready(bracket)
    while queue:
        later = []
        for match_id in queue:
            match = bracket.match(match_id)
            if match.state == "ready":
                changed = bracket.report(win(match_id, chance.randrange(2), match.best_of // 2 + 1))
                later += [each.id for each in changed if each.state == "ready"]
        queue = later
    assert bracket.completed
    return bracket


def rough_out(bracket: Bracket, chance: random.Random) -> Bracket:
    while step(bracket, chance, rough=True):
        pass
    assert bracket.completed
    return bracket


def state(bracket: Bracket) -> tuple:
    """All that can be seen of a bracket, but for the order of its reports."""
    slots = {
        match.id: (match.a, match.b, match.state, match.winner, match.result)
        for match in bracket.matches.values()
    }
    reported = sorted(map(str, bracket.reported()))
    return slots, replay.output(bracket), reported, bracket.open


def losses(bracket: Bracket) -> Counter[int]:
    """Of each entrant, the matches that it played and lost."""
    found = Counter()
    for match in bracket.matches.values():
        if match.result is not None:
            found[match.loser()] += 1
    return found


def placements(bracket: Bracket) -> dict[tuple[int, int], int]:
    """How many have each range of places."""
    return dict(Counter((each.first, each.last) for each in replay.placed(bracket)))
