"""What the embedded Postgres is told: its settings, who may log in, and its roles.

The settings lie in the home, not in the data folder, so the server cannot rewrite them.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from agon.kernel import embedded_home as files
from agon.kernel.embedded_account import Account, run_checked
from agon.kernel.errors import refuse

# Linux can sync a file system in one call; elsewhere each of a thousand files takes its own.
SYNC_METHOD = ("--sync-method=syncfs",) if sys.platform == "linux" else ()
MAJOR = "18"
DATABASE = "agon"
CONNECTIONS_MAX = 100
SHARED_BUFFERS_MB = 128
SLOT_WAL_KEEP_MB_MAX = 1024  # a lagging reader loses its slot before the disk is full
LOG_FILE_KB_MAX = 10 * 1024
LOG_FILES_MAX = 5
LOG_LINES_MAX = 20

# Any other database that a login may enter begins with agon_, and only CREATEDB can make one.
LOGIN_LINES = "".join(
    f'local "/^{DATABASE}(_[a-z0-9_]+)?$" {login} scram-sha-256\n' for login in files.LOGINS
)
HBA = f"# Written by Agon at each start.\n{LOGIN_LINES}local all all reject\n"

# Client errors stay out of the log (log_min_messages): their statements can hold people's values,
# and whoever provokes errors could fill the disk. The client gets them whole.
SETTINGS = f"""\
# Written by Agon at each start.
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = {CONNECTIONS_MAX}
shared_buffers = '{SHARED_BUFFERS_MB}MB'
wal_level = logical
max_slot_wal_keep_size = '{SLOT_WAL_KEEP_MB_MAX}MB'
fsync = on
full_page_writes = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'ISO, MDY'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.english'
track_functions = 'pl'
compute_query_id = on
logging_collector = on
log_destination = 'stderr'
log_filename = 'server-%Y%m%dT%H%M%S.log'
log_file_mode = 0600
log_rotation_age = 0
log_rotation_size = '{LOG_FILE_KB_MAX}kB'
log_min_messages = log
log_statement = 'none'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""

# Each attribute is said, so that a role which somebody changed is put right.
PLAIN = "nosuperuser noreplication nobypassrls nocreaterole nocreatedb"
ROLES = {
    "anon": f"nologin noinherit {PLAIN}",
    "authenticated": f"nologin noinherit {PLAIN}",
    "service_role": "nologin noinherit nosuperuser noreplication bypassrls nocreaterole nocreatedb",
    # createrole: a migration sets time limits on the logins (alter role … set).
    "agon_owner": "login inherit nosuperuser noreplication nobypassrls createrole",
    "agon_web": f"login noinherit {PLAIN}",
    "agon_service": f"login noinherit {PLAIN}",
    "agon_worker": f"login inherit {PLAIN}",
}
MEMBERS = {"agon_web": ("anon", "authenticated"), "agon_service": ("service_role",)}


def quote(text: object) -> str:
    """A value as a quoted string of postgresql.conf, and of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def settings(home: Path) -> str:
    """The content of postgresql.conf for this home."""
    places = {
        "hba_file": home / "pg_hba.conf",
        "ident_file": "/dev/null",
        "unix_socket_directories": f'"{files.sockets_folder(home)}"',  # a list: commas part
        "log_directory": home / "log",
    }
    return SETTINGS + "".join(f"{name} = {quote(at)}\n" for name, at in places.items())


def write_settings(home: Path, account: Account) -> bool:
    """Writes both files; returns whether one changed."""
    changed = files.write_file(home / "pg_hba.conf", HBA, account)
    return files.write_file(home / "postgresql.conf", settings(home), account) or changed


def roles_sql(passwords: dict[str, str], *, createdb: bool) -> list[str]:
    """Statements that bring the roles into their wanted state, from whatever state they are in.

    agon_owner administers the other roles, so that a migration can grant them, and is no member.
    """
    lines = ["alter role postgres nologin password null"]
    for role, attributes in ROLES.items():
        lines.append(
            f"do $$ begin if to_regrole('{role}') is null then create role {role}; end if; end $$"
        )
        lines.append(f"alter role {role} {attributes}")
    lines.append(f"alter role agon_owner {'createdb' if createdb else 'nocreatedb'}")
    for login, password in passwords.items():
        lines.append(f"alter role {login} password {quote(password)}")
    for member, roles in MEMBERS.items():
        lines.append(f"grant {', '.join(roles)} to {member} with inherit false, set true")
    others = ", ".join(role for role in ROLES if role != "agon_owner")
    lines.append(f"grant {others} to agon_owner with admin true, inherit false, set false")
    return lines


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What it takes to work on a home: who runs the programs, where they are, and the lock.

    The programs inherit `lock`, so while one that lost its caller still writes, nobody else does.
    """

    home: Path
    account: Account
    programs: Path
    lock: int


def prepare_data(shop: Workshop, *, createdb: bool) -> None:
    """Makes the data folder if there is none, and brings the roles up to date.

    The server must be down. A new folder gets its name when it is complete, so what a killed
    process left behind is never taken for a database.
    Raises Refused: `data_of_another_version`, `server_not_prepared`, `command_too_slow`.
    """
    data, draft = shop.home / "pg", shop.home / "pg.new"
    stamp = shop.home / "roles.sha256"
    statements = roles_sql(files.make_passwords(shop.home), createdb=createdb)
    wanted = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    if not data.exists():
        if draft.exists():
            shutil.rmtree(draft)
        made = f"create database {DATABASE} owner agon_owner template template0"
        _make_cluster(shop, draft, [*statements, made])
        draft.rename(data)
        files.sync_folder(shop.home)
    else:
        _check_version(data)
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        _run_alone(shop, data, statements)
    files.write_file(stamp, wanted)


def _make_cluster(shop: Workshop, folder: Path, statements: list[str]) -> None:
    folder.mkdir(mode=0o700)
    files.give_folder(folder, shop.account)
    command = [str(shop.programs / "initdb"), "--pgdata", str(folder)]
    made = ["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made += ["--data-checksums", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    run_checked(shop.account, command + made, keep=(shop.lock,))
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (folder / name).unlink()  # the home's are read; two of a name would mislead
    # All of it goes to disk at the end, once.
    _run_alone(shop, folder, statements, "-c", "fsync=off")
    run_checked(shop.account, [*command, "--sync-only", *SYNC_METHOD], keep=(shop.lock,))


def _run_alone(shop: Workshop, data: Path, statements: list[str], *options: str) -> None:
    """Runs statements as the superuser, in single-user mode: the only way to be it."""
    command = [str(shop.programs / "postgres"), "--single", "-j", "-D", str(data)]
    command += ["-c", f"config_file={shop.home / 'postgresql.conf'}", "-c", "exit_on_error=true"]
    # Passwords stand in the statements, so a failing one is not repeated.
    command += ["-c", "log_min_error_statement=panic", *options, "postgres"]
    # -j: a statement ends with a semicolon and an empty line.
    text = "".join(f"{statement};\n\n" for statement in statements)
    run_checked(shop.account, command, text=text, keep=(shop.lock,))


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != MAJOR:
        raise refuse(
            "data_of_another_version",
            f"{data} was written by Postgres {found}; this one is {MAJOR}.",
            hint="Dump it with the Agon that wrote it, and load it into a new AGON_HOME.",
        )


def prune_logs(home: Path) -> None:
    """Keeps the newest LOG_FILES_MAX log files of LOG_FILE_KB_MAX each."""
    for path in sorted((home / "log").glob("server-*.log"))[:-LOG_FILES_MAX]:
        path.unlink(missing_ok=True)


def log_tail(home: Path) -> str:
    """The last lines that the server wrote before it gave up."""
    logs = sorted((home / "log").glob("server-*.log"))[-1:]
    lines = []
    for path in [home / "start.log", *logs]:
        if path.exists():
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()[
                -LOG_LINES_MAX:
            ]
    return "\n".join(lines[-LOG_LINES_MAX:])
