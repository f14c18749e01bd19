-- Descriptions of challenges on a chain: given by their creators, and written to MetadataRegistry.

create or replace trigger challenges_guard_registry_status
  before insert or update on public.challenges
  for each row execute function agon.guard_move('registry_status');

create or replace function agon.show_chain_challenge(challenge_id bigint) returns public.challenges
language plpgsql stable security definer set search_path = ''
as $$
declare
  challenge public.challenges := agon.show_challenge(challenge_id);
begin
  if not agon.is_on_chain(challenge) then
    perform agon.refuse(409, 'challenge_not_on_chain',
      format('Challenge %s does not stand on a chain.', challenge.id),
      'It was described when it was created.');
  end if;
  return challenge;
end
$$;
comment on function agon.show_chain_challenge(bigint) is 'A challenge on a chain; refuses others.';
grant execute on function agon.show_chain_challenge(bigint) to agon_worker;

create or replace function agon.describe_challenge(creator text, challenge_id bigint, content text)
returns public.challenges
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges;
  model public.models;
  told constant jsonb := content::jsonb;
  own_hash constant text := '0x' || encode(sha256(convert_to(content, 'UTF8')), 'hex');
begin
  perform agon.require_wallet(creator);
  perform agon.find_challenge(challenge_id);
  challenge := agon.show_chain_challenge(challenge_id);
  if challenge.subject is distinct from lower(creator) then
    perform agon.refuse(403, 'not_the_creator',
      format('Challenge %s was created by another wallet.', challenge.id),
      'Only its creator describes a challenge.');
  end if;
  if challenge.content_hash <> own_hash then
    perform agon.refuse(409, 'description_differs',
      format('The description''s hash is %s; challenge %s was created with %s.', own_hash, challenge.id,
        challenge.content_hash),
      'It is the SHA-256 of the canonical JSON of title, description, model_id, params and proof.');
  end if;
  if challenge.model_id is not null then
    return challenge;
  end if;
  model := agon.find_model(told ->> 'model_id');
  insert into agon.challenge_descriptions (creator, content_hash, content, created_at)
  values (challenge.subject, own_hash, content, agon.now())
  on conflict on constraint challenge_descriptions_pkey do nothing;
  update public.challenges c set
    title = told ->> 'title', description = told ->> 'description', model_id = model.id,
    model_hash = model.model_hash, params = told -> 'params', proof = told -> 'proof'
  where c.id = challenge.id returning c.* into challenge;
  perform agon.emit('challenge.described', challenge.id::text,
    jsonb_build_object('challenge_id', challenge.id, 'subject', challenge.subject));
  perform agon.enqueue('challenges.register', jsonb_build_object('challenge_id', challenge.id),
    'challenges.register:' || challenge.id);
  -- Of a challenge that a reorganisation took from under this number: another rule, other verdicts.
  perform agon.judge_again(challenge.id, e.subject)
  from (select distinct lower(e.subject) as subject from public.evidence e
        where e.challenge_id = challenge.id) e;
  return challenge;
end
$$;
comment on function agon.describe_challenge(text, bigint, text) is
  'What the creator of a challenge on a chain says it is, in canonical JSON, whose hash the chain has; a second time answers with the row.';
grant execute on function agon.describe_challenge(text, bigint, text) to agon_worker;

create or replace function agon.registry_key(challenge public.challenges) returns text
language sql immutable set search_path = ''
as $$ select format('challenges.registry:%s:%s', challenge.id, left(challenge.content_hash, 18)) $$;
comment on function agon.registry_key(public.challenges) is
  'The intent that writes a challenge''s metadata: another challenge under its number is another one.';
grant execute on function agon.registry_key(public.challenges) to agon_worker;

create or replace function agon.recompute_registry(chain_id bigint, ids text[], below bigint)
returns void
language sql security definer set search_path = ''
as $$
  with found as (
    select c.id, l.tx_hash as logged, i.settled_hash, i.error,
      case when l.tx_hash is not null then 'confirmed' when i.id is null then 'pending'
        when i.status = 'failed' then 'failed' else 'submitted' end as status
    from public.challenges c
    left join lateral (
      select l.tx_hash, l.args ->> 'contentHash' as content_hash from agon.chain_logs l
      where l.chain_id = recompute_registry.chain_id and l.contract = 'MetadataRegistry'
        and l.event = 'MetadataSet' and l.args ->> 'id' = c.id::text and l.block_number < below
      order by l.block_number desc, l.log_index desc limit 1
    ) l on l.content_hash = c.content_hash
    left join agon.chain_intents i
      on i.chain_id = recompute_registry.chain_id and i.key = agon.registry_key(c)
    where c.id in (select agon.chain_challenge(i) from unnest(ids) i)
  )
  update public.challenges c set
    registry_status = found.status, registry_tx_hash = coalesce(found.logged, found.settled_hash),
    registry_error = case when found.status = 'failed' then found.error end
  from found
  where found.id = c.id and (c.registry_status, c.registry_tx_hash, c.registry_error) is distinct from (
    found.status, coalesce(found.logged, found.settled_hash),
    case when found.status = 'failed' then found.error end)
$$;
comment on function agon.recompute_registry(bigint, text[], bigint) is
  'registry_status by the newest entry of the registry, else by our intent: confirmed is said by the log alone.';

create or replace function agon.load_registration(challenge_id bigint) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('chain_id', agon.the_chain(), 'key', agon.registry_key(c), 'content', d.content,
    'content_hash', d.content_hash, 'registry', agon.contract_address(agon.the_chain(), 'MetadataRegistry'))
  from public.challenges c
  join agon.challenge_descriptions d on (d.creator, d.content_hash) = (c.subject, c.content_hash)
  where c.id = load_registration.challenge_id and c.registry_status = 'pending' and c.model_id is not null
    and agon.contract_address(agon.the_chain(), 'MetadataRegistry') is not null
$$;
comment on function agon.load_registration(bigint) is
  'What is to be written to the registry for a challenge; null where nothing is, or there is no registry.';
grant execute on function agon.load_registration(bigint) to agon_worker;

create or replace function agon.enqueue_registrations() returns bigint
language sql security definer set search_path = ''
as $$
  select count(agon.enqueue('challenges.register', jsonb_build_object('challenge_id', c.id),
    'challenges.register:' || c.id))
  from public.challenges c
  where c.content_hash is not null and c.registry_status = 'pending' and c.model_id is not null
    and agon.contract_address(agon.the_chain(), 'MetadataRegistry') is not null
$$;
comment on function agon.enqueue_registrations() is
  'Queues what is described and not registered, for instance because there was no registry.';
grant execute on function agon.enqueue_registrations() to agon_worker;

create or replace function agon.note_registration_meant(challenge_id bigint, cid text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  update agon.challenge_descriptions d set cid = note_registration_meant.cid
  from public.challenges c
  where c.id = note_registration_meant.challenge_id
    and (d.creator, d.content_hash) = (c.subject, c.content_hash);
  perform agon.recompute_registry(agon.the_chain(), array[challenge_id::text], 9223372036854775807);
end
$$;
comment on function agon.note_registration_meant(bigint, text) is
  'The intent stands; cid names the description''s bytes, which we hold.';
grant execute on function agon.note_registration_meant(bigint, text) to agon_worker;

create or replace function agon.note_registration(intent agon.chain_intents) returns void
language sql security definer set search_path = ''
as $$
  select agon.recompute_registry(intent.chain_id, array[intent.payload ->> 'challenge_id'],
    9223372036854775807)
$$;
comment on function agon.note_registration(agon.chain_intents) is 'Note of challenges.registry.';
select agon.register_purpose('challenges.registry', 'agon.note_registration');
