-- Claims: the chain's word, and before it the wallet's own.

create or replace trigger claims_stamp_updated_at
  before update on public.claims
  for each row execute function agon.stamp_updated_at();

create or replace function agon.show_claim(claim public.claims) returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(claim) - 'reported' - 'log_index' || jsonb_build_object('amount_wei', claim.amount_wei::text)
$$;
comment on function agon.show_claim(public.claims) is 'A claim as JSON, its amount as a decimal string.';
grant execute on function agon.show_claim(public.claims) to authenticated, service_role, agon_worker;

create or replace function agon.require_claimable(challenge_id bigint, subject text, claim_type text, tx_hash text)
returns void
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform agon.require_wallet(require_claimable.subject);
  if not exists (select from agon.claim_events e where e.claim_type = require_claimable.claim_type) then
    perform agon.refuse(422, 'claim_type_unknown',
      format('There is no claim of type %s.', coalesce(require_claimable.claim_type, '(none)')),
      (select 'It is one of: ' || string_agg(e.claim_type, ', ' order by e.claim_type) || '.'
       from agon.claim_events e));
  end if;
  if agon.the_chain() is null then
    perform agon.refuse(409, 'chain_not_configured', 'There is no chain to claim on.',
      'Claims are made on the chain; this server follows none.');
  end if;
  -- The Treasury has buckets that are no challenges, such as the validators'.
  if require_claimable.claim_type <> 'treasury_eth' or require_claimable.challenge_id >= 1099511627776 then
    perform agon.show_chain_challenge(require_claimable.challenge_id);
  elsif require_claimable.tx_hash is null then
    perform agon.refuse(422, 'tx_hash_missing', 'A claim from the Treasury names its transaction.',
      'A bucket can be claimed from more than once; the transaction tells which claim it is.');
  end if;
end
$$;
comment on function agon.require_claimable(bigint, text, text, text) is
  'Refuses reports of claims that cannot have been made. Called by agon.report_claim only.';

create or replace function agon.report_claim(
  challenge_id bigint, subject text, claim_type text, amount_wei numeric, tx_hash text, metadata jsonb
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(report_claim.subject);
  hash constant text := lower(report_claim.tx_hash);
  said constant jsonb := jsonb_build_object('amount_wei', coalesce(report_claim.amount_wei, 0)::text,
    'tx_hash', hash, 'metadata', report_claim.metadata, 'claimed_at', agon.now());
  claim public.claims;
begin
  perform agon.require_claimable(report_claim.challenge_id, own, report_claim.claim_type, hash);
  perform pg_advisory_xact_lock_shared(hashtextextended('agon claims', 0));
  perform pg_advisory_xact_lock(hashtextextended(format('claim %s %s', report_claim.challenge_id, own), 0));
  select * into claim from public.claims c
  where c.challenge_id = report_claim.challenge_id and lower(c.subject) = own
    and c.claim_type = report_claim.claim_type
    and (c.claim_type <> 'treasury_eth' or c.tx_hash = hash)
  order by c.reported is null, c.id limit 1;
  if claim.id is null then
    insert into public.claims
      (challenge_id, subject, claim_type, amount_wei, bucket_id, tx_hash, source, metadata, reported,
       claimed_at, created_at)
    values (report_claim.challenge_id, own, report_claim.claim_type,
      coalesce(report_claim.amount_wei, 0), report_claim.challenge_id, hash, 'ui',
      report_claim.metadata, said, agon.now(), agon.now())
    returning * into claim;
  else
    update public.claims c set reported = agon.merge_reports(c.reported, said)
    where c.id = claim.id returning * into claim;
    claim := agon.tell_reported(claim.id);
  end if;
  return agon.show_claim(claim);
end
$$;
comment on function agon.report_claim(bigint, text, text, numeric, text, jsonb) is
  'What a wallet says that it claimed, once; amount 0 or null means unknown. The indexer''s row stays as it is.';
grant execute on function agon.report_claim(bigint, text, text, numeric, text, jsonb) to agon_worker;

create or replace function agon.merge_reports(first jsonb, later jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object(
    'amount_wei', coalesce(nullif(later ->> 'amount_wei', '0'), first ->> 'amount_wei', '0'),
    'tx_hash', coalesce(later ->> 'tx_hash', first ->> 'tx_hash'),
    'metadata', coalesce(nullif(later -> 'metadata', 'null'), first -> 'metadata', 'null'),
    'claimed_at', coalesce(first ->> 'claimed_at', later ->> 'claimed_at'))
$$;
comment on function agon.merge_reports(jsonb, jsonb) is
  'Two reports of one claim: what is unknown in the later one stays. Called by other functions only.';

create or replace function agon.tell_reported(claim_id bigint) returns public.claims
language plpgsql security definer set search_path = ''
as $$
declare
  claim public.claims;
begin
  update public.claims c set
    amount_wei = (c.reported ->> 'amount_wei')::numeric, tx_hash = c.reported ->> 'tx_hash',
    metadata = nullif(c.reported -> 'metadata', 'null'),
    claimed_at = (c.reported ->> 'claimed_at')::timestamptz
  where c.id = tell_reported.claim_id and c.source = 'ui';
  select * into claim from public.claims c where c.id = tell_reported.claim_id;
  return claim;
end
$$;
comment on function agon.tell_reported(bigint) is
  'A row of the wallet''s says what it reported; a row of the indexer''s is left alone. Called by agon.report_claim only.';

create or replace function public.my_claims(subject text default null) returns setof jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if my_claims.subject is not null then
    perform agon.require_wallet(my_claims.subject);
  end if;
  return query
    select agon.show_claim(c) from public.claims c
    where lower(c.subject) = lower(my_claims.subject)
      or (my_claims.subject is null and lower(c.subject) in (select agon.wallets()))
    order by c.claimed_at desc, c.id desc;
end
$$;
comment on function public.my_claims(text) is 'Claims of the caller''s wallets, or of one of them, newest first.';
revoke all on function public.my_claims(text) from public, anon, authenticated, service_role;
grant execute on function public.my_claims(text) to authenticated, service_role;

revoke all on public.claims from anon, authenticated, service_role;
grant select on public.claims to authenticated, service_role;
drop policy if exists claims_select_own on public.claims;
create policy claims_select_own on public.claims
  for select to authenticated using (lower(subject) in (select agon.wallets()));
drop policy if exists claims_select_service on public.claims;
create policy claims_select_service on public.claims
  for select to service_role using (true);
