import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import {
  AGON_MAIL,
  AGON_PUBLISHABLE,
  AGON_STRICT_URL,
  AGON_URL,
  PASSWORD,
  address,
  anon,
  connect,
  good,
  member,
  refused,
  service,
} from './cases.mjs'

const OTHER = 'a different long phrase 2'
const PAGE = 'https://app.agon.example/welcome'

async function mail(email) {
  for (let tries = 0; tries < 300; tries++) {
    for (const name of list()) {
      const text = readFileSync(`${AGON_MAIL}/${name}`, 'utf8').replaceAll('\r\n', '\n')
      if (!text.includes(`\nTo: ${email}\n`)) continue
      const part = text
        .split(/^Content-Type: text\/plain/m)[1]
        .split(/^Content-Type: text\/html/m)[0]
      const quoted = /quoted-printable/.test(text)
      const plain = quoted
        ? part
            .replaceAll('=\n', '')
            .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
        : part
      return { link: plain.match(/^https?:\S+$/m)?.[0], code: plain.match(/^\d{6}$/m)?.[0] }
    }
    await pause(50)
  }
  throw new Error(`no mail for ${email}`)
}

function list() {
  try {
    return readdirSync(AGON_MAIL)
      .filter((name) => name.endsWith('.eml'))
      .sort()
      .reverse()
  } catch (error) {
    if (error.code === 'ENOENT') return [] // no mail yet
    throw error
  }
}

async function follow(link) {
  const answer = await fetch(link, { redirect: 'manual' })
  assert.ok([302, 303].includes(answer.status), `${answer.status}`)
  const place = new URL(answer.headers.get('location'))
  const said = Object.fromEntries([
    ...place.searchParams,
    ...new URLSearchParams(place.hash.slice(1)),
  ])
  return { place: place.origin + place.pathname, said }
}

async function person() {
  const client = connect()
  const email = address()
  good(await client.auth.signUp({ email, password: PASSWORD }))
  return { client, email }
}

const told = (answer) => {
  const error = refused(answer)
  assert.equal(error.name, 'AuthApiError', error.message)
  return [error.code, error.status]
}

test('who signs up is signed in', async () => {
  const client = connect()
  const email = address()
  const { session, user } = good(
    await client.auth.signUp({ email, password: PASSWORD, options: { data: { nickname: 'Ada' } } }),
  )
  assert.equal(session.token_type, 'bearer')
  assert.equal(session.expires_in, 3600)
  assert.ok(session.expires_at > Date.now() / 1000)
  assert.deepEqual([user.email, user.aud, user.role], [email, 'authenticated', 'authenticated'])
  assert.equal(user.user_metadata.nickname, 'Ada')
  assert.deepEqual(user.app_metadata.providers, ['email'])
  assert.equal(user.identities[0].identity_data.email, email)
  const again = await connect().auth.signUp({ email, password: PASSWORD })
  assert.deepEqual(told(again), ['user_already_exists', 422])
})

test('a weak password is refused with the reasons', async () => {
  const answer = await connect().auth.signUp({ email: address(), password: 'short' })
  const error = refused(answer)
  assert.deepEqual([error.name, error.status], ['AuthWeakPasswordError', 422])
  assert.ok(error.reasons.includes('length'))
})

test('the password signs in and no other does', async () => {
  const { email } = await person()
  const client = connect()
  const wrong = await client.auth.signInWithPassword({ email, password: 'not it at all' })
  assert.deepEqual(told(wrong), ['invalid_credentials', 400])
  assert.equal(wrong.error.message, 'Invalid login credentials')
  const nobody = await client.auth.signInWithPassword({ email: address(), password: PASSWORD })
  assert.deepEqual(told(nobody), ['invalid_credentials', 400])
  const { user } = good(await client.auth.signInWithPassword({ email, password: PASSWORD }))
  assert.equal(good(await client.rpc('whoami')).uid, user.id)
})

test('nobody in particular signs in and becomes somebody', async () => {
  const client = connect()
  const { user } = good(await client.auth.signInAnonymously({ options: { data: { a: 1 } } }))
  assert.deepEqual([user.is_anonymous, user.user_metadata], [true, { a: 1 }])
  const email = address()
  good(await client.auth.updateUser({ email, password: PASSWORD }))
  const again = good(await connect().auth.signInWithPassword({ email, password: PASSWORD }))
  assert.deepEqual([again.user.id, again.user.is_anonymous], [user.id, false])
})

test('an unconfirmed address confirms by the mailed code', async () => {
  const client = connect({ url: AGON_STRICT_URL })
  const email = address()
  const made = good(await client.auth.signUp({ email, password: PASSWORD }))
  assert.deepEqual([made.session, made.user.email], [null, email])
  const early = await client.auth.signInWithPassword({ email, password: PASSWORD })
  assert.deepEqual(told(early), ['email_not_confirmed', 400])
  const { code } = await mail(email)
  good(await client.auth.verifyOtp({ email, token: code, type: 'signup' }))
  const twice = await client.auth.verifyOtp({ email, token: code, type: 'signup' })
  assert.deepEqual(told(twice), ['otp_expired', 403])
})

test('a mailed code signs in once', async () => {
  const client = connect()
  const email = address()
  good(await client.auth.signInWithOtp({ email }))
  const { code } = await mail(email)
  const { user } = good(await client.auth.verifyOtp({ email, token: code, type: 'email' }))
  assert.equal(user.email, email)
  const twice = await client.auth.verifyOtp({ email, token: code, type: 'email' })
  assert.deepEqual(told(twice), ['otp_expired', 403])
})

test('an implicit link leads back with the session', async () => {
  const client = connect()
  const email = address()
  good(await client.auth.signInWithOtp({ email, options: { emailRedirectTo: PAGE } }))
  const { place, said } = await follow((await mail(email)).link)
  assert.deepEqual([place, said.token_type], [PAGE, 'bearer'])
  const { access_token, refresh_token } = said
  assert.equal(
    good(await client.auth.setSession({ access_token, refresh_token })).user.email,
    email,
  )
})

test('a PKCE link leads back with a code that is worth nothing to others', async () => {
  const client = connect({ auth: { flowType: 'pkce' } })
  const email = address()
  good(await client.auth.signInWithOtp({ email, options: { emailRedirectTo: PAGE } }))
  const { place, said } = await follow((await mail(email)).link)
  assert.equal(place, PAGE)
  const stolen = await fetch(`${AGON_URL}/auth/v1/token?grant_type=pkce`, {
    method: 'POST',
    headers: { apikey: AGON_PUBLISHABLE, 'Content-Type': 'application/json' },
    body: JSON.stringify({ auth_code: said.code, code_verifier: 'guessed'.repeat(8) }),
  })
  assert.equal(stolen.status, 400)
  assert.equal(good(await client.auth.exchangeCodeForSession(said.code)).user.email, email)
})

test('a forgotten password is set anew', async () => {
  const { email } = await person()
  const client = connect({ auth: { flowType: 'pkce' } })
  const heard = []
  client.auth.onAuthStateChange((event) => void heard.push(event))
  good(await client.auth.resetPasswordForEmail(email, { redirectTo: PAGE }))
  const { said } = await follow((await mail(email)).link)
  good(await client.auth.exchangeCodeForSession(said.code))
  assert.ok(heard.includes('PASSWORD_RECOVERY'), `${heard}`)
  good(await client.auth.updateUser({ password: OTHER }))
  good(await connect().auth.signInWithPassword({ email, password: OTHER }))
  const old = await connect().auth.signInWithPassword({ email, password: PASSWORD })
  assert.deepEqual(told(old), ['invalid_credentials', 400])
})

test('a session is renewed, also by two at once', async () => {
  const { client } = await person()
  const old = good(await client.auth.getSession()).session
  const { refresh_token } = old
  const both = await Promise.all([1, 2].map(() => connect().auth.refreshSession({ refresh_token })))
  for (const answer of both) {
    const again = { refresh_token: good(answer).session.refresh_token }
    assert.ok(good(await connect().auth.refreshSession(again)).session.access_token)
  }
  const invented = await connect().auth.refreshSession({ refresh_token: 'never-made' })
  assert.deepEqual(told(invented), ['refresh_token_not_found', 400])
})

test('a user reads and changes itself', async () => {
  const { client, email } = await person()
  assert.equal(good(await client.auth.getUser()).user.email, email)
  const { user } = good(await client.auth.updateUser({ data: { city: 'Oslo' } }))
  assert.equal(user.user_metadata.city, 'Oslo')
  const same = await client.auth.updateUser({ password: PASSWORD })
  assert.deepEqual(told(same), ['same_password', 422])
})

test('signing out ends the sessions of its scope', async () => {
  for (const [scope, here, there] of [
    ['local', false, true],
    ['others', true, false],
    ['global', false, false],
  ]) {
    const { client, email } = await person()
    const other = connect()
    good(await other.auth.signInWithPassword({ email, password: PASSWORD }))
    const token = async (one) => good(await one.auth.getSession()).session.refresh_token
    const tokens = [await token(client), await token(other)]
    assert.equal((await client.auth.signOut({ scope })).error, null)
    for (const [at, alive] of [here, there].entries()) {
      const answer = await connect().auth.refreshSession({ refresh_token: tokens[at] })
      assert.equal(answer.error === null, alive, `${scope} ${at} ${answer.error?.message}`)
    }
  }
})

test('claims are verified here, with the published keys', async () => {
  const { client, email } = await person()
  const asked = []
  const watching = connect()
  const { access_token, refresh_token } = good(await client.auth.getSession()).session
  good(await watching.auth.setSession({ access_token, refresh_token }))
  const plain = watching.auth.fetch
  watching.auth.fetch = (url, options) => (asked.push(`${url}`), plain(url, options))
  const { claims, header } = good(await watching.auth.getClaims(access_token))
  assert.equal(header.alg, 'ES256')
  assert.deepEqual([claims.email, claims.role, claims.aal], [email, 'authenticated', 'aal1'])
  assert.deepEqual(
    asked.filter((url) => url.includes('/user')),
    [],
  )
})

test('a listener hears what happens', async () => {
  const { client } = await person()
  const heard = []
  const { subscription } = client.auth.onAuthStateChange((event) => void heard.push(event)).data
  await pause(50)
  good(await client.auth.refreshSession())
  good(await client.auth.updateUser({ data: { a: 1 } }))
  await client.auth.signOut()
  subscription.unsubscribe()
  assert.deepEqual(heard, ['INITIAL_SESSION', 'TOKEN_REFRESHED', 'USER_UPDATED', 'SIGNED_OUT'])
})

test('a token that does not hold is left behind', async () => {
  const email = address()
  const credentials = { email, password: PASSWORD }
  const first = good(await connect().auth.signUp(credentials)).session
  const [head, body] = first.access_token.split('.')
  const stale = `${head}.${body}.${'A'.repeat(86)}`
  const client = connect({ headers: { Authorization: `Bearer ${stale}` } })
  assert.equal(client.auth.headers.Authorization, `Bearer ${stale}`)
  const renewed = good(await client.auth.refreshSession({ refresh_token: first.refresh_token }))
  assert.equal(renewed.user.email, email)
  good(await client.auth.signInWithPassword(credentials))
  good(await client.auth.signInWithOtp({ email }))
  const { code } = await mail(email)
  good(await client.auth.verifyOtp({ email, token: code, type: 'email' }))
  good(await client.auth.signUp({ email: address(), password: PASSWORD }))
  const asked = await connect().auth.getUser(stale)
  assert.equal(refused(asked).status, 403)
})

test('identities are listed', async () => {
  const { client } = await member()
  const { identities } = good(await client.auth.getUserIdentities())
  assert.deepEqual(
    identities.map((one) => one.provider),
    ['email'],
  )
})

test('without a session there is no user', async () => {
  assert.equal(refused(await anon.auth.getUser()).name, 'AuthSessionMissingError')
  const answer = await anon.auth.getUser('not.a.token')
  assert.ok([401, 403].includes(refused(answer).status))
})

test('somebody signs up at GitHub', async () => {
  const client = connect({ auth: { flowType: 'pkce' } })
  const options = { redirectTo: PAGE, skipBrowserRedirect: true }
  let { url } = good(await client.auth.signInWithOAuth({ provider: 'github', options }))
  for (let steps = 0; steps < 5 && !url.startsWith(PAGE); steps++) {
    const answer = await fetch(url, { redirect: 'manual' })
    assert.ok([302, 303].includes(answer.status), `${answer.status} ${url}`)
    url = answer.headers.get('location')
  }
  const code = new URL(url).searchParams.get('code')
  const { user, session } = good(await client.auth.exchangeCodeForSession(code))
  assert.equal(user.app_metadata.provider, 'github')
  assert.match(session.provider_token, /^gho_/)
  good(await service.auth.admin.deleteUser(user.id))
})
