-- Competitions: drafted, opened, canceled. How they start stands with registrations.

create or replace trigger competitions_stamp_updated_at
  before update on public.competitions
  for each row execute function agon.stamp_updated_at();
create or replace trigger competitions_guard_status
  before insert or update on public.competitions
  for each row execute function agon.guard_move('status');

create or replace function agon.find_competition(competition_id uuid) returns public.competitions
language plpgsql stable security definer set search_path = ''
as $$
declare
  competition public.competitions;
begin
  select * into competition from public.competitions c
  where c.id = find_competition.competition_id and agon.host_shows(c.org_id)
    and (c.status <> 'draft' or agon.is_service()
      or c.org_id in (select agon.my_orgs('admin'))
      or c.org_id = agon.org_scope('competitions:read')
      or c.org_id = agon.org_scope('competitions:write'));
  if not found then
    perform agon.refuse(404, 'competition_unknown', 'There is no such competition.', 'Check its id.');
  end if;
  return competition;
end
$$;
comment on function agon.find_competition(uuid) is
  'A competition that the caller may see. Called by other functions only.';

create or replace function agon.hold_competition(competition_id uuid) returns public.competitions
language plpgsql security definer set search_path = ''
as $$
begin
  -- Every act on a competition takes its turn here, so each sees what the one before did.
  perform from public.competitions c where c.id = hold_competition.competition_id for no key update;
  return agon.find_competition(hold_competition.competition_id);
end
$$;
comment on function agon.hold_competition(uuid) is
  'A competition on which nothing else is done until the transaction ends. Called by other functions only.';

create or replace function agon.emit_competition(act text, competition public.competitions) returns void
language sql security definer set search_path = ''
as $$
  select agon.emit('competition.' || act, competition.id::text, jsonb_build_object(
    'org_id', competition.org_id, 'competition_id', competition.id, 'title', competition.title,
    'type', competition.type, 'status', competition.status, 'result_cid', competition.result_cid,
    'prizes_cid', competition.prizes_cid))
$$;
comment on function agon.emit_competition(text, public.competitions) is
  'The event competition.<act>. Called by other functions only.';

create or replace function agon.keep_seed(competition_id uuid, settings jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from agon.competition_seeds s where s.competition_id = keep_seed.competition_id;
  insert into agon.competition_seeds (competition_id, seed)
  select keep_seed.competition_id, given from (select settings #>> '{seeding,seed}' as given) s
  where given is not null;
  return settings #- '{seeding,seed}';
end
$$;
comment on function agon.keep_seed(uuid, jsonb) is
  'Takes the seed of chance out of settings, which are public, and keeps it until the start. Called by other functions only.';

create or replace function agon.create_competition(org text, draft jsonb) returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions;
  holder constant uuid := case when org is not null then (agon.find_org(org)).id
    else coalesce(((select auth.jwt()) ->> 'org_id')::uuid, agon.host_org()) end;
begin
  perform agon.require_org(holder, 'admin', 'competitions:write');
  perform agon.require_fields(draft, agon.competition_fields('draft'));
  competition := jsonb_populate_record(null::public.competitions, draft);
  insert into public.competitions (id, org_id, title, description, type, category, rules, prize_config,
    settings, challenge_ids, registration_opens_at, registration_closes_at, starts_at, ends_at,
    created_by, created_at, updated_at)
  values (gen_random_uuid(), holder, competition.title, competition.description,
    coalesce(competition.type, 'challenge'), competition.category, coalesce(competition.rules, '{}'),
    coalesce(competition.prize_config, '{}'), coalesce(competition.settings, '{}'),
    coalesce(competition.challenge_ids, '{}'), competition.registration_opens_at,
    competition.registration_closes_at, competition.starts_at, competition.ends_at,
    agon.org_wallet(holder), agon.now(), agon.now())
  returning * into competition;
  update public.competitions c set settings = agon.keep_seed(competition.id, competition.settings)
  where c.id = competition.id returning * into competition;
  perform agon.emit_competition('created', competition);
  return competition;
end
$$;
comment on function agon.create_competition(text, jsonb) is
  'A new draft of an organisation (by slug; null: the calling key''s, or the one whose domain it is), by an admin or a key with competitions:write; settings and prizes were checked before.';

create or replace function agon.competition_fields(status text) returns text[]
language sql immutable set search_path = ''
as $$
  select case status
    when 'draft' then array['title', 'description', 'type', 'category', 'rules', 'prize_config',
      'settings', 'challenge_ids', 'registration_opens_at', 'registration_closes_at', 'starts_at', 'ends_at']
    when 'open' then array['title', 'description', 'category', 'rules', 'settings',
      'registration_closes_at', 'starts_at', 'ends_at']
    when 'active' then array['title', 'description', 'category', 'ends_at']
    else array[]::text[]
  end
$$;
comment on function agon.competition_fields(text) is
  'What may still be changed in this status. Called by other functions only.';

create or replace function agon.update_competition(competition_id uuid, changes jsonb)
returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  was constant public.competitions := agon.hold_competition(update_competition.competition_id);
  competition public.competitions;
begin
  perform agon.require_org(was.org_id, 'admin', 'competitions:write');
  perform agon.require_fields(changes, agon.competition_fields('draft'));
  if exists (select from jsonb_object_keys(changes) field
    where field <> all (agon.competition_fields(was.status)))
  then
    perform agon.refuse(409, 'competition_stands', format('Not all of this can be changed: it is %s.', was.status),
      format('Still open to change are: %s.', array_to_string(agon.competition_fields(was.status), ', ')));
  end if;
  competition := jsonb_populate_record(was, changes);
  -- People have registered for it as it was: who may enter, and how chance seeds them, stays.
  if was.status <> 'draft' and changes ? 'settings' and (
    was.settings -> 'entrants' is distinct from competition.settings -> 'entrants'
    or was.settings -> 'seeding' is distinct from competition.settings -> 'seeding')
  then
    perform agon.refuse(409, 'competition_stands', 'entrants and seeding stay once it is open.',
      'Send them as they are.');
  end if;
  update public.competitions c set title = competition.title, description = competition.description,
    type = competition.type, category = competition.category, rules = competition.rules,
    prize_config = competition.prize_config,
    settings = case when was.status = 'draft' and changes ? 'settings'
      then agon.keep_seed(was.id, competition.settings) else competition.settings end,
    challenge_ids = competition.challenge_ids,
    registration_opens_at = competition.registration_opens_at,
    registration_closes_at = competition.registration_closes_at,
    starts_at = competition.starts_at, ends_at = competition.ends_at
  where c.id = was.id returning * into competition;
  if competition.status = 'open' then
    perform agon.fill_places(competition, false);
  end if;
  return competition;
end
$$;
comment on function agon.update_competition(uuid, jsonb) is
  'Changes a competition, by an admin or a key with competitions:write, as far as its status leaves it; settings and prizes were checked before.';

create or replace function public.open_competition(competition_id uuid) returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions := agon.hold_competition(open_competition.competition_id);
begin
  perform agon.require_org(competition.org_id, 'admin', 'competitions:write');
  if competition.status = 'open' then
    return competition;
  end if;
  if competition.type = 'bracket' and not competition.settings ? 'format' then
    perform agon.refuse(409, 'format_missing', 'A bracket needs a format.', 'Set settings.format first.');
  end if;
  if competition.settings #>> '{seeding,method}' = 'random' then
    insert into agon.competition_seeds (competition_id, seed)
    values (competition.id, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))
    on conflict (competition_id) do nothing;
  end if;
  update public.competitions c set status = 'open', opened_at = agon.now(), seed_sha256 = (
    select encode(sha256(convert_to(s.seed, 'UTF8')), 'hex') from agon.competition_seeds s
    where s.competition_id = c.id)
  where c.id = competition.id returning * into competition;
  perform agon.emit_competition('opened', competition);
  return competition;
end
$$;
comment on function public.open_competition(uuid) is
  'Publishes a draft, by an admin or a key with competitions:write; with it the SHA-256 of the seed, where chance seeds.';

create or replace function public.cancel_competition(competition_id uuid) returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions := agon.hold_competition(cancel_competition.competition_id);
begin
  perform agon.require_org(competition.org_id, 'admin', 'competitions:write');
  if competition.status = 'canceled' then
    return competition;
  end if;
  update public.competitions c set status = 'canceled', ended_at = agon.now()
  where c.id = competition.id returning * into competition;
  perform agon.moot_disputes(competition.id, null, 'The competition was canceled.');
  perform agon.emit_competition('canceled', competition);
  return competition;
end
$$;
comment on function public.cancel_competition(uuid) is
  'Ends a competition that is not completed, for good; by an admin or a key with competitions:write.';

create or replace function agon.show_competition(competition_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  competition public.competitions;
begin
  select * into competition from public.competitions c where c.id = show_competition.competition_id;
  if not found then
    perform agon.refuse(404, 'competition_unknown', 'There is no such competition.', 'Check its id.');
  end if;
  return to_jsonb(competition) || (
    select jsonb_build_object(
      'organization', (select jsonb_build_object('slug', o.slug, 'name', o.name)
        from public.organizations o where o.id = competition.org_id),
      'registered', count(*) filter (where r.status = 'registered'),
      'waiting', count(*) filter (where r.status = 'waiting'))
    from public.competition_registrations r where r.competition_id = competition.id);
end
$$;
comment on function agon.show_competition(uuid) is
  'A competition as the caller may see it, with how many are registered and waiting.';

create or replace function agon.list_competitions(
  org text, status text, type text, before uuid, most integer
) returns setof jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(c) from public.competitions c
  where (list_competitions.org is null
      or c.org_id in (select o.id from public.organizations o where o.slug = list_competitions.org))
    and (list_competitions.status is null or c.status = list_competitions.status)
    and (list_competitions.type is null or c.type = list_competitions.type)
    and (before is null or (c.created_at, c.id) < (
      select b.created_at, b.id from public.competitions b where b.id = before))
  order by c.created_at desc, c.id desc limit most
$$;
comment on function agon.list_competitions(text, text, text, uuid, integer) is
  'Competitions that the caller may see, the newest first; before: the id of the last one seen.';

grant execute on function agon.create_competition(text, jsonb), agon.update_competition(uuid, jsonb)
  to agon_worker;
grant execute on function agon.show_competition(uuid), agon.list_competitions(text, text, text, uuid, integer)
  to anon, authenticated, service_role;
revoke all on function public.open_competition(uuid), public.cancel_competition(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.open_competition(uuid), public.cancel_competition(uuid)
  to authenticated, service_role, agon_worker;

revoke all on public.competitions from anon, authenticated, service_role;
grant select on public.competitions to anon, authenticated, service_role;
drop policy if exists competitions_select_everyone on public.competitions;
create policy competitions_select_everyone on public.competitions
  for select to anon, authenticated
  using (status <> 'draft' and ((select agon.host_org()) is null or org_id = (select agon.host_org())));
drop policy if exists competitions_select_admins on public.competitions;
create policy competitions_select_admins on public.competitions
  for select to authenticated using (org_id in (select agon.my_orgs('admin')));
drop policy if exists competitions_select_keys on public.competitions;
create policy competitions_select_keys on public.competitions
  for select to authenticated using (org_id = (select agon.org_scope('competitions:read')));
drop policy if exists competitions_select_service on public.competitions;
create policy competitions_select_service on public.competitions
  for select to service_role using (true);
