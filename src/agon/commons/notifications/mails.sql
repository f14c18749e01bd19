-- Mail: queued in the transaction that made it necessary, and answered for.

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
    perform agon.mean_outside('notifications.send_mail', mail.id::text);
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

create or replace function agon.waiting_mail(mail_id text) returns setof agon.mails
language sql stable security definer set search_path = ''
as $$
  select * from agon.mails m where m.id = waiting_mail.mail_id::uuid and m.state = 'queued'
$$;
comment on function agon.waiting_mail(text) is 'A mail that is to be sent, with its sealed body.';
grant execute on function agon.waiting_mail(text) to agon_worker;

create or replace function agon.note_mail_sent(mail_id uuid) returns void
language sql security definer set search_path = ''
as $$
  update agon.mails m set state = 'sent', sent_at = agon.now(), sealed_body = null, error = null
  where m.id = note_mail_sent.mail_id and m.state <> 'sent'
$$;
comment on function agon.note_mail_sent(uuid) is 'The receipt of a mail; blanks its body.';
grant execute on function agon.note_mail_sent(uuid) to agon_worker;

create or replace function agon.note_mail_failed(mail_id text, error text) returns void
language sql security definer set search_path = ''
as $$
  update agon.mails m
  set state = 'failed', error = left(note_mail_failed.error, 500), sealed_body = null
  where m.id = note_mail_failed.mail_id::uuid and m.state = 'queued'
$$;
comment on function agon.note_mail_failed(text, text) is
  'A mail that is given up, and why; blanks its body.';
grant execute on function agon.note_mail_failed(text, text) to agon_worker;

create or replace function agon.forget_mails(kept_days integer default 30) returns integer
language sql security definer set search_path = ''
as $$
  with forgotten as (
    delete from agon.mails m
    where m.state <> 'queued' and m.created_at < agon.now() - make_interval(days => kept_days)
    returning 1
  )
  select count(*)::integer from forgotten
$$;
comment on function agon.forget_mails(integer) is
  'Deletes mail that was queued so many days ago and is sent or failed, with its addresses and keys, which hold as long; answers how many.';
grant execute on function agon.forget_mails(integer) to agon_worker;
