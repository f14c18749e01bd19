"""The same activity counts once: twins in other formats, overlaps, richer recordings, days."""

from __future__ import annotations

import io
import json

from agon.challenges import evidence
from agon.challenges.records import Source
from agon.commons.content import files
from agon.kernel import clock
from agon.kernel.errors import Refused
from tests.challenges.drafts import created
from tests.places import Place, wallet
from tests.writers import apple, fit, games, gpx, tcx, tracks

START_MS = 1_793_100_000_000
HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_793_055_600_000
"""2026-10-27T00:00 at UTC+1, where the samples' days are."""


def run(seed: int = 1, distance_m: int = 6_000, start_ms: int = START_MS) -> tracks.Track:
    return tracks.run(seed=seed, distance_m=distance_m, pace_s_per_km=330, start_ms=start_ms)


async def hand_in(
    place: Place,
    challenge: int,
    name: str,
    data: bytes,
    provider: str = "garmin",
    player: str | None = None,
    origin: str = "upload",
) -> evidence.Submitted:
    actor = await place.own(name)
    desk = evidence.Desk(database=place.database, folder=files.folder(place.runtime))
    with files.arriving(desk.folder) as path:
        path.write_bytes(data)
        upload = evidence.Upload(
            challenge_id=challenge, subject=wallet(name),
            source=Source(provider=provider, player=player, origin=origin),
            path=path, received_ms=clock.now_ms(),
        )  # fmt: skip
        return await evidence.receive(desk, actor, upload)


async def refusal(place: Place, *arguments: object) -> tuple[str, list[str]]:
    """Code of the refusal, and the rules that it names."""
    try:
        await hand_in(place, *arguments)  # type: ignore[arg-type]
    except Refused as refused:
        details = json.loads(refused.refusal.details or "[]")
        return refused.refusal.code, [twin["rule"] for twin in details]
    raise AssertionError("it was taken")


async def counted_m(place: Place) -> int:
    """Metres that the only verdict counts."""
    await place.work()
    metadata = await place.owner.fetchval("select metadata from public.verdicts")
    return metadata["conditions"][0]["value"] // 1000


async def test_the_same_run_in_another_format_is_a_twin(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", tcx.write(run()))
    code, rules = await refusal(place, challenge, "bob", gpx.write(run()))
    assert (code, rules) == ("evidence_counted_already", ["same_activity"])
    code, rules = await refusal(place, challenge, "bob", gpx.write(run()), "strava")
    assert code == "evidence_counted_already", "whatever provider it is handed in under"


async def test_an_overlapping_activity_is_no_second_one(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    other = run(seed=2, distance_m=2_000, start_ms=START_MS + 10 * 60_000)
    code, rules = await refusal(place, challenge, "bob", gpx.write(other))
    assert (code, rules) == ("evidence_counted_already", ["overlap"])


async def test_an_activity_right_after_another_is_a_second_one(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    await hand_in(place, challenge, "bob", gpx.write(run(seed=2, start_ms=START_MS + HOUR_MS)))
    assert (
        await place.owner.fetchval(
            "select jsonb_array_length(data) from public.evidence order by id desc limit 1"
        )
        == 2
    )


async def test_a_richer_recording_takes_the_place_of_a_poorer(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    taken = await hand_in(place, challenge, "bob", fit.write(run()))
    assert taken.inserted
    assert await counted_m(place) < 7_000


async def test_two_providers_of_one_run_count_once(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()), "strava")
    await hand_in(place, challenge, "bob", fit.write(run()), "garmin")
    assert await counted_m(place) < 7_000


async def test_the_same_run_counts_in_each_of_ones_challenges(place):
    for _ in range(2):
        challenge = await created(place)
        assert (await hand_in(place, challenge, "bob", gpx.write(run()))).inserted


async def test_a_multisport_file_is_its_own_activities_only_once(place):
    challenge = await created(place)
    both = fit.write(run(), run(seed=2, start_ms=START_MS + HOUR_MS))
    taken = await hand_in(place, challenge, "bob", both)
    assert len(taken.records) == 2
    code, rules = await refusal(place, challenge, "bob", both)
    assert (code, rules) == ("evidence_counted_already", ["same_file", "same_file"])


def export(days: int, steps: int) -> bytes:
    """An Apple Health export with that many days, the last of them still going on."""
    stream = io.BytesIO()
    quantities = []
    for day in range(days):
        count = steps if day == days - 1 else 8_000
        quantities += apple.day_of_steps(day, MIDNIGHT_MS + day * 24 * HOUR_MS, count)
    apple.write(stream, quantities=quantities)
    return stream.getvalue()


async def test_a_day_that_went_on_replaces_itself(place):
    challenge = await created(
        place, proof={"params": {"rule": {
            "version": 1, "metric": "steps", "aggregate": "total", "compare": ">=", "target": 1,
            "sports": ["daily"],
        }}},
    )  # fmt: skip
    await hand_in(place, challenge, "bob", export(2, 3_000), "apple")
    grown = await hand_in(place, challenge, "bob", export(3, 1_000), "apple")
    assert grown.inserted
    assert [twin["rule"] for twin in grown.skipped] == ["same_activity"]
    await place.work()
    counted = "select metadata -> 'conditions' -> 0 -> 'value' from public.verdicts"
    assert await place.owner.fetchval(counted) == 17_000
    code, _ = await refusal(place, challenge, "bob", export(2, 3_000), "apple")
    assert code == "evidence_counted_already", "an older export takes nothing away"
    assert await place.owner.fetchval("select count(*) from public.evidence") == 2


async def test_the_order_of_submissions_makes_no_difference(place):
    files = [
        gpx.write(run(distance_m=12_000)),
        gpx.write(run(seed=2, distance_m=1_000, start_ms=START_MS - 10_000)),
        fit.write(run(seed=3, distance_m=500, start_ms=START_MS + 20 * 60_000)),
        gpx.write(run(seed=4, distance_m=3_000, start_ms=START_MS + 3 * HOUR_MS)),
    ]
    verdicts = set()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 0, 3], [2, 3, 1, 0]):
        challenge = await created(place)
        for index in order:
            try:
                await hand_in(place, challenge, "bob", files[index])
            except Refused as refused:
                assert refused.refusal.code == "evidence_counted_already"
        await place.work()
        row = await place.owner.fetchrow(
            "select pass, metadata -> 'conditions' -> 0 -> 'value' as value from public.verdicts"
            " where challenge_id = $1",
            challenge,
        )
        verdicts.add((row["pass"], row["value"]))
    assert len(verdicts) == 1
    assert 14_500_000 < verdicts.pop()[1] < 15_500_000


async def test_points_and_records_of_another_are_refused_in_any_format(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", fit.write(run()))
    copied = gpx.write(run()).replace(b"</gpx>", b"<!-- mine --></gpx>")
    assert (await refusal(place, challenge, "carol", copied))[
        0
    ] == "evidence_of_another_participant"
    day = export(1, 9_000)
    await hand_in(place, challenge, "bob", day, "apple")
    code, _ = await refusal(place, challenge, "carol", day + b"\n", "apple")
    assert code == "evidence_of_another_participant"


async def test_one_participant_plays_as_one_account(place):
    rule = {"version": 1, "titles": ["dota2"], "metric": "matches", "compare": ">=", "target": 1}
    challenge = await created(place, model_id="agon.gaming@1", proof={"params": {"rule": rule}})
    first = games.encoded(games.opendota_match(11, match_id=1, start_ms=START_MS))
    other = games.encoded(games.opendota_match(99, match_id=2, start_ms=START_MS + HOUR_MS))
    await hand_in(place, challenge, "bob", first, "opendota", "11")
    try:
        await hand_in(place, challenge, "bob", other, "opendota", "99")
    except Refused as refused:
        assert refused.refusal.code == "evidence_other_player"
    else:
        raise AssertionError("it was taken")


async def test_what_a_provider_says_outweighs_what_was_uploaded_first(place):
    document = games.encoded(games.strava_activity(run(), activity_id=777))
    first, second = await created(place), await created(place)
    await hand_in(place, first, "carol", document, "strava")
    taken = await hand_in(place, second, "bob", document, "strava", origin="provider")
    assert taken.inserted
    code, _ = await refusal(place, second, "carol", document, "strava")
    assert code == "evidence_of_another_participant"


async def test_a_shared_recording_is_flagged_and_not_refused(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    beside = tracks.jittered(tracks.every(run(), 10), seed=9, metres=4)
    taken = await hand_in(place, challenge, "carol", gpx.write(beside))
    assert taken.records[0].get("intake_flags") == ["shared_recording"]


async def test_two_players_of_one_match_both_count_it(place):
    rule = {"version": 1, "titles": ["dota2"], "metric": "matches", "compare": ">=", "target": 1}
    challenge = await created(place, model_id="agon.gaming@1", proof={"params": {"rule": rule}})
    match = games.opendota_match(11, start_ms=START_MS)
    match["players"][5]["account_id"] = 12
    document = games.encoded(match)
    for name, player in (("bob", "11"), ("carol", "12")):
        taken = await hand_in(place, challenge, name, document, "opendota", player)
        assert taken.inserted
    code, _ = await refusal(place, challenge, "dave", document, "opendota", "11")
    assert code == "evidence_of_another_participant"


async def test_a_device_of_two_people_is_flagged(place):
    challenge = await created(place)
    first = await hand_in(place, challenge, "bob", fit.write(run()))
    assert "intake_flags" not in first.records[0]
    other = fit.write(run(seed=7, start_ms=START_MS + 5 * HOUR_MS))
    lent = await hand_in(place, challenge, "carol", other)
    assert lent.records[0]["intake_flags"] == ["shared_device"]
