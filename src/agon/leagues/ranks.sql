-- Ranks without counting everybody: keys stand in buckets of about a thousand, whose counts are
-- kept. A rank is the sum of the buckets before, and what stands before it in its own.

create or replace function agon.count_ranks() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  fill constant integer := 1024;
  board uuid;
  large bytea[];
  small bytea[];
begin
  for board in select distinct m.board_id from moved m order by 1 loop
    -- One writer a board: a bucket that is split while another counts in it would lose that.
    perform pg_advisory_xact_lock(hashtextextended('agon ranks ' || board, 0));
    insert into agon.rank_buckets (board_id, first_key, entries) values (board, '', 0)
    on conflict do nothing;
    with counted as (
      select f.first_key, count(*) * case tg_op when 'INSERT' then 1 else -1 end as entries
      from moved m cross join lateral (
        select b.first_key from agon.rank_buckets b
        where b.board_id = board and b.first_key <= m.key order by b.first_key desc limit 1) f
      where m.board_id = board group by f.first_key
    ), kept as (
      update agon.rank_buckets b set entries = b.entries + c.entries
      from counted c where b.board_id = board and b.first_key = c.first_key
      returning b.first_key, b.entries
    )
    select array_agg(k.first_key) filter (where k.entries > 2 * fill),
      array_agg(k.first_key) filter (where k.entries < fill / 4 and k.first_key <> '')
    into large, small from kept k;
    perform agon.split_rank_bucket(board, bucket, fill) from unnest(large) bucket;
    perform agon.merge_rank_bucket(board, bucket, fill) from unnest(small) bucket;
  end loop;
  return null;
end
$$;
comment on function agon.count_ranks() is 'Keeps the counts of buckets, as keys come and go.';

create or replace function agon.split_rank_bucket(board_id uuid, bucket bytea, fill integer) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  -- Beyond every key: an end that an index can stop at.
  after_all constant bytea := decode(repeat('ff', 256), 'hex');
  next_bucket bytea;
  parts integer;
begin
  select b.entries / fill into strict parts from agon.rank_buckets b
  where b.board_id = split_rank_bucket.board_id and b.first_key = bucket;
  select b.first_key into next_bucket from agon.rank_buckets b
  where b.board_id = split_rank_bucket.board_id and b.first_key > bucket order by b.first_key limit 1;
  insert into agon.rank_buckets as b (board_id, first_key, entries)
  select split_rank_bucket.board_id,
    case n.part when 1 then bucket else (array_agg(n.key order by n.key))[1] end, count(*)
  from (
    select r.key, ntile(parts) over (order by r.key) as part from agon.ranks r
    where r.board_id = split_rank_bucket.board_id
      and r.key >= bucket and r.key < coalesce(next_bucket, after_all)) n
  group by n.part
  on conflict (board_id, first_key) do update set entries = excluded.entries;
end
$$;
comment on function agon.split_rank_bucket(uuid, bytea, integer) is
  'Makes several of a bucket that holds too much. Called by other functions only.';

create or replace function agon.merge_rank_bucket(board_id uuid, bucket bytea, fill integer) returns void
language sql security definer set search_path = ''
as $$
  with own as (
    select b.entries, (
      select p.first_key from agon.rank_buckets p
      where p.board_id = b.board_id and p.first_key < b.first_key order by p.first_key desc limit 1) as before
    from agon.rank_buckets b
    where b.board_id = merge_rank_bucket.board_id and b.first_key = bucket
  ), joined as (
    update agon.rank_buckets b set entries = b.entries + o.entries
    from own o
    where b.board_id = merge_rank_bucket.board_id and b.first_key = o.before
      and b.entries + o.entries <= fill
    returning b.first_key
  )
  delete from agon.rank_buckets b using joined
  where b.board_id = merge_rank_bucket.board_id and b.first_key = bucket
$$;
comment on function agon.merge_rank_bucket(uuid, bytea, integer) is
  'Puts a bucket that holds little into the one before it, where there is room. Called by other functions only.';

create or replace trigger ranks_count_insert
  after insert on agon.ranks referencing new table as moved
  for each statement execute function agon.count_ranks();
create or replace trigger ranks_count_delete
  after delete on agon.ranks referencing old table as moved
  for each statement execute function agon.count_ranks();
create or replace trigger ranks_guard_append_only
  before update or truncate on agon.ranks
  for each statement execute function agon.guard_append_only();

create or replace function agon.set_ranks(board_id uuid, given jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from agon.ranks r
  using jsonb_to_recordset(given) as g (subject text, key text)
  where r.board_id = set_ranks.board_id and r.subject = g.subject
    and r.key is distinct from decode(g.key, 'hex');
  insert into agon.ranks (board_id, subject, key)
  select set_ranks.board_id, g.subject, decode(g.key, 'hex')
  from jsonb_to_recordset(given) as g (subject text, key text) where g.key is not null
  on conflict (board_id, subject) do nothing;
end
$$;
comment on function agon.set_ranks(uuid, jsonb) is
  'Keys of a board: [{subject, key: hexadecimal, or null for who has no rank any more}]. Called by other functions only.';

create or replace function agon.count_before(board_id uuid, key bytea) returns bigint
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  bucket bytea;
begin
  select b.first_key into bucket from agon.rank_buckets b
  where b.board_id = count_before.board_id and b.first_key <= count_before.key
  order by b.first_key desc limit 1;
  return (
    select coalesce(sum(b.entries), 0) from agon.rank_buckets b
    where b.board_id = count_before.board_id and b.first_key < bucket
  ) + (
    select count(*) from agon.ranks r
    where r.board_id = count_before.board_id and r.key >= bucket and r.key < count_before.key);
end
$$;
comment on function agon.count_before(uuid, bytea) is
  'How many keys of a board are before this one. Called by other functions only.';

create or replace function agon.rank_of(board_id uuid, subject text) returns bigint
language sql stable security definer set search_path = ''
as $$
  select agon.count_before(r.board_id, r.key) + 1 from agon.ranks r
  where r.board_id = rank_of.board_id and r.subject = rank_of.subject
$$;
comment on function agon.rank_of(uuid, text) is
  'The rank, from 1, of a wallet in a season, or of a participant in a competition; null for who has none. Exact, and found in the time of some thousand keys, however many there are.';

create or replace function agon.place_key(key bytea, subject text) returns bytea
language sql immutable set search_path = ''
as $$ select substring(key for length(key) - case when subject like '0x%' then 20 else 16 end) $$;
comment on function agon.place_key(bytea, text) is
  'What of a key is the same for all who share a place. Called by other functions only.';

create or replace function agon.key_at_rank(board_id uuid, rank bigint) returns bytea
language sql stable security definer set search_path = ''
as $$
  with bucket as (
    select s.first_key, s.before from (
      select b.first_key, sum(b.entries) over (order by b.first_key) - b.entries as before
      from agon.rank_buckets b where b.board_id = key_at_rank.board_id) s
    where s.before < rank order by s.first_key desc limit 1
  )
  select r.key from agon.ranks r
  where r.board_id = key_at_rank.board_id and r.key >= (select first_key from bucket)
  order by r.key offset (select greatest(rank - before - 1, 0) from bucket) limit 1
$$;
comment on function agon.key_at_rank(uuid, bigint) is
  'The key that has this rank; null beyond the last. Called by other functions only.';

create or replace function agon.page_ranks(board_id uuid, first_rank bigint, most integer)
returns table (subject text, rank bigint, place bigint)
language sql stable security definer set search_path = ''
as $$
  with page as (
    select r.subject, r.key, agon.place_key(r.key, r.subject) as worth,
      first_rank - 1 + row_number() over (order by r.key) as rank
    from agon.ranks r
    where r.board_id = page_ranks.board_id
      and r.key >= agon.key_at_rank(page_ranks.board_id, first_rank)
    order by r.key limit most
  ), begun as (
    select p.*, case when p.rank = first_rank
        then agon.count_before(page_ranks.board_id, p.worth) + 1
        when p.worth is distinct from lag(p.worth) over (order by p.rank) then p.rank end as first
    from page p
  )
  select b.subject, b.rank, max(b.first) over (order by b.rank) from begun b order by b.rank
$$;
comment on function agon.page_ranks(uuid, bigint, integer) is
  'Who has the ranks from this one on, each with the place that it shares with its equals.';

create or replace function agon.rank_around(board_id uuid, subject text, before integer) returns bigint
language sql stable security definer set search_path = ''
as $$
  select greatest(own - before, 1) from agon.rank_of(rank_around.board_id, rank_around.subject) own
  where own is not null
$$;
comment on function agon.rank_around(uuid, text, integer) is
  'Where a page begins that shows so many before this one; null for who has no rank.';

grant execute on function agon.rank_of(uuid, text), agon.page_ranks(uuid, bigint, integer),
  agon.rank_around(uuid, text, integer) to anon, authenticated, service_role, agon_worker;
