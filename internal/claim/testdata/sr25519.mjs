// A second opinion on sr25519 signatures, by @scure/sr25519. Reads one JSON object from stdin and answers with one:
//   {"verify": [{"key", "message", "signature"}], "sign": [{"seed", "message"}]}   all hex
//   {"verified": [true, …], "signed": [{"key", "signature"}]}
import { readFileSync } from 'node:fs'
import { getPublicKey, secretFromSeed, sign, verify } from '@scure/sr25519'

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (bytes) => Buffer.from(bytes).toString('hex')

function accepts({ key, message, signature }) {
  try {
    return verify(bytes(message), bytes(signature), bytes(key))
  } catch {
    return false // what cannot be decoded is refused by an exception
  }
}

function signed({ seed, message }) {
  const secret = secretFromSeed(bytes(seed))
  return { key: hex(getPublicKey(secret)), signature: hex(sign(secret, bytes(message))) }
}

const { verify: questions, sign: orders } = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify({ verified: questions.map(accepts), signed: orders.map(signed) }))
