-- Voting: by a wallet of the caller, once on each target, while the day is live.

create or replace function public.cast_vote(
  target_type text, target_id text, score numeric, voter_address text, day date default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  voter constant text := lower(voter_address);
  at constant timestamptz := agon.now();
  -- Not the client's to choose: whoever could name another session would have no limit.
  session constant text := coalesce((select auth.jwt()) ->> 'session_id', (select auth.uid())::text);
  epoch public.epochs;
  weight numeric;
  target text;
  vote public.epoch_votes;
begin
  perform agon.require_wallet(voter);
  epoch := agon.enter_live_epoch(day, at);
  weight := agon.vote_weight(epoch, target_type);
  target := agon.vote_target(target_type, target_id, voter);
  if score is null or score < 0 or score > 1 or score <> round(score, 4) then
    perform agon.refuse(422, 'score_out_of_range', 'A score is from 0 to 1, with 4 places at most.');
  end if;
  -- Votes of one caller take turns, so that limits hold for those that come together.
  perform pg_advisory_xact_lock(hashtextextended('votes of ' || coalesce(session, voter), 0));
  perform pg_advisory_xact_lock(hashtextextended('votes of ' || voter, 0)) where session is not null;
  select * into vote from public.epoch_votes v
  where v.epoch_id = epoch.id and v.voter_address = voter
    and v.vote_target_type = cast_vote.target_type and v.vote_target_id = target;
  if vote.id is not null then
    if vote.score <> cast_vote.score then
      perform agon.refuse(409, 'voted_already', 'This wallet has voted on that already.',
        'A vote stands; it cannot be changed.');
    end if;
    return agon.show_vote(vote);
  end if;
  perform agon.require_votes_left(epoch, voter, session);
  insert into public.epoch_votes
    (epoch_id, voter_address, voter_session_id, vote_target_type, vote_target_id, score, raw_weight,
     effective_weight, created_at)
  values (epoch.id, voter, session, target_type, target, score, weight, weight, at)
  returning * into vote;
  perform agon.record_epoch_event(epoch.id, 'vote_cast', at,
    jsonb_build_object('target_type', vote.vote_target_type, 'target_id', vote.vote_target_id,
      'score', vote.score::text),
    wallet => voter);
  return agon.show_vote(vote);
end
$$;
comment on function public.cast_vote(text, text, numeric, text, date) is
  'A vote of one of the caller''s wallets on a bot, tempo, key or world theme, score 0 to 1, in the epoch of a day (null: the one that is live). The same vote again answers with the one that stands.';
revoke execute on function public.cast_vote(text, text, numeric, text, date) from public, anon;
grant execute on function public.cast_vote(text, text, numeric, text, date)
  to authenticated, service_role, agon_worker;

create or replace function agon.vote_weight(epoch public.epochs, target_type text) returns numeric
language plpgsql stable security definer set search_path = ''
as $$
declare
  weight_bps integer;
begin
  select (p.config #>> array['votes', 'kinds', target_type, 'weight_bps'])::integer into weight_bps
  from public.epoch_profiles p where p.id = epoch.profile_id;
  if weight_bps is null then
    perform agon.refuse(422, 'vote_kind_unknown', 'That cannot be voted on in this epoch.',
      'Its profile lists the kinds of votes.');
  end if;
  return weight_bps / 10000.0;
end
$$;
comment on function agon.vote_weight(public.epochs, text) is
  'The raw weight of a vote of this kind; refuses kinds that the profile does not have. Called by other functions only.';

create or replace function agon.vote_target(target_type text, target_id text, voter text) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  bot public.bot_identities;
begin
  if coalesce(target_id, '') !~ '^[A-Za-z0-9][A-Za-z0-9#_.:-]{0,99}$' then
    perform agon.refuse(422, 'vote_target_malformed', 'target_id is no name.',
      'It has 1 to 100 letters, digits and # _ . : -; of a bot it is its id.');
  end if;
  if target_type <> 'bot' then
    return target_id;
  end if;
  if target_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select * into bot from public.bot_identities i where i.id = vote_target.target_id::uuid;
  end if;
  if bot.id is null then
    perform agon.refuse(404, 'bot_unknown', format('There is no bot %s.', target_id),
      'Name it by its id.');
  end if;
  perform agon.require_active_bot(bot.id);
  if exists (
    select from public.bot_identity_owners o
    where o.bot_identity_id = bot.id and o.effective_to is null
      and (o.owner_address = voter or o.owner_address in (select agon.wallets()))
  ) then
    perform agon.refuse(403, 'own_bot', 'Nobody votes on a bot of their own.', 'Vote on others.');
  end if;
  return bot.id::text;
end
$$;
comment on function agon.vote_target(text, text, text) is
  'The target in its one spelling; refuses bots that are unknown, not active, or the voter''s. Called by other functions only.';

create or replace function agon.require_votes_left(epoch public.epochs, voter text, session text) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  limits jsonb;
begin
  select p.config -> 'votes' into limits from public.epoch_profiles p where p.id = epoch.profile_id;
  if (select count(*) from public.epoch_votes v
      where v.epoch_id = epoch.id and v.voter_address = voter) >= (limits ->> 'per_address_max')::integer
  then
    perform agon.refuse(409, 'address_votes_spent', 'This wallet has cast all its votes.',
      format('It has %s in an epoch.', limits ->> 'per_address_max'));
  end if;
  if (select count(*) from public.epoch_votes v
      where v.epoch_id = epoch.id and v.voter_session_id = session)
    >= (limits ->> 'per_session_max')::integer
  then
    perform agon.refuse(409, 'session_votes_spent', 'This session has cast all its votes.',
      format('It has %s in an epoch, by all its wallets.', limits ->> 'per_session_max'));
  end if;
end
$$;
comment on function agon.require_votes_left(public.epochs, text, text) is
  'Refuses more votes of a wallet, or of a session, than the profile allows. Called by public.cast_vote only.';

create or replace function agon.show_vote(vote public.epoch_votes) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('id', vote.id, 'voter', vote.voter_address,
    'target_type', vote.vote_target_type, 'target_id', vote.vote_target_id, 'score', vote.score::text,
    'raw_weight', vote.raw_weight::text, 'effective_weight', vote.effective_weight::text,
    'created_at', vote.created_at)
$$;
comment on function agon.show_vote(public.epoch_votes) is
  'A vote without its session; numbers as decimal strings. Called by other functions only.';

-- Everything but the session, which says who is behind several wallets.
revoke all on public.epoch_votes from anon, authenticated, service_role;
grant select (id, epoch_id, voter_address, vote_target_type, vote_target_id, score, raw_weight,
  effective_weight, created_at) on public.epoch_votes to anon, authenticated;
grant select on public.epoch_votes to service_role;

drop policy if exists epoch_votes_select_everyone on public.epoch_votes;
create policy epoch_votes_select_everyone on public.epoch_votes
  for select to anon, authenticated
  using (epoch_id in (select e.id from public.epochs e where e.phase not in ('prep', 'live')));
drop policy if exists epoch_votes_select_own on public.epoch_votes;
create policy epoch_votes_select_own on public.epoch_votes
  for select to authenticated using (voter_address in (select agon.wallets()));
drop policy if exists epoch_votes_select_service on public.epoch_votes;
create policy epoch_votes_select_service on public.epoch_votes
  for select to service_role using (true);
