"""Logins over TCP: TLS as the URL asks for it, and a password that is never sent."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from agon.kernel.errors import Refused
from agon.rest import wire
from agon.rest.wire_login import LoginRefused
from agon.rest.wire_messages import PostgresError, Step
from agon.rest.wire_sockets import TlsRefused
from tests.rest import clusters

pytestmark = pytest.mark.skipif(
    clusters.programs() is None,
    reason="needs Debian's postgresql-15, or AGON_TEST_PG_BIN; the embedded Postgres does no TLS",
)
IS_TLS = Step(None, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")


@pytest.fixture(scope="module")
def secure():
    with clusters.running(tls=True) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def bare():
    """A server that does no TLS."""
    with clusters.running(tls=False) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)


async def opened(url):
    conn = await wire.connect(url, settings={}, timeout_s=10)
    try:
        return (await conn.run([IS_TLS]))[0].rows == [[b"t"]]
    finally:
        conn.close()


@pytest.mark.parametrize(
    ("query", "host"),
    [
        ("", "localhost"), ("sslmode=prefer", "127.0.0.1"), ("sslmode=require", "127.0.0.1"),
        ("sslmode=verify-ca&sslrootcert={root}", "127.0.0.1"),
        ("sslmode=verify-full&sslrootcert={root}", "localhost"),
        ("sslmode=require&sslrootcert={root}", "127.0.0.1"),
    ],
)  # fmt: skip
async def test_tls_is_used_where_it_can_be(secure, query, host):
    assert await opened(secure.url("scram", query.format(root=secure.root), host=host))


async def test_tls_is_left_out_where_the_url_says_so(secure, bare):
    assert not await opened(secure.url("scram", "sslmode=disable"))
    assert not await opened(secure.url("plain", "sslmode=disable"))
    assert not await opened(bare.url("scram", "sslmode=prefer"))


async def test_a_name_that_does_not_fit_is_refused(secure):
    query = f"sslmode=verify-full&sslrootcert={secure.root}"
    with pytest.raises(ssl.SSLCertVerificationError):
        await opened(secure.url("scram", query, host="127.0.0.1"))


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_certificate_of_somebody_else_is_refused(secure, bare, mode):
    query = f"sslmode={mode}&sslrootcert={bare.root}"
    with pytest.raises(ssl.SSLCertVerificationError):
        await opened(secure.url("scram", query))


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_verifying_needs_something_to_verify_against(secure, mode):
    with pytest.raises(Refused, match="database_url_malformed"):
        await opened(secure.url("scram", f"sslmode={mode}"))


async def test_a_public_authoritys_certificate_has_to_fit_the_name(secure):
    with pytest.raises(ssl.SSLCertVerificationError):
        await opened(secure.url("scram", "sslmode=verify-ca&sslrootcert=system"))


@pytest.mark.parametrize("mode", ["require", "verify-full&sslrootcert={root}"])
async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(bare, mode):
    with pytest.raises(TlsRefused):
        await opened(bare.url("scram", "sslmode=" + mode.format(root=bare.root)))


async def test_a_word_in_clear_before_tls_is_refused():
    async def speak(reader, writer):
        await reader.readexactly(8)
        writer.write(b"S" + b"E\0\0\0\x08Cxx")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TlsRefused):
            await opened(f"postgresql://me@127.0.0.1:{port}/d?sslmode=require")


async def test_a_statement_over_tls_can_be_cancelled(secure):
    conn = await wire.connect(secure.url("scram", ""), settings={}, timeout_s=10)
    task = asyncio.create_task(conn.run([Step(None, "select pg_sleep(60)")]))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    assert (await conn.run([IS_TLS]))[0].rows == [[b"t"]]
    conn.close()


async def test_a_large_answer_comes_whole_over_tls(secure):
    conn = await wire.connect(secure.url("scram", ""), settings={}, timeout_s=10)
    text = b"0123456789" * 300_000
    assert (await conn.run([Step(None, "select $1::text", (text,))]))[0].rows == [[text]]
    conn.close()


async def test_a_wrong_password_is_refused(bare):
    with pytest.raises(PostgresError, match="28P01"):
        await opened(bare.url("scram", "", word="wrong"))
    with pytest.raises(LoginRefused, match="the URL has none"):
        await opened(bare.url("scram", "", word=""))
    with pytest.raises(PostgresError, match="28000"):
        await opened(bare.url("nobody", ""))


@pytest.mark.parametrize("word", [clusters.ODD_PASSWORD, "IX jude"])
async def test_a_password_is_prepared_as_postgres_does(bare, word):
    assert await opened(bare.url("odd", "", word=word)) is False


@pytest.mark.parametrize(("login", "why"), [("md5er", "MD5"), ("clear", "in clear")])
async def test_a_password_is_not_sent(bare, login, why):
    with pytest.raises(LoginRefused, match=why):
        await opened(bare.url(login, ""))


async def test_who_is_trusted_needs_no_password(bare):
    assert await opened(bare.url("trusted", "", word="")) is False


async def test_the_next_host_is_tried_where_one_does_not_answer(bare):
    url = bare.url("scram", "").replace(
        f"localhost:{bare.port}", f"127.0.0.1:{clusters.free_port()},127.0.0.1:{bare.port}"
    )
    assert await opened(url) is False
