"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.challenges.drafts import RULE, run_file
from tests.places import wallet

SCRIPT = Path(sys.executable).with_name("agon")


def agon(*arguments: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `agon`; Rich writes plain text, wide enough for whole lines."""
    environment = {**os.environ, "AGON_HOME": str(home), "COLUMNS": "200", **environ}
    return subprocess.run(
        [str(SCRIPT), *arguments], capture_output=True, text=True, env=environment, cwd=home.parent
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run.gpx").write_bytes(run_file())
    (tmp_path / "rule.json").write_text(json.dumps(RULE))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A home with a server of its own, migrated by the command."""
    from tests.kernel.homes import new_home

    with new_home() as home:
        assert agon("migrate", home=home).returncode == 0
        yield home
        agon("db", "stop", home=home)


def test_a_file_is_judged_without_a_server(home):
    done = agon("judge", "run.gpx", "--rule", "rule.json", "--bundle", "out.json", home=home)
    assert done.returncode == 0, done.stderr
    assert "pass" in done.stdout
    assert not (home / "pg").exists()
    verified = agon("verify", "out.json", home=home)
    assert verified.returncode == 0
    assert "same" in verified.stdout


def test_a_failing_verdict_exits_with_1_and_says_why(home):
    (home.parent / "rule.json").write_text(json.dumps({**RULE, "target": 50}))
    done = agon("judge", "run.gpx", "--rule", "rule.json", "--json", home=home)
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["pass"] is False
    assert verdict["reasons"]


def test_a_changed_bundle_differs_with_a_pointer(home):
    agon("judge", "run.gpx", "--rule", "rule.json", "--bundle", "out.json", home=home)
    path = home.parent / "out.json"
    path.write_text(path.read_text().replace('"pass":true', '"pass":false'))
    done = agon("verify", "out.json", home=home)
    assert done.returncode == 1
    assert "/pass" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("judge", "run.gpx", "--rule", "absent.json"), "file_missing", 3),
        (("judge", "absent.gpx", "--rule", "rule.json"), "file_missing", 3),
        (("judge", "rule.json", "--rule", "rule.json"), "provider_missing", 3),
        (("judge", "run.gpx", "--rule", "run.gpx"), "invalid_rule", 3),
        (("verify", "no-such-thing"), "result_unknown", 3),
        (("token", "--role", "king"), "role_unknown", 3),
        (("token",), "wallet_missing", 3),
        (("token", "--wallet", "0x1"), "wallet_malformed", 3),
    ],
)
def test_a_refusal_is_one_line_with_a_hint(home, arguments, code, exit_code):
    done = agon(*arguments, home=home)
    assert done.returncode == exit_code, done.stderr
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_lists_every_mistake(home):
    done = agon("doctor", home=home, AGON_PORT="many", AGON_LOG_LEVEL="loud")
    assert done.returncode == 2
    assert "AGON_PORT" in done.stderr
    assert "AGON_LOG_LEVEL" in done.stderr


def test_an_unreachable_database_exits_with_4(home):
    done = agon(
        "migrate", home=home, AGON_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        AGON_DATABASE_LOGIN_SECRET="x",
    )  # fmt: skip
    assert done.returncode == 4
    assert "database_unreachable" in done.stderr


@pytest.mark.skipif("os.environ.get('AGON_TEST_PG_BIN')", reason="is about the embedded server")
class TestInstalled:
    def test_the_doctor_is_content(self, installed):
        done = agon("doctor", home=installed)
        assert done.returncode == 0, done.stdout
        assert "Postgres 18" in done.stdout

    def test_every_file_is_applied(self, installed):
        done = agon("migrate", "status", home=installed)
        assert done.returncode == 0
        assert "pending" not in done.stdout

    def test_a_secret_can_be_sealed_before_any_worker_ran(self, installed):
        key = installed.parent / "key"
        key.write_text("5a" * 32)
        words = ("chain", "signer", "add", "--key-file", str(key), "--chain", "31337")
        done = agon(*words, home=installed)
        assert done.returncode == 0, done.stderr
        assert "(key, chain 31337): active" in done.stdout

    def test_the_database_url_works_for_psql(self, installed):
        assert agon("db", "url", home=installed).stdout.startswith("postgresql://agon_owner:")
        done = agon("db", "psql", "--", "-Atc", "select count(*) > 0 from models", home=installed)
        assert done.stdout.strip() == "t", done.stderr

    def test_a_token_links_its_wallet(self, installed):
        token = agon("token", "--wallet", wallet("cli"), home=installed).stdout.strip()
        assert token.count(".") == 2
        statement = f"select count(*) from agon.user_wallets where address = '{wallet('cli')}'"
        done = agon("db", "psql", "--", "-Atc", statement, home=installed)
        assert done.stdout.strip() == "1"

    def test_a_submission_to_no_challenge_is_refused(self, installed):
        path = installed.parent / "run.gpx"
        path.write_bytes(run_file())
        done = agon(
            "submit", str(path), "--challenge", "5", "--subject", wallet("cli"), home=installed
        )
        assert done.returncode == 3
        assert "challenge_unknown" in done.stderr

    def test_the_demonstration_ends_in_verified_results(self, installed):
        mine = installed.parent / "mine.gpx"
        mine.write_bytes(run_file())
        done = agon("run", "--once", "--evidence", str(mine), home=installed)
        assert done.returncode == 0, done.stderr
        assert "Your own files" in done.stdout
        assert done.stdout.count("same") >= 12
        assert "differs" not in done.stdout
