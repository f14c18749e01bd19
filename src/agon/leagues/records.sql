-- Records: what a competition says of a participant, counted anew whenever a result of its own
-- changes; and which wallets' standings that touches.

create or replace function agon.is_counted(competition public.competitions) returns boolean
language sql stable security definer set search_path = ''
as $$
  select competition.type <> 'bracket' or exists (
    select from public.season_competitions p join public.seasons s on s.id = p.season_id
    where p.competition_id = competition.id and s.status = 'active')
$$;
comment on function agon.is_counted(public.competitions) is
  'Whether anything stands on its records: a leaderboard, or an active season. Called by other functions only.';

create or replace function agon.stale_competition(competition_id uuid, participants text[]) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  if not (select agon.is_counted(c) from public.competitions c
    where c.id = stale_competition.competition_id)
  then
    return;
  end if;
  insert into agon.stale_records (competition_id, participant)
  select r.competition_id, r.participant from public.competition_registrations r
  where r.competition_id = stale_competition.competition_id and r.roster is not null
    and (participants is null or r.participant in (select p from unnest(participants) p));
  if found then
    perform agon.enqueue('leagues.count',
      jsonb_build_object('competition_id', stale_competition.competition_id));
  end if;
end
$$;
comment on function agon.stale_competition(uuid, text[]) is
  'Has the records of participants counted anew, null for all. Called by other functions only.';

create or replace function agon.stale_players(competition_id uuid, wallets text[]) returns void
language sql security definer set search_path = ''
as $$
  select agon.stale_competition(stale_players.competition_id, (
    select coalesce(array_agg(distinct k.participant), '{}') from agon.competition_players k
    where k.competition_id = stale_players.competition_id
      and k.wallet in (select w from unnest(wallets) w)))
  where cardinality(wallets) > 0
$$;
comment on function agon.stale_players(uuid, text[]) is
  'Has the records of these wallets'' participants counted anew. Called by other functions only.';

create or replace function agon.stale_wallets(competition_id uuid, wallets text[]) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into agon.stale_standings (season_id, wallet)
  select s.id, w from public.season_competitions p
  join public.seasons s on s.id = p.season_id and s.status = 'active'
  cross join (select distinct w from unnest(wallets) w) wallets
  where p.competition_id = stale_wallets.competition_id;
  perform agon.enqueue('leagues.stand', jsonb_build_object('season_id', s.id))
  from public.season_competitions p
  join public.seasons s on s.id = p.season_id and s.status = 'active'
  where p.competition_id = stale_wallets.competition_id and cardinality(wallets) > 0;
end
$$;
comment on function agon.stale_wallets(uuid, text[]) is
  'Has wallets'' standings computed anew, in the seasons that count this competition. Called by other functions only.';

create or replace function agon.stale_season(season_id uuid, without uuid) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into agon.stale_standings (season_id, wallet)
  select s.season_id, s.wallet from public.season_standings s
  where s.season_id = stale_season.season_id and (without is null or s.wallet in (
    select k.wallet from agon.competition_players k where k.competition_id = without));
  perform agon.enqueue('leagues.settle_season', jsonb_build_object('season_id', stale_season.season_id));
end
$$;
comment on function agon.stale_season(uuid, uuid) is
  'Has a season''s standings computed anew: of those who played in a competition that it counts no longer, or null for all. Called by other functions only.';

create or replace function agon.note_match_results() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Sets are subtracted, and not joined: the plan is made once, for however many rows came first.
  -- A disputed result does not count, and does again when it is upheld.
  perform agon.stale_competition(s.competition_id, s.participants) from (
    select r.competition_id, array_agg(distinct p) as participants from (
      (select m.competition_id, m.key, m.participant_a, m.participant_b, m.winner, m.result_kind
        from came m where m.status = 'completed' and m.result_kind is not null
      except
      select m.competition_id, m.key, m.participant_a, m.participant_b, m.winner, m.result_kind
        from was m where m.status = 'completed' and m.result_kind is not null)
      union all
      (select m.competition_id, m.key, m.participant_a, m.participant_b, m.winner, m.result_kind
        from was m where m.status = 'completed' and m.result_kind is not null
      except
      select m.competition_id, m.key, m.participant_a, m.participant_b, m.winner, m.result_kind
        from came m where m.status = 'completed' and m.result_kind is not null)
    ) r cross join unnest(array[r.participant_a, r.participant_b]) p
    where p is not null group by r.competition_id) s;
  return null;
end
$$;
comment on function agon.note_match_results() is
  'Whose matches have another result now is counted anew.';
create or replace trigger bracket_matches_note_results
  after update on public.bracket_matches referencing old table as was new table as came
  for each statement execute function agon.note_match_results();

create or replace function agon.note_registrations() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into agon.competition_players as k (competition_id, wallet, participant)
  select n.competition_id, w, n.participant from (
    select n.competition_id, n.participant, n.roster from came n
    except
    select o.competition_id, o.participant, o.roster from was o) n
  cross join unnest(n.roster) w
  on conflict (competition_id, wallet) do update set participant = excluded.participant;
  perform agon.stale_wallets(s.competition_id, s.wallets) from (
    select r.competition_id, array_agg(w) as wallets from (
      (select n.competition_id, n.participant, n.roster, n.place_from, n.place_to from came n
      except
      select o.competition_id, o.participant, o.roster, o.place_from, o.place_to from was o)
      union all
      (select o.competition_id, o.participant, o.roster, o.place_from, o.place_to from was o
      except
      select n.competition_id, n.participant, n.roster, n.place_from, n.place_to from came n)
    ) r cross join unnest(r.roster) w group by r.competition_id) s;
  perform agon.stale_competition(s.competition_id, s.participants) from (
    select r.competition_id, array_agg(r.participant) as participants from (
      select n.competition_id, n.participant, n.roster, n.status from came n
      except
      select o.competition_id, o.participant, o.roster, o.status from was o) r
    group by r.competition_id) s;
  return null;
end
$$;
comment on function agon.note_registrations() is
  'Rosters, places, and who is out: records and standings are computed anew.';
create or replace trigger competition_registrations_note
  after update on public.competition_registrations referencing old table as was new table as came
  for each statement execute function agon.note_registrations();

create or replace function agon.note_competition() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.status = 'canceled' then
    perform agon.stale_wallets(new.id, (
      select array_agg(k.wallet) from agon.competition_players k where k.competition_id = new.id));
  elsif new.status = 'active' and new.type <> 'bracket' then
    perform agon.gather_verdicts(new.id, null);
  end if;
  return null;
end
$$;
comment on function agon.note_competition() is
  'A canceled competition counts no longer; one that starts takes the verdicts that there are.';
create or replace trigger competitions_note_status
  after update on public.competitions
  for each row when (old.status is distinct from new.status) execute function agon.note_competition();

create or replace function agon.take_stale_records(competition_id uuid, most integer) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions;
  participants text[];
begin
  -- One counts at a time, and sees what stands once it is its turn: a slow count never overwrites a
  -- newer one.
  perform pg_advisory_xact_lock(hashtextextended('agon records ' || take_stale_records.competition_id, 0));
  select * into strict competition from public.competitions c where c.id = take_stale_records.competition_id;
  with taken as (
    delete from agon.stale_records s where s.id in (
      select o.id from agon.stale_records o
      where o.competition_id = take_stale_records.competition_id order by o.id limit most)
    returning s.participant
  )
  select array_agg(distinct t.participant) into participants from taken t;
  if participants is null then
    return null;
  end if;
  return jsonb_build_object('type', competition.type,
    'rules', coalesce(competition.rules -> 'scoring', '{}'),
    'entrants', case competition.type
      when 'bracket' then agon.matched_entrants(competition.id, participants)
      else agon.scored_entrants(competition.id, participants) end);
end
$$;
comment on function agon.take_stale_records(uuid, integer) is
  'Participants to count anew, with all that counts: {type, rules, entrants: [{participant, registered, and results or scores}]}; null where there are none. agon.write_records follows in the same transaction.';

create or replace function agon.matched_entrants(competition_id uuid, participants text[]) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('participant', p, 'results', coalesce((
    select jsonb_agg(jsonb_build_array(0, null,
      case when m.winner = p then 0 when m.winner is not null then 1 end, m.result_kind))
    from public.bracket_matches m
    where m.competition_id = matched_entrants.competition_id and p in (m.participant_a, m.participant_b)
      and m.status = 'completed' and m.result_kind is not null), '[]')))
  from unnest(participants) p
$$;
comment on function agon.matched_entrants(uuid, text[]) is
  'Participants of a bracket with their results as scoring.py takes them: [0, null, winner (0: who it is), kind]. Called by other functions only.';

create or replace function agon.scored_entrants(competition_id uuid, participants text[]) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('participant', r.participant, 'wallets', r.roster,
    'registered', r.status = 'registered', 'scores', coalesce((
      select jsonb_agg(jsonb_build_object('wallet', s.wallet, 'challenge', s.challenge_id,
        'pass', s.pass, 'score', trim_scale(s.score)::text, 'of', s.result_cid) order by s.turn)
      from public.leaderboard_scores s
      where s.competition_id = r.competition_id and s.wallet = any (r.roster)
        and s.reverted_at is null), '[]')) order by r.seed), '[]')
  from public.competition_registrations r
  where r.competition_id = scored_entrants.competition_id and r.roster is not null
    and (participants is null or r.participant in (select p from unnest(participants) p))
$$;
comment on function agon.scored_entrants(uuid, text[]) is
  'Participants (null: all who took part) with the scores that count, as leaderboard.py takes them. Called by other functions only.';

create or replace function agon.write_records(competition_id uuid, rows jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into agon.competition_records as c (competition_id, participant, wins, draws, losses)
  select write_records.competition_id, r.participant, r.wins, r.draws, r.losses
  from jsonb_to_recordset(rows) as r (participant text, wins integer, draws integer, losses integer)
  on conflict (competition_id, participant) do update
  set wins = excluded.wins, draws = excluded.draws, losses = excluded.losses;
  perform agon.write_entries(write_records.competition_id, rows);
  perform agon.stale_wallets(write_records.competition_id, (
    select array_agg(k.wallet) from agon.competition_players k
    where k.competition_id = write_records.competition_id
      and k.participant in (select x ->> 'participant' from jsonb_array_elements(rows) x)));
end
$$;
comment on function agon.write_records(uuid, jsonb) is
  'What was counted: [{participant, wins, draws, losses, entry: {score, passed, failed, scores, key} or null}]. Behind agon.take_stale_records.';

grant execute on function agon.take_stale_records(uuid, integer), agon.write_records(uuid, jsonb)
  to agon_worker;
