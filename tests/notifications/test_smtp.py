"""Handing mail to a real mail server: secured, signed in, and when it says no."""

from __future__ import annotations

import asyncio
import socket
from email.headerregistry import Address
from email.message import EmailMessage

import pytest

from agon.commons.notifications import mails
from agon.kernel import smtp
from agon.kernel.errors import Refused
from tests.places import refusal_of
from tests.standins import smtp as standin

LOGIN = "agon%40example.org:p%3Ass%2Fw%40rd@"


def letter(to: str = "ada@example.org") -> EmailMessage:
    message = EmailMessage(policy=mails.FORM)
    message["From"] = Address("Agon", "no-reply", "example.org")
    message["To"] = Address(addr_spec=to)
    message["Subject"] = "Grüße"
    message.set_content("Hello.\n.\nA line with a single dot is above, and ü.\n")
    return message


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A server's certificate that this process trusts."""
    path = standin.certify(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "port", "security"),
        [
            ("smtp://mail.example.org", 587, "starttls"),
            ("smtp://mail.example.org:25?starttls=0", 25, "none"),
            ("smtps://mail.example.org", 465, "tls"),
            ("smtp://127.0.0.1:1025", 1025, "none"),
            ("smtp://[::1]:1025/", 1025, "none"),
            ("smtp://localhost?starttls=1", 587, "starttls"),
        ],
    )
    def test_it_says_where_and_how(self, url, port, security):
        server = smtp.read_url(url)
        assert (server.port, server.security) == (port, security)

    def test_a_password_is_decoded_and_not_shown(self):
        server = smtp.read_url(f"smtps://{LOGIN}mail.example.org")
        assert (server.user, server.password) == (standin.USER, standin.PASSWORD)
        assert standin.PASSWORD not in f"{server!r} {server}"

    @pytest.mark.parametrize(
        "url",
        [
            "http://mail.example.org",
            "smtp://",
            "smtp://mail.example.org:99999",
            "smtp://mail.example.org?starttls=maybe",
            "smtp://mail.example.org?verify=0",
            "smtp://mail.example.org/inbox",
            "smtp://ada:hush@mail.example.org?starttls=0",
        ],
    )
    def test_a_mistake_is_refused_without_repeating_it(self, url):
        with pytest.raises(Refused) as caught:
            smtp.read_url(url)
        assert caught.value.refusal.code == "configuration_wrong"
        assert "hush" not in str(caught.value.refusal.as_json())


class TestDelivery:
    async def test_a_mail_arrives_as_it_was_written(self):
        async with standin.standin() as server:
            await smtp.deliver(smtp.read_url(f"smtp://127.0.0.1:{server.port}"), letter())
        (taken,) = server.taken
        assert (taken.sender, taken.recipients) == ("no-reply@example.org", ["ada@example.org"])
        assert taken.message["Subject"] == "Grüße"
        assert taken.message.get_content().splitlines() == letter().get_content().splitlines()

    @pytest.mark.parametrize(("scheme", "security"), [("smtp", "starttls"), ("smtps", "tls")])
    async def test_a_password_travels_over_verified_tls(self, certificate, scheme, security):
        async with standin.standin(
            security=security, certificate=certificate, wants_login=security == "starttls"
        ) as server:
            url = f"{scheme}://{LOGIN}localhost:{server.port}?starttls=1"
            await smtp.deliver(smtp.read_url(url), letter())
        (taken,) = server.taken
        assert taken.over_tls
        assert taken.user == standin.USER

    @pytest.mark.parametrize(("scheme", "security"), [("smtp", "starttls"), ("smtps", "tls")])
    async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(
        self, tmp_path, scheme, security
    ):
        stranger = standin.certify(tmp_path / "stranger.pem")
        async with standin.standin(security=security, certificate=stranger) as server:
            url = f"{scheme}://{LOGIN}localhost:{server.port}?starttls=1"
            found = await refusal_of(smtp.deliver(smtp.read_url(url), letter()))
        assert found.code == "mail_server_unreachable"
        assert "certificate verify failed" in found.details
        assert server.taken == []

    async def test_a_server_without_starttls_gets_no_mail_where_it_is_asked_for(self):
        async with standin.standin() as server:
            url = f"smtp://127.0.0.1:{server.port}?starttls=1"
            found = await refusal_of(smtp.deliver(smtp.read_url(url), letter()))
        assert (found.code, found.status) == ("mail_server_unreachable", 503)
        assert "STARTTLS" in found.details
        assert server.taken == []

    async def test_a_wrong_password_is_not_the_mails_fault(self, certificate):
        async with standin.standin(
            security="starttls", certificate=certificate, wants_login=True
        ) as server:
            url = f"smtp://{standin.USER.replace('@', '%40')}:wrong@localhost:{server.port}"
            found = await refusal_of(smtp.deliver(smtp.read_url(url + "?starttls=1"), letter()))
        assert (found.code, found.details[:3]) == ("mail_server_login", "535"), found
        assert server.taken == []

    async def test_a_login_that_is_missing_is_not_the_mails_fault(self, certificate):
        async with standin.standin(
            security="starttls", certificate=certificate, wants_login=True
        ) as server:
            at = smtp.read_url(f"smtp://localhost:{server.port}?starttls=1")
            assert (await refusal_of(smtp.deliver(at, letter()))).code == "mail_server_login"

    async def test_a_server_without_auth_is_no_place_for_a_password(self):
        async with standin.standin(offers_login=False) as server:
            at = smtp.read_url(f"smtp://{LOGIN}127.0.0.1:{server.port}")
            found = await refusal_of(smtp.deliver(at, letter()))
        assert found.code == "mail_server_unreachable"
        assert "AUTH" in found.details
        assert server.taken == []

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ("550 5.1.1 no such user", "mail_rejected"),
            ("552 5.3.4 too big", "mail_rejected"),
            ("450 4.2.0 greylisted", "mail_server_busy"),
            ("421 4.3.2 going down", "mail_server_busy"),
            ("530 5.7.0 sign in first", "mail_server_login"),
        ],
    )
    async def test_a_no_says_whether_it_is_for_good(self, command, answer, code):
        async with standin.standin() as server:
            server.order(command, answer)
            at = smtp.read_url(f"smtp://127.0.0.1:{server.port}")
            found = await refusal_of(smtp.deliver(at, letter()))
            assert (found.code, found.details) == (code, answer)
            await smtp.deliver(at, letter())
        assert len(server.taken) == 1

    async def test_no_server_at_all_is_out_of_reach(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        found = await refusal_of(smtp.deliver(smtp.read_url(f"smtp://127.0.0.1:{port}"), letter()))
        assert found.code == "mail_server_unreachable"

    async def test_a_server_that_hangs_is_cut_off(self, monkeypatch):
        monkeypatch.setattr(smtp, "DELIVERY_S_MAX", 0.2)
        async with standin.standin() as server:
            server.delay_s = 1
            at = smtp.read_url(f"smtp://127.0.0.1:{server.port}")
            found = await refusal_of(smtp.deliver(at, letter()))
            assert found.code == "mail_server_unreachable"
            await asyncio.sleep(1.2)  # what would have gone on behind our back is over
        assert server.taken == []

    async def test_what_is_no_mail_server_is_out_of_reach(self):
        async def answer(_reader: object, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            found = await refusal_of(
                smtp.deliver(smtp.read_url(f"smtp://127.0.0.1:{port}"), letter())
            )
        assert found.code in ("mail_server_unreachable", "mail_server_busy")

    async def test_the_doctor_is_told_who_answers(self, certificate):
        async with standin.standin(
            security="starttls", certificate=certificate, wants_login=True
        ) as server:
            url = f"smtp://{LOGIN}localhost:{server.port}?starttls=1"
            said = await smtp.greet(smtp.read_url(url))
        assert said == f"localhost:{server.port} answers (STARTTLS, signed in as {standin.USER})"
        assert server.taken == []
