-- The functions of the film library: every shape that `rpc` can call, and computed fields.

create function public.full_title(film public.films) returns text
language sql stable as $$ select film.title || coalesce(' (' || film.year || ')', '') $$;

create function public.best_review(film public.films) returns setof public.reviews rows 1
language sql stable as $$
  select r.* from public.reviews r where r.film_id = film.id order by r.stars desc, r.id limit 1
$$;

create function public.same_decade(film public.films) returns setof public.films
language sql stable as $$
  select f.* from public.films f where f.year / 10 = film.year / 10 and f.id <> film.id
$$;

create function public.add_them(a int, b int) returns int
language sql immutable as 'select a + b';

create function public.count_to(last int) returns setof int
language sql immutable as 'select generate_series(1, last)';

create function public.films_since(first_year int) returns setof public.films
language sql stable as 'select * from public.films f where f.year >= first_year';

create function public.films_by_year() returns table (year int, films bigint)
language sql stable as 'select f.year, count(*) from public.films f group by f.year';

create function public.first_film() returns public.films
language sql stable as 'select * from public.films f order by f.id limit 1';

create function public.middle() returns public.place_2d
language sql immutable as 'select row (3, 4)::public.place_2d';

create function public.split_name(full_name text, out first text, out last text)
language sql immutable as $$ select split_part(full_name, ' ', 1), split_part(full_name, ' ', 2) $$;

create function public.do_nothing() returns void language sql as '';

create function public.greet(name text) returns text
language sql immutable as $$ select 'Hello ' || name $$;

create function public.greet(name text, greeting text) returns text
language sql immutable as $$ select greeting || ' ' || name $$;

create function public.twin(a int) returns text language sql immutable as $$ select 'int' $$;
create function public.twin(a text) returns text language sql immutable as $$ select 'text' $$;

create function public.raised(base int, exponent int default 2) returns int
language sql immutable as 'select (base ^ exponent)::int';

create function public.joined(variadic words text[]) returns text
language sql immutable as $$ select array_to_string(words, '-') $$;

create function public.sum_of(numbers int[]) returns bigint
language sql immutable as 'select sum(n) from unnest(numbers) n';

create function public.keys_of(document jsonb) returns setof text
language sql immutable as 'select jsonb_object_keys(document)';

create function public.whole_body(json) returns json language sql immutable as 'select $1';

create function public.whoami() returns json
language sql stable as $$
  select json_build_object(
    'role', current_user, 'uid', auth.uid(),
    'method', current_setting('request.method', true),
    'path', current_setting('request.path', true),
    'client', current_setting('request.headers', true)::json ->> 'x-client-info'
  )
$$;

create function public.add_stock(new_code text, new_amount int default 1)
returns setof public.stock
language sql volatile as $$
  insert into public.stock (code, amount) values (new_code, new_amount) returning *
$$;

create function public.empty_stock(prefix text) returns setof public.stock
language sql volatile as $$
  delete from public.stock s where starts_with(s.code, prefix) returning *
$$;

create function public.nap(seconds float) returns text
language sql volatile as $$ select 'awake' from pg_sleep(seconds) $$;

create function public.snore(seconds float) returns text
language sql volatile set statement_timeout = '200ms'
as $$ select 'awake' from pg_sleep(seconds) $$;

create function public.with_headers() returns text
language plpgsql volatile as $$
begin
  perform set_config(
    'response.headers', '[{"X-Tea": "Assam"}, {"Cache-Control": "no-store"}]', true
  );
  perform set_config('response.status', '202', true);
  return 'brewed';
end $$;

create function public.fail_plainly() returns void
language plpgsql as $$
begin
  raise exception 'It broke.' using detail = 'Here.', hint = 'Try less.';
end $$;

create function public.fail_payment() returns void
language plpgsql as $$
begin
  raise sqlstate 'PT402' using message = 'Payment required', detail = 'Quota', hint = 'Pay';
end $$;

create function public.fail_teapot() returns void
language plpgsql as $$
begin
  raise sqlstate 'PGRST' using
    message = '{"code":"TEA01","message":"I am a teapot","details":"Short","hint":"Stout"}',
    detail = '{"status":418,"headers":{"X-Tea":"Assam"}}';
end $$;

create function public.say_bad_headers() returns text
language sql volatile as $$
  select set_config('response.headers', '{"X-Tea": "Assam"}', true)
$$;

create function public.say_bad_status() returns text
language sql volatile as $$ select set_config('response.status', 'tea', true) $$;

create function public.fail_wordlessly() returns void
language plpgsql as $$
begin
  raise sqlstate 'PGRST' using message = 'no json', detail = '{"status":418,"headers":{}}';
end $$;
