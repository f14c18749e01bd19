"""A Postgres over TCP on loopback, with TLS, in which each login proves itself in its own way."""

from __future__ import annotations

import datetime
import ipaddress
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DEBIAN = Path("/usr/lib/postgresql/15/bin")
ACCOUNT = "postgres"
START_S_MAX = 30
PASSWORD = "correct horse"
ODD_PASSWORD = "Ⅸ\u00a0ju\u00adde"
"""SASLprep makes `IX jude` of it."""

HBA = """
local     all postgres trust
hostnossl all plain    127.0.0.1/32 scram-sha-256
hostssl   all plain    127.0.0.1/32 reject
host      all scram    127.0.0.1/32 scram-sha-256
host      all odd      127.0.0.1/32 scram-sha-256
host      all md5er    127.0.0.1/32 md5
host      all clear    127.0.0.1/32 password
host      all trusted  127.0.0.1/32 trust
"""

LOGINS = f"""
create role plain login password '{PASSWORD}';
create role scram login password '{PASSWORD}';
create role odd login password '{ODD_PASSWORD}';
create role clear login password '{PASSWORD}';
create role trusted login;
set password_encryption = 'md5';
create role md5er login password '{PASSWORD}';
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """root: the file of the authority's certificate, which is for `localhost` alone."""

    port: int
    root: Path

    def url(self, login: str, query: str, *, host: str = "localhost", word: str = PASSWORD) -> str:
        quoted = word.replace(" ", "%20")
        return f"postgresql://{login}:{quoted}@{host}:{self.port}/postgres?{query}"


def programs() -> Path | None:
    """Programs of a Postgres that does TLS; the embedded one does not."""
    folder = Path(os.environ.get("AGON_TEST_PG_BIN") or DEBIAN)
    return folder if (folder / "initdb").exists() else None


@contextmanager
def running(*, tls: bool) -> Iterator[Cluster]:
    """A cluster for the length of the block."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="agon-wire-", dir="/tmp"))
    account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    data = folder / "pg"

    def call(name: str, *arguments: str, text: str = "") -> None:
        subprocess.run(
            [found / name, *arguments], input=text, text=True, check=True, capture_output=True,
            user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd=folder, umask=0o077,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    try:
        os.chown(folder, account.pw_uid, account.pw_gid)
        write_certificates(folder)
        for path in folder.iterdir():
            os.chown(path, account.pw_uid, account.pw_gid)
        call("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        (data / "pg_hba.conf").write_text(HBA)
        port = free_port()
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off "
        options += f"-c unix_socket_directories={folder} -c ssl={'on' if tls else 'off'} "
        options += f"-c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
        call("pg_ctl", "-D", str(data), "-w", "-t", str(START_S_MAX), "-l", str(data / "log"),
             "-o", options, "start")  # fmt: skip
        try:
            call("psql", "-h", str(folder), "-p", str(port), "-U", "postgres", "-q",
                 "-v", "ON_ERROR_STOP=1", text=LOGINS)  # fmt: skip
            yield Cluster(port=port, root=folder / "root.crt")
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody has right now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def write_certificates(folder: Path) -> None:
    """An authority (root.crt), and a server's key and certificate for `localhost`."""
    now = datetime.datetime.now(datetime.UTC)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("root", "localhost")
    )

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(subject == root_name, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
                ),
                critical=False,
            )
            .sign(root_key, hashes.SHA256())
        )

    pem = serialization.Encoding.PEM
    own = certificate(root_name, root_key.public_key())
    (folder / "root.crt").write_bytes(own.public_bytes(pem))
    served = certificate(name, key.public_key())
    (folder / "server.crt").write_bytes(served.public_bytes(pem))
    (folder / "server.key").touch(mode=0o600)
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
