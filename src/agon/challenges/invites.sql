-- Invites: asked, told, accepted, and given up when nobody answers.

create or replace trigger challenge_invites_stamp_updated_at
  before update on public.challenge_invites
  for each row execute function agon.stamp_updated_at();
create or replace trigger challenge_invites_guard_status
  before insert or update on public.challenge_invites
  for each row execute function agon.guard_move('status');

create or replace function agon.invite_owner(method text, value text) returns text
language sql stable security definer set search_path = ''
as $$
  select case method when 'wallet' then value
    when 'steam' then (select b.wallet from public.identity_bindings b
      where b.platform = 'steam' and b.platform_id = value) end
$$;
comment on function agon.invite_owner(text, text) is
  'The wallet that an invite is for; null where none is known. Called by other functions only.';

create or replace function agon.is_invited(invite public.challenge_invites) returns boolean
language sql stable security definer set search_path = ''
as $$
  select coalesce(agon.invite_owner(invite.method, invite.value) in (select agon.wallets()), false)
    or (invite.method = 'email' and coalesce(invite.value = agon.verified_email(), false))
$$;
comment on function agon.is_invited(public.challenge_invites) is
  'Whether an invite is for the caller: by wallet, bound Steam account, or verified address.';

create or replace function agon.deliver_invite(invite_id text) returns public.challenge_invites
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  invite public.challenge_invites;
  owner text;
begin
  select i.* into invite from public.challenge_invites i where i.id = invite_id for update;
  owner := agon.invite_owner(invite.method, invite.value);
  if invite.status is distinct from 'queued' or invite.expires_at <= agon.now() or owner is null then
    return invite;
  end if;
  perform agon.notify(owner, 'invite_received', 'You are invited to a challenge',
    format('%s invites you to %s.', agon.short_wallet(invite.inviter_wallet),
      coalesce(agon.spoken_title(invite.challenge_id), 'challenge ' || invite.challenge_id)),
    jsonb_build_object('challengeId', invite.challenge_id, 'inviteId', invite.id,
      'deepLink', '/invites/' || invite.id),
    invite.id);
  update public.challenge_invites i set status = 'sent' where i.id = invite.id
  returning i.* into invite;
  return invite;
end
$$;
comment on function agon.deliver_invite(text) is
  'Tells the wallet that a queued invite is for, once; one whose wallet is not known keeps waiting.';
grant execute on function agon.deliver_invite(text) to agon_worker;

create or replace function agon.short_wallet(wallet text) returns text
language sql immutable set search_path = ''
as $$ select left(wallet, 6) || '…' || right(wallet, 4) $$;
comment on function agon.short_wallet(text) is 'A wallet as people read it, 0x1234…abcd.';

create or replace function agon.spoken_title(challenge_id bigint) returns text
language sql stable security definer set search_path = ''
as $$
  -- Until a challenge is approved, nobody but its creator has read its title.
  select '“' || regexp_replace(c.title, '[[:cntrl:]]+', ' ', 'g') || '”' from public.challenges c
  where c.id = spoken_title.challenge_id and c.title is not null and c.status in ('approved', 'finalized')
$$;
comment on function agon.spoken_title(bigint) is
  'A challenge''s title as others are told it; null where it has none or nobody has approved it.';

create or replace function agon.require_invitable(challenge_id bigint) returns public.challenges
language plpgsql stable security definer set search_path = ''
as $$
declare
  challenge constant public.challenges := agon.show_challenge(challenge_id);
begin
  if challenge.status not in ('pending', 'approved')
    or (challenge.timeline ->> 'end')::numeric <= extract(epoch from agon.now())
  then
    perform agon.refuse(409, 'challenge_not_open',
      format('Challenge %s is over, or will not open.', challenge.id), 'Nobody can join it any more.');
  end if;
  return challenge;
end
$$;
comment on function agon.require_invitable(bigint) is
  'A challenge that can still be joined, now or once it is approved; refuses others. Called by other functions only.';

create or replace function agon.spend_invite(method text, value text) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  per_inviter constant integer := 50;
  per_address constant integer := 3;
  wait integer := 0;
begin
  if agon.is_service() then
    return;
  end if;
  wait := agon.spend_for('invite', (select auth.uid())::text, per_inviter, interval '1 day');
  if wait = 0 and method = 'email' then
    wait := agon.spend_for('invite_address', value, per_address, interval '1 day');
  end if;
  if wait > 0 then
    perform agon.refuse(429, 'over_invite_limit',
      format('Too many invites: try again in %s seconds.', wait),
      format('%s a day by one person, and %s a day by mail to one address.', per_inviter, per_address));
  end if;
end
$$;
comment on function agon.spend_invite(text, text) is
  'Counts an invite by who sends it, and by mail by who gets it. Called by agon.create_invite only.';

create or replace function agon.create_invite(
  inviter text, challenge_id bigint, method text, value text
) returns public.challenge_invites
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(inviter);
  whom constant text := lower(btrim(create_invite.value));
  lifetime constant interval := interval '14 days';
  challenge public.challenges;
  invite public.challenge_invites;
begin
  perform agon.require_wallet(own);
  challenge := agon.require_invitable(create_invite.challenge_id);
  -- Invites to one come one after the other, so that the second sees the first.
  perform pg_advisory_xact_lock(hashtextextended(format('invite %s %s', challenge.id, whom), 0));
  select i.* into invite from public.challenge_invites i
  where i.challenge_id = challenge.id and i.method = create_invite.method and i.value = whom
    and i.inviter_wallet = own and i.status <> 'failed' and i.expires_at > agon.now();
  if found then
    return invite;
  end if;
  invite.method := create_invite.method;
  invite.value := whom;
  if agon.is_invited(invite) or whom = own then
    perform agon.refuse(422, 'invite_to_oneself', 'This would be an invite to yourself.',
      'To take part, join the challenge.');
  end if;
  perform agon.spend_invite(create_invite.method, whom);
  perform agon.expire_invites(challenge.id);
  insert into public.challenge_invites (challenge_id, method, value, inviter_wallet, expires_at, created_at)
  values (challenge.id, create_invite.method, whom, own,
    least(agon.now() + lifetime, to_timestamp((challenge.timeline ->> 'end')::double precision)),
    agon.now())
  returning * into invite;
  perform agon.emit('invite.created', invite.id, jsonb_build_object('invite_id', invite.id,
    'challenge_id', invite.challenge_id, 'method', invite.method, 'inviter_wallet', own));
  if invite.method = 'wallet' then
    return agon.deliver_invite(invite.id);
  end if;
  perform agon.enqueue('challenges.deliver_invite', jsonb_build_object('invite_id', invite.id),
    'challenges.deliver_invite:' || invite.id);
  return invite;
end
$$;
comment on function agon.create_invite(text, bigint, text, text) is
  'One of the caller''s wallets invites somebody; where that stands already, it answers with the one that is there. By wallet it is told at once, else by a job.';
grant execute on function agon.create_invite(text, bigint, text, text) to agon_worker;

create or replace function agon.load_letter(invite_id text) returns jsonb
language sql security definer set search_path = ''
as $$
  select jsonb_build_object('to', i.value, 'inviter', agon.short_wallet(i.inviter_wallet),
    'challenge_id', i.challenge_id, 'challenge', agon.spoken_title(i.challenge_id))
  from public.challenge_invites i
  where i.id = load_letter.invite_id and i.method = 'email' and i.status = 'queued'
    and i.expires_at > agon.now()
  for update
$$;
comment on function agon.load_letter(text) is
  'What the mail of a queued invite says, held until the transaction ends; null when there is none to send.';
grant execute on function agon.load_letter(text) to agon_worker;

create or replace function agon.note_letter(invite_id text, token_hash bytea, mail_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into agon.invite_letters (invite_id, token_hash, mail_id)
  values (note_letter.invite_id, note_letter.token_hash, note_letter.mail_id);
  update public.challenge_invites i set status = 'sent' where i.id = note_letter.invite_id;
end
$$;
comment on function agon.note_letter(text, bytea, uuid) is
  'The mail of an invite is queued; its link carries the token of this hash.';
grant execute on function agon.note_letter(text, bytea, uuid) to agon_worker;

create or replace function agon.opens_invite(invite_id text, token_hash bytea) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (select from agon.invite_letters l
    where l.invite_id = opens_invite.invite_id and l.token_hash = opens_invite.token_hash)
$$;
comment on function agon.opens_invite(text, bytea) is
  'Whether a token came in the mail of an invite. Called by other functions only.';

create or replace function agon.find_invite(invite_id text, token_hash bytea)
returns public.challenge_invites
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  invite public.challenge_invites;
begin
  select i.* into invite from public.challenge_invites i where i.id = find_invite.invite_id;
  if invite.id is null or not (
    agon.is_invited(invite) or agon.opens_invite(invite.id, token_hash) or agon.is_service()
    or invite.inviter_wallet in (select agon.wallets())
    or coalesce(invite.accepted_by_wallet in (select agon.wallets()), false))
  then
    perform agon.refuse(404, 'invite_unknown', 'There is no such invite for you.',
      'Sign in as the one it was sent to, or follow the link of the mail.');
  end if;
  return invite;
end
$$;
comment on function agon.find_invite(text, bytea) is
  'An invite as those may see it who sent it, whom it is for, or who hold the link of its mail.';
grant execute on function agon.find_invite(text, bytea) to anon, authenticated, service_role, agon_worker;

create or replace function agon.accept_invite(invite_id text, subject text, token_hash bytea)
returns public.challenge_invites
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(subject);
  invite public.challenge_invites;
begin
  perform agon.require_wallet(own);
  perform from public.challenge_invites i where i.id = invite_id for update;
  invite := agon.find_invite(invite_id, token_hash);
  if invite.accepted_by_wallet = own then
    return invite;
  end if;
  if (case invite.method
    when 'email' then not (agon.is_invited(invite) or agon.opens_invite(invite.id, token_hash)
      or agon.is_service())
    else own is distinct from agon.invite_owner(invite.method, invite.value) end)
  then
    perform agon.refuse(403, 'not_your_invite', 'This invite is for somebody else.',
      'Accept it with the wallet that it was sent to.');
  end if;
  if invite.status = 'accepted' then
    perform agon.refuse(409, 'invite_used', 'This invite was accepted by another wallet.',
      'An invite is for one; the challenge can be joined without.');
  end if;
  if invite.status = 'failed' or invite.expires_at <= agon.now() then
    perform agon.refuse(409, 'invite_expired', 'This invite does not hold any more.',
      'Ask for a new one, or join the challenge without.');
  end if;
  perform agon.require_invitable(invite.challenge_id);
  update public.challenge_invites i set status = 'accepted', accepted_by_wallet = own,
    joined_at = (select p.joined_at from public.participants p
      where p.challenge_id = i.challenge_id and lower(p.subject) = own)
  where i.id = invite.id;
  perform agon.emit('invite.accepted', invite.id, jsonb_build_object('invite_id', invite.id,
    'challenge_id', invite.challenge_id, 'subject', own, 'inviter_wallet', invite.inviter_wallet));
  if not agon.is_on_chain(agon.show_challenge(invite.challenge_id)) then
    perform agon.join_challenge(invite.challenge_id, own, null);
  end if;
  return agon.find_invite(invite.id, token_hash);
end
$$;
comment on function agon.accept_invite(text, text, bytea) is
  'One of the caller''s wallets accepts an invite that is for it, and joins; on a chain it joins by its own transaction, and joined_at follows.';
grant execute on function agon.accept_invite(text, text, bytea) to agon_worker;

create or replace function agon.note_invitee() returns trigger
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  gone constant boolean := tg_op = 'DELETE';
  who constant text := lower(case when gone then old.subject else new.subject end);
  challenge constant bigint := case when gone then old.challenge_id else new.challenge_id end;
  since constant timestamptz := case when not gone then new.joined_at end;
begin
  update public.challenge_invites i set joined_at = since
  where i.challenge_id = challenge and i.accepted_by_wallet = who
    and i.joined_at is distinct from since;
  if since is not null then
    update public.challenge_invites i
    set status = 'accepted', accepted_by_wallet = who, joined_at = since
    where i.challenge_id = challenge and i.status in ('queued', 'sent')
      and i.expires_at > agon.now() and agon.invite_owner(i.method, i.value) = who;
  end if;
  return null;
end
$$;
comment on function agon.note_invitee() is
  'Who joins has accepted the invites to it; joined_at follows what participants say, also where a reorganisation takes it back.';
create or replace trigger participants_note_invitee
  after insert or delete or update of joined_at on public.participants
  for each row execute function agon.note_invitee();

create or replace function agon.note_steam_binding() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.deliver_invite(i.id) from public.challenge_invites i
  where i.method = 'steam' and i.value = new.platform_id and i.status = 'queued';
  return null;
end
$$;
comment on function agon.note_steam_binding() is
  'Invites that wait for a Steam account reach the wallet that it is bound to.';
create or replace trigger identity_bindings_note_steam
  after insert on public.identity_bindings
  for each row when (new.platform = 'steam') execute function agon.note_steam_binding();

create or replace function agon.expire_invites(challenge_id bigint default null) returns integer
language sql security definer set search_path = ''
as $$
  with over as (
    update public.challenge_invites i set status = 'failed', error = 'expired'
    where i.status in ('queued', 'sent') and i.expires_at <= agon.now()
      and (expire_invites.challenge_id is null or i.challenge_id = expire_invites.challenge_id)
    returning 1
  ), undelivered as (
    update public.challenge_invites i set status = 'failed', error = 'the mail did not arrive'
    from agon.invite_letters l join agon.mails m on m.id = l.mail_id
    where l.invite_id = i.id and i.status = 'sent' and m.state = 'failed' and i.expires_at > agon.now()
    returning 1
  )
  select (select count(*) from over)::integer + (select count(*) from undelivered)::integer
$$;
comment on function agon.expire_invites(bigint) is
  'Gives up invites whose time is over, and those whose mail failed: how many. All of them, or those of a challenge.';
grant execute on function agon.expire_invites(bigint) to agon_worker;

create or replace function agon.list_invites(challenge_id bigint, before text, most integer)
returns setof public.challenge_invites
language sql stable set search_path = ''
as $$
  select i.* from public.challenge_invites i
  where (list_invites.challenge_id is null or i.challenge_id = list_invites.challenge_id)
    and (list_invites.before is null or (i.created_at, i.id) < (
      select b.created_at, b.id from public.challenge_invites b where b.id = list_invites.before))
  order by i.created_at desc, i.id desc limit most
$$;
comment on function agon.list_invites(bigint, text, integer) is
  'Invites that the caller sent or got, the newest first. before: the id of the last one of an earlier answer.';
grant execute on function agon.list_invites(bigint, text, integer) to authenticated, service_role;

revoke all on public.challenge_invites from anon, authenticated, service_role;
grant select on public.challenge_invites to authenticated, service_role;

drop policy if exists challenge_invites_select_inviter on public.challenge_invites;
create policy challenge_invites_select_inviter on public.challenge_invites
  for select to authenticated using (inviter_wallet in (select agon.wallets()));
drop policy if exists challenge_invites_select_invitee on public.challenge_invites;
create policy challenge_invites_select_invitee on public.challenge_invites
  for select to authenticated using (
    accepted_by_wallet in (select agon.wallets())
    or (method = 'wallet' and value in (select agon.wallets()))
    or (method = 'email' and value = (select agon.verified_email()))
    or (method = 'steam' and value in (
      select b.platform_id from public.identity_bindings b
      where b.platform = 'steam' and b.wallet in (select agon.wallets()))));
drop policy if exists challenge_invites_select_service on public.challenge_invites;
create policy challenge_invites_select_service on public.challenge_invites
  for select to service_role using (true);
