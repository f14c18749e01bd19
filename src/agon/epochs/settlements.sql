-- Settling a day: once, in one transaction, by a result that anyone computes again.

create or replace trigger epoch_payouts_guard_status
  before insert or update on public.epoch_payouts
  for each row execute function agon.guard_move('status');
create or replace trigger epoch_editions_guard_status
  before insert or update on public.epoch_editions
  for each row execute function agon.guard_move('status');

create or replace function agon.recipient_moment(epoch public.epochs) returns timestamptz
language sql stable security definer set search_path = ''
as $$
  select case p.config ->> 'recipient_moment'
    when 'starts_at' then epoch.starts_at when 'freeze_at' then epoch.freeze_at
    when 'ends_at' then epoch.ends_at when 'settle' then epoch.settle_at end
  from public.epoch_profiles p where p.id = epoch.profile_id
$$;
comment on function agon.recipient_moment(public.epochs) is
  'When who owns a bot is who is paid for it. Called by other functions only.';

create or replace function agon.recipients_are_final(epoch public.epochs) returns boolean
language sql stable security definer set search_path = ''
as $$
  -- Later, and not at it: a block of the same second may still come.
  select agon.the_chain() is null
    or coalesce(agon.chain_time(agon.the_chain()) > agon.recipient_moment(epoch), false)
$$;
comment on function agon.recipients_are_final(public.epochs) is
  'Whether the chain, if one is followed, is read and final beyond the moment at which owners are looked up. Called by other functions only.';

create or replace function agon.owner_at(bot_identity_id uuid, moment timestamptz) returns text
language sql stable security definer set search_path = ''
as $$
  select o.owner_address from public.bot_identity_owners o
  where o.bot_identity_id = owner_at.bot_identity_id and o.effective_from <= owner_at.moment
    and coalesce(o.effective_to > owner_at.moment, true)
  order by o.from_block desc, o.from_log desc limit 1
$$;
comment on function agon.owner_at(uuid, timestamptz) is
  'Who owned the bot at a moment; null where nobody did. Called by other functions only.';

create or replace function agon.epoch_owners(epoch public.epochs) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with bots as (
    select e.actor_bot_identity_id as id from public.epoch_events e
    where epoch.result_cid is null and e.epoch_id = epoch.id
      and e.event_type in ('slot_claimed', 'slot_overwritten', 'slot_attacked')
    union
    select v.vote_target_id::uuid from public.epoch_votes v
    where epoch.result_cid is null and v.epoch_id = epoch.id and v.vote_target_type = 'bot'
  ),
  owners as (
    select i.id, case when i.status <> 'suspended'
      then agon.owner_at(i.id, agon.recipient_moment(epoch)) end as owner
    from bots b join public.bot_identities i on i.id = b.id
    union all
    select c.bot_identity_id, c.owner_address from public.epoch_contributions c
    where c.epoch_id = epoch.id
  )
  select coalesce(jsonb_object_agg(o.id, o.owner), '{}') from owners o
$$;
comment on function agon.epoch_owners(public.epochs) is
  'Who is paid for each bot of the day, {bot: address or null}: as it was settled, else by the owners'' history. Nobody is for a bot that is suspended when the day is settled. Called by other functions only.';

create or replace function agon.epoch_head(epoch public.epochs) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'epoch', jsonb_build_object('day', epoch.day_date,
      'starts_at_ms', (extract(epoch from epoch.starts_at) * 1000)::bigint,
      'freeze_at_ms', (extract(epoch from epoch.freeze_at) * 1000)::bigint,
      'ends_at_ms', (extract(epoch from epoch.ends_at) * 1000)::bigint),
    'profile', p.config, 'owners', agon.epoch_owners(epoch), 'pool_wei', p.config ->> 'pool_wei')
  from public.epoch_profiles p where p.id = epoch.profile_id
$$;
comment on function agon.epoch_head(public.epochs) is
  'All that a settlement reads beside the log, as the first line of a replay file has it. Called by other functions only.';

create or replace function agon.export_epoch(day date) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  epoch constant public.epochs := agon.show_epoch(day);
begin
  if epoch.phase in ('prep', 'live') then
    perform agon.refuse(409, 'epoch_not_over', format('%s is still played.', epoch.day_date),
      format('It freezes at %s; then it can be exported.', epoch.freeze_at));
  end if;
  return agon.epoch_head(epoch);
end
$$;
comment on function agon.export_epoch(date) is
  'The first line of a day''s replay file; refuses days that can still change.';
grant execute on function agon.export_epoch(date) to agon_worker;

create or replace function agon.load_settlement(day date) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  epoch constant public.epochs := agon.show_epoch(day);
  state constant text := case when epoch.result_cid is not null then 'settled'
    when epoch.phase <> 'settle' then 'early'
    when not agon.recipients_are_final(epoch) then 'waiting' else 'due' end;
begin
  if state <> 'due' then
    return jsonb_build_object('state', state);
  end if;
  return jsonb_build_object('state', state, 'number', epoch.number,
    'profile', (select jsonb_build_object('key', p.profile_key, 'version', p.version)
      from public.epoch_profiles p where p.id = epoch.profile_id),
    'head', agon.epoch_head(epoch));
end
$$;
comment on function agon.load_settlement(date) is
  'What a day is settled from, beside its log: {state, number, profile, head}; state alone where it is settled, early, or waiting for the chain.';
grant execute on function agon.load_settlement(date) to agon_worker;

create or replace function agon.enqueue_settlement(epoch public.epochs) returns bigint
language sql security definer set search_path = ''
as $$
  select agon.enqueue('epochs.settle', jsonb_build_object('day', epoch.day_date),
    'epochs.settle:' || epoch.day_date)
$$;
comment on function agon.enqueue_settlement(public.epochs) is
  'Queues the settlement of a day. Called by other functions only.';

create or replace function agon.enqueue_epoch_settlements() returns bigint
language sql security definer set search_path = ''
as $$
  select count(agon.enqueue_settlement(e)) from public.epochs e
  where e.phase = 'settle' and e.result_cid is null and agon.recipients_are_final(e)
$$;
comment on function agon.enqueue_epoch_settlements() is
  'Queues the days that wait for their settlement and can have it: the chain came late, or the job was lost.';
grant execute on function agon.enqueue_epoch_settlements() to agon_worker;

create or replace function agon.take_settlement(day date) returns public.epochs
language plpgsql security definer set search_path = ''
as $$
declare
  epoch public.epochs;
begin
  perform 1 from public.epochs e where e.day_date = take_settlement.day for no key update;
  epoch := agon.show_epoch(day);
  if epoch.phase <> 'settle' and epoch.result_cid is null then
    perform agon.refuse(409, 'epoch_not_over',
      format('%s cannot be settled in %s.', epoch.day_date, epoch.phase),
      format('It can from %s on.', epoch.settle_at));
  end if;
  return epoch;
end
$$;
comment on function agon.take_settlement(date) is
  'A day that is to be settled, or is, held until the transaction ends; refuses days before that.';
grant execute on function agon.take_settlement(date) to agon_worker;

create or replace function agon.settle_epoch(
  day date, cid text, bundle bytea, output jsonb, voters text[], summary_cid text,
  metadata_cid text
) returns public.epochs
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  epoch public.epochs := agon.take_settlement(day);
begin
  if epoch.result_cid is not null then
    return epoch;
  end if;
  perform agon.keep_result(cid, 'epochs.settlement', 1, bundle, null);
  perform agon.write_shares(epoch, output);
  perform agon.weigh_votes(epoch, output, voters);
  insert into public.epoch_editions (epoch_id, token_id, metadata_uri, created_at)
  values (epoch.id, epoch.number, 'ipfs://' || metadata_cid, agon.now());
  update public.epochs e
  set result_cid = settle_epoch.cid, outcome = output ->> 'outcome',
    summary_uri = 'ipfs://' || summary_cid
  where e.id = epoch.id returning e.* into epoch;
  perform agon.record_epoch_event(epoch.id, 'epoch_settled', agon.now(),
    jsonb_build_object('result_cid', cid));
  perform agon.emit('epoch.settled', day::text, agon.show_settlement(epoch, output));
  perform agon.pay_epoch(epoch.id);
  perform agon.enqueue_epoch_move(epoch);
  return epoch;
end
$$;
comment on function agon.settle_epoch(date, text, bytea, jsonb, text[], text, text) is
  'Writes what a day came to, once: its result, contributions, weights of votes, payouts and edition. A day that is settled is answered with as it is.';
grant execute on function agon.settle_epoch(date, text, bytea, jsonb, text[], text, text)
  to agon_worker;

create or replace function agon.settled_bots(output jsonb)
returns table (
  bot uuid, owner text, occupied_ms bigint, claims integer, defense_ms bigint,
  vote_quality numeric, raw_score numeric, share numeric, bps integer, wei numeric
)
language sql immutable set search_path = ''
as $$
  select * from jsonb_to_recordset(output -> 'bots') as b (
    bot uuid, owner text, occupied_ms bigint, claims integer, defense_ms bigint,
    vote_quality numeric, raw_score numeric, share numeric, bps integer, wei numeric)
$$;
comment on function agon.settled_bots(jsonb) is
  'The bots of a result''s output as rows. Called by other functions only.';

create or replace function agon.write_shares(epoch public.epochs, output jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into public.epoch_contributions
    (epoch_id, bot_identity_id, owner_address, occupied_seconds, successful_claims,
     defense_seconds, vote_quality, raw_score, normalized_share, computed_at)
  select epoch.id, b.bot, b.owner, b.occupied_ms / 1000, b.claims, b.defense_ms / 1000,
    b.vote_quality, b.raw_score, b.share, agon.now()
  from agon.settled_bots(output) b
  -- One that was voted on alone goes where its mint is undone.
  join public.bot_identities i on i.id = b.bot;
  insert into public.epoch_payouts
    (epoch_id, bot_identity_id, recipient_address, bps, amount_wei, created_at)
  select epoch.id, b.bot, b.owner, b.bps, b.wei, agon.now()
  from agon.settled_bots(output) b
  where b.wei > 0;
end
$$;
comment on function agon.write_shares(public.epochs, jsonb) is
  'What each bot did, and what is paid for it. Called by agon.settle_epoch only.';

create or replace function agon.weigh_votes(epoch public.epochs, output jsonb, voters text[])
returns void
language sql security definer set search_path = ''
as $$
  update public.epoch_votes v
  set effective_weight = case
    when v.vote_target_type = 'bot' and (v.vote_target_id, v.voter_address) in (
      select b.bot::text, b.owner from agon.settled_bots(output) b where b.owner is not null) then 0
    else round(v.raw_weight * w.milli / 1000, 4) end
  from (
    select u.voter, m.milli::integer
    from unnest(voters) with ordinality u (voter, place)
    join jsonb_array_elements_text(output -> 'voter_weights_milli') with ordinality m (milli, place)
      on m.place = u.place
  ) w (voter, milli)
  where v.epoch_id = epoch.id and v.voter_address = w.voter
$$;
comment on function agon.weigh_votes(public.epochs, jsonb, text[]) is
  'effective_weight of the day''s votes: the raw weight times the voter''s; 0 of one on the voter''s own bot. voters: in the order of the weights. Called by agon.settle_epoch only.';

create or replace function agon.show_settlement(epoch public.epochs, output jsonb) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('day', epoch.day_date, 'epoch_id', epoch.id, 'number', epoch.number,
    'result_cid', epoch.result_cid, 'outcome', epoch.outcome, 'summary_uri', epoch.summary_uri,
    'shares', coalesce((
      select jsonb_agg(jsonb_build_object('bot', b.bot, 'owner', b.owner, 'share', b.share::text,
        'bps', b.bps, 'wei', b.wei::text) order by b.share desc, b.bot)
      from (select * from agon.settled_bots(output) order by share desc, bot limit 1000) b), '[]'))
$$;
comment on function agon.show_settlement(public.epochs, jsonb) is
  'A settlement as the event epoch.settled tells it, with the 1,000 largest shares. Called by agon.settle_epoch only.';

create or replace function agon.show_edition(day date) returns public.epoch_editions
language plpgsql stable security definer set search_path = ''
as $$
declare
  edition public.epoch_editions;
begin
  select d.* into edition from public.epoch_editions d
  where d.epoch_id = (agon.show_epoch(show_edition.day)).id;
  if not found then
    perform agon.refuse(404, 'edition_missing', format('%s has no edition yet.', day),
      'It comes with the settlement of the day.');
  end if;
  return edition;
end
$$;
comment on function agon.show_edition(date) is 'The edition of a day; refuses days without one.';
grant execute on function agon.show_edition(date) to anon, authenticated, service_role, agon_worker;

-- All of it follows from the public result of the day.
revoke all on public.epoch_contributions, public.epoch_payouts, public.epoch_editions
  from anon, authenticated, service_role;
grant select on public.epoch_contributions, public.epoch_payouts, public.epoch_editions
  to anon, authenticated, service_role;

drop policy if exists epoch_contributions_select_everyone on public.epoch_contributions;
create policy epoch_contributions_select_everyone on public.epoch_contributions
  for select to anon, authenticated, service_role using (true);
drop policy if exists epoch_payouts_select_everyone on public.epoch_payouts;
create policy epoch_payouts_select_everyone on public.epoch_payouts
  for select to anon, authenticated, service_role using (true);
drop policy if exists epoch_editions_select_everyone on public.epoch_editions;
create policy epoch_editions_select_everyone on public.epoch_editions
  for select to anon, authenticated, service_role using (true);
