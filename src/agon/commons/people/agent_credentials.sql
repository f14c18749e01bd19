-- Credentials of bots: a program that shows one acts as its bot, and has no user and no wallet.

create or replace function agon.issue_agent_credential(
  bot_identity_id uuid, issued_for text, secret_sha256 bytea, prefix text, days integer
) returns agon.agent_credentials
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  credentials_max constant integer := 8;
  days_max constant integer := 366;
  credential agon.agent_credentials;
begin
  if not coalesce(days between 1 and days_max, false) then
    perform agon.refuse(422, 'days_out_of_range', format('A credential holds 1 to %s days.', days_max));
  end if;
  perform pg_advisory_xact_lock(hashtextextended(
    'credentials of ' || issue_agent_credential.bot_identity_id, 0));
  if (select count(*) from agon.agent_credentials c
      where c.bot_identity_id = issue_agent_credential.bot_identity_id
        and c.issued_for = lower(issue_agent_credential.issued_for)
        and c.revoked_at is null and c.expires_at > agon.now()) >= credentials_max then
    perform agon.refuse(409, 'too_many_credentials',
      format('A bot has at most %s credentials that hold.', credentials_max), 'Revoke one first.');
  end if;
  insert into agon.agent_credentials
    (bot_identity_id, issued_for, secret_sha256, prefix, created_at, expires_at)
  values (bot_identity_id, lower(issued_for), secret_sha256, prefix, agon.now(),
    agon.now() + make_interval(days => days))
  returning * into credential;
  return credential;
end
$$;
comment on function agon.issue_agent_credential(uuid, text, bytea, text, integer) is
  'A new credential of a bot, for who owns it. Whoever calls it has checked the right. Called by other functions only.';

create or replace function agon.find_agent_credential(secret_sha256 bytea) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('agent_credential', c.id, 'bot_identity_id', c.bot_identity_id,
    'exp', floor(extract(epoch from c.expires_at))::bigint)
  from agon.agent_credentials c
  where c.secret_sha256 = find_agent_credential.secret_sha256
    and c.revoked_at is null and c.expires_at > agon.now()
$$;
comment on function agon.find_agent_credential(bytea) is
  'The claims of who shows a credential with this hash; null when none holds.';
grant execute on function agon.find_agent_credential(bytea) to agon_worker;

create or replace function agon.own_agent_credential() returns agon.agent_credentials
language sql stable security definer set search_path = ''
as $$
  -- Looked up at each use: what was revoked a moment ago is worth nothing, whoever remembers it.
  select c.* from agon.agent_credentials c
  where c.id = ((select auth.jwt()) ->> 'agent_credential')::uuid
    and c.revoked_at is null and c.expires_at > agon.now()
$$;
comment on function agon.own_agent_credential() is
  'The credential by which the caller acts; null when there is none that holds. Called by other functions only.';

create or replace function agon.revoke_agent_credential(id uuid, bot_identity_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  update agon.agent_credentials c set revoked_at = agon.now()
  where c.id = revoke_agent_credential.id
    and c.bot_identity_id = revoke_agent_credential.bot_identity_id and c.revoked_at is null;
  return found;
end
$$;
comment on function agon.revoke_agent_credential(uuid, uuid) is
  'Ends a credential of a bot, at once; false when none held. Whoever calls it has checked the right. Called by other functions only.';
