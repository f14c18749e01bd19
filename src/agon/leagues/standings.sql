-- Standings of a season: each wallet's row computed anew whenever a record of its own changes, and
-- the bundle that says how all of them follow from the results.

create or replace trigger season_standings_stamp_updated_at
  before update on public.season_standings
  for each row execute function agon.stamp_updated_at();

create or replace function agon.take_stale_standings(season_id uuid, most integer) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season public.seasons;
  wallets text[];
begin
  -- Whoever writes standings holds the season, and reads the records after that.
  select * into season from public.seasons s where s.id = take_stale_standings.season_id for no key update;
  with taken as (
    delete from agon.stale_standings t where t.id in (
      select o.id from agon.stale_standings o where o.season_id = season.id order by o.id limit most)
    returning t.wallet
  )
  select array_agg(distinct t.wallet) into wallets from taken t;
  if wallets is null or season.status <> 'active' then
    return null;
  end if;
  return jsonb_build_object('scoring_config', season.scoring_config, 'wallets', (
    select jsonb_agg(jsonb_build_object('wallet', w, 'rating', agon.rating_of(s), 'records', coalesce((
      select jsonb_agg(jsonb_build_object('weight', trim_scale(p.weight)::text, 'wins', coalesce(c.wins, 0),
        'draws', coalesce(c.draws, 0), 'losses', coalesce(c.losses, 0),
        'from', r.place_from, 'to', r.place_to))
      from agon.competition_players k
      join public.season_competitions p on p.season_id = season.id and p.competition_id = k.competition_id
      join public.competitions o on o.id = k.competition_id and o.status <> 'canceled'
      join public.competition_registrations r
        on r.competition_id = k.competition_id and r.participant = k.participant
      left join agon.competition_records c
        on c.competition_id = k.competition_id and c.participant = k.participant
      where k.wallet = w), '[]')))
    from unnest(wallets) w
    left join public.season_standings s on s.season_id = season.id and s.wallet = w));
end
$$;
comment on function agon.take_stale_standings(uuid, integer) is
  'Wallets whose standing is to be computed anew, with what their competitions say: {scoring_config, wallets: [{wallet, rating, records: [{weight, wins, draws, losses, from, to}]}]}; null where there are none. agon.write_standings follows in the same transaction.';

create or replace function agon.rating_of(standing public.season_standings) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object('mu', trim_scale(standing.rating_mu)::text,
    'sigma', trim_scale(standing.rating_sigma)::text, 'matches', standing.rated_matches)
  where standing.rating_mu is not null
$$;
comment on function agon.rating_of(public.season_standings) is
  'A rating as scoring.py has it; null where there is none. Called by other functions only.';

create or replace function agon.write_standings(season_id uuid, rows jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  changed integer;
begin
  with given as (
    select * from jsonb_to_recordset(rows) as g (wallet text, points text, wins integer, draws integer,
      losses integer, entered integer, titles integer, podiums integer)
  ), gone as (
    delete from public.season_standings s using given g
    where s.season_id = write_standings.season_id and s.wallet = g.wallet and g.entered = 0
    returning s.wallet
  ), kept as (
    insert into public.season_standings as s (season_id, wallet, points, wins, draws, losses,
      competitions_entered, titles, podiums, updated_at)
    select write_standings.season_id, g.wallet, g.points::numeric, g.wins, g.draws, g.losses, g.entered,
      g.titles, g.podiums, agon.now()
    from given g where g.entered > 0
    on conflict (season_id, wallet) do update
    set points = excluded.points, wins = excluded.wins, draws = excluded.draws, losses = excluded.losses,
      competitions_entered = excluded.competitions_entered, titles = excluded.titles,
      podiums = excluded.podiums
    where (s.points, s.wins, s.draws, s.losses, s.competitions_entered, s.titles, s.podiums)
      is distinct from (excluded.points, excluded.wins, excluded.draws, excluded.losses,
        excluded.competitions_entered, excluded.titles, excluded.podiums)
    returning s.wallet
  )
  select (select count(*) from gone) + (select count(*) from kept) into changed;
  perform agon.set_ranks(write_standings.season_id, (
    select jsonb_agg(jsonb_build_object('subject', r ->> 'wallet', 'key', r ->> 'key'))
    from jsonb_array_elements(rows) r));
  perform agon.note_standings(write_standings.season_id) where changed > 0;
end
$$;
comment on function agon.write_standings(uuid, jsonb) is
  'Standings that were computed: [{wallet, points, wins, draws, losses, entered, titles, podiums, key}]; who entered nothing any more is taken off. Behind agon.take_stale_standings.';

create or replace function agon.note_standings(season_id uuid) returns void
language sql security definer set search_path = ''
as $$
  update public.seasons s set changed_at = agon.now(), is_told = false where s.id = note_standings.season_id
$$;
comment on function agon.note_standings(uuid) is
  'Standings have changed, which is still to be told. Called by other functions only.';

create or replace function agon.tell_standings() returns bigint
language sql security definer set search_path = ''
as $$
  with told as (
    update public.seasons s set is_told = true, told_at = agon.now()
    where not s.is_told and date_trunc('minute', s.told_at) < date_trunc('minute', agon.now())
    returning s.*
  )
  select count(agon.emit('standings.updated', t.id::text, jsonb_build_object('org_id', t.org_id,
    'season_id', t.id, 'name', t.name, 'status', t.status, 'changed_at', t.changed_at,
    'result_cid', t.result_cid)))
  from told t
$$;
comment on function agon.tell_standings() is
  'The event standings.updated for each season whose standings changed; of a season once a minute at most. Returns how many.';

create or replace function agon.list_standings(season_id uuid, first_rank bigint, most integer)
returns setof jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('rank', p.rank, 'place', p.place, 'wallet', s.wallet,
    'points', trim_scale(s.points)::text, 'wins', s.wins, 'draws', s.draws, 'losses', s.losses,
    'entered', s.competitions_entered, 'titles', s.titles, 'podiums', s.podiums,
    'rating', agon.rating_of(s), 'updated_at', s.updated_at)
  from agon.page_ranks(list_standings.season_id, first_rank, most) p
  join public.season_standings s on s.season_id = list_standings.season_id and s.wallet = p.subject
  order by p.rank
$$;
comment on function agon.list_standings(uuid, bigint, integer) is
  'Standings of a season from this rank on, as far as the caller may see them.';

create or replace function agon.list_player_seasons(wallet text) returns setof jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('season_id', s.id, 'name', s.name, 'status', s.status, 'org_id', s.org_id,
    'rank', agon.rank_of(s.id, t.wallet), 'wallet', t.wallet, 'points', trim_scale(t.points)::text,
    'wins', t.wins, 'draws', t.draws, 'losses', t.losses, 'entered', t.competitions_entered,
    'titles', t.titles, 'podiums', t.podiums, 'rating', agon.rating_of(t))
  from public.season_standings t join public.seasons s on s.id = t.season_id
  where t.wallet = lower(list_player_seasons.wallet)
  order by s.created_at desc, s.id
$$;
comment on function agon.list_player_seasons(text) is
  'How a wallet stands in each season that it plays in, the newest season first.';

grant execute on function agon.take_stale_standings(uuid, integer), agon.write_standings(uuid, jsonb),
  agon.tell_standings() to agon_worker;
grant execute on function agon.rating_of(public.season_standings),
  agon.list_standings(uuid, bigint, integer), agon.list_player_seasons(text)
  to anon, authenticated, service_role;

revoke all on public.season_standings from anon, authenticated, service_role;
grant select on public.season_standings to anon, authenticated, service_role;
drop policy if exists season_standings_select_everyone on public.season_standings;
create policy season_standings_select_everyone on public.season_standings
  for select to anon, authenticated
  using ((select agon.host_org()) is null or season_id in (
    select s.id from public.seasons s where s.org_id = (select agon.host_org())));
drop policy if exists season_standings_select_service on public.season_standings;
create policy season_standings_select_service on public.season_standings
  for select to service_role using (true);
