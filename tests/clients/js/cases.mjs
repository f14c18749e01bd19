// The shared cases in the words of supabase-js, and what every file needs.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'

import WebSocket from 'ws'

globalThis.WebSocket ??= WebSocket // Node has its own from 22 on; the client asks for one.

const { createClient } = await import('@supabase/supabase-js')

export const { AGON_URL, AGON_STRICT_URL, AGON_PUBLISHABLE, AGON_SECRET, AGON_MAIL, AGON_CASES } =
  process.env
export const PASSWORD = 'correct horse battery staple'

export function cases(topic) {
  return JSON.parse(readFileSync(`${AGON_CASES}/cases_${topic}.json`, 'utf8'))
}

export function connect({
  key = AGON_PUBLISHABLE,
  url = AGON_URL,
  auth = {},
  headers = {},
  bearer,
} = {}) {
  return createClient(url, key, {
    global: { headers },
    ...(bearer && { accessToken: async () => bearer }),
    auth: { autoRefreshToken: false, persistSession: true, storage: storage(), ...auth },
  })
}

export const anon = connect()
export const service = connect({ key: AGON_SECRET, auth: { persistSession: false } })
export const strict = connect({ url: AGON_STRICT_URL })

export const fresh = (stem) => `${stem}-${randomUUID().slice(0, 13)}`
export const address = () => `${fresh('js')}@agon.example`

export async function member() {
  const email = address()
  good(await service.auth.admin.createUser({ email, password: PASSWORD, email_confirm: true }))
  const client = connect()
  const { user } = good(await client.auth.signInWithPassword({ email, password: PASSWORD }))
  return { client, email, user }
}

/** The data of an answer that must be none of a refusal. */
export function good({ data, error }) {
  assert.equal(error, null, JSON.stringify(error))
  return data
}

/** The error of an answer that must be a refusal. */
export function refused({ error }) {
  assert.ok(error, 'nothing was refused')
  return error
}

function storage() {
  const kept = new Map()
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }
}

const span = ([first, last]) => `(${first},${last})`
const inside = (table) => (table ? { referencedTable: table } : {})

const WORDS = {
  in: (builder, column, values) => builder.in(column, values),
  not_in: (builder, column, values) => builder.notIn(column, values),
  is: (builder, column, value) => builder.is(column, value),
  not: (builder, ...given) => builder.not(...given),
  distinct: (builder, ...given) => builder.isDistinct(...given),
  regex: (builder, ...given) => builder.regexMatch(...given),
  iregex: (builder, ...given) => builder.regexIMatch(...given),
  like_all: (builder, ...given) => builder.likeAllOf(...given),
  like_any: (builder, ...given) => builder.likeAnyOf(...given),
  ilike_all: (builder, ...given) => builder.ilikeAllOf(...given),
  ilike_any: (builder, ...given) => builder.ilikeAnyOf(...given),
  contained_by: (builder, ...given) => builder.containedBy(...given),
  range_lt: (builder, column, range) => builder.rangeLt(column, span(range)),
  range_gt: (builder, column, range) => builder.rangeGt(column, span(range)),
  range_gte: (builder, column, range) => builder.rangeGte(column, span(range)),
  range_lte: (builder, column, range) => builder.rangeLte(column, span(range)),
  range_adjacent: (builder, column, range) => builder.rangeAdjacent(column, span(range)),
  or: (builder, tree, table) => builder.or(tree, inside(table)),
  limit: (builder, size, table) => builder.limit(size, inside(table)),
  range: (builder, first, last, table) => builder.range(first, last, inside(table)),
  order: (builder, column, { descending, nulls_first, in: table }) =>
    builder.order(column, { ascending: !descending, nullsFirst: nulls_first, ...inside(table) }),
  search: (builder, column, text, type, config) =>
    builder.textSearch(column, text, {
      ...(type && { type }),
      ...(config && { config }),
    }),
}

/** The builder after all steps of a case. */
export function say(builder, steps) {
  for (const [name, ...given] of steps) {
    builder = WORDS[name] ? WORDS[name](builder, ...given) : builder[name](...given)
  }
  return builder
}
