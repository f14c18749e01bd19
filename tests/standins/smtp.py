"""A mail server (RFC 5321) with STARTTLS or TLS, AUTH and answers to order."""

from __future__ import annotations

import asyncio
import datetime
import email
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

USER, PASSWORD = "agon@example.org", "p:ss/w@rd"
CERTIFIED_FROM = datetime.datetime(2020, 1, 1)
CERTIFIED_UNTIL = datetime.datetime(2120, 1, 1)

Act = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A mail that came in."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    over_tls: bool
    user: str | None


@dataclass(kw_only=True)
class MailServer:
    """A running mail server. orders: (command, answer) pairs, each for the next such command."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    after_data: Act | None = None
    delay_s: float = 0
    conversations: int = 0

    def order(self, command: Literal["MAIL", "RCPT", "DATA"], answer: str, times: int = 1) -> None:
        """Answer the next such command so, as in `450 4.2.0 greylisted`."""
        self.orders += [(command, answer)] * times

    def _ordered(self, command: str) -> str | None:
        found = next((order for order in self.orders if order[0] == command), None)
        if found:
            self.orders.remove(found)
        return found[1] if found else None

    # What aiosmtpd calls, by these names.

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        self.conversations += 1
        session.host_name = hostname  # type: ignore[attr-defined]
        await asyncio.sleep(self.delay_s)
        return answers

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._ordered("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._ordered("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if answer := self._ordered("DATA"):
            return answer
        message = email.message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        user = session.auth_data.login.decode() if session.auth_data else None
        self.taken.append(
            Taken(
                sender=envelope.mail_from, recipients=list(envelope.rcpt_tos), message=message,
                over_tls=session.ssl is not None or server.transport.get_extra_info("sslcontext")
                is not None, user=user,
            )
        )  # fmt: skip
        if self.after_data:
            await self.after_data()
        return "250 Message accepted"

    def authenticate(self, *given: Any) -> AuthResult:
        """Takes one user's password."""
        data = given[-1]
        good = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=data == good, handled=False, auth_data=data)


@asynccontextmanager
async def standin(
    *,
    security: Literal["tls", "starttls", "none"] = "none",
    certificate: Path | None = None,
    wants_login: bool = False,
    offers_login: bool = True,
) -> AsyncIterator[MailServer]:
    """A mail server on a free port of 127.0.0.1. certificate: see `certify`."""
    running = MailServer()
    context = None
    if security != "none":
        assert certificate is not None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)

    def converse() -> SMTP:
        return SMTP(
            running,
            hostname="mail.example.org",
            enable_SMTPUTF8=True,
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            auth_required=wants_login,
            auth_require_tls=security == "starttls" or not offers_login,
            authenticator=running.authenticate,
        )

    loop = asyncio.get_running_loop()
    at = await loop.create_server(
        converse, "127.0.0.1", 0, ssl=context if security == "tls" else None
    )
    running.port = at.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        at.close()
        await at.wait_closed()


def certify(path: Path) -> Path:
    """Write a key with its own certificate for localhost and 127.0.0.1, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(CERTIFIED_FROM)
        .not_valid_after(CERTIFIED_UNTIL)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path
