-- Seasons: made by an organisation, over competitions of its own, completed when these are over.

create or replace trigger seasons_guard_status
  before insert or update on public.seasons
  for each row execute function agon.guard_move('status');

create or replace function agon.find_season(season_id uuid) returns public.seasons
language plpgsql stable security definer set search_path = ''
as $$
declare
  season public.seasons;
begin
  select * into season from public.seasons s
  where s.id = find_season.season_id and agon.host_shows(s.org_id);
  if not found then
    perform agon.refuse(404, 'season_unknown', 'There is no such season.', 'Check its id.');
  end if;
  return season;
end
$$;
comment on function agon.find_season(uuid) is
  'A season; on the domain of an organisation, one of its own. Called by other functions only.';

create or replace function agon.hold_season(season_id uuid) returns public.seasons
language plpgsql security definer set search_path = ''
as $$
declare
  season public.seasons;
begin
  perform from public.seasons s where s.id = hold_season.season_id for no key update;
  season := agon.find_season(hold_season.season_id);
  perform agon.require_org(season.org_id, 'admin', 'seasons:write');
  return season;
end
$$;
comment on function agon.hold_season(uuid) is
  'A season for an admin, a key with seasons:write or the worker; nothing else is done on it until the transaction ends. Called by other functions only.';

create or replace function agon.require_open_season(season public.seasons) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if season.status <> 'active' then
    perform agon.refuse(409, 'season_completed', 'The season is completed.', 'Its standings stand.');
  end if;
end
$$;
comment on function agon.require_open_season(public.seasons) is
  'Refuses what would change a completed season. Called by other functions only.';

create or replace function agon.create_season(org text, draft jsonb) returns public.seasons
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  holder constant uuid := (agon.find_org(org)).id;
  season public.seasons;
begin
  perform agon.require_org(holder, 'admin', 'seasons:write');
  perform agon.require_fields(draft, agon.season_fields());
  season := jsonb_populate_record(null::public.seasons, draft);
  insert into public.seasons
    (org_id, name, description, scoring_config, starts_at, ends_at, created_at, changed_at, told_at)
  values (holder, season.name, season.description,
    coalesce(season.scoring_config, '{"win": 3, "draw": 1, "loss": 0}'), season.starts_at,
    season.ends_at, agon.now(), agon.now(), agon.now() - interval '1 minute')
  returning * into season;
  return season;
end
$$;
comment on function agon.create_season(text, jsonb) is
  'A new season of an organisation (by slug), by an admin or a key with seasons:write; scoring_config was checked before.';

create or replace function agon.season_fields() returns text[]
language sql immutable set search_path = ''
as $$ select array['name', 'description', 'scoring_config', 'starts_at', 'ends_at'] $$;
comment on function agon.season_fields() is 'What of a season is given. Called by other functions only.';

create or replace function agon.update_season(season_id uuid, changes jsonb) returns public.seasons
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  was constant public.seasons := agon.hold_season(update_season.season_id);
  season public.seasons;
begin
  perform agon.require_fields(changes, agon.season_fields());
  perform agon.require_open_season(was);
  season := jsonb_populate_record(was, changes);
  update public.seasons s set name = season.name, description = season.description,
    scoring_config = season.scoring_config, starts_at = season.starts_at, ends_at = season.ends_at
  where s.id = was.id returning * into season;
  if season.scoring_config <> was.scoring_config then
    perform agon.forget_ratings(season.id);
    perform agon.stale_season(season.id, null);
  end if;
  return season;
end
$$;
comment on function agon.update_season(uuid, jsonb) is
  'Changes an active season, by an admin or a key with seasons:write; another scoring_config, which was checked before, counts everything anew.';

create or replace function agon.forget_ratings(season_id uuid) returns void
language sql security definer set search_path = ''
as $$
  update public.season_competitions c set rated = false
  where c.season_id = forget_ratings.season_id and c.rated;
  update public.season_standings s set rating_mu = null, rating_sigma = null, rated_matches = 0
  where s.season_id = forget_ratings.season_id and s.rating_mu is not null;
$$;
comment on function agon.forget_ratings(uuid) is
  'Has the ratings of a season computed from the start. Called by other functions only.';

create or replace function agon.hold_pair(season_id uuid, competition_id uuid) returns public.seasons
language plpgsql security definer set search_path = ''
as $$
declare
  -- In this order, as the end of a competition takes them.
  competition constant public.competitions := agon.hold_competition(hold_pair.competition_id);
  season constant public.seasons := agon.hold_season(hold_pair.season_id);
begin
  perform agon.require_open_season(season);
  if competition.org_id <> season.org_id then
    perform agon.refuse(409, 'competition_of_another', 'The competition belongs to another organisation.',
      'A season counts competitions of its own organisation.');
  end if;
  return season;
end
$$;
comment on function agon.hold_pair(uuid, uuid) is
  'An active season and a competition of the same organisation, both held. Called by other functions only.';

create or replace function public.add_season_competition(
  season_id uuid, competition_id uuid, weight text default '1'
) returns public.season_competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competitions_max constant integer := 1000;
  season constant public.seasons :=
    agon.hold_pair(add_season_competition.season_id, add_season_competition.competition_id);
  pair public.season_competitions;
begin
  if not coalesce(weight ~ '^\d{1,4}(\.\d{1,4})?$', false) or weight::numeric > 1000 then
    perform agon.refuse(422, 'weight_malformed', 'This is no weight.',
      'From 0 to 1000, with 4 decimal places at most.');
  end if;
  if (select count(*) from public.season_competitions c where c.season_id = season.id) >= competitions_max
  then
    perform agon.refuse(409, 'season_full', format('A season counts at most %s competitions.', competitions_max));
  end if;
  insert into public.season_competitions as c (season_id, competition_id, weight)
  values (season.id, add_season_competition.competition_id, weight::numeric)
  on conflict (season_id, competition_id) do update set weight = excluded.weight
  returning * into pair;
  perform agon.stale_competition(pair.competition_id, null);
  return pair;
end
$$;
comment on function public.add_season_competition(uuid, uuid, text) is
  'A season counts a competition of its organisation, with a weight, or another weight from now on; by an admin or a key with seasons:write.';

create or replace function public.remove_season_competition(season_id uuid, competition_id uuid)
returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season constant public.seasons :=
    agon.hold_pair(remove_season_competition.season_id, remove_season_competition.competition_id);
  was public.season_competitions;
begin
  delete from public.season_competitions c
  where c.season_id = season.id and c.competition_id = remove_season_competition.competition_id
  returning * into was;
  if was.competition_id is null then
    return false;
  end if;
  perform agon.forget_ratings(season.id) where was.rated;
  perform agon.stale_season(season.id, was.competition_id);
  return true;
end
$$;
comment on function public.remove_season_competition(uuid, uuid) is
  'A season counts a competition no longer: whether it did. By an admin or a key with seasons:write.';

create or replace function agon.show_season(season_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  season constant public.seasons := agon.find_season(show_season.season_id);
begin
  return (to_jsonb(season) - '{told_at,is_told}'::text[]) || jsonb_build_object(
    'organization', (select jsonb_build_object('slug', o.slug, 'name', o.name)
      from public.organizations o where o.id = season.org_id),
    'competitions', (select count(*) from public.season_competitions c where c.season_id = season.id));
end
$$;
comment on function agon.show_season(uuid) is 'A season, with its organisation and how many competitions it counts.';

create or replace function agon.list_seasons(org text, status text, before uuid, most integer)
returns setof jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(s) - '{told_at,is_told}'::text[] from public.seasons s
  where s.org_id = (agon.find_org(org)).id
    and (list_seasons.status is null or s.status = list_seasons.status)
    and (before is null or (s.created_at, s.id) < (
      select b.created_at, b.id from public.seasons b where b.id = before))
  order by s.created_at desc, s.id desc limit most
$$;
comment on function agon.list_seasons(text, text, uuid, integer) is
  'Seasons of an organisation, the newest first; before: the id of the last one seen.';

create or replace function agon.list_season_competitions(season_id uuid) returns setof jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('competition_id', c.id, 'title', c.title, 'type', c.type, 'status', c.status,
    'weight', trim_scale(s.weight)::text, 'starts_at', c.starts_at, 'ended_at', c.ended_at,
    'result_cid', c.result_cid)
  from public.season_competitions s join public.competitions c on c.id = s.competition_id
  where s.season_id = (agon.show_season(list_season_competitions.season_id) ->> 'id')::uuid
  order by c.ended_at nulls last, c.starts_at, c.id
$$;
comment on function agon.list_season_competitions(uuid) is
  'What a season counts, of what the caller may see; what ended first is first.';

grant execute on function agon.create_season(text, jsonb), agon.update_season(uuid, jsonb),
  agon.show_season(uuid) to agon_worker;
grant execute on function agon.show_season(uuid), agon.list_seasons(text, text, uuid, integer),
  agon.list_season_competitions(uuid) to anon, authenticated, service_role;
revoke all on function public.add_season_competition(uuid, uuid, text),
  public.remove_season_competition(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.add_season_competition(uuid, uuid, text),
  public.remove_season_competition(uuid, uuid) to authenticated, service_role;

revoke all on public.seasons, public.season_competitions from anon, authenticated, service_role;
grant select on public.seasons, public.season_competitions to anon, authenticated, service_role;
drop policy if exists seasons_select_everyone on public.seasons;
create policy seasons_select_everyone on public.seasons
  for select to anon, authenticated
  using ((select agon.host_org()) is null or org_id = (select agon.host_org()));
drop policy if exists seasons_select_service on public.seasons;
create policy seasons_select_service on public.seasons for select to service_role using (true);
-- Drafts are their organisation's alone, also as part of a season.
drop policy if exists season_competitions_select_everyone on public.season_competitions;
create policy season_competitions_select_everyone on public.season_competitions
  for select to anon, authenticated
  using (exists (select from public.competitions c where c.id = competition_id));
drop policy if exists season_competitions_select_service on public.season_competitions;
create policy season_competitions_select_service on public.season_competitions
  for select to service_role using (true);
