-- Who takes part.

create or replace trigger participants_stamp_updated_at
  before update on public.participants
  for each row execute function agon.stamp_updated_at();

create or replace function agon.require_open(challenge public.challenges) returns void
language plpgsql stable security definer set search_path = ''
as $$
begin
  if challenge.model_id is null then
    perform agon.refuse(409, 'challenge_not_described',
      format('Challenge %s has no rule yet.', challenge.id),
      'Its creator describes it: POST /api/challenges with its id.');
  end if;
  if exists (select from agon.challenge_settlements s where s.challenge_id = challenge.id) then
    perform agon.refuse(409, 'challenge_not_open',
      format('Challenge %s is being settled.', challenge.id),
      'Its outcome stands on the verdicts of before.');
  end if;
  -- Without an end to it, one participant's stream of evidence would keep every stake on the chain.
  if challenge.content_hash is not null
    and (challenge.timeline ->> 'end')::numeric + 86400 < extract(epoch from agon.now()) then
    perform agon.refuse(409, 'challenge_ended',
      format('Challenge %s ended more than a day ago.', challenge.id),
      'Evidence is taken until a day after the end, if the challenge is not settled before.');
  end if;
  if challenge.status <> 'approved' then
    perform agon.refuse(409, 'challenge_not_open',
      format('Challenge %s is %s.', challenge.id, challenge.status),
      'Only approved challenges take participants and evidence.');
  end if;
end
$$;
comment on function agon.require_open(public.challenges) is
  'Refuses challenges that are not approved, not described, or being settled, and a day after their end those on a chain.';

create or replace function agon.join_challenge(challenge_id bigint, subject text, tx_hash text)
returns public.participants
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges;
  participant public.participants;
begin
  perform agon.require_wallet(join_challenge.subject);
  if join_challenge.challenge_id < 1099511627776 then
    return agon.report_join(join_challenge.challenge_id, join_challenge.subject, join_challenge.tx_hash);
  end if;
  if join_challenge.tx_hash is not null then
    perform agon.refuse(409, 'chain_not_configured',
      'A transaction hash means nothing for a challenge without a chain.', 'Leave tx_hash out.');
  end if;
  challenge := agon.find_challenge(join_challenge.challenge_id);
  perform agon.require_open(challenge);
  insert into public.participants as p (challenge_id, subject, joined_at, created_at)
  values (challenge.id, lower(join_challenge.subject), agon.now(), agon.now())
  on conflict (challenge_id, lower(subject)) do update set joined_at = excluded.joined_at
    where p.joined_at is null
  returning * into participant;
  if not found then
    select * into participant from public.participants p
    where p.challenge_id = challenge.id and lower(p.subject) = lower(join_challenge.subject);
    return participant;
  end if;
  perform agon.emit('challenge.joined', challenge.id::text, jsonb_build_object(
    'challenge_id', challenge.id, 'subject', participant.subject));
  -- Games count from the enrolment on, so what was judged before is judged again.
  perform agon.enqueue('challenges.judge', jsonb_build_object(
    'challenge_id', challenge.id, 'subject', participant.subject));
  return participant;
end
$$;
comment on function agon.join_challenge(bigint, text, text) is
  'Enrols one of the caller''s wallets; a second time answers with the same row. On a chain, it is the report of a transaction.';
grant execute on function agon.join_challenge(bigint, text, text) to agon_worker;

create or replace function agon.show_participant(challenge_id bigint, subject text)
returns public.participants
language plpgsql stable set search_path = ''
as $$
declare
  participant public.participants;
begin
  perform agon.require_wallet(show_participant.subject);
  select * into participant from public.participants p
  where p.challenge_id = show_participant.challenge_id
    and lower(p.subject) = lower(show_participant.subject);
  if not found then
    perform agon.refuse(404, 'not_a_participant',
      format('%s does not take part in challenge %s.', show_participant.subject,
        show_participant.challenge_id),
      'Join first, or submit evidence.');
  end if;
  return participant;
end
$$;
comment on function agon.show_participant(bigint, text) is 'The enrolment of one of the caller''s wallets.';
grant execute on function agon.show_participant(bigint, text) to anon, authenticated, service_role;

revoke all on public.participants from anon, authenticated, service_role;
grant select on public.participants to authenticated, service_role;

drop policy if exists participants_select_own on public.participants;
create policy participants_select_own on public.participants
  for select to authenticated using (lower(subject) in (select agon.wallets()));
drop policy if exists participants_select_service on public.participants;
create policy participants_select_service on public.participants
  for select to service_role using (true);
