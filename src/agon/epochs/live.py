"""What Redis serves of a day: its live board, and claims that come within a cooldown.

Postgres decides. Redis says what Postgres said a moment ago, or nothing at all: where it is not
set, not there, slow, empty or unsure, Postgres is asked as if there were no Redis.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agon.epochs import board, board_scripts, claims
from agon.kernel import logs
from agon.kernel.database import Actor, Conn, Database, claims_text
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

ANSWER_S_MAX = 0.1
"""A Redis that takes longer is not waited for, and then left alone for PAUSE_S."""
PAUSE_S = 1.0
FRESH_MS = 2000
"""A board is served for so long after Postgres was asked whether it is true."""
CONNECTIONS_MAX = 64
DAYS_REMEMBERED_MAX = 16
TOLD_MAX = 1000
"""Answers that wait for Redis; of more, it is not told, and Postgres decides."""

LOST = (RedisError, OSError, TimeoutError)

BOARD = """
    select e.id::text, jsonb_build_object('day', e.day_date, 'as_of', agon.now(),
      'slots', (select jsonb_agg(agon.show_slot(s) order by s.slot_index)
        from public.epoch_slot_states s where s.epoch_id = e.id)) as shown
    from agon.show_epoch($1) e
"""

log = logs.get("agon.redis")

Answer = dict[str, Any]
Told = tuple[str, list[str | int]]
"""An answer as the script takes it: the key of its cooldowns, and its arguments."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A board as Redis had it. at_ms: by Redis's clock, before; generation: '' where there is none;
    seqs: by slot."""

    at_ms: int
    generation: str
    seqs: Mapping[int, int]


class Live:
    """Boards and cooldowns in a Redis; each method answers None where it cannot say."""

    def __init__(self, redis: Redis, answer_s: float = ANSWER_S_MAX):
        self._redis, self._answer_s = redis, answer_s
        self._look, self._put, self._forget, self._read, self._note, self._cooling = map(
            redis.register_script,
            (
                board_scripts.LOOK, board_scripts.PUT, board_scripts.FORGET, board_scripts.READ,
                board_scripts.NOTE, board_scripts.COOLING,
            ),
        )  # fmt: skip
        self._quiet_until_s = 0.0
        self._epochs: dict[date, str] = {}
        self._told: dict[str, list[Told]] = {}
        self._telling: asyncio.Task[None] | None = None

    async def ping(self) -> None:
        """Raises what a Redis that does not answer raises (LOST)."""
        async with asyncio.timeout(self._answer_s):
            await self._redis.ping()

    async def board(self, day: date) -> Answer | None:
        """The board of a day: {day, as_of, slots}."""
        epoch = self._epochs.get(day)
        found = epoch and await self._ask(self._read, board.keys(epoch))
        return board.shown(day, *found) if found else None

    async def refusal(
        self, actor: Actor, day: date | None, slot_index: object, code: object, bot: object
    ) -> Answer | None:
        """What a claim is answered with that comes within a cooldown, as far as this is sure."""
        epoch, named = self._epochs.get(day), board.named_bot(actor.claims, bot)
        if epoch is None or named is None or type(slot_index) is not int:
            return None
        if not isinstance(code, str) or not code:
            return None
        found = await self._ask(self._cooling, _keys(epoch, actor, named), [slot_index])
        if not found:
            return None
        *ms, slot = found
        return board.refusal(*ms, json.loads(slot), named)

    def note(self, actor: Actor, day: date | None, bot: object, answer: Answer) -> None:
        """Redis will be told what Postgres has answered to a claim, and committed; the claim does
        not wait for it."""
        epoch, named = self._epochs.get(day), board.named_bot(actor.claims, bot)
        if epoch is None or sum(map(len, self._told.values())) >= TOLD_MAX:
            return
        # Whose bot is not named can have another one the next time.
        until_ms = board.cooldowns_ms(answer) if named else [0, 0]
        *_, key = _keys(epoch, actor, named or "")
        told = (key, [*board.lines([answer["slot"]]), *until_ms])
        self._told.setdefault(epoch, []).append(told)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def told(self) -> None:
        """Wait until Redis was told of all that was noted."""
        if self._telling is not None:
            await self._telling

    async def _tell(self) -> None:
        while self._told:
            epoch = next(iter(self._told))
            cooldown_keys, parts = zip(*self._told.pop(epoch), strict=True)
            keys = [*board.keys(epoch), *cooldown_keys]
            await self._ask(self._note, keys, [each for part in parts for each in part])

    async def look(self, epoch: str) -> Look | None:
        """What Redis has of an epoch's board."""
        found = await self._ask(self._look, board.keys(epoch))
        if not found:
            return None
        at_ms, flat = found
        mark = dict(zip(flat[::2], flat[1::2], strict=True))
        seqs = {int(name): int(seq) for name, seq in mark.items() if name.isdigit()}
        return Look(at_ms=at_ms, generation=mark.get(b"generation", b"").decode(), seqs=seqs)

    async def put(self, seen: Look, held: Mapping[str, Any], slots: Sequence[board.Slot]) -> None:
        """Bring a board up to what Postgres held after the look. held: a row of
        agon.live_boards(); slots: those that Redis lacked, or of which it was behind."""
        terms = [
            seen.generation, uuid4().hex, seen.at_ms, held["at_ms"], int(held["clock_is_true"]),
            held["freeze_ms"], held["hold_ms"], len(held["seqs"]), FRESH_MS,
        ]  # fmt: skip
        await self._ask(self._put, board.keys(held["epoch_id"]), [*terms, *board.lines(slots)])

    async def forget(self, epoch: str, seen: Look) -> None:
        """Give up a board, and the cooldowns with it."""
        await self._ask(self._forget, board.keys(epoch), [seen.generation])

    def learn(self, day: date, epoch: str) -> None:
        """The epoch of a day, which is what boards go by: databases may share a Redis."""
        self._epochs.pop(day, None)
        if len(self._epochs) >= DAYS_REMEMBERED_MAX:
            del self._epochs[next(iter(self._epochs))]
        self._epochs[day] = epoch

    def knows(self, day: date) -> bool:
        """Whether `learn` was told of the day."""
        return day in self._epochs

    async def _ask(self, script: Any, keys: list[str], arguments: Sequence[Any] = ()) -> Any:
        now_s = asyncio.get_running_loop().time
        if now_s() < self._quiet_until_s:
            return None
        try:
            async with asyncio.timeout(self._answer_s):
                answer = await script(keys=keys, args=arguments)
        except LOST as error:
            if not self._quiet_until_s:
                log.warning("redis.lost", why=f"{type(error).__name__}: {error}")
            self._quiet_until_s = now_s() + PAUSE_S
            return None
        if self._quiet_until_s:
            log.info("redis.back")
            self._quiet_until_s = 0.0
        return answer


@asynccontextmanager
async def opened(runtime: Runtime, answer_s: float = ANSWER_S_MAX) -> AsyncIterator[Live | None]:
    """The Redis of AGON_REDIS_URL, for the length of the block; None where it is not set. It is
    connected to when first asked. Raises Refused `configuration_wrong`."""
    url = runtime.settings["redis_url"]
    if url is None:
        yield None
        return
    try:
        redis = Redis.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            socket_timeout=answer_s,
            socket_connect_timeout=answer_s,
            retry=Retry(NoBackoff(), 0),  # Postgres is asked meanwhile
        )
    except ValueError as error:
        raise refuse(
            "configuration_wrong",
            "AGON_REDIS_URL is no URL of a Redis.",
            hint="redis://host:6379/0, rediss:// with TLS, or unix:///path/of/the.socket.",
        ) from error
    async with redis:
        live = Live(redis, answer_s)
        yield live
        await live.told()


async def show_board(pools: Database, live: Live | None, actor: Actor, day: date) -> Answer:
    """The board of a day: {day, as_of, slots}, each slot as agon.show_slot tells it. as_of: it is
    not older. Raises PT404 `epoch_unknown`."""
    found = live and await live.board(day)
    if found:
        return found
    async with pools.as_caller(actor) as conn:
        epoch, shown = await conn.fetchrow(BOARD, day)
    if live:
        live.learn(day, epoch)
    return shown


async def claim_slot(
    pools: Database,
    live: Live | None,
    actor: Actor,
    *,
    day: date | None,
    slot_index: int,
    code: str,
    bot: str | None = None,
) -> Answer:
    """As claims.claim_slot, in a transaction of its own; but a claim within a cooldown of which
    Redis knows does not reach Postgres. Only what is committed gets into Redis."""
    refused = live and await live.refusal(actor, day, slot_index, code, bot)
    if refused:
        return refused
    async with pools.as_caller(actor) as conn:
        answer = await claims.claim_slot(conn, slot_index, code, bot, day)
        if live:
            await _learn(conn, live, day)
    if live:
        live.note(actor, day, bot, answer)
    return answer


async def _learn(conn: Conn, live: Live, day: date | None) -> None:
    if day is not None and not live.knows(day):
        live.learn(day, await conn.fetchval("select (agon.show_epoch($1)).id::text", day))


def _keys(epoch: str, actor: Actor, bot: str) -> list[str]:
    return [*board.keys(epoch), board.cooldown_key(epoch, claims_text(actor), bot)]
