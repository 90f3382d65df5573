/** The real service as a process, and claims that are really signed. @module */
import { spawn, spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { getPublicKey, secretFromSeed, sign } from "@scure/sr25519"

const root = fileURLToPath(new URL("../..", import.meta.url))

let built
/** The program, built once; CLAIMPROVER names one that is built already. */
export function program() {
  if (process.env.CLAIMPROVER) return process.env.CLAIMPROVER
  const { status, stderr } = built ??= spawnSync("go", ["build", "-o", "tmp/claimprover", "."], { cwd: root, encoding: "utf8" })
  if (status) throw new Error("go build: " + stderr)
  return root + "tmp/claimprover"
}

export const key = "browser-tests-0123456789abcdef"

/** Starts the service in mock mode and waits until it listens. @param {Record<string, string>} [env] */
export async function serve(env = {}) {
  const child = spawn(program(), ["serve"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0", ADMIN_ADDR: "127.0.0.1:0", LOG_FORMAT: "json", SP1_PROVER: "mock", ALLOW_MOCK: "true",
      MOCK_DELAY: "1s", API_KEYS: "tests:" + key, RATE_LIMIT_MAX_REQUESTS: "1000", ADDRESS_RATE_LIMIT_MAX_REQUESTS: "1000", QUEUE_CAPACITY: "200", ...env,
    },
  })
  const log = []
  const gone = new Promise(resolve => child.on("exit", resolve))
  const port = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", line => {
      log.push(line)
      try {
        const { msg, address } = JSON.parse(line)
        if (msg == "serving") resolve(address.split(":").at(-1))
      } catch { /* not a line of the log */ }
    })
    gone.then(() => reject(new Error("the service ended: " + log.join("\n"))))
  })
  return {
    url: "http://127.0.0.1:" + port, port: Number(port), log,
    signal: name => child.kill(name), gone,
    stop: async () => { child.kill("SIGKILL"); await gone },
  }
}

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
export function ss58(pubkey) {
  const body = Buffer.concat([Buffer.from([42]), pubkey])
  const sum = createHash("blake2b512").update("SS58PRE").update(body).digest().subarray(0, 2)
  let n = BigInt("0x" + Buffer.concat([body, sum]).toString("hex")), text = ""
  for (; n; n /= 58n) text = alphabet[Number(n % 58n)] + text
  return text
}

/** What the mock prover is asked for by the recipient. */
export const cases = { slow: 0x0c, atOnce: 0x0d, hostile: 0x0e, hostileMessage: 0x0f, timeout: 0x03, rpcUnavailable: 0x06 }

/** A claim of a fresh account, signed as a wallet does. @param {number} [number] of the case */
export function signedClaim(number) {
  const secret = secretFromSeed(randomBytes(32)), challenge = randomBytes(32)
  const recipient = number ? Buffer.concat([Buffer.from("claimprover mock: "), Buffer.from([number >> 8, number & 255])]) : randomBytes(20)
  const hex = bytes => "0x" + Buffer.from(bytes).toString("hex")
  const message = Buffer.concat([Buffer.from("<Bytes>"), challenge, Buffer.from("</Bytes>")])
  return {
    ss58Address: ss58(getPublicKey(secret)), signature: hex(sign(secret, message)), evmAddress: hex(recipient), challenge: hex(challenge), amount: "1000000000000000000",
  }
}
