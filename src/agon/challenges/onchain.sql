-- Challenges as the chain tells of them: what stands in their rows is computed from their logs, which
-- are those of the contract that they were created in. Another ChallengePay may use their numbers.

create or replace function agon.chain_challenge(id text) returns bigint
language sql immutable set search_path = ''
as $$ select case when id::numeric < 1099511627776 then id::bigint end $$;
comment on function agon.chain_challenge(text) is
  'The challenge that a number of a log means; null for numbers that no challenge on a chain can have.';

create or replace function agon.is_on_chain(challenge public.challenges) returns boolean
language sql immutable set search_path = ''
as $$ select challenge.id < 1099511627776 $$;
comment on function agon.is_on_chain(public.challenges) is
  'Whether the challenge stands on a chain, which then alone says how it goes on.';
grant execute on function agon.is_on_chain(public.challenges) to anon, authenticated, service_role, agon_worker;

create or replace function agon.require_off_chain(challenge public.challenges) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if agon.is_on_chain(challenge) then
    perform agon.refuse(409, 'challenge_on_chain',
      format('Challenge %s stands on a chain, and only the chain moves it.', challenge.id),
      'Call the contract ChallengePay; the row follows.');
  end if;
end
$$;
comment on function agon.require_off_chain(public.challenges) is 'Refuses challenges that stand on a chain.';

create or replace function agon.guard_chain_move() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if not agon.is_on_chain(new) and exists (
    select from agon.moves m
    where m.machine = 'public.challenges.status' and m.by in ('chain', 'reorganisation')
      and m.from_state = old.status and m.to_state = new.status)
  then
    perform agon.refuse(409, 'move_not_allowed',
      format('public.challenges.status cannot go from %s to %s: only a chain goes there, and challenge %s is on none.',
        old.status, new.status, new.id),
      'docs/moves.md lists the moves that exist.');
  end if;
  return new;
end
$$;
comment on function agon.guard_chain_move() is
  'What a chain does and takes back is not done to challenges without one.';
create or replace trigger challenges_guard_chain_move
  before update of status on public.challenges
  for each row execute function agon.guard_chain_move();

create or replace function agon.make_chain_challenges(chain_id bigint, ids text[], below bigint)
returns void
language sql security definer set search_path = ''
as $$
  with made as (
    insert into public.challenges (id, subject, tx_hash, contract_address, content_hash, timeline,
      funds, created_at, title, description, model_id, model_hash, params, proof)
    select distinct on (1) agon.chain_challenge(l.args ->> 'id'), l.args ->> 'creator', l.tx_hash,
      l.address, l.args ->> 'contentHash',
      jsonb_build_object('start', (l.args ->> 'startsAt')::numeric, 'end', (l.args ->> 'endsAt')::numeric),
      jsonb_build_object('stake_wei', l.args ->> 'stake', 'pot_wei', l.args ->> 'pot'),
      l.mined_at, d.content ->> 'title', d.content ->> 'description', m.id, m.model_hash,
      d.content -> 'params', d.content -> 'proof'
    from agon.chain_logs l
    left join (select creator, content_hash, content::jsonb from agon.challenge_descriptions) d
      on (d.creator, d.content_hash) = (l.args ->> 'creator', l.args ->> 'contentHash')
    left join public.models m on m.id = d.content ->> 'model_id'
    where l.chain_id = make_chain_challenges.chain_id and l.contract = 'ChallengePay'
      and l.event = 'ChallengeCreated' and l.args ->> 'id' = any (ids) and l.block_number < below
      and agon.chain_challenge(l.args ->> 'id') is not null
    order by 1, l.block_number, l.log_index
    on conflict (id) do nothing
    returning id, subject, model_id
  ), judged_again as (
    select agon.enqueue('challenges.judge',
      jsonb_build_object('challenge_id', e.challenge_id, 'subject', e.subject))
    from made
    cross join lateral (
      select distinct made.id as challenge_id, lower(e.subject) as subject
      from public.evidence e where e.challenge_id = made.id
    ) e
    where made.model_id is not null
  )
  select count(agon.emit('challenge.created', made.id::text,
      jsonb_build_object('challenge_id', made.id, 'subject', made.subject)))
    + (select count(*) from judged_again)
  from made
$$;
comment on function agon.make_chain_challenges(bigint, text[], bigint) is
  'Rows of challenges that the chain has and we have not, by the first contract that made one of the number; described if they were before. Called by agon.recompute_challenges only.';

create or replace function agon.move_chain_challenges(chain_id bigint, ids text[], below bigint)
returns void
language sql security definer set search_path = ''
as $$
  with newest as (
    select distinct on (l.args ->> 'id') agon.chain_challenge(l.args ->> 'id') as id,
      lower(l.event) as status, (l.args ->> 'outcome')::smallint as chain_outcome
    from agon.chain_logs l
    join public.challenges c
      on c.id = agon.chain_challenge(l.args ->> 'id') and c.contract_address = l.address
    where l.chain_id = move_chain_challenges.chain_id and l.contract = 'ChallengePay'
      and l.event in ('Approved', 'Rejected', 'Canceled', 'Finalized')
      and l.args ->> 'id' = any (ids) and l.block_number < below
    order by l.args ->> 'id', l.block_number desc, l.log_index desc
  ), moved as (
    update public.challenges c
    set status = coalesce(newest.status, 'pending'), chain_outcome = newest.chain_outcome
    from public.challenges was
    left join newest on newest.id = was.id
    where was.id = c.id and was.id in (select agon.chain_challenge(i) from unnest(ids) i)
      and (was.status, was.chain_outcome)
        is distinct from (coalesce(newest.status, 'pending'), newest.chain_outcome)
    returning c.id, c.subject, c.chain_outcome, was.status as from_status, c.status
  )
  select count(agon.emit(
    'challenge.' || case when m.by = 'reorganisation' then 'reorganised' else moved.status end,
    moved.id::text, jsonb_build_object('challenge_id', moved.id, 'subject', moved.subject,
      'status', moved.status, 'chain_outcome', moved.chain_outcome)))
  from moved
  left join agon.moves m on m.machine = 'public.challenges.status'
    and m.from_state = moved.from_status and m.to_state = moved.status
$$;
comment on function agon.move_chain_challenges(bigint, text[], bigint) is
  'Status and outcome by the newest log of each challenge; none means pending. Called by agon.recompute_challenges only.';

create or replace function agon.recompute_challenges(chain_id bigint, ids text[], below bigint)
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  delete from public.challenges c
  where c.id in (select agon.chain_challenge(i) from unnest(ids) i)
    and not exists (
      select from agon.chain_logs l
      where l.chain_id = recompute_challenges.chain_id and l.contract = 'ChallengePay'
        and l.event = 'ChallengeCreated' and l.args ->> 'id' = c.id::text and l.block_number < below
        and l.address = c.contract_address);
  perform agon.make_chain_challenges(recompute_challenges.chain_id, ids, below);
  perform agon.move_chain_challenges(recompute_challenges.chain_id, ids, below);
  perform agon.recompute_registry(recompute_challenges.chain_id, ids, below);
end
$$;
comment on function agon.recompute_challenges(bigint, text[], bigint) is
  'The rows of these challenges as the logs of blocks below one have them: so applying, undoing and rebuilding agree.';

create or replace function agon.challenges_in(chain_id bigint, from_block bigint, to_block bigint)
returns text[]
language sql stable security definer set search_path = ''
as $$
  select array(
    select distinct l.args ->> 'id' from agon.chain_logs l
    where l.chain_id = challenges_in.chain_id
      and l.block_number between challenges_in.from_block and challenges_in.to_block
      and (l.contract, l.event) in (
        ('ChallengePay', 'ChallengeCreated'), ('ChallengePay', 'Approved'), ('ChallengePay', 'Rejected'),
        ('ChallengePay', 'Canceled'), ('ChallengePay', 'Finalized'), ('MetadataRegistry', 'MetadataSet')))
$$;
comment on function agon.challenges_in(bigint, bigint, bigint) is
  'Whose state the logs of these blocks tell of. Called by effects only.';

create or replace function agon.apply_challenges(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  select agon.recompute_challenges(chain_id, agon.challenges_in(chain_id, from_block, to_block), to_block + 1)
$$;
comment on function agon.apply_challenges(bigint, bigint, bigint) is
  'Effect of what makes and moves challenges, and of MetadataSet.';

create or replace function agon.undo_challenges(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$
  select agon.recompute_challenges(chain_id,
    agon.challenges_in(chain_id, first_undone, 9223372036854775807), first_undone)
$$;
comment on function agon.undo_challenges(bigint, bigint) is 'Takes back agon.apply_challenges.';

select agon.register_chain_effect(contract, event, 100, 'agon.apply_challenges', 'agon.undo_challenges')
from (values
  ('ChallengePay', 'ChallengeCreated'), ('ChallengePay', 'Approved'), ('ChallengePay', 'Rejected'),
  ('ChallengePay', 'Canceled'), ('ChallengePay', 'Finalized'), ('MetadataRegistry', 'MetadataSet')
) as seen (contract, event);
