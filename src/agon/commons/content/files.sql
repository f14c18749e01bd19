-- Recording files that lie in the content folder, and which of them are shown to everybody.

drop function if exists agon.keep_file(text, text, bigint, text);

create or replace function agon.keep_file(
  cid text, sha256 text, bytes bigint, media_type text, profile text
) returns void
language sql security definer set search_path = ''
as $$
  insert into agon.files (cid, sha256, bytes, media_type, profile, created_at)
  values (cid, sha256, bytes, media_type, profile, agon.now())
  on conflict (cid) do nothing
$$;
comment on function agon.keep_file(text, text, bigint, text, text) is
  'Records a file of the content folder, which stays private; a second time changes nothing.';
grant execute on function agon.keep_file(text, text, bigint, text, text) to agon_worker;

create or replace function agon.publish_file(
  cid text, sha256 text, bytes bigint, media_type text, profile text
) returns agon.files
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  published agon.files;
begin
  insert into agon.files as f (cid, sha256, bytes, media_type, profile, published_at, created_at)
  values (publish_file.cid, publish_file.sha256, publish_file.bytes, publish_file.media_type,
    publish_file.profile, agon.now(), agon.now())
  -- What a private file was taken for says nothing of what it is published as.
  on conflict (cid) do update set
    media_type = case when f.published_at is null then excluded.media_type else f.media_type end,
    published_at = coalesce(f.published_at, excluded.published_at)
  returning f.* into published;
  perform agon.enqueue('content.pin', jsonb_build_object('cid', published.cid),
    'content.pin ' || published.cid);
  return published;
end
$$;
comment on function agon.publish_file(text, text, bigint, text, text) is
  'Shows a file of the content folder to everybody, for ever, and queues its pinning; a second time only pins it again where that failed.';
grant execute on function agon.publish_file(text, text, bigint, text, text) to agon_worker;

create or replace function agon.publish_held_file(cid text, media_type text) returns agon.files
language plpgsql security definer set search_path = ''
as $$
declare
  held agon.files;
begin
  select * into strict held from agon.files f where f.cid = publish_held_file.cid;
  return agon.publish_file(held.cid, held.sha256, held.bytes, publish_held_file.media_type,
    held.profile);
end
$$;
comment on function agon.publish_held_file(text, text) is
  'Shows a file that was held privately to everybody, for ever. Called by other functions only.';

create or replace function agon.show_file(cid text) returns agon.files
language plpgsql stable security definer set search_path = ''
as $$
declare
  shown agon.files;
begin
  select * into shown from agon.files f
  where f.cid = show_file.cid and f.published_at is not null;
  if not found then
    perform agon.refuse(404, 'content_missing', 'No such file is published here.',
      'Ask a gateway of IPFS for it.');
  end if;
  return shown;
end
$$;
comment on function agon.show_file(text) is
  'A published file; of others, not even whether we hold them.';
grant execute on function agon.show_file(text) to anon, authenticated, service_role, agon_worker;
