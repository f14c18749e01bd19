import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'

import { AGON_STRICT_URL, anon, cases, connect, refused, say } from './cases.mjs'

const PARTS = ['code', 'message', 'details', 'hint']

describe('a mistake is named', () => {
  for (const one of cases('errors')) {
    test(one.name, async () => {
      const source = one.schema ? anon.schema(one.schema) : anon
      let builder = source.from(one.from ?? 'films').select(one.select, { count: one.count })
      if (one.accept) builder = builder.setHeader('Accept', one.accept)
      const answer = await say(builder, one.steps)
      const error = refused(answer)
      assert.deepEqual(Object.keys(error).sort(), [...PARTS].sort())
      const wanted = PARTS.filter((part) => part in one)
      const said = Object.fromEntries(wanted.map((part) => [part, error[part]]))
      assert.deepEqual(said, Object.fromEntries(wanted.map((part) => [part, one[part]])))
      assert.equal(answer.status, one.status)
    })
  }
})

describe('a refused write has its status', () => {
  const stock = () => anon.from('stock')
  const writes = {
    'an unknown column': [() => stock().insert({ lable: 'x' }), 400, 'PGRST204'],
    'an unknown column of many': [() => stock().insert([{ lable: 'x' }]), 400, 'PGRST204'],
    'an unknown column to change': [
      () => stock().update({ lable: 'x' }).eq('id', 1),
      400,
      'PGRST204',
    ],
    'a check': [() => stock().insert({ amount: -1 }), 400, '23514'],
    'a null': [() => stock().insert({ amount: null }), 400, '23502'],
    'a missing parent': [() => stock().insert({ film_id: 99 }), 409, '23503'],
    'a generated column': [() => stock().insert({ doubled: 4 }), 400, '428C9'],
    'a wrong type': [() => stock().insert({ amount: 'many' }), 400, '22P02'],
    'a table to read only': [() => anon.from('films').insert({ id: 99, title: 'x' }), 401, '42501'],
    'a constraint that waits': [
      () => anon.from('couples').insert({ id: 'a', partner: 'b' }),
      409,
      '23503',
    ],
    'a conflict without its key': [
      () => stock().upsert({ label: 'x' }, { onConflict: 'label' }),
      400,
      '42P10',
    ],
    'a word that is no preference': [
      () => stock().insert({}).setHeader('Prefer', 'handling=strict,nonsense'),
      400,
      'PGRST122',
    ],
  }
  for (const [name, [write, status, code]] of Object.entries(writes)) {
    test(name, async () => {
      const answer = await write()
      assert.deepEqual([refused(answer).code, answer.status], [code, status], answer.error.message)
    })
  }
})

test('a key that is taken is a conflict', async () => {
  const answer = await anon.from('seats').insert([
    { row_name: 'js-taken', number: 1 },
    { row_name: 'js-taken', number: 1 },
  ])
  assert.deepEqual([refused(answer).code, answer.status], ['23505', 409])
})

describe('what a function raises arrives whole', () => {
  const calls = {
    fail_plainly: [
      400,
      { code: 'P0001', message: 'It broke.', details: 'Here.', hint: 'Try less.' },
    ],
    fail_payment: [
      402,
      { code: 'PT402', message: 'Payment required', details: 'Quota', hint: 'Pay' },
    ],
    fail_teapot: [
      418,
      { code: 'TEA01', message: 'I am a teapot', details: 'Short', hint: 'Stout' },
    ],
  }
  for (const [name, [status, error]] of Object.entries(calls)) {
    test(name, async () => {
      const answer = await anon.rpc(name)
      assert.deepEqual([answer.status, refused(answer)], [status, error])
    })
  }
})

test('what a function sets wrongly is its own mistake', async () => {
  for (const [name, code] of [
    ['say_bad_headers', 'PGRST111'],
    ['say_bad_status', 'PGRST112'],
    ['fail_wordlessly', 'PGRST121'],
  ]) {
    const answer = await anon.rpc(name)
    assert.deepEqual([answer.status, refused(answer).code], [500, code])
  }
})

test('a token that is over, or forged, is refused', async () => {
  const plain = { alg: 'HS256', typ: 'JWT' }
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const sign = (text, secret) => createHmac('sha256', secret).update(text).digest('base64url')
  const token = (claims, secret) => {
    const text = `${part(plain)}.${part(claims)}`
    return `${text}.${sign(text, secret)}`
  }
  const secret = 'super-secret-jwt-token-with-at-least-32-characters-long'
  const now = Math.floor(Date.now() / 1000)
  const claims = { role: 'authenticated', sub: '00000000-0000-4000-8000-000000000001' }
  for (const [bearer, code] of [
    [token({ ...claims, exp: now - 3600 }, secret), 'PGRST303'],
    [token({ ...claims, exp: now + 3600 }, `not ${secret}`), 'PGRST301'],
  ]) {
    const answer = await connect({ url: AGON_STRICT_URL, bearer }).from('films').select('id')
    assert.deepEqual([answer.status, refused(answer).code], [401, code])
  }
  const bearer = token({ ...claims, exp: now + 3600 }, secret)
  const good = await connect({ url: AGON_STRICT_URL, bearer }).rpc('whoami')
  assert.equal(good.data.uid, claims.sub)
})

test('the description of the whole door is not offered', async () => {
  const answer = await anon.rest.getOpenApiSpec()
  assert.deepEqual([answer.status, refused(answer).code], [404, 'PGRST126'])
})

test('calls that cannot be understood', async () => {
  const twin = await anon.rpc('twin', { a: 1 })
  assert.deepEqual([twin.status, twin.error.code], [300, 'PGRST203'])
  const missing = await anon.rpc('ad_them', { a: 1, b: 2 })
  assert.deepEqual([missing.status, missing.error.code], [404, 'PGRST202'])
  assert.equal(missing.error.hint, 'Perhaps you meant to call the function public.add_them')
  const written = await anon.rpc('add_stock', { new_code: 'js-get' }, { get: true })
  assert.deepEqual([written.status, written.error.code], [405, '25006'])
  const scalar = await anon.rpc('add_them', { a: 1, b: 2 }).maxAffected(1)
  assert.deepEqual([scalar.status, scalar.error.code], [400, 'PGRST128'])
  const slow = await anon.rpc('snore', { seconds: 20 })
  assert.deepEqual([slow.status, slow.error.code], [500, '57014'])
})
