import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { AGON_STRICT_URL, anon, cases, connect, good, refused, say, strict } from './cases.mjs'

const asked = (client, { from = 'films', select, steps }) =>
  say(client.from(from).select(select), steps)

describe('a filter keeps the right rows', () => {
  for (const one of cases('filters')) {
    test(one.name, async () => {
      const rows = good(await asked(anon, { ...one, select: 'id' }).order('id'))
      assert.deepEqual(
        rows.map((row) => row.id),
        one.ids,
      )
    })
  }
})

for (const topic of ['shapes', 'embeds', 'aggregates']) {
  describe(`${topic} are as asked`, () => {
    for (const one of cases(topic)) {
      test(one.name, async () => assert.deepEqual(good(await asked(anon, one)), one.rows))
    }
  })
}

test('aggregates are refused without the setting', async () => {
  for (const one of cases('aggregates')) {
    assert.equal(refused(await asked(strict, one)).code, 'PGRST123', one.name)
  }
})

test('a count tells of all rows', async () => {
  for (const count of ['exact', 'planned', 'estimated']) {
    const answer = await anon.from('films').select('id', { count }).limit(2)
    assert.deepEqual([answer.data.length, answer.count], [2, 6], count)
  }
})

test('a counted page is partial content, the whole is not', async () => {
  const page = await anon.from('films').select('id', { count: 'exact' }).range(0, 1)
  assert.equal(page.status, 206)
  const whole = await anon.from('films').select('id', { count: 'exact' })
  assert.equal(whole.status, 200)
})

test('a head has a count and no rows', async () => {
  const answer = await anon
    .from('films')
    .select('*', { count: 'exact', head: true })
    .eq('genre', 'drama')
  assert.deepEqual([answer.data, answer.count, answer.status], [null, 2, 200])
})

test('single gives the row itself, and refuses none and several', async () => {
  const films = () => anon.from('films').select('id')
  assert.deepEqual(good(await films().eq('id', 1).single()), { id: 1 })
  for (const ids of [[], [1, 2]]) {
    const answer = await films().in('id', ids).single()
    assert.equal(answer.status, 406)
    assert.deepEqual(refused(answer), {
      code: 'PGRST116',
      details: `The result contains ${ids.length} rows`,
      hint: null,
      message: 'Cannot coerce the result to a single JSON object',
    })
  }
})

test('maybeSingle gives the row or nothing', async () => {
  const films = () => anon.from('films').select('id')
  assert.deepEqual(good(await films().eq('id', 1).maybeSingle()), { id: 1 })
  assert.equal(good(await films().eq('id', 99).maybeSingle()), null)
  assert.equal(refused(await films().maybeSingle()).code, 'PGRST116')
})

test('csv has a line of names', async () => {
  const text = good(await anon.from('films').select('id,title').in('id', [1, 6]).order('id').csv())
  assert.deepEqual(text.trimEnd().split('\n'), ['id,title', '1,Harbour', '6,"A, B (C)"'])
})

test('nulls can be left out', async () => {
  const films = () => anon.from('films').select('id,year').eq('id', 5).stripNulls()
  assert.deepEqual(good(await films()), [{ id: 5 }])
  assert.deepEqual(good(await films().single()), { id: 5 })
})

test('explain shows the plan where the setting allows it', async () => {
  const films = (client) => client.from('films').select('id').eq('id', 1)
  assert.match(good(await films(anon).explain()), /\(cost=/)
  const options = { analyze: true, verbose: true, settings: true, buffers: true, format: 'json' }
  const [plan] = good(await films(anon).explain(options))
  assert.ok('Actual Rows' in plan.Plan && 'Output' in plan.Plan)
  const closed = await films(strict).explain()
  assert.deepEqual([closed.status, closed.error.code], [406, 'PGRST107'])
})

test('no answer has more rows than the bound', async () => {
  const films = () => strict.from('films').select('id', { count: 'exact' })
  const answer = await films().order('id')
  assert.deepEqual([answer.data.length, answer.count], [3, 6])
  assert.equal(good(await films().limit(5)).length, 3)
})

test('another schema is one word away', async () => {
  const rows = good(await anon.schema('shop').from('items').select('name').order('id'))
  assert.deepEqual(rows, [{ name: 'Poster' }, { name: 'Mug' }])
  assert.equal(good(await anon.schema('shop').rpc('price', { item: 4 })), 40)
})

test('a long list of ids fits into the address', async () => {
  const ids = Array.from({ length: 8000 }, (_, at) => at + 1)
  assert.equal(good(await anon.from('films').select('id').in('id', ids)).length, 6)
})

test('a request that is aborted ends', async () => {
  const control = new AbortController()
  setTimeout(() => control.abort(), 50)
  const began = Date.now()
  const answer = await anon.rpc('nap', { seconds: 30 }).abortSignal(control.signal)
  assert.match(refused(answer).message, /abort/i)
  assert.ok(Date.now() - began < 5000)
})

test('throwOnError throws', async () => {
  await assert.rejects(async () => await anon.from('filmz').select().throwOnError(), {
    name: 'PostgrestError',
    code: 'PGRST205',
  })
  const answer = await anon.from('films').select('id').eq('id', 1).throwOnError()
  assert.deepEqual(answer.data, [{ id: 1 }])
})

test('an answer from another origin may be read by a page', async () => {
  const answer = await fetch(`${AGON_STRICT_URL}/rest/v1/films?select=id`, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://app.example',
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'apikey,authorization,x-client-info,accept-profile',
    },
  })
  assert.ok(answer.ok, `${answer.status}`)
  assert.ok(
    ['*', 'https://app.example'].includes(answer.headers.get('access-control-allow-origin')),
  )
  const allowed = answer.headers.get('access-control-allow-headers').toLowerCase()
  assert.ok(allowed === '*' || allowed.includes('apikey'), allowed)
})

test('a key that is not ours is refused', async () => {
  const client = connect({ key: 'sb_publishable_not_ours_at_all_0123456789' })
  const answer = await client.from('films').select('id')
  assert.deepEqual([answer.status, answer.error.message], [401, 'Invalid API key'])
})
