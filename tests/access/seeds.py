"""Rows to try the access matrix on: for each table, kinds of rows and how to tell them apart."""

from __future__ import annotations

import asyncpg

from agon.commons.people.wallets import local_user
from tests.places import wallet

ADA, BOB = wallet("ada"), wallet("bob")
CID = {name: "b" + name.ljust(58, "a") for name in ("ada", "bob", "pub")}
SEALED = "sealed:v1:0123456789abcdef:" + ":".join("A" * n for n in (107, 16, 43))
AVATAR_OF = (
    "moderation_status = '{1}' and bot_identity_id = "
    "(select id from public.bot_identities where slug = '{0}')"
)

FROZEN = "epoch_id in (select id from public.epochs where phase = 'freeze')"

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

TOLD = f"""
insert into public.challenge_invites
  (challenge_id, method, value, inviter_wallet, expires_at)
values (2, 'wallet', '{BOB}', '{ADA}', now()), (2, 'wallet', '{ADA}', '{BOB}', now()),
  (2, 'email', 'eve@example.org', '{BOB}', now());
insert into public.reminders (email, challenge_id, type)
values ('ada@example.org', 2, 'finalization');
insert into public.notifications (wallet, type, title, key)
values ('{ADA}', 'news', 'Hello', '1'), ('{BOB}', 'news', 'Hello', '1');
insert into public.user_profiles (wallet) values ('{ADA}'), ('{BOB}');
"""

ORGANISATIONS = f"""
insert into public.organizations (name, slug, owner_wallet)
values ('Ada''s', 'adas', '{ADA}'), ('Bob''s', 'bobs', '{BOB}');
insert into public.org_members (org_id, wallet, role)
select id, w, case w when owner_wallet then 'owner' else 'member' end
from public.organizations, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.org_invitations (org_id, wallet, expires_at)
select id, w, 'infinity' from public.organizations, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.api_keys (org_id, key_hash, key_prefix, label)
select id, encode(sha256(slug::bytea), 'hex'), 'aaaaaaaa', 'ci' from public.organizations;
insert into public.whitelabel_configs (org_id, custom_domain, domain_token)
select id, slug || '.example', 'token' from public.organizations;
insert into public.webhooks (org_id, url, secret)
select id, 'https://' || slug || '.example/', '{SEALED}' from public.organizations;
insert into public.webhook_deliveries (webhook_id, event, payload)
select id, 'member.added', '{{}}' from public.webhooks;
"""
LEAGUES = f"""
insert into public.teams (org_id, name) select id, 'Reds' from public.organizations;
insert into public.team_roster (team_id, wallet, role)
select id, '{BOB}', 'captain' from public.teams;
insert into public.team_invitations (team_id, wallet, expires_at)
select id, w, 'infinity' from public.teams, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.competitions (org_id, title, type)
select id, t, 'bracket' from public.organizations, unnest('{{Draft, Cup}}'::text[]) t;
update public.competitions set status = 'open' where title = 'Cup';
update public.competitions set status = 'active', started_at = now() where title = 'Cup';
insert into public.competition_registrations (competition_id, wallet)
select id, w from public.competitions, unnest('{{{ADA}, {BOB}}}'::text[]) w where title = 'Cup';
insert into public.bracket_matches (competition_id, key, round, match_number)
select id, 'w.1.' || n, 1, n from public.competitions, generate_series(1, 2) n
where title = 'Cup';
insert into public.match_events (competition_id, match_key, event, by)
select competition_id, key, 'scheduled', 'organiser' from public.bracket_matches;
insert into public.match_disputes (match_id, competition_id, filed_by, reason)
select id, competition_id, case match_number when 1 then '{ADA}' else '{BOB}' end, 'Why'
from public.bracket_matches;
insert into public.seasons (org_id, name) select id, 'Spring' from public.organizations;
insert into public.season_competitions (season_id, competition_id)
select s.id, c.id from public.seasons s join public.competitions c on c.org_id = s.org_id;
insert into public.season_standings (season_id, wallet) select id, '{BOB}' from public.seasons;
insert into public.leaderboard_entries
  (competition_id, participant, score, passed, failed, scores)
select id, '{BOB}', 1, 1, 0, 1 from public.competitions where title = 'Cup';
insert into public.leaderboard_scores (competition_id, wallet, challenge_id, event_id, pass)
select id, '{BOB}', 1, 1, true from public.competitions where title = 'Cup';
"""
WHERE_ADMIN = "org_id = (select id from public.organizations where slug = 'adas')"
HOOKED = f"webhook_id in (select id from public.webhooks where {WHERE_ADMIN})"
HELD = f"competition_id in (select id from public.competitions where {WHERE_ADMIN})"
DRAFTS = "competition_id in (select id from public.competitions where status = 'draft')"
CLUB = f"team_id in (select id from public.teams where {WHERE_ADMIN})"

# table -> {kind of row: predicate}. The caller is ada.
KINDS = {
    "public.achievement_mints": {"own": f"recipient = '{ADA}'", "others'": f"recipient = '{BOB}'"},
    "public.aivm_jobs": {"any": "true"},
    "public.api_keys": {"where admin": WHERE_ADMIN, "others'": f"not {WHERE_ADMIN}"},
    "public.bot_avatar_loadouts": {"any": "true"},
    "public.bot_avatars": {
        f"{whose} {state}": AVATAR_OF.format(slug, state)
        for whose, slug in (("own", "bot_1"), ("others'", "bot_2"))
        for state in ("approved", "pending")
    },
    "public.bot_identities": {"any": "true"},
    "public.bot_identity_owners": {"any": "true"},
    "public.bot_stats_snapshots": {"any": "true"},
    "public.bracket_matches": {"any": "true"},
    "public.challenge_invites": {
        "sent": f"inviter_wallet = '{ADA}'",
        "got": f"value = '{ADA}'",
        "others'": f"'{ADA}' not in (inviter_wallet, value)",
    },
    "public.challenge_templates": {"active": "active", "inactive": "not active"},
    "public.challenges": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.claims": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.competition_registrations": {"any": "true"},
    "public.competitions": {
        "published": "status <> 'draft'",
        "drafts where admin": f"status = 'draft' and {WHERE_ADMIN}",
        "others' drafts": f"status = 'draft' and not {WHERE_ADMIN}",
    },
    "public.epoch_events": {
        "acts": "event_type <> 'vote_cast'",
        "votes while live": f"event_type = 'vote_cast' and not {FROZEN}",
        "votes of a frozen day": f"event_type = 'vote_cast' and {FROZEN}",
    },
    "public.epoch_profiles": {"any": "true"},
    "public.epoch_slot_states": {"any": "true"},
    "public.epoch_votes": {
        "own while live": f"voter_address = '{ADA}' and not {FROZEN}",
        "others' while live": f"voter_address = '{BOB}' and not {FROZEN}",
        "of a frozen day": FROZEN,
    },
    "public.epochs": {"any": "true"},
    "public.evidence": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.identity_bindings": {"own": f"wallet = '{ADA}'", "others'": f"wallet = '{BOB}'"},
    "public.indexer_state": {"any": "true"},
    "public.linked_accounts": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.leaderboard_entries": {"any": "true"},
    "public.leaderboard_scores": {"any": "true"},
    "public.match_disputes": {
        "filed": f"filed_by = '{ADA}' and not {HELD}",
        "where admin": HELD,
        "others'": f"filed_by = '{BOB}' and not {HELD}",
    },
    "public.match_events": {"any": "true"},
    "public.models": {"active": "active", "inactive": "not active"},
    "public.notifications": {"own": f"wallet = '{ADA}'", "others'": f"wallet = '{BOB}'"},
    "public.openid_nonces": {"own": f"wallet = '{ADA}'", "others'": f"wallet = '{BOB}'"},
    **{
        f"public.{table}": {
            "where admin": WHERE_ADMIN,
            "own": f"wallet = '{ADA}' and not {WHERE_ADMIN}",
            "others'": f"wallet = '{BOB}' and not {WHERE_ADMIN}",
        }
        for table in ("org_invitations", "org_members")
    },
    "public.organizations": {
        "own": f"owner_wallet = '{ADA}'",
        "others'": f"owner_wallet = '{BOB}'",
    },
    "public.participants": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.reminders": {"any": "true"},
    "public.reputation": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.role_permissions": {"any": "true"},
    "public.season_competitions": {
        "published": f"not {DRAFTS}",
        "drafts where admin": f"{DRAFTS} and {HELD}",
        "others' drafts": f"{DRAFTS} and not {HELD}",
    },
    "public.season_standings": {"any": "true"},
    "public.seasons": {"any": "true"},
    "public.team_invitations": {
        "got": f"wallet = '{ADA}' and not {CLUB}",
        "where admin": CLUB,
        "others'": f"wallet = '{BOB}' and not {CLUB}",
    },
    "public.team_roster": {"any": "true"},
    "public.teams": {"any": "true"},
    "public.user_profiles": {"own": f"wallet = '{ADA}'", "others'": f"wallet = '{BOB}'"},
    "public.user_roles": {
        "own": f"user_id = '{local_user(ADA)}'",
        "others'": f"user_id = '{local_user(BOB)}'",
    },
    "public.v_current_bot_identity_owner": {"any": "true"},
    "public.verdicts": {"own": f"subject = '{ADA}'", "others'": f"subject = '{BOB}'"},
    "public.webhook_deliveries": {"where admin": HOOKED, "others'": f"not {HOOKED}"},
    "public.webhooks": {"where admin": WHERE_ADMIN, "others'": f"not {WHERE_ADMIN}"},
    "public.whitelabel_configs": {"where admin": WHERE_ADMIN, "others'": f"not {WHERE_ADMIN}"},
    "agon.results": {
        "own": f"subject = '{ADA}'",
        "others'": f"subject = '{BOB}'",
        "public": "subject is null",
    },
}


async def sow(owner: asyncpg.Connection) -> None:
    """Every kind of row in every table."""
    await owner.execute(DAYS)
    await owner.execute(
        f"""
        update public.models set active = false where id = 'strava.distance_in_window@1';
        insert into public.challenge_templates (id, name, kind, model_id, fields_json, active)
        values ('access_on', 'On', 'running', 'agon.fitness@1', '[]', true),
          ('access_off', 'Off', 'running', 'agon.fitness@1', '[]', false);
        insert into public.challenges (title, subject, model_id)
        values ('Ada''s', '{ADA}', 'agon.fitness@1'), ('Bob''s', '{BOB}', 'agon.fitness@1');
        insert into public.evidence (challenge_id, subject, provider, data, evidence_hash)
        select c.id, c.subject, 'garmin', '[]', repeat('0', 64) from public.challenges c;
        insert into agon.results (cid, kind, version, bundle, subject)
        values ('{CID["ada"]}', 'example', 1, '', '{ADA}'),
          ('{CID["bob"]}', 'example', 1, '', '{BOB}'),
          ('{CID["pub"]}', 'example', 1, '', null);
        insert into public.verdicts
          (challenge_id, subject, pass, reasons, evidence_hash, evaluator, result_cid)
        select c.id, c.subject, true, '{{}}', repeat('0', 64), 'fitness', r.cid
        from public.challenges c join agon.results r on r.subject = c.subject;
        insert into public.linked_accounts (subject, provider, external_id, access_token)
        values ('{ADA}', 'strava', '1', '{SEALED}'), ('{BOB}', 'strava', '2', '{SEALED}');
        insert into public.identity_bindings
          (wallet, platform, platform_id, ts, message, message_hash, wallet_signature)
        select w, 'steam', id, 1, 'm', encode(sha256('m'), 'hex'), '0x' || repeat('0', 130)
        from (values ('{ADA}', '76561198085067169'), ('{BOB}', '76561198085067170')) v (w, id);
        insert into public.openid_nonces (nonce, wallet, platform, expires_at)
        values (repeat('a', 32), '{ADA}', 'steam', now()),
          (repeat('b', 32), '{BOB}', 'steam', now());
        insert into auth.users (id) values ('{local_user(ADA)}'), ('{local_user(BOB)}');
        insert into public.user_roles (user_id, role)
        select id, 'guide' from auth.users;
        insert into public.role_permissions (role, permission) values ('guide', 'paths.show');
        insert into public.bot_identities (slug, chain_id, contract_address, token_id)
        values ('bot_1', 1, '{ADA}', 1), ('bot_2', 1, '{ADA}', 2);
        insert into public.bot_identity_owners
          (bot_identity_id, owner_address, from_block, from_log)
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
        insert into public.indexer_state (key, value) values ('last_claims_block', '1');
        insert into public.aivm_jobs (challenge_id) values (2);
        insert into public.claims (challenge_id, subject, claim_type, source, reported)
        values (2, '{ADA}', 'principal', 'ui', '{{}}'), (2, '{BOB}', 'principal', 'ui', '{{}}');
        insert into public.achievement_mints (token_id, challenge_id, recipient, achievement_type)
        values (1, 2, '{ADA}', 'completion'), (2, 2, '{BOB}', 'completion');
        insert into public.reputation (subject) values ('{ADA}'), ('{BOB}');
        """
    )
    await owner.execute(TOLD + ORGANISATIONS + LEAGUES)
