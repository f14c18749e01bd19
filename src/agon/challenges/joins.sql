-- Who joined on the chain.

create or replace function agon.report_join(challenge_id bigint, subject text, tx_hash text)
returns public.participants
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
  participant public.participants;
begin
  if report_join.tx_hash is null then
    perform agon.refuse(409, 'challenge_on_chain',
      format('Challenge %s is joined on its chain.', challenge.id),
      'Call join of ChallengePay, and report its transaction in tx_hash.');
  end if;
  if lower(report_join.tx_hash) !~ '^0x[0-9a-f]{64}$' then
    perform agon.refuse(422, 'tx_hash_malformed', 'tx_hash is no transaction hash.',
      'It is 0x and 64 hexadecimal digits.');
  end if;
  if challenge.status not in ('pending', 'approved') then
    perform agon.refuse(409, 'challenge_not_open',
      format('Challenge %s is %s.', challenge.id, challenge.status), 'It cannot be joined any more.');
  end if;
  insert into public.participants as p (challenge_id, subject, tx_hash, created_at)
  values (challenge.id, lower(report_join.subject), lower(report_join.tx_hash), agon.now())
  on conflict (challenge_id, lower(subject)) do update set tx_hash = excluded.tx_hash
    where p.source <> 'onchain_join';
  select * into participant from public.participants p
  where p.challenge_id = challenge.id and lower(p.subject) = lower(report_join.subject);
  return participant;
end
$$;
comment on function agon.report_join(bigint, text, text) is
  'Keeps the transaction with which a wallet says that it joined; who joined is said by the chain''s log alone. Called by agon.join_challenge only.';

create or replace function agon.judge_again(challenge_id bigint, subject text) returns void
language sql security definer set search_path = ''
as $$
  select agon.enqueue('challenges.judge',
    jsonb_build_object('challenge_id', challenge_id, 'subject', subject))
  where exists (
    select from public.evidence e
    where e.challenge_id = judge_again.challenge_id and lower(e.subject) = judge_again.subject)
$$;
comment on function agon.judge_again(bigint, text) is
  'Games count from the enrolment on, so who enrols, or no longer does, is judged again. Called by effects only.';

create or replace function agon.apply_joins(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  with joined as (
    insert into public.participants (challenge_id, subject, tx_hash, joined_at, source, created_at)
    select distinct on (1, 2) agon.chain_challenge(l.args ->> 'id'), l.args ->> 'user', l.tx_hash,
      l.mined_at, 'onchain_join', agon.now()
    from agon.chain_logs l
    join public.challenges c
      on c.id = agon.chain_challenge(l.args ->> 'id') and c.contract_address = l.address
    where l.chain_id = apply_joins.chain_id and l.contract = 'ChallengePay' and l.event = 'Joined'
      and l.block_number between apply_joins.from_block and apply_joins.to_block
    order by 1, 2, l.block_number, l.log_index
    on conflict (challenge_id, lower(subject)) do update
    set tx_hash = excluded.tx_hash, joined_at = excluded.joined_at, source = excluded.source
    returning challenge_id, subject
  )
  select agon.emit('challenge.joined', challenge_id::text,
      jsonb_build_object('challenge_id', challenge_id, 'subject', subject)),
    agon.judge_again(challenge_id, subject)
  from joined
$$;
comment on function agon.apply_joins(bigint, bigint, bigint) is
  'Effect of Joined: the participant, whatever was known of them before.';

create or replace function agon.undo_joins(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$
  with undone as (
    select c.id as challenge_id, l.args ->> 'user' as subject, l.tx_hash
    from agon.chain_logs l
    join public.challenges c
      on c.id = agon.chain_challenge(l.args ->> 'id') and c.contract_address = l.address
    where l.chain_id = undo_joins.chain_id and l.contract = 'ChallengePay' and l.event = 'Joined'
      and l.block_number >= undo_joins.first_undone
  ), gone as (
    delete from public.participants p using undone u
    where p.challenge_id = u.challenge_id and lower(p.subject) = u.subject and p.tx_hash = u.tx_hash
      and not exists (
        select from public.evidence e
        where e.challenge_id = p.challenge_id and lower(e.subject) = lower(p.subject))
  ), fallen_back as (
    update public.participants p set source = 'evidence_intake', tx_hash = null, joined_at = null
    from undone u
    where p.challenge_id = u.challenge_id and lower(p.subject) = u.subject and p.tx_hash = u.tx_hash
      and exists (
        select from public.evidence e
        where e.challenge_id = p.challenge_id and lower(e.subject) = lower(p.subject))
    returning p.challenge_id, p.subject
  )
  select agon.judge_again(challenge_id, subject) from fallen_back
$$;
comment on function agon.undo_joins(bigint, bigint) is
  'Takes back agon.apply_joins: who submitted evidence stays by it, others go.';

select agon.register_chain_effect('ChallengePay', 'Joined', 110, 'agon.apply_joins', 'agon.undo_joins');
