import assert from 'node:assert/strict'
import { test } from 'node:test'

import { anon, fresh, good, member, refused, service } from './cases.mjs'

const stock = () => anon.from('stock')
const kept = async (prefix) =>
  good(await stock().select('code,label,amount,status').like('code', `${prefix}%`).order('code'))
const labels = async (prefix) => (await kept(prefix)).map((row) => row.label)

test('a bare insert answers with nothing', async () => {
  const code = fresh('bare')
  const answer = await stock().insert({ code })
  assert.deepEqual([answer.data, answer.error, answer.status], [null, null, 201])
  assert.equal((await kept(code)).length, 1)
})

test('an insert gives what is selected, embeds too', async () => {
  const made = stock()
    .insert({ code: fresh('shape'), film_id: 1 })
    .select('amount,doubled,films(title)')
  assert.deepEqual(good(await made.single()), {
    amount: 1,
    doubled: 2,
    films: { title: 'Harbour' },
  })
})

test('rows with other keys become null where nothing was said', async () => {
  const code = fresh('many')
  const rows = [
    { code: `${code}a`, amount: 2, label: 'x' },
    { code: `${code}b`, amount: 2, status: 'old' },
  ]
  assert.equal((await stock().insert(rows)).status, 201)
  assert.deepEqual(
    (await kept(code)).map((row) => row.status),
    [null, 'old'],
  )
})

test('rows take the defaults when asked', async () => {
  const code = fresh('default')
  const rows = [
    { code: `${code}a`, amount: 5 },
    { code: `${code}b`, status: 'old' },
  ]
  good(await stock().insert(rows, { defaultToNull: false }))
  assert.deepEqual(
    (await kept(code)).map((row) => [row.amount, row.status]),
    [
      [5, 'new'],
      [1, 'old'],
    ],
  )
})

test('no rows are no insert', async () => {
  const answer = await stock().insert([]).select()
  assert.deepEqual([answer.data, answer.status], [[], 201])
})

test('an insert counts', async () => {
  const code = fresh('count')
  const rows = [1, 2, 3].map((n) => ({ code: code + n }))
  assert.equal((await stock().insert(rows, { count: 'exact' })).count, 3)
})

test('an upsert merges, or leaves what is there', async () => {
  const code = fresh('upsert')
  good(await stock().insert({ code, label: 'a', amount: 4 }))
  const rows = (label) => [
    { code, label },
    { code: `${code}x`, label },
  ]
  const first = await stock().upsert(rows('b'), { onConflict: 'code' }).select('label')
  assert.deepEqual([first.data, first.status], [[{ label: 'b' }, { label: 'b' }], 201])
  assert.equal((await kept(code))[0].amount, 4)
  const again = await stock().upsert(rows('c'), { onConflict: 'code' }).select('label')
  assert.equal(again.status, 200)
  const ignored = await stock()
    .upsert(rows('d'), { onConflict: 'code', ignoreDuplicates: true })
    .select('label')
  assert.deepEqual([ignored.data, ignored.status], [[], 201])
  assert.deepEqual(await labels(code), ['c', 'c'])
})

test('an upsert merges by the primary key', async () => {
  const seat = { row_name: fresh('row'), number: 1 }
  good(await anon.from('seats').insert({ ...seat, guest: 'Mia' }))
  const merged = await anon
    .from('seats')
    .upsert({ ...seat, guest: 'Noa' })
    .select()
    .single()
  assert.deepEqual(good(merged), { ...seat, guest: 'Noa' })
})

test('an update changes what the filter names', async () => {
  const code = fresh('update')
  good(await stock().insert([0, 1, 2].map((n) => ({ code: code + n }))))
  const bare = await stock()
    .update({ label: 'z' }, { count: 'exact' })
    .in('code', [`${code}0`, `${code}2`])
  assert.deepEqual([bare.data, bare.count, bare.status], [null, 2, 204])
  assert.deepEqual(await labels(code), ['z', null, 'z'])
  const shown = await stock().update({ amount: 7 }).eq('code', `${code}1`).select('amount')
  assert.deepEqual([shown.data, shown.status], [[{ amount: 7 }], 200])
  const nobody = await stock().update({ amount: 7 }).eq('id', -1).select()
  assert.deepEqual([nobody.data, nobody.status], [[], 200])
})

test('a delete takes what the filter names', async () => {
  const code = fresh('delete')
  good(await stock().insert([0, 1].map((n) => ({ code: code + n }))))
  assert.equal((await stock().delete().eq('code', `${code}0`)).status, 204)
  const shown = await stock().delete({ count: 'exact' }).like('code', `${code}%`).select('code')
  assert.deepEqual([shown.data, shown.count], [[{ code: `${code}1` }], 1])
})

test('a write above its bound changes nothing', async () => {
  const code = fresh('bound')
  good(await stock().insert([0, 1, 2].map((n) => ({ code: code + n }))))
  const mine = () => stock().update({ label: 'z' }).like('code', `${code}%`)
  const many = await mine().maxAffected(2)
  assert.deepEqual([many.status, many.error.code], [400, 'PGRST124'])
  assert.deepEqual(await labels(code), [null, null, null])
  assert.equal((await mine().maxAffected(3)).status, 204)
})

test('a rolled back write answers and is not kept', async () => {
  const code = fresh('rolled')
  const answer = await stock().insert({ code }).select('code').rollback()
  assert.deepEqual(good(answer), [{ code }])
  assert.deepEqual(await kept(code), [])
})

test('single undoes a write of several', async () => {
  const code = fresh('undone')
  good(await stock().insert([0, 1].map((n) => ({ code: code + n }))))
  const answer = await stock().update({ label: 'z' }).like('code', `${code}%`).select().single()
  assert.equal(refused(answer).code, 'PGRST116')
  assert.deepEqual(await labels(code), [null, null])
})

test('who may not read inserts without asking back', async () => {
  assert.equal((await anon.from('inbox').insert({ message: 'hi' })).status, 201)
  const loud = await anon.from('inbox').insert({ message: 'hi' }).select()
  assert.deepEqual([loud.status, loud.error.code], [401, '42501'])
})

test('a user writes and reads only what is its own', async () => {
  const { client, user } = await member()
  const row = good(await client.from('diaries').insert({ entry: 'dear' }).select().single())
  assert.equal(row.owner_id, user.id)
  const other = await member()
  assert.deepEqual(good(await other.client.from('diaries').select()), [])
  assert.deepEqual(good(await other.client.from('diaries').delete().eq('id', row.id).select()), [])
  const stolen = await other.client.from('diaries').insert({ entry: 'x', owner_id: user.id })
  assert.deepEqual([stolen.status, stolen.error.code], [403, '42501'])
  assert.equal(good(await service.from('diaries').select().eq('id', row.id)).length, 1)
})
