import assert from 'node:assert/strict'
import { test } from 'node:test'

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

import { AGON_URL, connect, good, refused } from './cases.mjs'

const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`

/** A wallet as pages know it (EIP-1193), with a key of its own. */
function wallet({ chain = '0x1', forge = false } = {}) {
  const key = secp256k1.utils.randomSecretKey()
  const address = hex(keccak_256(secp256k1.getPublicKey(key, false).slice(1)).slice(-20))
  const signing = forge ? secp256k1.utils.randomSecretKey() : key
  const answers = {
    eth_requestAccounts: () => [address],
    eth_chainId: () => chain,
    personal_sign: ([message]) => signed(Buffer.from(message.slice(2), 'hex'), signing),
  }
  return { address, request: async ({ method, params }) => answers[method](params) }
}

/** EIP-191: r, s, v. */
function signed(message, key) {
  const head = Buffer.from(`\x19Ethereum Signed Message:\n${message.length}`)
  const digest = keccak_256(Buffer.concat([head, message]))
  const [v, ...rs] = secp256k1.sign(digest, key, { prehash: false, format: 'recovered' })
  return hex([...rs, v + 27])
}

const signIn = (client, own, options = {}) =>
  client.auth.signInWithWeb3({
    chain: 'ethereum',
    wallet: own,
    statement: 'I want to play.',
    options: { url: AGON_URL, ...options },
  })

test('a wallet signs in, and finds the same user again', async () => {
  const own = wallet()
  const client = connect()
  const { user, session } = good(await signIn(client, own))
  assert.ok(session.refresh_token)
  const [identity] = user.identities
  assert.equal(identity.provider, 'web3')
  assert.equal(identity.identity_data.custom_claims.address.toLowerCase(), own.address)
  assert.equal(good(await client.rpc('whoami')).uid, user.id)
  const { claims } = good(await client.auth.getClaims())
  assert.equal(claims.amr[0].method, 'web3')
  const later = { signInWithEthereum: { issuedAt: new Date(Date.now() - 2000) } }
  assert.equal(good(await signIn(connect(), own, later)).user.id, user.id)
})

test('a message signs in once', async () => {
  const own = wallet()
  const heard = []
  const request = own.request
  own.request = async (asked) => {
    const answer = await request(asked)
    if (asked.method === 'personal_sign') heard.push([asked.params[0], answer])
    return answer
  }
  good(await signIn(connect(), own))
  const [[message, signature]] = heard
  const again = await connect().auth.signInWithWeb3({
    chain: 'ethereum',
    message: Buffer.from(message.slice(2), 'hex').toString(),
    signature,
  })
  assert.equal(refused(again).status, 400)
})

const REFUSED = {
  'a signature of somebody else': [{ forge: true }, {}],
  'a page that is not ours': [{}, { url: 'https://evil.example/' }],
  'a message that is over': [
    {},
    { signInWithEthereum: { expirationTime: new Date(Date.now() - 60_000) } },
  ],
  'a message that has not begun': [
    {},
    { signInWithEthereum: { notBefore: new Date(Date.now() + 3_600_000) } },
  ],
  'a message of long ago': [
    {},
    { signInWithEthereum: { issuedAt: new Date(Date.now() - 3_600_000) } },
  ],
}

for (const [name, [made, options]] of Object.entries(REFUSED)) {
  test(`${name} is refused`, async () => {
    const error = refused(await signIn(connect(), wallet(made), options))
    assert.equal(error.name, 'AuthApiError')
    assert.equal(error.status, 400, `${error.code} ${error.message}`)
  })
}
