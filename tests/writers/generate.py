"""The demonstration's evidence: made here, shipped in `src/agon/challenges/samples`.

`python -m tests.writers.generate [FOLDER]` writes the files and `index.json`, which says what each
participant hands in and what must come of it. A test holds the shipped files equal to these.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.writers import fit, games, gpx, tcx, tracks
from tests.writers.tracks import Device

FOLDER = Path(__file__).parents[2] / "src/agon/challenges/samples"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY_MS = 1_793_574_000_000
"""2026-11-02T00:00:00+01:00, when the window opens."""
WINDOW = {"start": "2026-11-02", "end": "2026-11-09", "zone": "Europe/Berlin"}
BERLIN_OFFSET_S = 3_600
YEAR_1901_MS = -2_167_000_000_000
BAD_POINT = 900
BAD_POINT_M = 4_000.0
MIA, NILS, ODA, PIET = 310_000_001, 310_000_002, 310_000_003, 310_000_004
FIRST_MATCH = 8_500_000_000
PRACTICE_LOBBY, UNRANKED_LOBBY = 1, 0

Json = dict[str, object]


def at(day: int, hour: int) -> int:
    """That hour of that day of the window, Monday being 0, in ms."""
    return MONDAY_MS + day * DAY_MS + hour * HOUR_MS


def watch(serial: int) -> Json:
    """What everybody's watch has in common, and its serial number."""
    device = Device(manufacturer="garmin", product=3_113, serial=serial)
    return {"device": device, "utc_offset_s": BERLIN_OFFSET_S}


def ada() -> bytes:
    return fit.write(tracks.run(11, 10_200, 325, at(1, 7), pauses_s=(45,), **watch(3_950_110_011)))


def ben_gpx() -> bytes:
    track = tracks.run(21, 5_400, 350, at(0, 18), **watch(3_950_110_021))
    return gpx.write(tracks.every(track, 5), extensions=False)


def ben_tcx() -> bytes:
    track = tracks.run(22, 5_200, 345, at(3, 18), **watch(3_950_110_021))
    return tcx.write(tracks.every(track, 5))


def cleo() -> bytes:
    return fit.write(tracks.run(31, 6_100, 372, at(2, 12), **watch(3_950_110_031)))


def dirk() -> bytes:
    return fit.write(tracks.drive(41, 12_000, at(4, 17), **watch(3_950_110_041)))


def fay() -> bytes:
    track = tracks.run(51, 12_000, 300, at(5, 9))
    return games.encoded(games.manual_entries([games.manual_activity(track)]))


def gus() -> bytes:
    return fit.truncate(fit.write(tracks.run(61, 5_000, 340, at(6, 10), **watch(3_950_110_061))))


def hana() -> bytes:
    """A point every ten seconds, as phones do it to save the battery."""
    return gpx.write(tracks.every(tracks.hike(71, 12_600, 940, at(5, 8)), 10), extensions=False)


def ivo() -> bytes:
    track = tracks.hike(72, 12_300, 870, at(6, 8), **watch(3_950_110_072))
    return fit.write(tracks.with_spike(tracks.every(track, 5), BAD_POINT, BAD_POINT_M))


def jana() -> bytes:
    track = tracks.every(tracks.hike(73, 12_400, 900, at(5, 9)), 30)
    return gpx.write(track, times=False, extensions=False)


def karl() -> bytes:
    track = tracks.ride(74, 26_000, 140, at(6, 9), climb_m=860, **watch(3_950_110_074))
    return fit.write(tracks.every(replace(track, sport="hike"), 5))


def lena() -> bytes:
    track = tracks.every(tracks.hike(75, 12_200, 850, at(5, 7)), 30)
    return gpx.write(track, first_ms=YEAR_1901_MS, extensions=False)


def evening(player: int, *matches: Json) -> bytes:
    """OpenDota's matches of one player, an hour after another, from Friday 19 h on."""
    return games.encoded(
        [
            games.opendota_match(
                player,
                match_id=FIRST_MATCH + player % 1_000 * 10 + number,
                start_ms=at(4, 19 + number),
                hero_id=14 + number,
                **match,  # type: ignore[arg-type]
            )
            for number, match in enumerate(matches)
        ]
    )


def mia() -> bytes:
    return evening(MIA, {"won": True}, {"won": False, "radiant": False}, {"won": True})


def nils() -> bytes:
    practice: Json = {"won": True, "lobby_type": PRACTICE_LOBBY}
    return evening(NILS, {"won": True}, practice, {"won": True, "duration_s": 240})


def oda() -> bytes:
    unranked: Json = {"won": True, "lobby_type": UNRANKED_LOBBY}
    return evening(ODA, unranked, unranked, {"won": False})


def piet() -> bytes:
    return evening(MIA + 90, {"won": True}, {"won": True, "radiant": False})


FILES: dict[str, Callable[[], bytes]] = {
    "run/ada.fit": ada,
    "run/ben-monday.gpx": ben_gpx,
    "run/ben-thursday.tcx": ben_tcx,
    "run/cleo.fit": cleo,
    "run/dirk.fit": dirk,
    "run/fay.json": fay,
    "run/gus.fit": gus,
    "mountain/hana.gpx": hana,
    "mountain/ivo.fit": ivo,
    "mountain/jana.gpx": jana,
    "mountain/karl.fit": karl,
    "mountain/lena.gpx": lena,
    "ranked/mia.json": mia,
    "ranked/nils.json": nils,
    "ranked/oda.json": oda,
    "ranked/piet.json": piet,
}


def participant(name: str, what: str, expect: Json, *files: Json, honest: bool = False) -> Json:
    return {
        "name": name, "honest": honest, "files": list(files), "expect": expect, "what": what,
    }  # fmt: skip


def file(path: str, provider: str = "garmin", player: int | None = None) -> Json:
    assert path in FILES, path
    return {"path": path, "provider": provider, "player": None if player is None else str(player)}


PASSES: Json = {"pass": True}
FAILS: Json = {"pass": False}


def refused(code: str) -> Json:
    return {"refused": code}


TWIN = refused("evidence_of_another_participant")

CHALLENGES: list[Json] = [
    {
        "key": "run",
        "title": "Run 10 km in a week",
        "model_id": "agon.fitness@1",
        "window": WINDOW,
        "rule": {
            "version": 1, "window": WINDOW, "sports": ["run"], "metric": "distance", "unit": "km",
            "aggregate": "total", "compare": ">=", "target": 10, "trust": 2, "manual": "refuse",
        },
        "participants": [
            participant("ada", "one run of 10.2 km", PASSES, file("run/ada.fit"), honest=True),
            participant(
                "ben", "two runs, 5.4 and 5.2 km", PASSES, file("run/ben-monday.gpx", "strava"),
                file("run/ben-thursday.tcx"), honest=True,
            ),
            participant("cleo", "a run of 6.1 km", FAILS, file("run/cleo.fit"), honest=True),
            participant("dirk", "a car, under the name of a run", FAILS, file("run/dirk.fit")),
            participant("emil", "ada's file", TWIN, file("run/ada.fit")),
            participant("fay", "entered by hand", FAILS, file("run/fay.json", "manual")),
            participant(
                "gus", "a file cut off", refused("evidence_truncated"), file("run/gus.fit")
            ),
        ],
    },
    {
        "key": "mountain",
        "title": "A mountain day",
        "model_id": "agon.fitness@1",
        "window": WINDOW,
        "rule": {
            "version": 1, "window": WINDOW, "sports": ["hike"], "trust": 2,
            "all": [
                {"metric": "ascent", "unit": "m", "aggregate": "best", "compare": ">=",
                 "target": 800},
                {"metric": "distance", "unit": "km", "aggregate": "best", "compare": ">=",
                 "target": 12},
            ],
        },
        "participants": [
            participant("hana", "12.6 km, 940 m up", PASSES, file("mountain/hana.gpx"),
                        honest=True),
            participant("ivo", "12.3 km, 870 m up, and one position 4 km off", PASSES,
                        file("mountain/ivo.fit"), honest=True),
            participant("jana", "a track without times", refused("evidence_without_times"),
                        file("mountain/jana.gpx")),
            participant("karl", "a bike ride, under the name of a hike", FAILS,
                        file("mountain/karl.fit")),
            participant("lena", "a first point in 1901", refused("evidence_time_implausible"),
                        file("mountain/lena.gpx")),
        ],
    },
    {
        "key": "ranked",
        "title": "Ranked: win 2 of 3",
        "model_id": "agon.gaming@1",
        "window": WINDOW,
        "rule": {
            "version": 1, "window": WINDOW, "titles": ["dota2"], "ranked_only": True,
            "all": [
                {"metric": "wins", "compare": ">=", "target": 2},
                {"metric": "matches", "compare": "<=", "target": 3},
            ],
        },
        "participants": [
            participant("mia", "won, lost, won", PASSES, file("ranked/mia.json", "opendota", MIA),
                        honest=True),
            participant("nils", "one win, one in a practice lobby, one of four minutes", FAILS,
                        file("ranked/nils.json", "opendota", NILS)),
            participant("oda", "two wins, both unranked", FAILS,
                        file("ranked/oda.json", "opendota", ODA), honest=True),
            participant("piet", "matches of somebody else",
                        refused("evidence_player_not_in_match"),
                        file("ranked/piet.json", "opendota", PIET)),
        ],
    },
]  # fmt: skip


def index() -> bytes:
    document = {"version": 1, "challenges": CHALLENGES}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def generate() -> dict[str, bytes]:
    """Every shipped file: path in the folder -> bytes."""
    return {"index.json": index()} | {path: make() for path, make in FILES.items()}


def write(folder: Path) -> None:
    for path, data in generate().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
