-- Recording a file that lies in the content folder.

create or replace function agon.keep_file(cid text, sha256 text, bytes bigint, media_type text) returns void
language sql security definer set search_path = ''
as $$
  insert into agon.files (cid, sha256, bytes, media_type, created_at)
  values (cid, sha256, bytes, media_type, agon.now())
  on conflict (cid) do nothing
$$;
comment on function agon.keep_file(text, text, bigint, text) is
  'Records a file of the content folder; a second time changes nothing.';
grant execute on function agon.keep_file(text, text, bigint, text) to agon_worker;
