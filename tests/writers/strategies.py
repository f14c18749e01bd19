"""Hypothesis strategies over the writers: tracks and matches that their formats can carry."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.writers import games, tracks

SEEDS = st.integers(min_value=0, max_value=2**32)
STARTS_MS = st.integers(min_value=1_000_000_000, max_value=1_900_000_000).map(lambda s: s * 1_000)
"""Whole seconds, as FIT and Apple have them, from 2001 to 2030."""
PAUSES_S = st.lists(st.integers(min_value=1, max_value=900), max_size=3)


def outdoor_tracks() -> st.SearchStrategy[tracks.Track]:
    """Short runs, walks, hikes, rides and drives, with positions."""
    metres = st.integers(min_value=100, max_value=1_500)
    paced = st.one_of(
        _paced(tracks.run, metres, 180, 600),
        _paced(tracks.walk, metres, 500, 1_200),
        _paced(tracks.ride, metres, 70, 400),
    )
    hikes = st.builds(
        tracks.hike, SEEDS, metres, st.integers(10, 300), STARTS_MS, pauses_s=PAUSES_S
    )
    return st.one_of(paced, hikes, st.builds(tracks.drive, SEEDS, metres, STARTS_MS))


def activity_tracks() -> st.SearchStrategy[tracks.Track]:
    """Those, and what has no positions: pool, treadmill, strength, yoga."""
    swims = st.builds(
        tracks.pool_swim, SEEDS, st.integers(1, 60), st.sampled_from((25, 50)), STARTS_MS
    )
    indoors = _paced(tracks.treadmill, st.integers(100, 1_500), 200, 600)
    stills = st.builds(
        tracks.still,
        st.sampled_from(("strength", "yoga", "hiit")),
        st.integers(min_value=10, max_value=1_200),
        STARTS_MS,
    )
    return st.one_of(outdoor_tracks(), swims, indoors, stills)


def dota_matches(player: int) -> st.SearchStrategy[games.Document]:
    """Matches of this player: won and lost, ranked and not, left and finished."""
    return st.builds(
        games.opendota_match,
        st.just(player),
        match_id=st.integers(min_value=1, max_value=2**40),
        start_ms=STARTS_MS,
        duration_s=st.integers(min_value=1, max_value=9_000),
        won=st.booleans(),
        radiant=st.booleans(),
        lobby_type=st.sampled_from((0, 1, 7)),
        game_mode=st.sampled_from((1, 2, 22, 23)),
        leaver_status=st.integers(min_value=0, max_value=4),
    )


def _paced(writer, metres, fastest_s: int, slowest_s: int) -> st.SearchStrategy[tracks.Track]:
    paces = st.integers(min_value=fastest_s, max_value=slowest_s)
    return st.builds(writer, SEEDS, metres, paces, STARTS_MS)
