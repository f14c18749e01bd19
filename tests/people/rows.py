"""Rows of people for the access matrix."""

from __future__ import annotations

from tests.access.cast import ADA, ADA_ID, ANY, BOB, BOB_ID, by_user, by_wallet

KINDS = {
    "agon.security_events": by_user("user_id"),
    "public.role_permissions": ANY,
    "public.user_profiles": by_wallet("wallet"),
    "public.user_roles": by_user("user_id"),
}

SOW = f"""
insert into auth.users (id) values ('{ADA_ID}'), ('{BOB_ID}');
insert into public.user_roles (user_id, role) select id, 'guide' from auth.users;
insert into public.role_permissions (role, permission) values ('guide', 'paths.show');
insert into agon.security_events (kind, user_id) select 'example', id from auth.users;
insert into public.user_profiles (wallet) values ('{ADA}'), ('{BOB}');
"""
