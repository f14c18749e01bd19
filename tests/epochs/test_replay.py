"""Replay: a day from a file, from any source."""

import json
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings

from agon.epochs import event_log, replaying, settlement
from agon.kernel import results
from agon.kernel.errors import Refused
from tests.epochs.logs import EPOCH, OWNERS, Host, S, bot, hosts, profile
from tests.epochs.test_settlement import KINDS, busy_day

HEAD = {"epoch": EPOCH, "profile": profile(), "owners": OWNERS, "pool_wei": "1000"}


def lines_of(events, head=HEAD):
    return [json.dumps(each).encode() + b"\n" for each in (head, *events)]


@settings(max_examples=30, deadline=None)
@given(hosts())
def test_a_replay_is_the_settlement_of_the_tables(host):
    tables = settlement.bundle(event_log.read(host.events), EPOCH, OWNERS, "1000", profile())
    lines = lines_of(host.events)
    events = lines[1:]
    random.Random(2).shuffle(events)
    day = replaying.read([lines[0], *events])
    assert day.bundle() == tables
    assert day.settled() == tables.output


def test_owners_of_bots_that_are_not_in_the_log_leave_no_trace():
    others = {**OWNERS, bot(77): None}
    found = replaying.read(lines_of(busy_day().events, {**HEAD, "owners": others})).bundle()
    assert found.cid == replaying.read(lines_of(busy_day().events)).bundle().cid


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[1]", "not one JSON object"),
        (b"{} {}", "not one JSON object"),
        (b"\xff{}", "decode"),
        (b"[" * 60_000, "nested too deep"),
        (b'{"x":"' + b"y" * 70_000 + b'"}', "longer than"),
        (b"{}", "type is missing"),
        (b'{"type":"slot_stolen"}', "'slot_stolen' is not known"),
        (b'{"type":["x"]}', "unhashable"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(line, says):
    lines = lines_of(busy_day().events)
    lines[3] = line
    with pytest.raises(Refused, match="line_malformed") as refused:
        replaying.read(lines)
    assert refused.value.refusal.details.startswith("line 4: ")
    assert says in refused.value.refusal.details


@pytest.mark.parametrize(
    ("place", "change", "says"),
    [
        (1, {"seq": "1"}, "integers"),
        (1, {"seq": 1.0}, "integers"),
        (1, {"seq": True}, "integers"),
        (1, {"seq": 2**63}, "int"),
        (1, {"slot": None}, "integers"),
        (1, {"bot": None}, "string"),
        (1, {"bot": bot(0xA).upper()}, "another form"),
        (2, {"data": None}, "NoneType"),
        (4, {"data": {}}, "from is missing"),
        (7, {"wallet": "0x1"}, "another form"),
        (7, {"data": {"target_type": "bot", "target_id": "x", "score": "0.5000"}}, "another form"),
        (7, {"data": {"target_type": "mood", "target_id": "x", "score": "0.5000"}}, "not known"),
        (7, {"data": {"target_type": "key", "target_id": "", "score": "0.5000"}}, "no name"),
        (7, {"data": {"target_type": "key", "target_id": "C", "score": "1.0001"}}, "score"),
        (7, {"data": {"target_type": "key", "target_id": "C", "score": "0.5"}}, "score"),
        (7, {"data": {"target_type": "key", "target_id": "C", "score": 0.5}}, "string"),
    ],
)
def test_a_malformed_event_is_refused_with_its_line(place, change, says):
    events = busy_day().events
    kinds = {1: "slot_claimed", 2: "slot_claimed", 4: "slot_overwritten", 7: "vote_cast"}
    index = place - 1
    assert events[index]["type"] == kinds[place]
    if place == 2:
        events[index]["type"] = "slot_attacked"
    events[index] |= change
    with pytest.raises(Refused, match="line_malformed") as refused:
        replaying.read(lines_of(events))
    assert refused.value.refusal.details.startswith(f"line {place + 1}: ")
    assert says in refused.value.refusal.details


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({}, "line_malformed"),
        ({**HEAD, "more": 1}, "line_malformed"),
        ({**HEAD, "pool_wei": 1000}, "line_malformed"),
        ({**HEAD, "owners": []}, "line_malformed"),
        ({**HEAD, "profile": {}}, "profile_malformed"),
        ({**HEAD, "epoch": {}}, "epoch_malformed"),
    ],
)
def test_a_malformed_first_line_is_refused(head, code):
    with pytest.raises(Refused, match=code):
        replaying.read(lines_of([], head)).bundle()


def test_an_empty_file_is_refused():
    with pytest.raises(Refused, match="line_malformed") as refused:
        replaying.read([])
    assert "line 1" in refused.value.refusal.details


@pytest.mark.parametrize("owners", [{bot(0): 5}, {bot(0): "0xABC"}])
def test_owners_of_another_form_are_refused(owners):
    day = replaying.read(lines_of(busy_day().events, {**HEAD, "owners": owners}))
    with pytest.raises(Refused, match="epoch_malformed"):
        day.settled()


def test_an_event_that_contradicts_another_is_refused_with_its_seq():
    host = Host().take(S, 0).take(S + 10, 2)
    del host.events[0]
    with pytest.raises(Refused, match="log_malformed") as refused:
        replaying.read(lines_of(host.events)).settled()
    assert "seq 3" in refused.value.refusal.details


RUN = """
import os, typer
from agon.epochs import replay_commands, settlement
settlement.BUNDLED_EVENTS_MAX = int(os.environ.get("EVENTS_MAX", "1000"))
app = typer.Typer()
app.command()(replay_commands.replay)
app()
"""


def replay(*arguments, **environ):
    environment = {"COLUMNS": "200", "PYTHONPATH": ":".join(sys.path), **environ}
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_the_command_prints_a_table_that_adds_up_and_the_result(tmp_path):
    file, out = tmp_path / "day.ndjson", tmp_path / "result.json"
    file.write_bytes(b"".join(lines_of(busy_day().events)))
    done = replay(file, "--bundle", out)
    assert done.returncode == 0, done.stderr
    verification = results.verify(out.read_bytes(), KINDS)
    assert verification.ok
    assert verification.cid in done.stdout
    total = next(line for line in done.stdout.splitlines() if "total" in line)
    assert total.split() == ["total", "20.000", "4", "2.000", "2", "cast", "10000", "1000"]


def test_the_command_says_that_nobody_is_paid(tmp_path):
    file = tmp_path / "day.ndjson"
    file.write_bytes(b"".join(lines_of([])))
    assert "Nobody contributed" in replay(file).stdout


def test_a_day_too_large_for_a_bundle_is_settled_without_one(tmp_path):
    file, out = tmp_path / "day.ndjson", tmp_path / "result.json"
    file.write_bytes(b"".join(lines_of(busy_day().events)))
    done = replay(file, EVENTS_MAX="3")
    assert done.returncode == 0, done.stderr
    assert "8 events are too many" in done.stdout
    refused = replay(file, "--bundle", out, EVENTS_MAX="3")
    assert "result_large" in refused.stderr
    assert not out.exists()
