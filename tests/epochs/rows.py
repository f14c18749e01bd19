"""Rows of epochs for the access matrix."""

from __future__ import annotations

from tests.access.cast import ADA, ANY, BOB, CID

FROZEN = "epoch_id in (select id from public.epochs where phase = 'freeze')"
AVATAR_OF = (
    "moderation_status = '{1}' and bot_identity_id = "
    "(select id from public.bot_identities where slug = '{0}')"
)

KINDS = {
    "public.bot_avatar_loadouts": ANY,
    "public.bot_avatars": {
        f"{whose} {state}": AVATAR_OF.format(slug, state)
        for whose, slug in (("own", "bot_1"), ("others'", "bot_2"))
        for state in ("approved", "pending")
    },
    "public.bot_identities": ANY,
    "public.bot_identity_owners": ANY,
    "public.bot_stats_snapshots": ANY,
    "public.epoch_contributions": ANY,
    "public.epoch_editions": ANY,
    "public.epoch_events": {
        "acts": "event_type <> 'vote_cast'",
        "votes while live": f"event_type = 'vote_cast' and not {FROZEN}",
        "votes of a frozen day": f"event_type = 'vote_cast' and {FROZEN}",
    },
    "public.epoch_payouts": ANY,
    "public.epoch_profiles": ANY,
    "public.epoch_slot_states": ANY,
    "public.epoch_votes": {
        "own while live": f"voter_address = '{ADA}' and not {FROZEN}",
        "others' while live": f"voter_address = '{BOB}' and not {FROZEN}",
        "of a frozen day": FROZEN,
    },
    "public.epochs": ANY,
    "public.v_current_bot_identity_owner": ANY,
}

BOTS = f"""
insert into public.bot_identities (slug, chain_id, contract_address, token_id)
values ('bot_1', 1, '{ADA}', 1), ('bot_2', 1, '{ADA}', 2);
insert into public.bot_identity_owners (bot_identity_id, owner_address, from_block, from_log)
select id, case slug when 'bot_1' then '{ADA}' else '{BOB}' end, 1, 0
from public.bot_identities;
insert into public.bot_avatars
  (bot_identity_id, generation_index, source_provider, glb_uri, manifest_uri)
select i.id, n, 'manual', 'ipfs://{CID["ada"]}', 'ipfs://{CID["ada"]}' || n + 1
from public.bot_identities i cross join generate_series(1, 2) n;
update public.bot_avatars set moderation_status = 'approved', moderated_at = now()
where generation_index = 1;
insert into public.bot_avatar_loadouts (bot_identity_id, avatar_id, selected_by_address)
select bot_identity_id, id, '{ADA}' from public.bot_avatars where generation_index = 1;
insert into public.bot_stats_snapshots (bot_identity_id, snapshot_uri, snapshot_hash)
select id, 'ipfs://{CID["ada"]}', repeat('0', 64) from public.bot_identities;
"""

DAYS = f"""
insert into public.epoch_profiles (profile_key, version, config)
values ('daily', 1, '{{}}');
insert into public.epochs (day_date, profile_id, opens_at, starts_at, freeze_at, ends_at,
  settle_at, archive_at)
select d, p.id, d, d, d + 1, d + 1, d + 1, d + 1
from public.epoch_profiles p, unnest('{{2026-01-01, 2026-01-02}}'::date[]) d;
update public.epochs set phase = 'live';
update public.epochs set phase = 'freeze' where day_date = '2026-01-01';
insert into public.epoch_slot_states (epoch_id, slot_index, slot_type, slot_label)
select id, 0, 'melody', 'Melody' from public.epochs;
insert into public.epoch_votes
  (epoch_id, voter_address, vote_target_type, vote_target_id, score)
select id, w, 'tempo', '120', 1 from public.epochs, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.epoch_events (epoch_id, event_type, occurred_at)
select id, t, '2026-01-01'
from public.epochs, unnest('{{phase_moved, vote_cast}}'::text[]) t;
"""

SETTLED = f"""
insert into public.epoch_contributions (epoch_id, bot_identity_id)
select e.id, i.id from public.epochs e cross join public.bot_identities i;
insert into public.epoch_payouts
  (epoch_id, bot_identity_id, recipient_address, bps, amount_wei)
select e.id, i.id, '{ADA}', 1, 1 from public.epochs e cross join public.bot_identities i;
insert into public.epoch_editions (epoch_id, token_id, metadata_uri)
select id, number, 'ipfs://{CID["pub"]}' from public.epochs;
"""

SOW = BOTS + DAYS + SETTLED
