-- Tables in which every row that a caller must not see holds a word that is found nowhere else.
-- :ada: and :bob: stand for the two users. The words are a name and `qxword`.

create type public.words as range (subtype = text);
create domain public.amount as int check (value >= 0);

create table public.folders (
  id int primary key,
  owner uuid not null default auth.uid(),
  name text not null unique,
  secret text
);
create index on public.folders (owner);

-- No client has any right to it.
create table public.vaults (id int primary key, secret text not null);

create table public.notes (
  id int primary key,
  owner uuid default auth.uid(),
  title text not null,
  code text unique,
  secret text check (secret <> 'bad'),
  amount public.amount default 1,
  tags text[],
  facts jsonb,
  plain json,
  span public.words,
  made timestamptz default '2026-01-01',
  search tsvector generated always as (to_tsvector('simple', coalesce(secret, ''))) stored,
  shown boolean not null default false,
  folder_id int references public.folders (id),
  vault_id int references public.vaults (id),
  constraint notes_spans_lie_apart exclude using gist (span with &&)
);
create index on public.notes (owner);
create index on public.notes (folder_id);
create index on public.notes (vault_id);
create index on public.notes (amount);

create table public.links (
  note_id int references public.notes (id),
  folder_id int references public.folders (id),
  owner uuid not null default auth.uid(),
  memo text,
  primary key (note_id, folder_id)
);
create index on public.links (folder_id);
create index on public.links (owner);

-- Every row is everybody's to see, but not the column `pay`, which nobody may read.
create table public.staff (
  id int primary key,
  name text unique,
  pay text not null default 'payqxword',
  age int,
  check (age < 100 or pay = '0'),
  note_id int references public.notes (id)
);
create index on public.staff (note_id);

create view public.my_notes with (security_invoker = true) as select * from public.notes;
create view public.my_pay with (security_invoker = true) as select id, pay from public.staff;
create view public.shown_notes with (security_barrier = true) as
select n.id, n.title, n.secret, n.amount from public.notes n where n.shown;

do $$
declare
  relation text;
begin
  foreach relation in array array['folders', 'vaults', 'notes', 'links', 'staff'] loop
    execute format('alter table public.%I enable row level security', relation);
    execute format('revoke all on public.%I from anon, authenticated, service_role', relation);
    execute format('grant all on public.%I to service_role', relation);
  end loop;
  foreach relation in array array['folders', 'notes', 'links'] loop
    execute format('grant select on public.%I to anon', relation);
    execute format('grant select, insert, update, delete on public.%I to authenticated', relation);
    execute format(
      'create policy %I on public.%I for all to authenticated
       using (owner = (select auth.uid())) with check (owner = (select auth.uid()))',
      relation || '_all_own', relation
    );
  end loop;
end $$;
create policy notes_select_shown on public.notes for select to anon using (shown);
grant select (id, name, age, note_id) on public.staff to anon, authenticated;
grant insert (id, name, age, note_id), update (name, age, note_id), delete
on public.staff to authenticated;
create policy staff_select_all on public.staff for select to anon, authenticated using (true);
create policy staff_insert_all on public.staff for insert to authenticated with check (id > 1000);
create policy staff_update_all on public.staff for update to authenticated using (id > 1000);
create policy staff_delete_all on public.staff for delete to authenticated using (id > 1000);
revoke all on public.shown_notes, public.my_pay, public.my_notes
from anon, authenticated, service_role;
grant select on public.shown_notes, public.my_pay to anon, authenticated, service_role;
grant select, insert, update, delete on public.my_notes to anon, authenticated, service_role;

-- Functions that would tell what they are given: over a hidden row they must never run.
create function public.tell(note public.notes) returns text
language plpgsql stable cost 0.001 as $$
begin
  raise exception 'told %', note.secret;
end $$;
create function public.tell_folder(folder public.folders) returns int
language plpgsql stable cost 0.001 as $$
begin
  return folder.secret::int;
end $$;
create function public.inverse(note public.notes) returns int
language sql stable as 'select 1 / (note.amount - 1)';
create function public.label(note public.notes) returns text
language sql stable as $$ select note.title || ' ' || note.secret $$;

create function public.siblings(note public.notes) returns setof public.notes
language sql stable as 'select * from public.notes n where n.id <> note.id';
create function public.drawer(note public.notes) returns setof public.folders rows 1
language sql stable as 'select * from public.folders f where f.id = note.folder_id';

create function public.notes_of(who uuid default auth.uid()) returns setof public.notes
language sql stable as 'select * from public.notes n where n.owner = who or n.owner is not null';
create function public.find_notes(word text, lowest int default 0)
returns table (id int, title text, secret text)
language sql stable as $$
  select n.id, n.title, n.secret from public.notes n
  where n.secret like '%' || word || '%' and n.amount >= lowest
$$;
create function public.secret_of(note int) returns text
language sql stable as 'select secret from public.notes where id = note';
create function public.open_vault(vault int) returns setof public.vaults
language sql stable as 'select * from public.vaults where id = vault';
create function public.add_note(new_id int, new_owner uuid default auth.uid())
returns public.notes
language sql volatile as $$
  insert into public.notes (id, owner, title) values (new_id, new_owner, 'added') returning *
$$;
create function public.drop_notes(variadic ids int[]) returns setof int
language sql volatile as 'delete from public.notes where id = any(ids) returning id';
create function public.echo(json) returns json language sql immutable as 'select $1';

create function public.configure(setting text, value text, for_transaction boolean default true)
returns text
language sql volatile as 'select set_config(setting, value, for_transaction)';

create function public.whoami() returns json
language sql stable as $$
  select json_build_object(
    'role', current_user, 'session', session_user, 'sub', auth.uid(),
    'claims', current_setting('request.jwt.claims')::json,
    'method', current_setting('request.method'), 'path', current_setting('request.path'),
    'cookies', current_setting('request.cookies')::json,
    'search_path', current_setting('search_path'), 'zone', current_setting('timezone'),
    'read_only', current_setting('transaction_read_only'),
    'timeout', current_setting('statement_timeout'),
    'status', coalesce(current_setting('response.status', true), ''),
    'replies', coalesce(current_setting('response.headers', true), ''),
    'updated', coalesce(current_setting('agon.updated', true), ''))
$$;
grant execute on all functions in schema public to anon, authenticated, service_role;

-- For the test alone: the rows as they were, and what of them is not Ada's.
create schema fuzz;
create function fuzz.refill() returns void
language sql as $$
  delete from public.staff;
  delete from public.links;
  delete from public.notes;
  delete from public.folders;
  delete from public.vaults;
  insert into public.vaults values (1, 'vaultqxword'), (2, 'vaultqxword');
  insert into public.folders (id, owner, name, secret) values
    (1, ':ada:', 'ours', 'adaqxword'),
    (2, ':ada:', 'second', 'adaqxword'),
    (3, ':bob:', 'his', 'bobqxword'),
    (4, ':bob:', 'hers', 'bobqxword');
  insert into public.notes
    (id, owner, title, code, secret, amount, tags, facts, plain, span, shown, folder_id, vault_id)
  select
    n, owner, title, word || n, word, n, array[word, 'x'],
    jsonb_build_object('word', word, 'list', jsonb_build_array(word, n)),
    json_build_object('word', word), public.words(word || n, word || n || '~'), shown, folder,
    n % 2 + 1
  from (values
    (1, ':ada:'::uuid, 'one', 'adaqxword', false, 1), (2, ':ada:', 'two', 'adaqxword', false, 1),
    (3, ':ada:', 'three', 'adaqxword', false, 3), (4, ':bob:', 'four', 'bobqxword', false, 3),
    (5, ':bob:', 'five', 'bobqxword', false, 4), (6, ':bob:', 'six', 'bobqxword', false, 1),
    (7, null, 'seven', 'openqxword', true, 4)
  ) as v (n, owner, title, word, shown, folder);
  insert into public.links (note_id, folder_id, owner, memo) values
    (1, 1, ':ada:', 'adaqxword'), (1, 3, ':ada:', 'adaqxword'), (4, 3, ':bob:', 'bobqxword'),
    (4, 1, ':bob:', 'bobqxword'), (7, 2, ':bob:', 'bobqxword');
  insert into public.staff (id, name, pay, age, note_id) values
    (1, 'amy', 'payqxword', 30, 1), (2, 'ben', 'payqxword', 40, 4),
    (1001, 'cat', 'payqxword', 50, 2);
$$;
create function fuzz.others() returns text
language sql as $$
  select md5(concat(
    (select string_agg(n::text, ',' order by id) from public.notes n
      where owner is distinct from ':ada:'),
    (select string_agg(f::text, ',' order by id) from public.folders f where owner <> ':ada:'),
    (select string_agg(l::text, ',' order by note_id, folder_id) from public.links l
      where owner <> ':ada:'),
    (select string_agg(v::text, ',' order by id) from public.vaults v),
    (select string_agg(s::text, ',' order by id) from public.staff s where id <= 1000),
    (select count(*) from public.staff where pay <> 'payqxword')))
$$;
select fuzz.refill();
