"""Rows of challenges for the access matrix."""

from __future__ import annotations

from tests.access.cast import ADA, ANY, BOB, SEALED, by_wallet

ACTIVE = {"active": "active", "inactive": "not active"}

KINDS = {
    "public.achievement_mints": by_wallet("recipient"),
    "public.aivm_jobs": ANY,
    "public.challenge_invites": {
        "sent": f"inviter_wallet = '{ADA}'",
        "got": f"value = '{ADA}'",
        "others'": f"'{ADA}' not in (inviter_wallet, value)",
    },
    "public.challenge_templates": ACTIVE,
    "public.challenges": by_wallet("subject"),
    "public.claims": by_wallet("subject"),
    "public.evidence": by_wallet("subject"),
    "public.identity_bindings": by_wallet("wallet"),
    "public.linked_accounts": by_wallet("subject"),
    "public.models": ACTIVE,
    "public.openid_nonces": by_wallet("wallet"),
    "public.participants": by_wallet("subject"),
    "public.reminders": ANY,
    "public.reputation": by_wallet("subject"),
    "public.verdicts": by_wallet("subject"),
}

SOW = f"""
update public.models set active = false where id = 'strava.distance_in_window@1';
insert into public.challenge_templates (id, name, kind, model_id, fields_json, active)
values ('access_on', 'On', 'running', 'agon.fitness@1', '[]', true),
  ('access_off', 'Off', 'running', 'agon.fitness@1', '[]', false);
insert into public.challenges (title, subject, model_id)
values ('Ada''s', '{ADA}', 'agon.fitness@1'), ('Bob''s', '{BOB}', 'agon.fitness@1');
insert into public.evidence (challenge_id, subject, provider, data, evidence_hash)
select c.id, c.subject, 'garmin', '[]', repeat('0', 64) from public.challenges c;
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
values (repeat('a', 32), '{ADA}', 'steam', now()), (repeat('b', 32), '{BOB}', 'steam', now());
insert into public.aivm_jobs (challenge_id) values (2);
insert into public.claims (challenge_id, subject, claim_type, source, reported)
values (2, '{ADA}', 'principal', 'ui', '{{}}'), (2, '{BOB}', 'principal', 'ui', '{{}}');
insert into public.achievement_mints (token_id, challenge_id, recipient, achievement_type)
values (1, 2, '{ADA}', 'completion'), (2, 2, '{BOB}', 'completion');
insert into public.reputation (subject) values ('{ADA}'), ('{BOB}');
insert into public.challenge_invites
  (challenge_id, method, value, inviter_wallet, expires_at)
values (2, 'wallet', '{BOB}', '{ADA}', now()), (2, 'wallet', '{ADA}', '{BOB}', now()),
  (2, 'email', 'eve@example.org', '{BOB}', now());
insert into public.reminders (email, challenge_id, type)
values ('ada@example.org', 2, 'finalization');
"""
