"""Answers are read alike however their bytes arrive; what is no protocol ends the connection."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.kernel.errors import Refused
from agon.rest import wire, wire_address, wire_answers
from agon.rest.wire_answers import Answers, ProtocolBroken
from agon.rest.wire_messages import Result, Step


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def row(columns) -> bytes:
    parts = [struct.pack("!h", len(columns))]
    for value in columns:
        parts.append(struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)))
        parts.append(value or b"")
    return message(b"D", b"".join(parts))


def spoken(results, error: bytes = b"") -> bytes:
    """What Postgres says to a pipeline that brings these results, and then perhaps an error."""
    parts = []
    for result in results:
        parts += [message(b"1", b""), message(b"2", b""), *map(row, result.rows)]
        parts += [message(b"N", b"SNOTICE\0\0"), message(b"C", result.tag + b"\0")]
    if error:
        parts.append(message(b"E", b"SERROR\0C" + error + b"\0Mno\0\0"))
    return b"".join([*parts, message(b"3", b""), message(b"Z", b"I")])


values = st.none() | st.binary(max_size=40)
results = st.lists(
    st.builds(
        Result,
        st.lists(st.lists(values, max_size=4), max_size=5),
        st.sampled_from([b"SELECT 1", b"INSERT 0 1", b"BEGIN"]),
    ),
    max_size=5,
)


@given(results, st.sampled_from([b"", b"22012"]), st.data())
def test_any_pieces_give_the_same_answers(wanted, error, data):
    stream = spoken(wanted, error)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    answers = Answers()
    answers.expect([Step("a", "")] * len(wanted))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    looks = [answers.feed(piece) for piece in pieces if piece]
    assert looks == [False] * (len(looks) - 1) + [True]
    assert answers.results == wanted
    assert answers.parsed == len(wanted)
    assert answers.status == wire_answers.IDLE
    assert (answers.fault.sqlstate.encode() if answers.fault else b"") == error
    assert not answers.fault or answers.fault.step == len(wanted)


def test_a_byte_at_a_time_is_enough():
    stream = spoken([Result([[b"a", None]], b"SELECT 1")])
    answers = Answers()
    answers.expect([Step("a", "")])
    assert [answers.feed(stream[at : at + 1]) for at in range(len(stream))].count(True) == 1
    assert answers.results == [Result([[b"a", None]], b"SELECT 1")]


def test_rows_that_nobody_wants_are_not_kept():
    answers = Answers()
    answers.expect([Step("", "", (), False), Step("a", "")])
    answers.feed(spoken([Result([[b"x"]], b"SELECT 1"), Result([[b"y"]], b"SELECT 1")]))
    assert [result.rows for result in answers.results] == [[], [[b"y"]]]


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_bytes_surprise_the_reader(pieces):
    answers = Answers()
    answers.expect([Step("a", "")])
    try:
        for piece in pieces:
            answers.feed(piece)
    except (ProtocolBroken, Refused) as error:
        assert str(error)


@given(st.binary(max_size=60), st.sampled_from(b"DCEZRKIN"))
def test_no_body_surprises_the_reader(body, kind):
    answers = Answers()
    answers.expect([Step("a", "")])
    try:
        assert answers.feed(message(bytes([kind]), body)) in (True, False)
    except ProtocolBroken as error:
        assert str(error)


HOSTILE = {
    "a length below its own size": b"D\0\0\0\x03",
    "no length": b"D\0\0\0\0",
    "a column longer than its row": message(b"D", b"\0\1\0\0\0\x09ab"),
    "a row longer than its columns": message(b"D", b"\0\1\0\0\0\1abc"),
    "more columns than there are": message(b"D", b"\x7f\xff\0\0\0\1a"),
    "half a column's length": message(b"D", b"\0\1\0\0"),
    "a row without a count": message(b"D", b""),
    "copy": message(b"H", b"\0\0\0"),
    "an unknown kind": message(b"?", b""),
    "readiness without a state": message(b"Z", b""),
}
OVERSIZED = {
    "a length of 2 GiB": b"D\x7f\xff\xff\xff",
    "a length of 4 GiB": b"D\xff\xff\xff\xff",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(data):
    answers = Answers()
    answers.expect([Step("a", "")])
    with pytest.raises(ProtocolBroken):
        answers.feed(data + spoken([]))


@pytest.mark.parametrize("data", OVERSIZED.values(), ids=OVERSIZED)
def test_an_oversized_length_is_refused_before_its_bytes_come(data):
    answers = Answers()
    answers.expect([Step("a", "")])
    with pytest.raises(Refused, match="response_too_large"):
        answers.feed(data)


async def served(folder, *said: bytes):
    """The path of a socket at which a peer says these bytes, one for each write that it hears."""

    async def speak(reader, writer):
        for words in said:
            await reader.read(65_536)
            writer.write(words)
            await writer.drain()
        await reader.read()
        writer.close()

    return await asyncio.start_unix_server(speak, path=str(folder / ".s.PGSQL.5432"))


WELCOME = message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\1\0\0\0\2") + message(b"Z", b"I")


@pytest.mark.parametrize("data", [*HOSTILE.values(), *OVERSIZED.values()])
async def test_a_hostile_peer_costs_its_connection(tmp_path, data):
    async with await served(tmp_path, WELCOME, data):
        url = f"postgresql://somebody@/d?host={tmp_path}"
        conn = await wire.connect(url, settings={}, timeout_s=5)
        with pytest.raises((ProtocolBroken, Refused)):
            await conn.run([Step("a", "select 1")])
        assert conn.closed
        with pytest.raises(wire.ConnectionLost):
            await conn.run([Step("a", "select 1")])


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_peer_is_not_logged_in_to(tmp_path, data):
    async with await served(tmp_path, data):
        with pytest.raises(ProtocolBroken):
            await wire.connect(f"postgresql://me@/d?host={tmp_path}", settings={}, timeout_s=5)


async def test_a_silent_peer_is_given_up(tmp_path):
    async with await served(tmp_path, b""):
        with pytest.raises(TimeoutError):
            await wire.connect(f"postgresql://me@/d?host={tmp_path}", settings={}, timeout_s=0.1)


@pytest.mark.parametrize(
    ("demand", "why"),
    [
        (b"\0\0\0\3", "in clear"),
        (b"\0\0\0\5salt", "MD5"),
        (b"\0\0\0\7", "kind 7"),
        (b"\0\0\0\x0aSCRAM-SHA-1\0\0", "does not offer"),
        (b"\0\0\0\x0br=x", "not begun"),
        (b"\0\0\0\x0cv=x", "not given"),
    ],
)
async def test_a_password_is_not_given_to_who_asks_wrongly(tmp_path, demand, why):
    async with await served(tmp_path, message(b"R", demand)):
        url = f"postgresql://me:secret@/d?host={tmp_path}"
        with pytest.raises(ConnectionError, match=why):
            await wire.connect(url, settings={}, timeout_s=5)


async def test_a_peer_that_skips_its_own_proof_is_refused(tmp_path):
    offer = message(b"R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    async with await served(tmp_path, offer, WELCOME):
        url = f"postgresql://me:secret@/d?host={tmp_path}"
        with pytest.raises(ConnectionError, match="without having proved"):
            await wire.connect(url, settings={}, timeout_s=5)


def test_a_url_is_read_as_asyncpg_reads_it(monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    read = wire_address.read("postgresql://u%40x:p%2Fw@/d?host=%2Ftmp%2Fa%20b&port=6000")
    assert (read.places, read.user, read.password) == (("/tmp/a b/.s.PGSQL.6000",), "u@x", "p/w")
    assert (read.database, read.mode, read.tls) == ("d", "disable", None)
    read = wire_address.read("postgres://u@h1,[::1]:7000/d?sslmode=disable&application_name=me")
    assert read.places == (("h1", 5432), ("::1", 7000))
    assert (read.password, read.settings) == (None, {"application_name": "me"})
    read = wire_address.read("postgresql://u@%2Fvar%2Frun/")
    assert (read.places, read.database) == (("/var/run/.s.PGSQL.5432",), "u")
    assert wire_address.read("postgresql://u@h/d").mode == "prefer"
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert wire_address.read("postgresql://u@/d").places == (("elsewhere", 5432),)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u@h/d", "postgresql:///d", "postgresql://u@h:x/d", "postgresql://u@h/d?port=1,2",
        "postgresql://u@h/d?sslmode=maybe", "postgresql://u@h/d?channel_binding=require",
        "postgresql://u@h/d?sslrootcert=/nowhere/root.crt&sslmode=verify-full",
        "postgresql://u@h/d?sslcrl=/some/file", "postgresql://u@h/d?target_session_attrs=primary",
    ],
)  # fmt: skip
def test_a_url_that_asks_for_what_we_do_not_do_is_refused(url, monkeypatch):
    monkeypatch.delenv("PGUSER", raising=False)
    with pytest.raises(Refused, match="database_url_malformed"):
        wire_address.read(url)
