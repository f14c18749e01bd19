"""Rows of organisations for the access matrix: Ada owns one and is a member of Bob's."""

from __future__ import annotations

from tests.access.cast import ADA, ANY, BOB, SEALED, Kinds, by_wallet

WHERE_ADMIN = "org_id = (select id from public.organizations where slug = 'adas')"
HOOKED = f"webhook_id in (select id from public.webhooks where {WHERE_ADMIN})"


def told_apart(mine: str) -> Kinds:
    """Rows of the organisation that Ada runs, and of others."""
    return {"where admin": mine, "others'": f"not {mine}"}


MEMBERS = {
    "where admin": WHERE_ADMIN,
    "own": f"wallet = '{ADA}' and not {WHERE_ADMIN}",
    "others'": f"wallet = '{BOB}' and not {WHERE_ADMIN}",
}

KINDS = {
    "agon.api_scopes": ANY,
    "agon.webhook_events": ANY,
    "public.api_keys": told_apart(WHERE_ADMIN),
    "public.org_invitations": MEMBERS,
    "public.org_members": MEMBERS,
    "public.organizations": by_wallet("owner_wallet"),
    "public.webhook_deliveries": told_apart(HOOKED),
    "public.webhooks": told_apart(WHERE_ADMIN),
    "public.whitelabel_configs": told_apart(WHERE_ADMIN),
}

SOW = f"""
insert into public.organizations (name, slug, owner_wallet)
values ('Ada''s', 'adas', '{ADA}'), ('Bob''s', 'bobs', '{BOB}');
insert into public.org_members (org_id, wallet, role)
select id, w, case w when owner_wallet then 'owner' else 'member' end
from public.organizations, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.org_invitations (org_id, wallet, expires_at)
select id, w, 'infinity' from public.organizations, unnest('{{{ADA}, {BOB}}}'::text[]) w;
insert into public.api_keys (org_id, key_hash, key_prefix, label)
select id, encode(sha256(slug::bytea), 'hex'), 'aaaaaaaa', 'ci' from public.organizations;
insert into public.whitelabel_configs (org_id, custom_domain, domain_challenge)
select id, slug || '.example', 'token' from public.organizations;
insert into public.webhooks (org_id, url, secret)
select id, 'https://' || slug || '.example/', '{SEALED}' from public.organizations;
insert into public.webhook_deliveries (webhook_id, event, payload)
select id, 'member.added', '{{}}' from public.webhooks;
"""
