import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PASSWORD, address, anon, connect, good, member, refused, service } from './cases.mjs'

const { admin } = service.auth
const NOBODY = '00000000-0000-4000-8000-000000000001'

async function managed() {
  const attributes = {
    email: address(),
    password: PASSWORD,
    email_confirm: true,
    user_metadata: { name: 'Bo' },
    app_metadata: { plan: 'gold' },
  }
  return good(await admin.createUser(attributes)).user
}

const told = (answer) => [refused(answer).code, answer.error.status]

test('a user is made, found, changed', async () => {
  const made = await managed()
  assert.deepEqual([made.user_metadata.name, made.app_metadata.plan], ['Bo', 'gold'])
  assert.equal(good(await admin.getUserById(made.id)).user.email, made.email)
  const changed = good(await admin.updateUserById(made.id, { app_metadata: { plan: 'tin' } }))
  assert.equal(changed.user.app_metadata.plan, 'tin')
  const again = await admin.createUser({ email: made.email, password: PASSWORD })
  assert.deepEqual(told(again), ['email_exists', 422])
  assert.deepEqual(told(await admin.getUserById(NOBODY)), ['user_not_found', 404])
})

test('users are listed by pages, with their number', async () => {
  await managed()
  const last = await managed()
  assert.ok(good(await admin.listUsers()).users.some((user) => user.id === last.id))
  const { total } = good(await admin.listUsers({ page: 1, perPage: 1 }))
  assert.ok(total >= 2)
  // Of the last page's number the client reads one digit, so there are two pages.
  const perPage = Math.ceil(total / 2)
  const first = good(await admin.listUsers({ page: 1, perPage }))
  assert.deepEqual([first.users.length, first.total], [perPage, total])
  assert.deepEqual([first.nextPage, first.lastPage], [2, 2])
  const second = good(await admin.listUsers({ page: 2, perPage }))
  assert.equal(second.users.length, total - perPage)
  assert.ok(!second.users.some((user) => user.id === first.users[0].id))
})

test('a deleted user is gone', async () => {
  for (const softly of [false, true]) {
    const made = await managed()
    good(await admin.deleteUser(made.id, softly))
    const back = await connect().auth.signInWithPassword({ email: made.email, password: PASSWORD })
    assert.deepEqual(told(back), ['invalid_credentials', 400])
  }
  assert.deepEqual(told(await admin.deleteUser(NOBODY)), ['user_not_found', 404])
})

test('a banned user stays out', async () => {
  const made = await managed()
  good(await admin.updateUserById(made.id, { ban_duration: '24h' }))
  const back = await connect().auth.signInWithPassword({ email: made.email, password: PASSWORD })
  assert.deepEqual(told(back), ['user_banned', 400])
})

test('links are made without mail', async () => {
  const { email, id } = await managed()
  for (const type of ['magiclink', 'recovery']) {
    const { properties, user } = good(await admin.generateLink({ type, email }))
    assert.deepEqual([user.id, properties.verification_type], [id, type])
    assert.match(properties.email_otp, /^\d{6}$/)
    const token_hash = properties.hashed_token
    assert.equal(good(await connect().auth.verifyOtp({ token_hash, type })).user.id, id)
    assert.deepEqual(told(await connect().auth.verifyOtp({ token_hash, type })), [
      'otp_expired',
      403,
    ])
  }
  const fresh = address()
  const made = await admin.generateLink({ type: 'signup', email: fresh, password: PASSWORD })
  const token = good(made).properties.email_otp
  good(await connect().auth.verifyOtp({ email: fresh, token, type: 'signup' }))
})

test('somebody is invited', async () => {
  const { user } = good(await admin.inviteUserByEmail(address(), { data: { team: 'red' } }))
  assert.ok(user.invited_at)
  assert.equal(user.user_metadata.team, 'red')
})

test('an administrator signs a user out', async () => {
  const { client } = await member()
  const { access_token, refresh_token } = good(await client.auth.getSession()).session
  assert.equal((await admin.signOut(access_token)).error, null)
  refused(await connect().auth.refreshSession({ refresh_token }))
})

test('only the secret key administers', async () => {
  const { client, user } = await member()
  for (const caller of [anon, client]) {
    for (const answer of [
      await caller.auth.admin.listUsers(),
      await caller.auth.admin.createUser({ email: address(), password: PASSWORD }),
      await caller.auth.admin.deleteUser(user.id),
    ]) {
      assert.ok([401, 403].includes(refused(answer).status), answer.error.message)
    }
  }
})
