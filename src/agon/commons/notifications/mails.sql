-- Mail: queued in the transaction that made it necessary, taken in hand, and answered for.

create or replace trigger mails_guard_move
  before insert or update on agon.mails
  for each row execute function agon.guard_move('state');

create or replace function agon.queue_mail(
  id uuid, to_address text, template text, subject text, sealed_body text,
  idempotency_key text default null
) returns agon.mails
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  mail agon.mails;
begin
  insert into agon.mails as m
    (id, to_address, template, subject, sealed_body, idempotency_key, created_at)
  values (
    queue_mail.id, queue_mail.to_address, queue_mail.template, queue_mail.subject,
    queue_mail.sealed_body, queue_mail.idempotency_key, agon.now())
  on conflict (idempotency_key) do nothing
  returning m.* into mail;
  if mail.id is not null then
    perform agon.enqueue('notifications.send_mail', jsonb_build_object('mail_id', mail.id),
      'notifications.send_mail ' || mail.id);
    return mail;
  end if;
  select * into mail from agon.mails m where m.idempotency_key = queue_mail.idempotency_key;
  if (mail.to_address, mail.template) <> (queue_mail.to_address, queue_mail.template) then
    perform agon.refuse(409, 'mail_key_used', 'This key was used for another mail.',
      'Make the key from what the mail is about.');
  end if;
  return mail;
end
$$;
comment on function agon.queue_mail(uuid, text, text, text, text, text) is
  'Queues one mail and its sending, together; a second time with the same key answers with the first.';
grant execute on function agon.queue_mail(uuid, text, text, text, text, text) to agon_worker;

create or replace function agon.begin_mail(mail_id uuid, hold interval) returns agon.mails
language plpgsql security definer set search_path = ''
as $$
declare
  mail agon.mails;
begin
  update agon.mails m set attempts = m.attempts + 1, held_until = agon.now() + hold
  where m.id = begin_mail.mail_id and m.state = 'queued'
    and (m.held_until is null or m.held_until <= agon.now())
  returning m.* into mail;
  if mail.id is not null then
    return mail;
  end if;
  if exists (select from agon.mails m where m.id = begin_mail.mail_id and m.state = 'queued') then
    perform agon.refuse(409, 'mail_in_hand', 'Another worker is sending this mail.',
      'If that worker has died, the mail is free again shortly.');
  end if;
  return null;
end
$$;
comment on function agon.begin_mail(uuid, interval) is
  'Takes a mail in hand for so long; null when it needs no sending. Refuses while another has it.';
grant execute on function agon.begin_mail(uuid, interval) to agon_worker;

create or replace function agon.note_mail_sent(mail_id uuid) returns agon.mails
language plpgsql security definer set search_path = ''
as $$
declare
  mail agon.mails;
begin
  update agon.mails m set
    state = 'sent', sent_at = agon.now(), sealed_body = null, held_until = null, error = null
  where m.id = note_mail_sent.mail_id and m.state <> 'sent';
  select * into mail from agon.mails m where m.id = note_mail_sent.mail_id;
  return mail;
end
$$;
comment on function agon.note_mail_sent(uuid) is
  'The receipt of a mail; blanks its body. Answers with the row, moved or already there.';
grant execute on function agon.note_mail_sent(uuid) to agon_worker;

create or replace function agon.note_mail_trouble(
  mail_id uuid, error text, is_final boolean, attempts_max integer
) returns agon.mails
language plpgsql security definer set search_path = ''
as $$
declare
  mail agon.mails;
begin
  update agon.mails m set
    error = left(note_mail_trouble.error, 500),
    held_until = null,
    state = case when is_final or m.attempts >= attempts_max then 'failed' else m.state end,
    sealed_body = case when is_final or m.attempts >= attempts_max then null else m.sealed_body end
  where m.id = note_mail_trouble.mail_id and m.state = 'queued';
  select * into mail from agon.mails m where m.id = note_mail_trouble.mail_id;
  return mail;
end
$$;
comment on function agon.note_mail_trouble(uuid, text, boolean, integer) is
  'A mail did not get through: it fails if that is final or was the last attempt, else it waits for the next.';
grant execute on function agon.note_mail_trouble(uuid, text, boolean, integer) to agon_worker;

create or replace function agon.forget_mails(age interval) returns integer
language sql security definer set search_path = ''
as $$
  with forgotten as (
    delete from agon.mails m
    where m.state <> 'queued' and m.created_at < agon.now() - age
    returning 1
  )
  select count(*)::integer from forgotten
$$;
comment on function agon.forget_mails(interval) is
  'Deletes mail that was sent or failed so long ago, with its addresses and keys; answers how many.';
grant execute on function agon.forget_mails(interval) to agon_worker;
