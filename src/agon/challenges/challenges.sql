-- The life of a challenge: created, approved or rejected, finalized or canceled.

create or replace trigger challenges_stamp_updated_at
  before update on public.challenges
  for each row execute function agon.stamp_updated_at();
create or replace trigger challenges_guard_status
  before insert or update on public.challenges
  for each row execute function agon.guard_move('status');

create or replace function agon.show_challenge(challenge_id bigint) returns public.challenges
language plpgsql stable set search_path = ''
as $$
declare
  challenge public.challenges;
begin
  select * into challenge from public.challenges c where c.id = show_challenge.challenge_id;
  if not found then
    perform agon.refuse(404, 'challenge_unknown',
      format('There is no challenge %s.', show_challenge.challenge_id), 'Check the id.');
  end if;
  return challenge;
end
$$;
comment on function agon.show_challenge(bigint) is 'The challenge, as the caller may see it; refuses unknown ids.';
grant execute on function agon.show_challenge(bigint) to anon, authenticated, service_role, agon_worker;

create or replace function agon.find_challenge(challenge_id bigint) returns public.challenges
language plpgsql security definer set search_path = ''
as $$
begin
  perform 1 from public.challenges c where c.id = find_challenge.challenge_id for no key update;
  return agon.show_challenge(find_challenge.challenge_id);
end
$$;
comment on function agon.find_challenge(bigint) is 'The challenge, locked against other moves; refuses unknown ids.';

create or replace function agon.create_challenge(creator text, draft jsonb, approve boolean)
returns public.challenges
language plpgsql security definer set search_path = ''
as $$
declare
  model public.models;
  challenge public.challenges;
begin
  perform agon.require_wallet(creator);
  model := agon.find_model(draft ->> 'model_id');
  insert into public.challenges
    (title, description, subject, model_id, model_hash, params, proof, timeline, funds, options,
     created_at)
  values
    (draft ->> 'title', draft ->> 'description', lower(creator), model.id, model.model_hash,
     draft -> 'params', draft -> 'proof', draft -> 'timeline', draft -> 'funds', draft -> 'options',
     agon.now())
  returning * into challenge;
  perform agon.emit('challenge.created', challenge.id::text,
    jsonb_build_object('challenge_id', challenge.id, 'subject', challenge.subject));
  if approve then
    challenge := agon.move_challenge(challenge.id, 'approved');
  end if;
  return challenge;
end
$$;
comment on function agon.create_challenge(text, jsonb, boolean) is
  'Creates a challenge for one of the caller''s wallets; its rule was checked before. approve: by policy.';
grant execute on function agon.create_challenge(text, jsonb, boolean) to agon_worker;

create or replace function agon.move_challenge(challenge_id bigint, to_status text)
returns public.challenges
language plpgsql security definer set search_path = ''
as $$
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
begin
  perform agon.require_off_chain(challenge);
  if challenge.status = to_status then
    return challenge;
  end if;
  update public.challenges c set status = to_status
  where c.id = challenge.id returning * into challenge;
  perform agon.emit('challenge.' || to_status, challenge.id::text,
    jsonb_build_object('challenge_id', challenge.id, 'subject', challenge.subject));
  return challenge;
end
$$;
comment on function agon.move_challenge(bigint, text) is
  'Moves a challenge and answers with its row, moved or already there. Called by other functions only.';

create or replace function public.approve_challenge(challenge_id bigint) returns public.challenges
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_admin();
  return agon.move_challenge(challenge_id, 'approved');
end
$$;
comment on function public.approve_challenge(bigint) is 'Opens a pending challenge for evidence; admins only.';

create or replace function public.reject_challenge(challenge_id bigint) returns public.challenges
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_admin();
  return agon.move_challenge(challenge_id, 'rejected');
end
$$;
comment on function public.reject_challenge(bigint) is 'Turns a pending challenge down; admins only.';

create or replace function public.cancel_challenge(challenge_id bigint) returns public.challenges
language plpgsql security definer set search_path = ''
as $$
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
begin
  if challenge.status in ('pending', 'canceled')
    and challenge.subject in (select agon.wallets())
  then
    return agon.move_challenge(challenge_id, 'canceled');
  end if;
  perform agon.require_admin();
  return agon.move_challenge(challenge_id, 'canceled');
end
$$;
comment on function public.cancel_challenge(bigint) is
  'Withdraws a challenge: its creator while it is pending, an admin also later.';

create or replace function public.finalize_challenge(challenge_id bigint, outcome smallint)
returns public.challenges
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
  source constant text := case when agon.is_service() then 'service_role' else 'admin' end;
begin
  perform agon.require_admin();
  perform agon.require_off_chain(challenge);
  if challenge.status = 'finalized' then
    if challenge.outcome is distinct from finalize_challenge.outcome then
      perform agon.refuse(409, 'outcome_final',
        format('Challenge %s was finalized with outcome %s.', challenge.id, challenge.outcome),
        'An outcome is set once.');
    end if;
    return challenge;
  end if;
  if finalize_challenge.outcome is null then
    perform agon.refuse(400, 'outcome_missing', 'A finalized challenge needs an outcome.',
      '1 is success, 2 is failure.');
  end if;
  update public.challenges c set outcome = finalize_challenge.outcome, outcome_source = source
  where c.id = challenge.id;
  return agon.move_challenge(challenge.id, 'finalized');
end
$$;
comment on function public.finalize_challenge(bigint, smallint) is
  'Sets the outcome (1 success, 2 failure) of an approved challenge; admins only, once. On a chain, the chain does.';

revoke all on function
  public.approve_challenge(bigint), public.reject_challenge(bigint),
  public.cancel_challenge(bigint), public.finalize_challenge(bigint, smallint)
  from public, anon, authenticated, service_role;
grant execute on function
  public.approve_challenge(bigint), public.reject_challenge(bigint),
  public.cancel_challenge(bigint), public.finalize_challenge(bigint, smallint)
  to authenticated, service_role;

revoke all on public.challenges from anon, authenticated, service_role;
grant select on public.challenges to anon, authenticated, service_role;

drop policy if exists challenges_select_everyone on public.challenges;
create policy challenges_select_everyone on public.challenges
  for select to anon, authenticated, service_role using (true);
