"""Handing mail to a mail server (RFC 5321): verified TLS, a login, bounded times.

The mail server is named by the operator, so it may stand on a private network. A password goes
over TLS only, save to this machine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from agon.kernel import logs
from agon.kernel.errors import Refused, refuse

CONNECT_S_MAX = 10
ANSWER_S_MAX = 20
"""Of one answer of the server."""
DELIVERY_S_MAX = 60
"""Of a whole conversation."""
REASON_CHARS_MAX = 300

LOGIN_CODES = (530, 534, 535, 538)
"""Of RFC 4954: the operator has to mend our login, and the mail can wait for that."""
REJECTED = "mail_rejected"
"""The code of a refusal that no later attempt changes."""

Security = Literal["tls", "starttls", "none"]

log = logs.get("agon.smtp")


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where mail is handed in, and who we are there."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def read_url(url: str) -> Server:
    """`smtp://USER:PASSWORD@HOST:587` (STARTTLS unless `?starttls=0`) or `smtps://…`.

    On this machine smtp needs no STARTTLS unless `?starttls=1` says so. Raises Refused
    `configuration_wrong`, which does not repeat the URL.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    asked = query.pop("starttls", None)
    try:
        port = parts.port
    except ValueError as error:
        raise _url_wrong("its port is no port") from error
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise _url_wrong("it is not smtp://HOST or smtps://HOST")
    if query or parts.path not in ("", "/") or parts.fragment or asked not in (None, "0", "1"):
        raise _url_wrong("behind the host only ?starttls=0 or ?starttls=1 may stand")
    is_local = _is_local(parts.hostname)
    security = _security(parts.scheme, asked, is_local)
    user = unquote(parts.username) if parts.username else None
    if user and security == "none" and not is_local:
        raise _url_wrong("a password may not travel without TLS")
    return Server(
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587),
        security=security,
        user=user,
        password=unquote(parts.password or "") if user else None,
    )


async def deliver(server: Server, message: EmailMessage) -> None:
    """Hand in one message, to the one address of its To.

    Raises Refused: `mail_rejected` for good (5xx), `mail_server_busy` (4xx),
    `mail_server_login`, `mail_server_unreachable`.
    """
    sender = message["From"].addresses[0].addr_spec
    recipient = message["To"].addresses[0].addr_spec

    def hand_in(client: smtplib.SMTP) -> None:
        client.send_message(message, sender, [recipient])

    await _converse(server, hand_in)


async def greet(server: Server) -> str:
    """Connect, greet and sign in, for the doctor. Returns what is found. Refused as `deliver`."""
    await _converse(server, lambda client: None)
    secured = {"tls": "TLS", "starttls": "STARTTLS", "none": "without TLS"}[server.security]
    who = f", signed in as {server.user}" if server.user else ""
    return f"{server} answers ({secured}{who})"


async def _converse(server: Server, act: Callable[[smtplib.SMTP], None]) -> None:
    """Do something in one conversation, in a thread; after DELIVERY_S_MAX it is cut."""
    # The name stands in for one that smtplib would ask the resolver for; `_connect` sets ours.
    client = smtplib.SMTP(local_hostname="localhost", timeout=ANSWER_S_MAX)
    is_cut = threading.Event()
    try:
        async with asyncio.timeout(DELIVERY_S_MAX):
            await asyncio.to_thread(_speak, server, client, act, is_cut)
    except (smtplib.SMTPException, OSError, TimeoutError) as error:
        raise _refusal_of(server, error) from error
    finally:
        is_cut.set()
        _cut(client)


def _speak(
    server: Server,
    client: smtplib.SMTP,
    act: Callable[[smtplib.SMTP], None],
    is_cut: threading.Event,
) -> None:
    """The conversation: connect, secure, greet, sign in, act, part."""
    _connect(server, client)
    client.ehlo_or_helo_if_needed()
    if server.security == "starttls":
        _start_tls(server, client)
        client.ehlo()
    if server.user:
        if not client.has_extn("auth"):
            raise smtplib.SMTPException("the server offers no AUTH")
        client.login(server.user, server.password or "")
    if is_cut.is_set():  # nobody waits any more, and somebody else may be at it
        raise smtplib.SMTPServerDisconnected("too late")
    act(client)
    try:
        client.quit()
    except (smtplib.SMTPException, OSError) as error:
        # The server has taken the mail; how it says goodbye changes nothing.
        log.debug("smtp.quit", server=str(server), why=str(error))


def _connect(server: Server, client: smtplib.SMTP) -> None:
    """As `SMTP.connect`, with the socket in the client before the first byte, so that it can be
    cut from outside."""
    sock = socket.create_connection((server.host, server.port), CONNECT_S_MAX)
    sock.settimeout(ANSWER_S_MAX)
    client.sock = sock
    kind = "IPv6:" if sock.family == socket.AF_INET6 else ""
    client.local_hostname = f"[{kind}{sock.getsockname()[0]}]"
    if server.security == "tls":
        client.sock = _wrap(server, sock)
    code, reason = client.getreply()
    if code != 220:
        raise smtplib.SMTPConnectError(code, reason)


def _start_tls(server: Server, client: smtplib.SMTP) -> None:
    """STARTTLS or nothing: a server that does not offer it gets neither mail nor password."""
    code, reason = client.docmd("STARTTLS")
    if code != 220:
        # Not for good: it is the server's way of being set up, and not this mail.
        raise smtplib.SMTPException(f"STARTTLS: {_said(code, reason)}")
    client.sock = _wrap(server, client.sock)
    client.file = None  # what was read ahead in clear does not count


def _wrap(server: Server, plain: socket.socket) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=server.host)


def _cut(client: smtplib.SMTP) -> None:
    """Break the connection, also under the thread that still uses it."""
    sock = client.sock
    if sock is None:
        return
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:  # it is closed already
        log.debug("smtp.cut", why=str(error))
    client.close()


def _security(scheme: str, asked: str | None, is_local: bool) -> Security:
    if scheme == "smtps":
        return "tls"
    return "starttls" if asked == "1" or (asked is None and not is_local) else "none"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal_of(server: Server, error: Exception) -> Refused:
    """What went wrong, as later attempts see it: for good, or not."""
    match error:
        case smtplib.SMTPNotSupportedError():
            return _rejected(server, str(error))
        case smtplib.SMTPAuthenticationError() if error.smtp_code >= 500:
            return _login_refused(server, error.smtp_code, error.smtp_error)
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():  # about us, not about this mail
            return _busy(server, error.smtp_code, error.smtp_error)
        case smtplib.SMTPRecipientsRefused():
            (code, reason), *_ = error.recipients.values()
            return _answered(server, code, reason)
        case smtplib.SMTPResponseException():
            return _answered(server, error.smtp_code, error.smtp_error)
    return refuse(
        "mail_server_unreachable",
        f"The mail server {server} cannot be reached, or broke off.",
        details=f"{type(error).__name__}: {error}"[:REASON_CHARS_MAX],
        hint="Check that it runs, and AGON_SMTP_URL.",
        status=503,
    )


def _answered(server: Server, code: int, reason: bytes | str) -> Refused:
    if code in LOGIN_CODES:
        return _login_refused(server, code, reason)
    if 500 <= code <= 599:
        return _rejected(server, _said(code, reason))
    return _busy(server, code, reason)


def _busy(server: Server, code: int, reason: bytes | str) -> Refused:
    return refuse(
        "mail_server_busy",
        f"The mail server {server} asks us to come back later.",
        details=_said(code, reason),
        status=503,
    )


def _login_refused(server: Server, code: int, reason: bytes | str) -> Refused:
    return refuse(
        "mail_server_login",
        f"The mail server {server} does not take our login.",
        details=_said(code, reason),
        hint="Check user and password in AGON_SMTP_URL.",
        status=502,
    )


def _rejected(server: Server, details: str) -> Refused:
    return refuse(
        REJECTED, f"The mail server {server} rejects this mail.", details=details, status=422
    )


def _said(code: int, reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return f"{code} {' '.join(text.split())}"[:REASON_CHARS_MAX]


def _url_wrong(details: str) -> Refused:
    return refuse(
        "configuration_wrong",
        "AGON_SMTP_URL does not name a mail server.",
        details=details,
        hint="Write smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465.",
        status=500,
    )
