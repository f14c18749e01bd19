-- Who may act as a bot: its owner, and programs to which the owner gave a credential.

create or replace function agon.acts_as_bot(bot_identity_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select agon.owns_bot(acts_as_bot.bot_identity_id) or exists (
    select from agon.own_agent_credential() c
    join public.bot_identity_owners o
      on o.bot_identity_id = c.bot_identity_id and o.effective_to is null
    -- With the bot's former owner go the credentials.
    where c.bot_identity_id = acts_as_bot.bot_identity_id and o.owner_address = c.issued_for)
$$;
comment on function agon.acts_as_bot(uuid) is
  'Whether the caller may act as the bot now: a wallet of the caller owns it, or the owner of now gave the credential that the caller shows.';

create or replace function agon.acting_bot(bot_identity_id uuid) returns uuid
language plpgsql stable security definer set search_path = ''
as $$
declare
  asked constant uuid := coalesce(
    acting_bot.bot_identity_id, ((select auth.jwt()) ->> 'bot_identity_id')::uuid);
  owned uuid[];
begin
  if asked is null then
    select array_agg(b) into owned from agon.own_bots() b;
    if cardinality(owned) = 1 then
      return owned[1];
    end if;
    perform agon.refuse(422, 'bot_missing', 'This must say which bot acts.',
      'Name one of your bots in bot_identity_id, or show the credential of one.');
  end if;
  if not agon.acts_as_bot(asked) and not agon.is_service() then
    perform agon.refuse(403, 'not_your_bot', format('You may not act as the bot %s.', asked),
      'Its owner of now may, and who shows a credential that this owner gave and that still holds.');
  end if;
  return asked;
end
$$;
comment on function agon.acting_bot(uuid) is
  'The bot that the caller acts as: the named one, else the credential''s, else the only one that the caller owns; refuses strangers. Called by other functions only.';

create or replace function agon.require_bot_owner(slug text) returns public.bot_identity_owners
language plpgsql security definer set search_path = ''
as $$
declare
  bot constant public.bot_identities := agon.show_bot_identity(slug);
  held public.bot_identity_owners;
begin
  -- The owner alone: a credential makes no others. Shared, so that the indexer waits with a transfer
  -- until this act is done.
  select * into held from public.bot_identity_owners o
  where o.bot_identity_id = bot.id and o.effective_to is null
    and (agon.is_service() or o.owner_address in (select agon.wallets()))
  for share;
  if not found and not agon.is_service() then
    perform agon.refuse(403, 'not_your_bot', format('None of your wallets owns %s.', slug),
      'Sign in with the wallet that owns its token.');
  end if;
  held.bot_identity_id := bot.id;
  return held;
end
$$;
comment on function agon.require_bot_owner(text) is
  'The ownership of a bot of the caller''s, which lasts until the transaction ends; of one that nobody owns, for the service, the bot alone. Refuses everyone but its owner of now and the service. Called by other functions only.';

create or replace function agon.show_credential(credential agon.agent_credentials) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('id', credential.id, 'prefix', credential.prefix,
    'bot_identity_id', credential.bot_identity_id, 'issued_for', credential.issued_for,
    'created_at', credential.created_at, 'expires_at', credential.expires_at,
    'revoked_at', credential.revoked_at)
$$;
comment on function agon.show_credential(agon.agent_credentials) is
  'A credential as its owner sees it. Called by other functions only.';

create or replace function agon.issue_bot_credential(slug text, secret_sha256 bytea, prefix text, days integer)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  held constant public.bot_identity_owners := agon.require_bot_owner(slug);
begin
  if held.owner_address is null then
    perform agon.refuse(409, 'bot_unowned', format('Nobody owns %s.', slug), 'Its token was burned.');
  end if;
  return agon.show_credential(agon.issue_agent_credential(
    held.bot_identity_id, held.owner_address, secret_sha256, prefix, days));
end
$$;
comment on function agon.issue_bot_credential(text, bytea, text, integer) is
  'A new credential of one of the caller''s bots; it holds for so many days, and as long as the bot has this owner.';
grant execute on function agon.issue_bot_credential(text, bytea, text, integer) to agon_worker;

create or replace function agon.list_bot_credentials(slug text) returns setof jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  bot constant uuid := (agon.require_bot_owner(slug)).bot_identity_id;
begin
  return query
    select agon.show_credential(c) from agon.agent_credentials c
    where c.bot_identity_id = bot order by c.created_at desc, c.id;
end
$$;
comment on function agon.list_bot_credentials(text) is
  'The credentials of one of the caller''s bots, the newest first.';
grant execute on function agon.list_bot_credentials(text) to agon_worker;

create or replace function agon.revoke_bot_credential(slug text, id uuid) returns boolean
language sql security definer set search_path = ''
as $$
  select agon.revoke_agent_credential(
    revoke_bot_credential.id, (agon.require_bot_owner(slug)).bot_identity_id)
$$;
comment on function agon.revoke_bot_credential(text, uuid) is
  'Ends a credential of one of the caller''s bots, at once; false when none held.';
grant execute on function agon.revoke_bot_credential(text, uuid) to agon_worker;
