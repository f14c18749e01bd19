-- Accounts at providers: linking, unlinking, and what the collector needs.

create or replace trigger linked_accounts_stamp_updated_at
  before update on public.linked_accounts
  for each row execute function agon.stamp_updated_at();

create or replace function agon.start_linking(subject text, provider text, state_hash text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_wallet(subject);
  delete from agon.oauth_states s where s.expires_at < agon.now();
  insert into agon.oauth_states (state_hash, subject, provider, expires_at, created_at)
  values (state_hash, lower(subject), provider, agon.now() + interval '10 minutes', agon.now());
end
$$;
comment on function agon.start_linking(text, text, text) is
  'Remembers for ten minutes that one of the caller''s wallets went to a provider; clears old states.';
grant execute on function agon.start_linking(text, text, text) to agon_worker;

create or replace function agon.finish_linking(provider text, state_hash text) returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  owner text;
begin
  delete from agon.oauth_states s
  where s.state_hash = finish_linking.state_hash
    and s.provider = finish_linking.provider
    and s.expires_at >= agon.now()
  returning s.subject into owner;
  if owner is null then
    perform agon.refuse(400, 'linking_expired', 'This linking was finished already, or took too long.',
      'Start again from the authorise address.');
  end if;
  return owner;
end
$$;
comment on function agon.finish_linking(text, text) is
  'The wallet that went to the provider with this state; a state works once.';
grant execute on function agon.finish_linking(text, text) to agon_worker;

create or replace function agon.link_account(
  subject text, provider text, external_id text, handle text default null,
  access_token text default null, refresh_token text default null,
  token_expires_at timestamptz default null, verified boolean default false
) returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  account_id bigint;
begin
  perform agon.require_wallet(link_account.subject);
  if exists (
    select from public.linked_accounts a
    where a.provider = link_account.provider and a.external_id = link_account.external_id
      and lower(a.subject) <> lower(link_account.subject))
    or (link_account.provider = 'opendota'
      and agon.steam_owner(link_account.external_id) <> lower(link_account.subject))
  then
    perform agon.refuse(409, 'account_taken',
      format('This %s account is linked to another wallet.', link_account.provider),
      'Unlink it there first; an account has one wallet.');
  end if;
  insert into public.linked_accounts as a
    (subject, provider, external_id, handle, access_token, refresh_token, token_expires_at,
     verified_at, next_poll_at, created_at)
  values
    (lower(link_account.subject), provider, external_id, handle, access_token, refresh_token,
     token_expires_at, case when verified then agon.now() end, agon.now(), agon.now())
  on conflict (lower(subject), provider) do update set
    external_id = excluded.external_id, handle = excluded.handle,
    access_token = excluded.access_token, refresh_token = excluded.refresh_token,
    token_expires_at = excluded.token_expires_at, verified_at = excluded.verified_at,
    next_poll_at = excluded.next_poll_at, last_error = null
  returning a.id into account_id;
  perform agon.emit('account.linked', link_account.provider,
    jsonb_build_object('subject', lower(link_account.subject), 'provider', link_account.provider));
  return account_id;
end
$$;
comment on function agon.link_account(text, text, text, text, text, text, timestamptz, boolean) is
  'Links or renews an account; tokens come sealed. verified: the provider itself confirmed the owner.';
grant execute on function
  agon.link_account(text, text, text, text, text, text, timestamptz, boolean) to agon_worker;

create or replace function agon.unlink_account(subject text, provider text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_wallet(unlink_account.subject);
  delete from public.linked_accounts a
  where lower(a.subject) = lower(unlink_account.subject) and a.provider = unlink_account.provider;
  return found;
end
$$;
comment on function agon.unlink_account(text, text) is
  'Forgets an account and its tokens; false when there was none.';
grant execute on function agon.unlink_account(text, text) to agon_worker;

create or replace function agon.enqueue_collections(every_minutes integer, most integer default 200) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  due bigint;
  count integer := 0;
begin
  for due in
    update public.linked_accounts a set next_poll_at = agon.now() + make_interval(mins => every_minutes)
    where a.id in (
      select d.id from public.linked_accounts d
      where d.next_poll_at <= agon.now() and d.provider <> 'apple'
      order by d.next_poll_at limit most for no key update skip locked)
    returning a.id
  loop
    perform agon.enqueue('challenges.collect', jsonb_build_object('account_id', due),
      'challenges.collect ' || due);
    count := count + 1;
  end loop;
  return count;
end
$$;
comment on function agon.enqueue_collections(integer, integer) is
  'Queues a collection for each account that is due, so many at most, and says when it is due again.';
grant execute on function agon.enqueue_collections(integer, integer) to agon_worker;

create or replace function agon.load_collection(account_id bigint) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with account as (
    select * from public.linked_accounts a where a.id = load_collection.account_id
  ),
  open as (
    select c.id, c.timeline
    from account a
    join public.participants p on lower(p.subject) = lower(a.subject)
    join public.challenges c on c.id = p.challenge_id and c.status = 'approved'
    join public.models m on m.id = c.model_id and m.sources ? a.provider
  ),
  held as (
    select d.document_id as id
    from agon.collected_documents d
    join open o on o.id = d.challenge_id
    where d.account_id = load_collection.account_id
    group by 1
    having count(*) = (select count(*) from open)
  )
  select to_jsonb(a) || jsonb_build_object(
    'token_expires_ms', floor(extract(epoch from a.token_expires_at) * 1000)::bigint,
    'is_proven', a.verified_at is not null
      or a.provider = 'opendota' and coalesce(agon.steam_owner(a.external_id) = lower(a.subject), false),
    'challenges', coalesce((select jsonb_agg(to_jsonb(o) order by o.id) from open o), '[]'),
    'known', coalesce((select jsonb_agg(h.id order by h.id) from held h), '[]'))
  from account a
$$;
comment on function agon.load_collection(bigint) is
  'An account with its sealed tokens, whether it is proven to be the subject''s (by the provider, or for OpenDota by Steam), the open challenges that its activities may count in, and the provider''s ids that were fetched for all of these already.';
grant execute on function agon.load_collection(bigint) to agon_worker;

create or replace function agon.note_document(account_id bigint, challenge_id bigint, document_id text)
returns void
language sql security definer set search_path = ''
as $$
  insert into agon.collected_documents (account_id, challenge_id, document_id, collected_at)
  values (account_id, challenge_id, document_id, agon.now())
  on conflict do nothing
$$;
comment on function agon.note_document(bigint, bigint, text) is
  'A fetched document has been dealt with for a challenge, taken or refused.';
grant execute on function agon.note_document(bigint, bigint, text) to agon_worker;

create or replace function agon.renew_tokens(
  account_id bigint, old_access_token text, access_token text, refresh_token text,
  token_expires_at timestamptz
) returns void
language sql security definer set search_path = ''
as $$
  update public.linked_accounts a set
    access_token = renew_tokens.access_token, refresh_token = renew_tokens.refresh_token,
    token_expires_at = renew_tokens.token_expires_at
  where a.id = renew_tokens.account_id and a.access_token = old_access_token
$$;
comment on function agon.renew_tokens(bigint, text, text, text, timestamptz) is
  'Keeps tokens that a provider has renewed, sealed; not if the account was linked anew meanwhile.';
grant execute on function agon.renew_tokens(bigint, text, text, text, timestamptz) to agon_worker;

create or replace function agon.note_collection(account_id bigint, failure text, wait interval) returns void
language sql security definer set search_path = ''
as $$
  update public.linked_accounts a set
    polled_at = agon.now(), last_error = failure,
    next_poll_at = greatest(a.next_poll_at, agon.now() + coalesce(wait, interval '0'))
  where a.id = note_collection.account_id
$$;
comment on function agon.note_collection(bigint, text, interval) is
  'How a collection ended, and how long the provider asks us to wait.';
grant execute on function agon.note_collection(bigint, text, interval) to agon_worker;

-- Tokens stay with the engine, even sealed.
revoke all on public.linked_accounts from anon, authenticated, service_role;
grant select (id, subject, provider, external_id, handle, token_expires_at, verified_at, next_poll_at,
  polled_at, last_error, created_at, updated_at) on public.linked_accounts to authenticated;
grant select on public.linked_accounts to service_role;

drop policy if exists linked_accounts_select_own on public.linked_accounts;
create policy linked_accounts_select_own on public.linked_accounts
  for select to authenticated using (lower(subject) in (select agon.wallets()));
drop policy if exists linked_accounts_select_service on public.linked_accounts;
create policy linked_accounts_select_service on public.linked_accounts
  for select to service_role using (true);
