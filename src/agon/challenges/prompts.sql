-- What participants and claimants are told without asking: whom, and that it was done.

create or replace function agon.challenges_to_prompt(from_ms bigint, to_ms bigint, types text[])
returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('id', c.id, 'status', c.status, 'title', agon.spoken_title(c.id),
    'start_ms', (1000 * (c.timeline ->> 'start')::numeric)::bigint,
    'end_ms', (1000 * (c.timeline ->> 'end')::numeric)::bigint, 'told', told.types)
  from public.challenges c
  cross join lateral (
    select coalesce(array_agg(p.type), '{}') as types from agon.challenge_prompts p
    where p.challenge_id = c.id) told
  where c.status = 'approved'
    and (c.timeline ->> 'end')::numeric between from_ms / 1000.0 and to_ms / 1000.0
    and not told.types @> challenges_to_prompt.types
$$;
comment on function agon.challenges_to_prompt(bigint, bigint, text[]) is
  'Open challenges that end within these instants (milliseconds since 1970) and whose participants were not told all of these types.';
grant execute on function agon.challenges_to_prompt(bigint, bigint, text[]) to agon_worker;

create or replace function agon.prompt_participants(
  challenge_id bigint, type text, title text, body text, data jsonb
) returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  reached bigint;
begin
  insert into agon.challenge_prompts (challenge_id, type, told, created_at)
  values (prompt_participants.challenge_id, prompt_participants.type, 0, agon.now())
  on conflict do nothing;
  if not found then
    return 0;
  end if;
  select count(agon.notify(p.subject, prompt_participants.type, prompt_participants.title,
    prompt_participants.body, prompt_participants.data, prompt_participants.challenge_id::text))
  into reached
  from public.participants p
  where p.challenge_id = prompt_participants.challenge_id and not exists (
    select from public.verdicts v
    where v.challenge_id = p.challenge_id and v.subject = lower(p.subject) and v.pass);
  update agon.challenge_prompts c set told = reached
  where c.challenge_id = prompt_participants.challenge_id and c.type = prompt_participants.type;
  return reached;
end
$$;
comment on function agon.prompt_participants(bigint, text, text, text, jsonb) is
  'Tells those who take part and have not passed, once for each type: how many.';
grant execute on function agon.prompt_participants(bigint, text, text, text, jsonb) to agon_worker;

create or replace function agon.open_claim_prompts(challenge_id bigint, ended_at timestamptz)
returns bigint
language sql security definer set search_path = ''
as $$
  with opened as (
    insert into agon.claim_prompts (challenge_id, subject, ended_at, due_at)
    select c.id, who.wallet, open_claim_prompts.ended_at, agon.now()
    from public.challenges c
    cross join lateral (
      select lower(p.subject) as wallet from public.participants p
      where p.challenge_id = c.id and p.source = 'onchain_join'
      union select c.subject where c.subject is not null) who
    where c.id = open_claim_prompts.challenge_id and agon.is_on_chain(c)
    on conflict do nothing
    returning 1
  )
  select count(*) from opened
$$;
comment on function agon.open_claim_prompts(bigint, timestamptz) is
  'A challenge on a chain is over: its creator and who joined may have something to claim. How many are to be asked about.';
grant execute on function agon.open_claim_prompts(bigint, timestamptz) to agon_worker;

create or replace function agon.due_claim_prompts(most integer) returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('challenge_id', p.challenge_id, 'subject', p.subject, 'type', p.type,
    'ended_ms', (1000 * extract(epoch from p.ended_at))::bigint, 'status', c.status,
    'title', agon.spoken_title(c.id), 'calls', case when c.id is not null
      then agon.claim_calls(p.challenge_id, p.subject) end)
  from (select * from agon.claim_prompts d where d.due_at <= agon.now()
    order by d.due_at, d.challenge_id, d.subject limit most) p
  left join public.challenges c on c.id = p.challenge_id
$$;
comment on function agon.due_claim_prompts(integer) is
  'Wallets whose claims are to be asked of the chain now, with the calls that tell; calls and status are null where the challenge is gone.';
grant execute on function agon.due_claim_prompts(integer) to agon_worker;

create or replace function agon.end_claim_prompt(
  challenge_id bigint, subject text, type text, told jsonb, next_type text, due_at timestamptz
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  perform from agon.claim_prompts p
  where p.challenge_id = end_claim_prompt.challenge_id and p.subject = end_claim_prompt.subject
    and p.type = end_claim_prompt.type for update;
  if not found then
    return;
  end if;
  if told is not null then
    perform agon.notify(end_claim_prompt.subject, told ->> 'type', told ->> 'title', told ->> 'body',
      told -> 'data', end_claim_prompt.challenge_id::text);
  end if;
  if next_type is null then
    delete from agon.claim_prompts p
    where p.challenge_id = end_claim_prompt.challenge_id and p.subject = end_claim_prompt.subject;
  else
    update agon.claim_prompts p set type = next_type, due_at = end_claim_prompt.due_at
    where p.challenge_id = end_claim_prompt.challenge_id and p.subject = end_claim_prompt.subject;
  end if;
end
$$;
comment on function agon.end_claim_prompt(bigint, text, text, jsonb, text, timestamptz) is
  'What came of asking about a wallet''s claims: told, {type, title, body, data} or null, and what comes next, or nothing. A second time changes nothing.';
grant execute on function agon.end_claim_prompt(bigint, text, text, jsonb, text, timestamptz)
  to agon_worker;
