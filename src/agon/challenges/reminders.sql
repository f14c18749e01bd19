-- Reminders by mail: wanted by who has the address, sent once, and ended by a link.

create or replace function agon.require_remindable(challenge_id bigint, type text) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  challenge constant public.challenges := agon.show_challenge(challenge_id);
begin
  if type = 'proof_deadline' and challenge.timeline ->> 'end' is null then
    perform agon.refuse(409, 'challenge_without_end',
      format('Challenge %s has no end, so no proof is due.', challenge.id),
      'Its outcome can be a reminder: finalization.');
  end if;
  if challenge.status not in ('pending', 'approved') or (type = 'proof_deadline'
    and (challenge.timeline ->> 'end')::numeric + 86400 <= extract(epoch from agon.now()))
  then
    perform agon.refuse(409, 'reminder_too_late',
      format('For challenge %s there is nothing left to be reminded of.', challenge.id),
      'Proofs are due a day after the end; the outcome comes once.');
  end if;
end
$$;
comment on function agon.require_remindable(bigint, text) is
  'Refuses reminders of what is past. Called by agon.add_reminder only.';

create or replace function agon.add_reminder(
  email text, challenge_id bigint, type text, token_hash bytea
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  whom constant text := lower(btrim(add_reminder.email));
  is_own constant boolean := agon.is_service() or coalesce(whom = agon.verified_email(), false);
  wait integer;
  reminder public.reminders;
begin
  if (select auth.uid()) is null and not agon.is_service() then
    perform agon.refuse(401, 'sign_in_first', 'This needs a signed-in user.',
      'Send Authorization: Bearer <token>; `agon token` mints one for local use.');
  end if;
  perform agon.require_remindable(add_reminder.challenge_id, add_reminder.type);
  if not is_own then
    wait := greatest(agon.spend_for('reminder_user', (select auth.uid())::text, 20, interval '1 day'),
      agon.spend_for('reminder_address', whom, 3, interval '1 day'));
    if wait > 0 then
      perform agon.refuse(429, 'over_mail_limit',
        format('Too many mails: try again in %s seconds.', wait),
        'An address that is verified as yours needs no mail to confirm it.');
    end if;
  end if;
  insert into public.reminders as r (email, challenge_id, type, token_hash, confirmed_at, created_at)
  values (whom, add_reminder.challenge_id, add_reminder.type,
    case when not is_own then add_reminder.token_hash end,
    case when is_own then agon.now() end, agon.now())
  on conflict on constraint reminders_one_per_address_and_type do update
  set token_hash = coalesce(excluded.token_hash, r.token_hash),
    confirmed_at = coalesce(r.confirmed_at, excluded.confirmed_at)
  where r.confirmed_at is null
  returning r.* into reminder;
  -- Whether a stranger's address is subscribed already is nobody else's to know.
  return case when is_own then jsonb_build_object('outcome', 'subscribed')
    else jsonb_build_object('outcome', 'confirmation_sent') end
    || jsonb_build_object('email', whom, 'challenge_id', add_reminder.challenge_id,
      'type', add_reminder.type, 'mail', not is_own and reminder.id is not null,
      'challenge', agon.spoken_title(add_reminder.challenge_id));
end
$$;
comment on function agon.add_reminder(text, bigint, text, bytea) is
  'An address wants a reminder: subscribed where it is verified as the caller''s, else once it confirms by the token of this hash, for which mail says whether one is to be sent.';
grant execute on function agon.add_reminder(text, bigint, text, bytea) to agon_worker;

create or replace function agon.find_reminder(token_hash bytea) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  reminder public.reminders;
begin
  select r.* into reminder from public.reminders r where r.token_hash = find_reminder.token_hash;
  if not found then
    perform agon.refuse(404, 'link_unknown', 'This link does not hold any more.',
      'The newest mail has the one that does; whoever was unsubscribed needs none.');
  end if;
  return jsonb_build_object('email', reminder.email, 'challenge_id', reminder.challenge_id,
    'type', reminder.type, 'confirmed', reminder.confirmed_at is not null, 'sent', reminder.sent);
end
$$;
comment on function agon.find_reminder(bytea) is 'What the link of a mail is about; refuses others.';
grant execute on function agon.find_reminder(bytea) to agon_worker;

create or replace function agon.confirm_reminder(token_hash bytea) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  update public.reminders r set confirmed_at = agon.now()
  where r.token_hash = confirm_reminder.token_hash and r.confirmed_at is null;
  return agon.find_reminder(confirm_reminder.token_hash);
end
$$;
comment on function agon.confirm_reminder(bytea) is
  'Who has the mail wants the reminder; a second time changes nothing.';
grant execute on function agon.confirm_reminder(bytea) to agon_worker;

create or replace function agon.unsubscribe_reminders(token_hash bytea) returns integer
language sql security definer set search_path = ''
as $$
  with ended as (
    delete from public.reminders r using public.reminders known
    where known.token_hash = unsubscribe_reminders.token_hash and r.email = known.email and not r.sent
    returning 1
  )
  select count(*)::integer from ended
$$;
comment on function agon.unsubscribe_reminders(bytea) is
  'Who has a mail of ours wants no more of them: all that the address still waited for ends. How many.';
grant execute on function agon.unsubscribe_reminders(bytea) to agon_worker;

create or replace function agon.reminders_to_decide(ends_before_ms bigint, most integer)
returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('id', r.id, 'type', r.type, 'challenge_id', c.id, 'status', c.status,
    'title', agon.spoken_title(c.id),
    'end_ms', (1000 * (c.timeline ->> 'end')::numeric)::bigint,
    'ended_ms', (select (1000 * extract(epoch from max(e.created_at)))::bigint from agon.events e
      where e.topic = 'challenge.' || c.status and e.key = c.id::text))
  from public.reminders r
  join public.challenges c on c.id = r.challenge_id
  where not r.sent and r.confirmed_at is not null
    and (c.status in ('finalized', 'canceled', 'rejected') or (r.type = 'proof_deadline'
      and (c.timeline ->> 'end')::numeric <= ends_before_ms / 1000.0))
  order by r.created_at, r.id limit most
$$;
comment on function agon.reminders_to_decide(bigint, integer) is
  'Confirmed reminders that may be due: of challenges that are over, and for proofs of those that ended before an instant (milliseconds since 1970).';
grant execute on function agon.reminders_to_decide(bigint, integer) to agon_worker;

create or replace function agon.take_reminder(reminder_id bigint, token_hash bytea) returns text
language sql security definer set search_path = ''
as $$
  update public.reminders r set sent = true, sent_at = agon.now(), token_hash = take_reminder.token_hash
  where r.id = take_reminder.reminder_id and not r.sent and r.confirmed_at is not null
  returning r.email
$$;
comment on function agon.take_reminder(bigint, bytea) is
  'Notes a reminder as sent, in the transaction that queues its mail, and answers with the address; null when it was sent or ended.';
grant execute on function agon.take_reminder(bigint, bytea) to agon_worker;

create or replace function agon.drop_reminder(reminder_id bigint) returns void
language sql security definer set search_path = ''
as $$ delete from public.reminders r where r.id = drop_reminder.reminder_id and not r.sent $$;
comment on function agon.drop_reminder(bigint) is 'What it was about is past; it is not sent any more.';
grant execute on function agon.drop_reminder(bigint) to agon_worker;

create or replace function agon.sweep_reminders(days integer default 7) returns integer
language sql security definer set search_path = ''
as $$
  with swept as (
    delete from public.reminders r
    where r.confirmed_at is null and r.created_at < agon.now() - make_interval(days => days) returning 1
  )
  select count(*)::integer from swept
$$;
comment on function agon.sweep_reminders(integer) is
  'Forgets addresses that nobody confirmed in so many days: how many.';
grant execute on function agon.sweep_reminders(integer) to agon_worker;

revoke all on public.reminders from anon, authenticated, service_role;
grant select on public.reminders to service_role;
drop policy if exists reminders_select_service on public.reminders;
create policy reminders_select_service on public.reminders
  for select to service_role using (true);
