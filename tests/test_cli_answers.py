"""What the commands answer: verdicts in full, results from anywhere, and refusals that help."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from agon import cli
from agon.challenges import commands
from agon.challenges.records import Source
from agon.kernel import embedded
from agon.kernel.errors import Refusal, Refused
from tests.challenges.drafts import RULE, run_file
from tests.kernel.homes import new_home
from tests.test_cli import SCRIPT, agon, home  # noqa: F401 - a fixture

GAME_RULE = {"version": 1, "metric": "wins", "compare": ">=", "target": 1}
CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
FILES = {"a.gpx": b"<gpx></gpx>", "a.tcx": b"<TrainingCenterDatabase/>", "a.xml": b"<HealthData/>"}


def write(place: Path, name: str, data: bytes | str) -> None:
    (place.parent / name).write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as line:
        yield line.getsockname()[1]


@contextmanager
def web(data: bytes, token: str | None = None):
    """A plain HTTP server on the loopback that gives one document, to who has the token."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = f"Bearer {token}" if token else None
            self.send_response(200 if self.headers.get("Authorization") == wanted else 401)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_verdict_shows_what_each_condition_asked_and_got(home):  # noqa: F811
    done = agon("judge", "run.gpx", "--rule", "rule.json", home=home)
    assert all(word in done.stdout for word in ("asked", "shown", "met", "yes"))
    write(home, "rule.json", json.dumps({**RULE, "target": 50}))
    assert "yes" not in agon("judge", "run.gpx", "--rule", "rule.json", home=home).stdout


def test_a_flag_is_printed_with_its_sentence(capsys):
    flag = {"id": "run 1", "code": "sensor_jumps", "facts": {}}
    code = next(iter(commands.SENTENCES))
    metadata = {"flags": {"count": 3, "first": [{**flag, "code": code}]}}
    commands._print_breakdown(metadata)
    shown = capsys.readouterr().out
    assert f"flag: {commands.SENTENCES[code]} [{code}] run 1" in shown
    assert "2 flags more" in shown
    assert "count" not in shown


def test_a_rule_for_games_has_its_own_judge_whatever_the_files(home):  # noqa: F811
    write(home, "rule.json", json.dumps(GAME_RULE))
    done = agon("judge", "run.gpx", "--rule", "rule.json", "--json", home=home)
    assert done.returncode == 1
    assert json.loads(done.stdout)["evaluator"] == "gaming"


def test_a_rule_that_demands_nothing_is_shown_with_its_mistakes(home):  # noqa: F811
    write(home, "rule.json", '{"version": 1}')
    done = agon("judge", "run.gpx", "--rule", "rule.json", home=home)
    assert done.returncode == 1
    assert "/: " in done.stdout


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.gpx", b"", "evidence_empty"),
        ("notes.txt", b"hello", "evidence_kind_unknown"),
        ("dtd.gpx", b"<?xml version='1.0'?><!DOCTYPE gpx><gpx/>", "evidence_xml_forbidden"),
        ("some.json", b"[]", "provider_missing"),
    ],
)
def test_a_file_that_is_no_evidence_hears_why(home, name, data, code):  # noqa: F811
    write(home, name, data)
    done = agon("judge", name, "--rule", "rule.json", home=home)
    assert (done.returncode, f"[{code}]" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize(
    ("name", "provider"), [*zip(FILES, ("garmin", "garmin", "apple"), strict=True)]
)
def test_a_file_tells_a_provider_that_takes_it(tmp_path, name, provider):
    (tmp_path / name).write_bytes(FILES[name])
    assert commands.guess_provider(tmp_path / name) == provider
    assert Source(provider=provider)


def test_a_provider_may_stand_before_the_file(tmp_path):
    path = tmp_path / "activity.json"
    path.write_text("{}")
    assert commands.split_evidence(Path(f"strava:{path}")) == ("strava", path)
    assert commands.split_evidence(path) == (None, path)
    with pytest.raises(Refused, match="provider_unknown"):
        commands.split_evidence(Path(f"moon:{path}"))


def test_a_result_on_this_machine_is_verified_over_plain_http(home):  # noqa: F811
    agon("judge", "run.gpx", "--rule", "rule.json", "--bundle", "out.json", home=home)
    data = (home.parent / "out.json").read_bytes()
    with web(data, token="abc") as place:
        done = agon("verify", f"http://{place}/out", "--token", "abc", home=home)
        assert done.returncode == 0, done.stderr
        refused = agon("verify", f"http://{place}/out", home=home)
    assert refused.returncode == 3
    assert "--token" in refused.stderr


@pytest.mark.parametrize("place", ["10.0.0.1:8000", "localhost.example:80", "localhost:99999"])
def test_a_plain_or_private_address_elsewhere_is_not_called(home, place):  # noqa: F811
    done = agon("verify", f"http://{place}/results/x", home=home)
    assert done.returncode == 3
    assert "outbound_forbidden_address" in done.stderr


def test_a_cid_without_a_server_starts_none(home):  # noqa: F811
    done = agon("verify", CID, home=home)
    assert done.returncode == 4, done.stderr
    assert "result_unknown" in done.stderr
    assert "hint" in done.stderr
    assert not (home / "pg").exists()


def test_an_impossible_folder_is_refused_in_one_line(home):  # noqa: F811
    done = agon("migrate", "export", "run.gpx/folder", home=home)
    assert (done.returncode, "[file_unusable]" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_taken_port_is_refused_before_anything_starts(home, command):  # noqa: F811
    with taken_port() as port:
        done = agon(command, home=home, AGON_PORT=str(port))
    assert done.returncode == 4
    assert "[port_in_use]" in done.stderr
    assert "AGON_PORT" in done.stderr
    assert "Serving" not in done.stdout
    assert not (home / "pg").exists()


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_is_none_is_a_mistake(home, port):  # noqa: F811
    done = agon("doctor", home=home, AGON_PORT=port)
    assert done.returncode == 2
    assert "AGON_PORT" in done.stderr


def test_the_embedded_server_is_not_stopped_for_another_database(home):  # noqa: F811
    done = agon("db", "stop", home=home, AGON_DATABASE_URL="postgresql://a@127.0.0.1:1/b")
    assert done.returncode == 3
    assert "not_embedded" in done.stderr


def test_the_doctor_names_why_a_database_is_out_of_reach(home):  # noqa: F811
    done = agon(
        "doctor", home=home, AGON_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        AGON_DATABASE_LOGIN_SECRET="x",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "ECONNREFUSED" in done.stdout
    assert "agon doctor" not in done.stdout
    assert "Strava: not configured" in done.stdout
    assert "content folder" in done.stdout


def test_the_doctor_says_that_the_content_folder_takes_nothing(home):  # noqa: F811
    done = agon(
        "doctor", home=home, AGON_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        AGON_DATABASE_LOGIN_SECRET="x", AGON_CONTENT_DIR=str(home.parent / "run.gpx" / "in"),
    )  # fmt: skip
    assert "wrong challenges: content folder" in done.stdout


def test_output_without_a_terminal_is_wide_and_cuts_nothing(home):  # noqa: F811
    for length in (70, 200):
        name = "Q" * length + ".gpx"
        write(home, name, run_file())
        done = agon("judge", name, "--rule", "rule.json", home=home, COLUMNS="60")
        assert done.stdout.count("Q") == length
        assert (name in done.stdout) is (length == 70)


def test_details_for_programs_are_shown_a_line_an_item(capsys):
    twin = {"what": "run of 2026-11-02", "start_ms": 0, "file": None}
    details = json.dumps([{"rule": "same_file", "twin": twin}, {"rule": "overlap"}])
    cli._report(Refusal(code="evidence_counted_already", message="Twice.", details=details))
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:] == [
        "  rule same_file; twin: what run of 2026-11-02, start 1970-01-01T00:00:00Z",
        "  rule overlap",
    ]


def test_details_in_words_stay_as_they_are(capsys):
    cli._report(Refusal(code="x", message="No.", details="12 of 3\n[unfinished"))
    assert capsys.readouterr().err.splitlines()[1:] == ["  12 of 3", "  [unfinished"]


@pytest.mark.skipif("os.environ.get('AGON_TEST_PG_BIN')", reason="is about the embedded server")
class TestServer:
    def test_a_database_that_is_not_migrated_is_said_to_be(self, fresh):
        done = agon("verify", CID, home=fresh)
        assert done.returncode == 4
        assert "not migrated" in done.stderr
        done = agon("chain", "status", home=fresh)
        assert done.returncode == 4
        assert "[not_migrated]" in done.stderr
        assert "`agon migrate`" in done.stderr

    def test_it_serves_where_it_says_and_ends_on_ctrl_c(self, fresh):
        with taken_port() as port:
            pass
        with serving(fresh, port) as process:
            line = process.stdout.readline()
            while "Serving" not in line:
                assert line, "it ended"
                line = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in line
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"GET /openapi.json HTTP/1.0\r\n\r\n")
                assert client.recv(12) == b"HTTP/1.1 200"
            second = agon("serve", home=fresh, AGON_PORT=str(port))
            assert (second.returncode, "[port_in_use]" in second.stderr) == (4, True)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
        done = agon("verify", CID, home=fresh)
        assert (done.returncode, "No result" in done.stderr) == (3, True)

    def test_stopping_says_who_starts_it_again(self, fresh):
        assert "starts it again" in agon("db", "stop", home=fresh).stdout


@pytest.fixture(scope="module")
def fresh():
    """A home whose server runs, and holds nothing yet."""
    with new_home() as place:
        embedded.start(place)
        yield place


@contextmanager
def serving(place: Path, port: int):
    environment = {**os.environ, "AGON_HOME": str(place), "AGON_PORT": str(port)}
    with subprocess.Popen(
        [str(SCRIPT), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**environment, "PYTHONUNBUFFERED": "1"}, cwd=place.parent,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
