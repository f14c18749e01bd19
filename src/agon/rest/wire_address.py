"""Where a URL leads: hosts or sockets, login, and how TLS is to be had.

The rules are libpq's and asyncpg's, since the same URLs are given to both.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from agon.kernel.errors import Refused, refuse

PORT = 5432
SOCKET_FOLDERS = ("/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp")

TlsMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

# Left out rather than ignored: each asks for more than we do.
UNSUPPORTED = (
    "sslcrl", "sslnegotiation", "channel_binding", "target_session_attrs", "service", "passfile",
    "krbsrvname", "gsslib", "gssencmode", "ssl_min_protocol_version", "ssl_max_protocol_version",
)  # fmt: skip
HARMLESS = {"channel_binding": ("disable", "prefer"), "target_session_attrs": ("any",),
            "sslnegotiation": ("postgres",), "gssencmode": ("disable", "prefer")}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Address:
    """One URL, read. places: sockets' paths, or (host, port), tried in turn; settings: of the
    session; tls: None where no TLS is wanted."""

    places: tuple[str | tuple[str, int], ...]
    user: str
    password: str | None
    database: str
    mode: TlsMode = "prefer"
    tls: ssl.SSLContext | None = None
    settings: Mapping[str, str]


def read(url: str) -> Address:
    """Raises Refused `database_url_malformed`."""
    try:
        return _read(url)
    except (ValueError, OSError, ssl.SSLError) as error:
        raise _malformed(str(error)) from error


def _read(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise _malformed(f"it begins with {parts.scheme or 'nothing'!r}")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    for name in UNSUPPORTED:
        value = query.pop(name, None)
        if value is not None and value not in HARMLESS.get(name, ()):
            raise _malformed(f"{name}={value} is not supported here")
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    user = unquote(user) or query.pop("user", "") or os.environ.get("PGUSER", "")
    if not user:
        raise _malformed("it names no user")
    database = unquote(parts.path.removeprefix("/")) or query.pop("dbname", "")
    places = _places(hosts, query.pop("host", ""), query.pop("port", ""))
    mode, tls = _tls(query, any(isinstance(place, tuple) for place in places))
    return Address(
        places=places,
        user=user,
        password=unquote(password) or query.pop("password", None) or os.environ.get("PGPASSWORD"),
        database=database or query.pop("database", "") or os.environ.get("PGDATABASE") or user,
        mode=mode,
        tls=tls,
        settings=query,
    )


def _places(hosts: str, asked: str, ports: str) -> tuple[str | tuple[str, int], ...]:
    # Hosts of the URL's own place are percent-encoded, those of its query were decoded with it.
    listed = [unquote(host) for host in hosts.split(",")] if hosts else asked.split(",")
    listed = [host for host in listed if host] or os.environ.get("PGHOST", "").split(",")
    if not any(listed):
        found = [folder for folder in SOCKET_FOLDERS if Path(folder, f".s.PGSQL.{PORT}").exists()]
        listed = [*found, "localhost"]
    given = [int(port) for port in (ports or os.environ.get("PGPORT", "")).split(",") if port]
    if len(given) > 1 and len(given) != len(listed):
        raise _malformed(f"it names {len(listed)} hosts and {len(given)} ports")
    each = given * len(listed) if len(given) == 1 else given or [PORT] * len(listed)
    return tuple(_place(host, port) for host, port in zip(listed, each, strict=True))


def _place(host: str, port: int) -> str | tuple[str, int]:
    if host.startswith("/"):
        return host if "/.s.PGSQL." in host else f"{host}/.s.PGSQL.{port}"
    if host.startswith("["):
        name, _, own = host[1:].partition("]")
        own = own.removeprefix(":")
    else:
        name, _, own = host.partition(":")
    return name, int(own) if own else port


def _tls(query: dict[str, str], over_tcp: bool) -> tuple[TlsMode, ssl.SSLContext | None]:
    named = {name: query.pop(name, None) for name in ("sslrootcert", "sslcert", "sslkey")}
    secret = query.pop("sslpassword", None)
    mode = query.pop("sslmode", None) or os.environ.get("PGSSLMODE") or "prefer"
    mode = mode.replace("_", "-")
    if mode not in get_args(TlsMode):
        raise _malformed(f"sslmode={mode} is none of {', '.join(get_args(TlsMode))}")
    if mode == "disable" or not over_tcp:
        return "disable", None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    root = _root(named["sslrootcert"] or os.environ.get("PGSSLROOTCERT"), mode)
    if root is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        _trust(context, root)
    if named["sslcert"]:
        context.load_cert_chain(named["sslcert"], named["sslkey"], secret)
    return mode, context  # type: ignore[return-value]


def _root(named: str | None, mode: str) -> str | None:
    """The file of certificates to trust; None to verify nothing, which `require` does only where
    there is no such file, as libpq does."""
    if mode in ("allow", "prefer"):
        return None
    usual = Path("~/.postgresql/root.crt").expanduser()
    if not named and usual.is_file():
        return str(usual)
    if not named and mode != "require":
        raise _malformed(f"sslmode={mode} needs sslrootcert=FILE, or sslrootcert=system")
    return named


def _trust(context: ssl.SSLContext, root: str) -> None:
    if root == "system":
        context.load_default_certs()
        # Anybody can have a certificate of a public authority, so the name has to fit.
        context.check_hostname = True
    else:
        context.load_verify_locations(cafile=root)


def _malformed(why: str) -> Refused:
    return refuse(
        "database_url_malformed",
        "The database's URL cannot be used.",
        details=why,
        hint="AGON_DATABASE_URL reads postgresql://user:password@host:5432/database?sslmode=…",
        status=503,
    )
