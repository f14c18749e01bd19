"""The manifest: what a system brings, as a frozen value of literals.

`app.py`, `cli.py`, configuration, migrations and the worker know systems only through it. Code is
named as ``module:attribute`` and loaded when it is needed, so that a manifest costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

Floor = Literal["kernel", "commons", "system"]
FLOORS: tuple[Floor, ...] = ("kernel", "commons", "system")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One `AGON_*` variable. secret: also read from `*_FILE`, and never printed;
    minimum, maximum: of an integer, both included."""

    name: str
    kind: Literal["text", "integer", "boolean", "url", "path"] = "text"
    default: str | None = None
    secret: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that waits in the queue. run: ``async (work: jobs.Work, payload: dict) -> jobs.Later |
    None``; or the name of a SQL function, which is called with the values of `settings` in their
    order. attempts_max: after so many failures it is given up; one put off by `Later` is none."""

    name: str
    run: str
    settings: tuple[str, ...] = ()
    attempts_max: int = 8
    concurrency: int = 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A job that is queued by the clock, with no payload. cron: five fields, UTC. While it waits it
    is not queued a second time."""

    job: str
    cron: str


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Events of a topic, in order. run: ``async (conn, event: events.Event) -> None``, within the
    transaction that moves the subscription on."""

    name: str
    topic: str
    run: str


@dataclass(frozen=True, kw_only=True)
class Host:
    """A loop that runs beside the queue, in every worker. run: ``async (work: jobs.Work, stop:
    asyncio.Event) -> None``; one that ends before `stop` is set, or fails, is started again."""

    name: str
    run: str


@dataclass(frozen=True, kw_only=True)
class ResultKind:
    """A kind of result bundle. recompute: pure ``(inputs, rules) -> output``."""

    name: str
    version: int
    recompute: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """A line of `agon doctor`. run: ``async (context) -> doctor.Finding``."""

    name: str
    run: str


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """What a system keeps of a chain, compared with the chain itself. run: ``async (work:
    jobs.Work, *, force: bool) -> int``, how many rows differ; `agon chain reconcile` runs them.
    force: correct them, however many they are."""

    name: str
    run: str


@dataclass(frozen=True, kw_only=True)
class Door:
    """Paths that strangers' clients know, answered to any origin.

    prefix: `/rest/v1`; open: ``async with open(server: web.doors.Server) -> ASGI callable``, for
    as long as the server runs; without it the routes answer, and only the origins are the door's.
    """

    prefix: str
    open: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """What stands in `Authorization: Bearer` in place of a token of a user.

    prefix: how each begins, unlike a JWT; claims: ``async (database, text) -> dict | None``, with
    `exp` (seconds since 1970) where it ends, and without `sub`; None for one that does not hold.
    Its bearer is `authenticated`, and what else it may do is asked of these claims in SQL.
    quota: ``async (database, claims, web.quotas.Wanted) -> web.quotas.Lease | None``, where its
    requests are counted for all serving processes together; None for one that does not hold.
    """

    prefix: str
    claims: str
    quota: str | None = None


@dataclass(frozen=True, kw_only=True)
class Domains:
    """Hosts that belong to somebody who is served here.

    names: ``async (database) -> dict[str, str]``, a host in lower case and whose it is; claim: what
    a request to one of them carries it as, whoever calls.
    """

    claim: str
    names: str


@dataclass(frozen=True, kw_only=True)
class System:
    """One package of the house.

    package: its import path; shapes are its `migrations/*.sql`; rules: its `<noun>.sql` files in
    the order of application; routes: an APIRouter; commands: a `typer.Typer` or a function per
    command name, where `group name` puts it into the group of an earlier system;
    demonstrations: ``async (stage) -> None``, one after the other.
    """

    name: str
    package: str
    floor: Floor = "system"
    rules: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    doors: tuple[Door, ...] = ()
    bearers: tuple[Bearer, ...] = ()
    domains: tuple[Domains, ...] = ()
    jobs: tuple[Job, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    hosts: tuple[Host, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    result_kinds: tuple[ResultKind, ...] = ()
    settings: tuple[Setting, ...] = ()
    checks: tuple[Check, ...] = ()
    reconcilers: tuple[Reconciler, ...] = ()
    demonstrations: tuple[str, ...] = ()

    def folder(self) -> Traversable:
        """The package's files, wherever it is installed."""
        return files(self.package)


def load(reference: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
