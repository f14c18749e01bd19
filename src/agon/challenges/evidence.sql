-- Evidence: who may submit what, once each, and the work that follows from it.

create or replace trigger evidence_stamp_updated_at
  before update on public.evidence
  for each row execute function agon.stamp_updated_at();
-- Not on delete: evidence is personal, and the service may take it away.
create or replace trigger evidence_guard_append_only
  before update or truncate on public.evidence
  for each statement execute function agon.guard_append_only();

create or replace function agon.admit_evidence(challenge_id bigint, subject text, provider text)
returns public.models
language plpgsql security definer set search_path = ''
as $$
declare
  challenge public.challenges;
  model public.models;
begin
  perform agon.require_wallet(admit_evidence.subject);
  if admit_evidence.challenge_id = 0 then
    return null;
  end if;
  challenge := agon.show_challenge(admit_evidence.challenge_id);
  perform agon.require_open(challenge);
  select * into model from public.models m where m.id = challenge.model_id;
  if not model.sources ? admit_evidence.provider then
    perform agon.refuse(400, 'provider_not_accepted',
      format('%s takes no evidence from %s.', model.label, admit_evidence.provider),
      format('It takes: %s.', (select string_agg(s, ', ') from jsonb_array_elements_text(model.sources) s)));
  end if;
  return model;
end
$$;
comment on function agon.admit_evidence(bigint, text, text) is
  'Refuses evidence that need not be read at all: not the caller''s wallet, challenge unknown or closed, provider not accepted. Challenge 0 is a preview.';
grant execute on function agon.admit_evidence(bigint, text, text)
  to anon, authenticated, service_role, agon_worker;

create or replace function agon.take_turn(challenge_id bigint, subject text) returns void
language sql
as $$ select pg_advisory_xact_lock(hashtextextended(challenge_id || ' ' || lower(subject), 0)) $$;
comment on function agon.take_turn(bigint, text) is
  'One submission or judgement of a participant at a time, so that each sees all that counted before.';

create or replace function agon.open_submission(
  challenge_id bigint, subject text, provider text, media_type text, starts_ms bigint[],
  devices text[]
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  model public.models := agon.admit_evidence(challenge_id, subject, provider);
  known jsonb;
  nearby jsonb;
begin
  if challenge_id <> 0 and not model.file_accept ? media_type then
    perform agon.refuse(415, 'media_type_not_accepted',
      format('%s takes no %s.', model.label, media_type),
      format('It takes: %s.', (select string_agg(t, ', ') from jsonb_array_elements_text(model.file_accept) t)));
  end if;
  perform agon.take_turn(challenge_id, subject);
  -- Held until the commit, so that nothing slips in behind a finalisation.
  perform agon.require_open(c) from public.challenges c
  where c.id = open_submission.challenge_id for share;
  select coalesce(jsonb_agg(to_jsonb(e)), '[]') into known
  from agon.newest_evidence(challenge_id, subject) e;
  select coalesce(jsonb_agg(m.shape), '[]') into nearby
  from (select distinct unnest(starts_ms) as s limit 100) starts
  join agon.evidence_marks m
    on m.kind = 'track' and m.start_ms between s - 120000 and s + 120000
    and m.subject <> lower(open_submission.subject);
  return jsonb_build_object('known', known, 'nearby', nearby, 'lent', array(
    select m.mark from agon.evidence_marks m
    where m.kind = 'device' and m.mark = any (devices)
      and m.subject <> lower(open_submission.subject)));
end
$$;
comment on function agon.open_submission(bigint, text, text, text, bigint[], text[]) is
  'Takes the participant''s turn and answers with {known: newest evidence by provider, nearby: tracks of others that start within two minutes of starts_ms, lent: those of the devices that others recorded with}.';
grant execute on function agon.open_submission(bigint, text, text, text, bigint[], text[]) to agon_worker;

create or replace function agon.newest_evidence(challenge_id bigint, subject text)
returns setof public.evidence
language sql stable security definer set search_path = ''
as $$
  select distinct on (e.provider) e.*
  from public.evidence e
  where e.challenge_id = newest_evidence.challenge_id
    and lower(e.subject) = lower(newest_evidence.subject)
  order by e.provider, e.id desc
$$;
comment on function agon.newest_evidence(bigint, text) is 'The row of each provider that is judged.';

create or replace function agon.submit_evidence(
  challenge_id bigint, subject text, provider text, data jsonb, evidence_hash text, raw_ref text,
  marks jsonb
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  newest public.evidence;
  taken record;
begin
  select * into newest from agon.newest_evidence(challenge_id, subject) e
  where e.provider = submit_evidence.provider;
  if newest.evidence_hash = submit_evidence.evidence_hash then
    return jsonb_build_object('id', newest.id, 'inserted', false);
  end if;
  if challenge_id <> 0 then
    select * into taken from agon.take_marks(subject, marks);
    if taken.kind is not null then
      perform agon.refuse(409, 'evidence_of_another_participant',
        format('This recording was submitted by another participant (%s).', case taken.kind
          when 'file' then 'the same file' when 'source' then 'the same id at its source'
          when 'content' then 'the same record' else 'the same track' end),
        'A recording counts for one person, in every challenge.');
    end if;
  end if;
  insert into public.evidence (challenge_id, subject, provider, data, evidence_hash, raw_ref, created_at)
  values (challenge_id, lower(subject), provider, data, evidence_hash, raw_ref, agon.now())
  returning * into newest;
  return jsonb_build_object('id', newest.id, 'inserted', true);
end
$$;
comment on function agon.submit_evidence(bigint, text, text, jsonb, text, text, jsonb) is
  'Stores evidence inside the turn that open_submission took; an unchanged hash inserts nothing. marks: [{kind, mark, trust, start_ms, shape}].';
grant execute on function agon.submit_evidence(bigint, text, text, jsonb, text, text, jsonb) to agon_worker;

create or replace function agon.take_marks(subject text, marks jsonb, out kind text, out mark text)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into agon.evidence_marks as k
    (kind, mark, subject, trust, start_ms, shape, created_at)
  select m.kind, m.mark, lower(take_marks.subject), m.trust, m.start_ms, m.shape, agon.now()
  from jsonb_to_recordset(marks)
    as m (kind text, mark text, trust smallint, start_ms bigint, shape jsonb)
  order by m.kind, m.mark
  -- What a provider says outweighs what somebody uploaded first.
  on conflict (kind, mark) do update set subject = excluded.subject, trust = excluded.trust
    where excluded.trust > k.trust;
  select k.kind, k.mark into take_marks.kind, take_marks.mark
  from jsonb_to_recordset(marks) as m (kind text, mark text)
  join agon.evidence_marks k on k.kind = m.kind and k.mark = m.mark
  where k.subject <> lower(take_marks.subject) and k.kind <> 'device'
  order by k.kind, k.mark
  limit 1;
end
$$;
comment on function agon.take_marks(text, jsonb) is
  'Makes recordings the subject''s own, unless they are another''s by the same or a higher trust: the first of those is the answer, else nulls.';

create or replace function agon.note_evidence() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.challenge_id = 0 then
    return null;
  end if;
  insert into public.participants (challenge_id, subject, source, created_at)
  values (new.challenge_id, lower(new.subject), 'evidence_intake', agon.now())
  on conflict (challenge_id, lower(subject)) do nothing;
  perform agon.emit('evidence.submitted', new.challenge_id::text, jsonb_build_object(
    'challenge_id', new.challenge_id, 'subject', new.subject, 'provider', new.provider,
    'evidence_id', new.id));
  perform agon.enqueue('challenges.judge', jsonb_build_object(
    'challenge_id', new.challenge_id, 'subject', lower(new.subject)));
  return null;
end
$$;
comment on function agon.note_evidence() is
  'Enrols the participant and queues the judging, however the row came in.';
create or replace trigger evidence_note_evidence
  after insert on public.evidence
  for each row execute function agon.note_evidence();

revoke all on public.evidence from anon, authenticated, service_role;
grant select on public.evidence to authenticated, service_role;
grant insert, delete on public.evidence to service_role;

drop policy if exists evidence_select_own on public.evidence;
create policy evidence_select_own on public.evidence
  for select to authenticated using (lower(subject) in (select agon.wallets()));
drop policy if exists evidence_select_service on public.evidence;
create policy evidence_select_service on public.evidence
  for select to service_role using (true);
drop policy if exists evidence_insert_service on public.evidence;
create policy evidence_insert_service on public.evidence
  for insert to service_role with check (true);
drop policy if exists evidence_delete_service on public.evidence;
create policy evidence_delete_service on public.evidence
  for delete to service_role using (true);
