"""Brackets built and played out; 1,024 entrants beside the library brackets-manager.

Usage: brackets.py OUT.json

Each match is reported alone, in the order of rounds, and slot a always wins. The library runs on
its storage in memory, with the same seeding, routing and one grand final; both take turns, and must
play as many matches and find the same champion. Seconds of the clock, the best of the rounds; the
ratio is the median of theirs, and has neither side's start of a process in it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from agon.leagues.brackets import replay
from agon.leagues.brackets.matches import CANCELED, READY
from agon.leagues.brackets.playing import Bracket
from bench.machine import save

LARGE, COMPARED = 65_536, 1_024
ROUNDS = 5
KINDS = ("single_elimination", "double_elimination")
PEER = Path(__file__).parent / "brackets_manager"
INSTALL_S_MAX, PLAY_S_MAX = 600, 600


def main(out: Path) -> None:
    """Measure and write the figures."""
    _install()
    figures: dict[str, Any] = {}
    for kind in KINDS:
        runs = [ours(kind, LARGE) for _ in range(ROUNDS)]
        figures[f"{kind} of {LARGE}"] = _best(runs)
        print(kind, LARGE, figures[f"{kind} of {LARGE}"], flush=True)
    for kind in KINDS:
        pairs = [(ours(kind, COMPARED), theirs(kind, COMPARED)) for _ in range(ROUNDS)]
        for own, other in pairs:
            same = ("played", "champion")
            if any(own[key] != other[key] for key in same):
                raise SystemExit(f"{kind}: {own} is not {other}")
        figures[f"{kind} of {COMPARED}"] = {
            "agon": _best([own for own, _ in pairs]),
            "brackets_manager": _best([other for _, other in pairs]),
            "ratio": round(statistics.median(_all_s(b) / _all_s(a) for a, b in pairs), 1),
        }
        print(kind, COMPARED, figures[f"{kind} of {COMPARED}"], flush=True)
    save(out, figures)


def ours(kind: str, entrants: int) -> dict[str, Any]:
    """One bracket, played out."""
    settings = {"reset": False, "routing": "compat"} if kind == "double_elimination" else {}
    names = [f"e{number}" for number in range(1, entrants + 1)]
    begun_s = time.perf_counter()
    bracket = Bracket({"version": 1, "kind": kind, **settings}, names)
    built_s = time.perf_counter()
    played = 0
    for match in list(bracket.matches.values()):
        if match.state == READY:
            bracket.report({"match": match.id, "scores": [[1, 0]]})
            played += 1
    ended_s = time.perf_counter()
    if not bracket.completed or any(m.state == CANCELED for m in bracket.matches.values()):
        raise SystemExit(f"{kind} of {entrants} was not played out")
    return {
        "build_s": built_s - begun_s,
        "play_s": ended_s - built_s,
        "played": played,
        "champion": names[replay.champion(bracket)],
    }


def theirs(kind: str, entrants: int) -> dict[str, Any]:
    """The same in Node."""
    command = ["node", "play.js", kind, str(entrants)]
    done = subprocess.run(command, cwd=PEER, check=True, capture_output=True, timeout=PLAY_S_MAX)
    return json.loads(done.stdout)


def _install() -> None:
    if not (PEER / "node_modules").is_dir():
        words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(words, cwd=PEER, check=True, timeout=INSTALL_S_MAX)


def _all_s(run: dict[str, Any]) -> float:
    return run["build_s"] + run["play_s"]


def _best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    best = min(runs, key=_all_s)
    return {
        "build_s": round(best["build_s"], 4),
        "play_s": round(best["play_s"], 4),
        "all_s": round(_all_s(best), 4),
        "matches": best["played"],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
