import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { AGON_PUBLISHABLE, AGON_URL, anon, fresh, good, member, service } from './cases.mjs'

const CALLS = [
  ['add_them', { a: 2, b: 3 }, 5],
  ['count_to', { last: 3 }, [1, 2, 3]],
  ['middle', {}, { x: 3, y: 4 }],
  ['split_name', { full_name: 'Ada Wong' }, { first: 'Ada', last: 'Wong' }],
  ['greet', { name: 'Bo' }, 'Hello Bo'],
  ['greet', { name: 'Bo', greeting: 'Hi' }, 'Hi Bo'],
  ['raised', { base: 3 }, 9],
  ['raised', { base: 3, exponent: 3 }, 27],
  ['sum_of', { numbers: [1, 2, 3] }, 6],
]

describe('a call gives what the function returns', () => {
  for (const [name, given, result] of CALLS) {
    test(`${name} ${JSON.stringify(given)}`, async () => {
      assert.deepEqual(good(await anon.rpc(name, given)), result)
      assert.deepEqual(good(await anon.rpc(name, given, { get: true })), result)
    })
  }
  test('a variadic one', async () => {
    assert.equal(good(await anon.rpc('joined', { words: ['a', 'b c'] })), 'a-b c')
  })
  test('json', async () => {
    assert.deepEqual(good(await anon.rpc('keys_of', { document: { a: 1, b: 2 } })), ['a', 'b'])
    assert.deepEqual(good(await anon.rpc('whole_body', { any: [1] })), { any: [1] })
  })
})

test('a call for nothing answers with nothing', async () => {
  const answer = await anon.rpc('do_nothing')
  assert.deepEqual([answer.data, answer.error, answer.status], [null, null, 204])
})

test('rows of a table are filtered, ordered, counted and embed', async () => {
  const films = (options) => anon.rpc('films_since', { first_year: 2001 }, options)
  const rows = films().select('title,directors!director_id(name)').eq('genre', 'comedy')
  assert.deepEqual(good(await rows.order('id', { ascending: false }).limit(1)), [
    { title: 'A, B (C)', directors: { name: 'Cy Dee' } },
  ])
  const got = await films({ get: true, count: 'exact' }).select('id').gt('year', 2005).order('id')
  assert.deepEqual([got.data, got.count], [[{ id: 4 }, { id: 6 }], 2])
  const head = await films({ head: true, count: 'exact' })
  assert.deepEqual([head.data, head.count, head.status], [null, 4, 200])
  assert.deepEqual(good(await anon.rpc('first_film').select('id')), { id: 1 })
  assert.deepEqual(
    good(await anon.rpc('films_by_year').select('films').eq('year', 2005).single()),
    {
      films: 1,
    },
  )
})

test('a head with an object calls, and answers with nothing', async () => {
  const answer = await anon.rpc('keys_of', { document: { a: 1 } }, { head: true, count: 'exact' })
  assert.deepEqual([answer.error, answer.data, answer.count], [null, null, 1])
})

test('a call above its bound changes nothing', async () => {
  const prefix = fresh('swept')
  good(await anon.from('stock').insert([0, 1, 2].map((n) => ({ code: prefix + n }))))
  const many = await anon.rpc('empty_stock', { prefix }).maxAffected(2)
  assert.equal(many.error.code, 'PGRST124')
  assert.equal(good(await anon.rpc('empty_stock', { prefix }).maxAffected(3)).length, 3)
})

test('a function knows who calls and how', async () => {
  const { client, user } = await member()
  for (const [caller, role, uid] of [
    [anon, 'anon', null],
    [client, 'authenticated', user.id],
    [service, 'service_role', null],
  ]) {
    const said = good(await caller.rpc('whoami', {}, { get: true }))
    assert.match(said.client, /^supabase-js/)
    assert.deepEqual(
      { ...said, client: '' },
      { role, uid, method: 'GET', path: '/rpc/whoami', client: '' },
    )
  }
})

test('a function sets status and headers', async () => {
  const answer = await fetch(`${AGON_URL}/rest/v1/rpc/with_headers`, {
    method: 'POST',
    headers: { apikey: AGON_PUBLISHABLE, 'Content-Type': 'application/json' },
    body: '{}',
  })
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('x-tea'), 'Assam')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(await answer.json(), 'brewed')
  const client = await anon.rpc('with_headers')
  assert.deepEqual([client.data, client.status], ['brewed', 202])
})
