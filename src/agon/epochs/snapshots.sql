-- Snapshots of what bots have done, by the service.

create or replace trigger bot_stats_snapshots_guard_append_only
  before update or delete or truncate on public.bot_stats_snapshots
  for each statement execute function agon.guard_append_only();

create or replace function agon.keep_snapshot(slug text, epoch_id uuid, cid text, sha256 text)
returns public.bot_stats_snapshots
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  uri constant text := 'ipfs://' || keep_snapshot.cid;
  bot public.bot_identities;
  newest public.bot_stats_snapshots;
begin
  perform agon.require_service();
  bot := agon.find_bot_identity(keep_snapshot.slug);
  select * into newest from public.bot_stats_snapshots s
  where s.bot_identity_id = bot.id and s.epoch_id is not distinct from keep_snapshot.epoch_id
  order by s.created_at desc, s.id
  limit 1;
  if newest.snapshot_uri = uri then
    return newest;
  end if;
  insert into public.bot_stats_snapshots
    (bot_identity_id, epoch_id, snapshot_uri, snapshot_hash, created_at)
  values (bot.id, keep_snapshot.epoch_id, uri, keep_snapshot.sha256, agon.now())
  returning * into newest;
  return newest;
end
$$;
comment on function agon.keep_snapshot(text, uuid, text, text) is
  'Keeps a snapshot whose document is published, for the service; what the newest one says already changes nothing.';
grant execute on function agon.keep_snapshot(text, uuid, text, text) to agon_worker;

revoke all on public.bot_stats_snapshots from anon, authenticated, service_role;
grant select on public.bot_stats_snapshots to anon, authenticated, service_role;

drop policy if exists bot_stats_snapshots_select_everyone on public.bot_stats_snapshots;
create policy bot_stats_snapshots_select_everyone on public.bot_stats_snapshots
  for select to anon, authenticated, service_role using (true);
