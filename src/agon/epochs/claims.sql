-- Claiming a slot: one transaction, in which the bot takes its turn first, and then the slot's.

create or replace function agon.claim_terms(
  epoch public.epochs, slot_index integer, code text,
  out bot_cooldown interval, out slot_cooldown interval, out minimum_hold interval
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  config jsonb;
  form jsonb;
begin
  select p.config, p.config -> 'slot_types' -> s.slot_type into config, form
  from public.epoch_slot_states s
  join public.epoch_profiles p on p.id = epoch.profile_id
  where s.epoch_id = epoch.id and s.slot_index = claim_terms.slot_index;
  if form is null then
    perform agon.refuse(404, 'slot_unknown',
      format('%s has no slot %s.', epoch.day_date, coalesce(slot_index::text, 'null')),
      'Its profile lists the slots.');
  end if;
  if coalesce(code, '') = '' then
    perform agon.refuse(422, 'code_missing', 'A slot is claimed with code.', 'Send it as text.');
  end if;
  if octet_length(code) > (form ->> 'code_bytes_max')::integer then
    perform agon.refuse(422, 'code_too_large',
      format('The code has %s bytes.', octet_length(code)),
      format('Such a slot takes at most %s, in UTF-8.', form ->> 'code_bytes_max'));
  end if;
  if translate(code, form ->> 'characters', '') <> '' then
    perform agon.refuse(422, 'code_characters', 'The code has characters that such a slot does not take.',
      format('The first is %s; the profile lists those that it may have.',
        to_json(left(translate(code, form ->> 'characters', ''), 1))));
  end if;
  bot_cooldown := (config #>> '{cooldown_ms,bot}')::bigint * interval '1 millisecond';
  slot_cooldown := (config #>> '{cooldown_ms,slot}')::bigint * interval '1 millisecond';
  minimum_hold := (config ->> 'minimum_hold_ms')::bigint * interval '1 millisecond';
end
$$;
comment on function agon.claim_terms(public.epochs, integer, text) is
  'How long a claim of the slot binds; refuses unknown slots and code that does not fit. Called by other functions only.';

create or replace function agon.cool_down(epoch_id uuid, bot uuid, slot_index integer, until_at timestamptz)
returns timestamptz
language sql security definer set search_path = ''
as $$
  insert into agon.epoch_cooldowns as c (epoch_id, bot_identity_id, slot_index, until_at)
  values (epoch_id, bot, slot_index, until_at)
  on conflict (epoch_id, bot_identity_id, slot_index)
    do update set until_at = greatest(c.until_at, excluded.until_at)
  returning c.until_at
$$;
comment on function agon.cool_down(uuid, uuid, integer, timestamptz) is
  'Until when the bot may not claim the slot (-1: any); takes the lock of that row. Called by other functions only.';

create or replace function public.claim_slot(
  slot_index integer, code text, bot_identity_id uuid default null, day date default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
  every_slot constant integer := -1;
  bot constant uuid := agon.acting_bot(bot_identity_id);
  asked_at constant timestamptz := date_trunc('milliseconds', agon.now());
  epoch constant public.epochs := agon.enter_live_epoch(day, asked_at);
  terms record := agon.claim_terms(epoch, slot_index, code);
  slot public.epoch_slot_states;
  at timestamptz;
  bot_until timestamptz;
  slot_until timestamptz;
  hold_until timestamptz;
  refusal text;
  seq bigint;
begin
  perform agon.require_active_bot(bot);
  bot_until := agon.cool_down(epoch.id, bot, every_slot, '-infinity');
  select s.* into slot from public.epoch_slot_states s
  where s.epoch_id = epoch.id and s.slot_index = claim_slot.slot_index for no key update;
  -- Who waited comes after what was done meanwhile to the slot and by the bot, whenever the request
  -- began.
  at := greatest(asked_at, slot.last_event_at, bot_until - terms.bot_cooldown);
  select c.until_at into slot_until from agon.epoch_cooldowns c
  where c.epoch_id = epoch.id and c.bot_identity_id = bot and c.slot_index = claim_slot.slot_index;
  hold_until := slot.held_since + terms.minimum_hold;
  refusal := case
    when slot.current_holder_bot_identity_id = bot then 'holds_already'
    when bot_until > at then 'bot_cooldown'
    when slot_until > at then 'slot_cooldown'
    when hold_until > at then 'minimum_hold'
  end;
  if refusal is null then
    seq := agon.take_slot(slot, bot, code, at);
    if terms.slot_cooldown > terms.bot_cooldown then
      slot_until := agon.cool_down(epoch.id, bot, slot_index, at + terms.slot_cooldown);
    end if;
  elsif refusal = 'minimum_hold' then
    seq := agon.attack_slot(slot, bot, at);
  end if;
  if seq is not null then
    -- An attack counts like a claim: else one could attack without end.
    bot_until := agon.cool_down(epoch.id, bot, every_slot, at + terms.bot_cooldown);
    select s.* into slot from public.epoch_slot_states s where s.id = slot.id;
  end if;
  return jsonb_build_object('accepted', refusal is null, 'reason', refusal, 'seq', seq,
    'slot', agon.show_slot(slot),
    'next_claim_at', case when coalesce(refusal, 'holds_already') = 'holds_already'
      then greatest(at, bot_until) else greatest(at, bot_until, slot_until, hold_until) end,
    'cooldowns', jsonb_build_object('bot', nullif(bot_until, '-infinity'), 'slot', slot_until));
end
$$;
comment on function public.claim_slot(integer, text, uuid, date) is
  'Takes a slot for a bot of the caller''s (null: the credential''s, or the only one) in the epoch of a day (null: the one that is live). Answers {accepted, reason, seq, slot, next_claim_at, cooldowns}: a claim that comes too early is answered, not refused, since an attack on a slot is an event. next_claim_at: when the bot may claim next; after a refusal, when it may claim this slot unless somebody else takes it before. cooldowns: {bot, slot}, until when the bot may claim no slot, and not this one; null: it has not.';
revoke execute on function public.claim_slot(integer, text, uuid, date) from public, anon;
grant execute on function public.claim_slot(integer, text, uuid, date)
  to authenticated, service_role, agon_worker;

create or replace function agon.take_slot(
  slot public.epoch_slot_states, bot uuid, code text, at timestamptz
) returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  code_hash constant text := encode(sha256(convert_to(code, 'UTF8')), 'hex');
  held_by constant uuid := slot.current_holder_bot_identity_id;
  seq constant bigint := agon.record_epoch_event(slot.epoch_id,
    case when held_by is null then 'slot_claimed' else 'slot_overwritten' end, at,
    jsonb_strip_nulls(jsonb_build_object('from', held_by, 'code_hash', code_hash)), bot, slot.slot_index);
begin
  update public.epoch_slot_states s
  set current_holder_bot_identity_id = bot, current_code = code, held_since = at, held_seq = seq,
    last_event_at = at
  where s.id = slot.id;
  return seq;
end
$$;
comment on function agon.take_slot(public.epoch_slot_states, uuid, text, timestamptz) is
  'Makes the bot the holder of a locked slot; the seq of its event. Called by public.claim_slot only.';

create or replace function agon.attack_slot(slot public.epoch_slot_states, bot uuid, at timestamptz)
returns bigint
language plpgsql security definer set search_path = ''
as $$
begin
  update public.epoch_slot_states s set last_event_at = at where s.id = slot.id;
  return agon.record_epoch_event(slot.epoch_id, 'slot_attacked', at,
    jsonb_build_object('holder', slot.current_holder_bot_identity_id), bot, slot.slot_index);
end
$$;
comment on function agon.attack_slot(public.epoch_slot_states, uuid, timestamptz) is
  'Notes that the minimum hold kept a locked slot; the seq of its event. Called by public.claim_slot only.';

create or replace function agon.show_slot(slot public.epoch_slot_states) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('index', slot.slot_index, 'type', slot.slot_type, 'label', slot.slot_label,
    'holder', slot.current_holder_bot_identity_id, 'code', slot.current_code,
    'held_since', slot.held_since, 'seq', slot.held_seq)
$$;
comment on function agon.show_slot(public.epoch_slot_states) is
  'A slot as everyone may see it; seq: of the claim that took it, so a larger one is newer.';
grant execute on function agon.show_slot(public.epoch_slot_states)
  to anon, authenticated, service_role, agon_worker;
