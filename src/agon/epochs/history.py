"""The history of days and bots, as the caller may see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from agon.kernel.database import Conn
from agon.kernel.errors import refuse

DAYS_MAX = 100
ROWS_MAX = 1000
CURSOR = re.compile(r"(\d{1,19})-(\d{1,18})")
BEGINNING = ("0", "0")

EPOCH = """
    select jsonb_build_object('day', e.day_date, 'phase', e.phase,
      'profile', jsonb_build_object('key', p.profile_key, 'version', p.version),
      'opens_at', e.opens_at, 'starts_at', e.starts_at, 'freeze_at', e.freeze_at,
      'ends_at', e.ends_at, 'settle_at', e.settle_at, 'archive_at', e.archive_at,
      'archived_at', e.archived_at, 'number', e.number, 'outcome', e.outcome,
      'result_cid', e.result_cid, 'summary_uri', e.summary_uri) as shown
    from public.epochs e join public.epoch_profiles p on p.id = e.profile_id
"""

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Which events of a day. after: the `next` of an earlier answer."""

    after: str | None = None
    type: str | None = None
    slot: int | None = None
    most: int = ROWS_MAX


async def days(conn: Conn, before: date | None, most: int) -> list[Row]:
    """Days, the newest first. before: older than this one."""
    rows = await conn.fetch(
        EPOCH + "where $1::date is null or e.day_date < $1 order by e.day_date desc limit $2",
        before,
        most,
    )
    return [row["shown"] for row in rows]


async def day(conn: Conn, asked: date) -> Row:
    """One day, with the config that it is played by. Raises PT404 `epoch_unknown`."""
    epoch = await conn.fetchrow("select * from agon.show_epoch($1)", asked)
    shown = await conn.fetchval(EPOCH + "where e.id = $1", epoch["id"])
    config = await conn.fetchval(
        "select config from public.epoch_profiles where id = $1", epoch["profile_id"]
    )
    return {**shown, "config": config}


async def slots(conn: Conn, asked: date) -> list[Row]:
    """The slots of a day: {index, type, label, holder, code, held_since}. Raises PT404
    `epoch_unknown`."""
    rows = await conn.fetch(
        """
        select agon.show_slot(s) as shown from public.epoch_slot_states s
        where s.epoch_id = (agon.show_epoch($1)).id order by s.slot_index
        """,
        asked,
    )
    return [row["shown"] for row in rows]


async def events(conn: Conn, asked: date, sought: Sought) -> dict[str, Any]:
    """Events of a day in the order in which they were committed, so that whoever goes on from
    `next` misses none: {events, next}. Within a slot, and once the day is frozen everywhere, their
    `seq` is the order of effect.

    Raises Refused `cursor_malformed`, PT404 `epoch_unknown`.
    """
    xid, seq = _cursor(sought.after)
    rows = await conn.fetch(
        """
        select e.xid::text as xid, e.seq, agon.show_epoch_event(e) as shown
        from public.epoch_events e
        where e.epoch_id = (select (agon.show_epoch($1)).id)
          and (e.xid, e.seq) > ($2::text::xid8, $3::text::bigint)
          and e.xid < pg_snapshot_xmin(pg_current_snapshot())
          and ($4::text is null or e.event_type = $4) and ($5::integer is null or e.slot_index = $5)
        order by e.xid, e.seq
        limit $6
        """,
        asked,
        xid,
        seq,
        sought.type,
        sought.slot,
        sought.most,
    )
    last = f"{rows[-1]['xid']}-{rows[-1]['seq']}" if rows else sought.after
    return {"events": [row["shown"] for row in rows], "next": last}


async def votes(conn: Conn, asked: date, after: str | None, most: int) -> list[Row]:
    """Votes of a day, the oldest first: while it is live the caller's own, then everybody's.
    after: the id of the last one seen. Raises PT404 `epoch_unknown`."""
    rows = await conn.fetch(
        """
        select jsonb_build_object('id', v.id, 'voter', v.voter_address,
          'target_type', v.vote_target_type, 'target_id', v.vote_target_id,
          'score', v.score::text, 'raw_weight', v.raw_weight::text,
          'effective_weight', v.effective_weight::text, 'created_at', v.created_at) as shown
        from public.epoch_votes v
        where v.epoch_id = (select (agon.show_epoch($1)).id)
          and ($2::uuid is null or (v.created_at, v.id) > (
            select s.created_at, s.id from public.epoch_votes s where s.id = $2))
        order by v.created_at, v.id
        limit $3
        """,
        asked,
        after,
        most,
    )
    return [row["shown"] for row in rows]


async def contributions(conn: Conn, asked: date, after: str | None, most: int) -> list[Row]:
    """What each bot did in a day, the largest share first; none before it is settled. after: the
    bot of the last one seen. Raises PT404 `epoch_unknown`."""
    rows = await conn.fetch(
        """
        select jsonb_build_object('bot', c.bot_identity_id, 'owner', c.owner_address,
          'occupied_seconds', c.occupied_seconds, 'successful_claims', c.successful_claims,
          'defense_seconds', c.defense_seconds, 'vote_quality', c.vote_quality::text,
          'raw_score', c.raw_score::text, 'normalized_share', c.normalized_share::text,
          'computed_at', c.computed_at) as shown
        from public.epoch_contributions c
        where c.epoch_id = (select (agon.show_epoch($1)).id)
          and ($2::uuid is null or (-c.normalized_share, c.bot_identity_id) > (
            select -s.normalized_share, s.bot_identity_id from public.epoch_contributions s
            where s.epoch_id = c.epoch_id and s.bot_identity_id = $2))
        order by c.normalized_share desc, c.bot_identity_id
        limit $3
        """,
        asked,
        after,
        most,
    )
    return [row["shown"] for row in rows]


async def payouts(conn: Conn, asked: date, after: str | None, most: int) -> list[Row]:
    """Who is paid how much for a day, the largest amount first; none before it is settled. after:
    the bot of the last one seen. Raises PT404 `epoch_unknown`."""
    rows = await conn.fetch(
        """
        select to_jsonb(p) - 'id' - 'epoch_id' - 'bot_identity_id' || jsonb_build_object(
          'bot', p.bot_identity_id, 'amount_wei', p.amount_wei::text) as shown
        from public.epoch_payouts p
        where p.epoch_id = (select (agon.show_epoch($1)).id)
          and ($2::uuid is null or (-p.amount_wei, p.bot_identity_id) > (
            select -s.amount_wei, s.bot_identity_id from public.epoch_payouts s
            where s.epoch_id = p.epoch_id and s.bot_identity_id = $2))
        order by p.amount_wei desc, p.bot_identity_id
        limit $3
        """,
        asked,
        after,
        most,
    )
    return [row["shown"] for row in rows]


async def edition(conn: Conn, asked: date) -> Row:
    """The edition of a settled day. Raises PT404 `epoch_unknown`, `edition_missing`."""
    return await conn.fetchval(
        """
        select to_jsonb(d) - 'id' - 'epoch_id' || jsonb_build_object('token_id', d.token_id::text)
        from agon.show_edition($1) d
        """,
        asked,
    )


async def bot(conn: Conn, slug: str) -> Row:
    """A bot, who owns it, and the slots that it holds in days that are not over. Raises PT404
    `bot_unknown`."""
    return await conn.fetchval(
        """
        select jsonb_build_object('id', b.id, 'slug', b.slug, 'status', b.status,
          'chain_id', b.chain_id, 'contract_address', b.contract_address,
          'token_id', b.token_id::text, 'metadata_uri', b.metadata_uri,
          'created_at', b.created_at, 'active_avatar_id', b.active_avatar_id,
          'owner', (select o.owner_address from public.v_current_bot_identity_owner o
            where o.bot_identity_id = b.id),
          'holds', (select coalesce(jsonb_agg(jsonb_build_object('day', e.day_date,
              'slot', s.slot_index, 'since', s.held_since) order by e.day_date, s.slot_index), '[]')
            from public.epoch_slot_states s join public.epochs e on e.id = s.epoch_id
            where s.current_holder_bot_identity_id = b.id and e.phase in ('prep', 'live')))
        from agon.show_bot_identity($1) b
        """,
        slug,
    )


def _cursor(after: str | None) -> tuple[str, ...]:
    if after is None:
        return BEGINNING
    found = CURSOR.fullmatch(after)
    if found is None:
        raise refuse("cursor_malformed", "after is no cursor.", hint="Send `next` as it came.")
    return found.groups()
