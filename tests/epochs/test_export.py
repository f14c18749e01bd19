"""A day as a file: it settles to the same result as the tables, whatever the order of its lines."""

from __future__ import annotations

import io
import json
import random
from contextlib import nullcontext

import pytest
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded

from agon.epochs import event_log, exporting, replaying, settling
from agon.kernel import commands, results
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import DAY, FREEZES, LIVE_S, STARTS
from tests.epochs.ledger import Transfer, tell
from tests.epochs.logs import F, S, hosts
from tests.epochs.settled import bundle_of, ended, played, profile, settle
from tests.epochs.test_commands import said
from tests.places import wallet


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def exported(place) -> list[bytes]:
    file = io.BytesIO()
    count = await exporting.export(place.database, DAY, lambda: nullcontext(file))
    lines = file.getvalue().splitlines(keepends=True)
    assert len(lines) == count + 1
    return lines


async def test_a_settled_day_settles_from_its_file_to_the_same_result(place):
    """Also after its bots have changed hands, and from lines in any order."""
    day = await played(place)
    before = await exported(place)
    await settle(place)
    bundle = await bundle_of(place)
    await tell(
        place.owner,
        [Transfer(block=200, token=1, sender=wallet("ada"), receiver=wallet("dan"))],
    )
    await place.owner.execute(
        "update bot_identities set status = 'suspended' where id = $1::text::uuid", day.bots["bob"]
    )
    lines = await exported(place)
    assert json.loads(lines[0]) == json.loads(before[0])
    assert json.loads(lines[-1])["type"] == "epoch_settled"
    for seed in range(3):
        rest = lines[1:]
        random.Random(seed).shuffle(rest)
        for file in ([lines[0], *rest], lines, before):
            assert replaying.read(file).bundle() == bundle


async def test_what_is_drawn_into_the_tables_comes_out_of_them_as_the_same_log(place):
    """In whatever order rows lie: days of chance, which a host wrote down."""
    day = await days.opened(place, profile(slots=SLOTS))
    for number in range(6):
        await day.bot(f"bot {number}")
    names = {f"{n:08x}-0000-4000-8000-00000000b075": day.bots[f"bot {n}"] for n in range(6)}
    await ended(day)
    for seed in range(4):
        events = drawn(seed, names)
        await place.owner.execute(
            "alter table epoch_events disable trigger epoch_events_guard_append_only;"
            "delete from epoch_events"
        )
        random.Random(seed).shuffle(events)
        await place.owner.executemany(
            """
            insert into epoch_events (epoch_id, seq, event_type, occurred_at,
              actor_bot_identity_id, slot_index, actor_wallet_address, payload)
            select e.id, $1, $2, to_timestamp(0) + $3 * interval '1 millisecond', $4::text::uuid,
              $5, $6, $7 from epochs e
            """,
            [
                (e["seq"], e["type"], e["at_ms"], e["bot"], e["slot"], e["wallet"], e["data"])
                for e in events
            ],
        )
        from_tables = await settling.read_log(place.database, DAY)
        assert from_tables == event_log.read(events)
        from_file = replaying.read(await exported(place))
        assert from_file.log == from_tables


SLOTS = [{"index": index, "type": "melody", "label": "x"} for index in (0, 1)]


def drawn(seed: int, names: dict[str, str]) -> list[dict]:
    """The events of a day that hypothesis draws, by these bots, spread over the day."""
    found: list[list[dict]] = []

    @seeded(seed)
    @settings(max_examples=8, database=None, phases=[Phase.generate], deadline=None)
    @given(hosts())
    def draw(host):
        found.append(host.events)

    draw()
    text = json.dumps(max(found, key=len))
    for old, new in names.items():
        text = text.replace(old, new)
    begin_ms, live_ms = int(STARTS.timestamp() * 1000), LIVE_S * 1000
    events = json.loads(text)
    for event in events:
        event["at_ms"] = begin_ms + (event["at_ms"] - S) * live_ms // (F - S)
    return events


async def test_the_commands_export_and_replay_a_day(place, tmp_path, capfd):
    await played(place)
    await settle(place)
    file, out = tmp_path / "day.ndjson", tmp_path / "result.json"
    told = await said(capfd, "epoch", "export", str(DAY), "--out", str(file))
    assert told == f"2026-03-02: {len(file.read_bytes().splitlines()) - 1} events in {file}."
    await said(capfd, "epoch", "replay", str(file), "--bundle", str(out))
    bundle = await bundle_of(place)
    assert out.read_bytes() == bundle.data
    assert bundle.cid in await said(capfd, "verify", str(out))
    assert bundle.cid in await said(capfd, "epoch", "show", str(DAY))
    printed = await said(capfd, "epoch", "export", str(DAY))
    assert printed == file.read_text().strip()


async def test_a_file_without_lines_is_not_read_to_its_end(tmp_path, capfd):
    file = tmp_path / "endless"
    with file.open("wb") as endless:
        endless.truncate(2**40)  # takes no space; nobody could hold it
    assert "line 1: it is longer than" in await said(capfd, "epoch", "replay", str(file), code=3)


async def test_a_log_that_is_too_large_for_the_result_lies_beside_it(
    place, api, tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(results, "INLINE_BYTES_MAX", 1000)
    monkeypatch.setattr(results, "ATTACHMENT_BYTES_MAX", 500)
    monkeypatch.setattr(commands.embedded, "status", lambda _home: "running")
    await played(place)
    await settle(place)
    name = await place.owner.fetchval("select result_cid from epochs")
    assert f"epochs.settlement 1  {name}" in await said(capfd, "verify", name)
    file, out = tmp_path / "day.ndjson", tmp_path / "out" / "result.json"
    out.parent.mkdir()
    await said(capfd, "epoch", "export", str(DAY), "--out", str(file))
    await said(capfd, "epoch", "replay", str(file), "--bundle", str(out))
    assert "same" in await said(capfd, "verify", str(out))
    stored = await place.owner.fetch("select cid, kind, bundle from agon.results")
    kept = {row["cid"]: row["bundle"] for row in stored if row["kind"] == "attachment"}
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {
        "result.json": (await api.get(f"/api/results/{name}")).content, **kept,
    }  # fmt: skip
    parts = results.attached_to(results.load(out.read_bytes()))
    assert set(parts) == set(kept) and len(parts) > 1
    answer = await api.get(f"/api/results/{parts[0]}")
    assert answer.content == kept[parts[0]]
    assert answer.headers["content-type"] == "application/octet-stream"
    (out.parent / parts[0]).write_bytes(b"[]")
    assert "attachment_malformed" in await said(capfd, "verify", str(out), code=3)
    (out.parent / parts[0]).unlink()
    assert "same" in await said(capfd, "verify", str(out))  # from the database


async def test_a_day_that_is_still_played_is_not_exported(place, tmp_path, capsys):
    day = await days.live(place, profile(), "ada")
    with pytest.raises(Refused) as error:
        await exported(place)
    assert error.value.refusal.code == "epoch_not_over"
    file = tmp_path / "day.ndjson"
    out = ("epoch", "export", str(DAY), "--out", str(file))
    assert "epoch_not_over" in await said(capsys, *out, code=3)
    assert not file.exists()
    assert "epoch_unknown" in await said(capsys, "epoch", "export", "2026-03-09", code=3)
    assert "day_malformed" in await said(capsys, "epoch", "export", "today", code=3)
    await day.at(FREEZES)
    await day.advance()
    assert len(await exported(place)) == 3
