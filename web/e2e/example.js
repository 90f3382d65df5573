/** The example dApp's back end as a process, and the wallets that a browser would bring. @module */
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { getPublicKey, secretFromSeed, sign } from "@scure/sr25519"
import { open } from "./browser.js"
import { key, program as claimprover, serve, ss58 } from "./service.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

let built
/** The back end's program, built once; EXAMPLE names one that is built already. */
function program() {
  if (process.env.EXAMPLE) return process.env.EXAMPLE
  const { status, stderr } = built ??= spawnSync("go", ["build", "-o", "tmp/example", "./web/example"], { cwd: root, encoding: "utf8" })
  if (status) throw new Error("go build: " + stderr)
  return root + "tmp/example"
}

/** Both programs, as scripts/example.sh takes them. */
export const programs = () => ({ CLAIMPROVER: claimprover(), EXAMPLE: program() })

/** Starts the back end for a service. @param {string} service its address @param {string} [apiKey] of it */
export async function serveExample(service, apiKey = key) {
  const child = spawn(program(), { stdio: ["ignore", "pipe", "inherit"], env: { CLAIMPROVER_URL: service, CLAIMPROVER_API_KEY: apiKey, EXAMPLE_PORT: "0" } })
  const gone = new Promise(resolve => child.on("exit", resolve))
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", line => resolve(line.match(/http:\S+/)[0]))
    gone.then(() => reject(new Error("the example ended")))
  })
  return { url, stop: async () => { child.kill(); await gone } }
}

/** What make example gives its service. */
export const settings = {
  ELIGIBILITY_FILE: root + "web/example/list.json", CLAIM_CONTRACT_ADDRESS: "0x25e02490ff74668543f167aab838c835ed202db7", CHAIN_ID: "84532",
}

/** A service and the example's back end. @param {Record<string, string>} [env] of the service */
export async function stage(env = {}) {
  const service = await serve({ ...settings, ...env })
  const example = await serveExample(service.url)
  return { service, url: example.url, stop: async () => { await example.stop(); await service.stop() } }
}

/** An account of the list: Bob's. */
const seed = Buffer.from("398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89", "hex")
export const bob = ss58(Buffer.from(getPublicKey(secretFromSeed(seed))))
const signature = challenge => "0x" + Buffer.from(sign(secretFromSeed(seed),
  Buffer.concat([Buffer.from("<Bytes>"), Buffer.from(challenge.slice(2), "hex"), Buffer.from("</Bytes>")]))).toString("hex")
export const signedByBob = { address: bob, signature }
export const evmAccount = "0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"

/**
 * Puts wallets into a page before it loads, as extensions do. They are strict: what a real one would not take they
 * refuse, and they note every request in `asked`.
 * @param {{ polkadot?: { deny?: boolean, refuse?: number, accounts?: any[], kind?: string }, evm?: { refuse?: number, chain?: number, only?: boolean, reverts?: boolean, node?: string } }} which
 *   `refuse` counts down; `kind` is put before signatures; `only`: it knows no other chain; `node`: it asks this one, whose account it has
 */
export async function wallets(page, { polkadot, evm }) {
  const asked = []
  await page.exposeFunction("walletAsked", request => { asked.push(request) })
  await page.exposeFunction("walletSigns", signature)
  if (evm?.node) await page.exposeFunction("nodeAnswers", async request => (await fetch(/** @type {string} */ (evm.node), {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, params: [], ...request }),
  })).json())
  await page.addInitScript(inject, { polkadot: polkadot && { accounts: [{ address: bob, name: "Bob", type: "sr25519", genesisHash: null }], ...polkadot }, evm, evmAccount })
  return asked
}

/** Runs in the page. */
function inject({ polkadot, evm, evmAccount }) {
  const page = /** @type {any} */ (globalThis)
  const exactly = (given, names) => {
    if (JSON.stringify(Object.keys(given).sort()) != JSON.stringify(names.sort())) throw new Error("odd request: " + JSON.stringify(given))
  }
  if (polkadot) page.injectedWeb3 = { "polkadot-js": { version: "0.62.1", async enable(origin) {
    await page.walletAsked({ enable: origin })
    if (typeof origin != "string" || !origin) throw new Error("who is asking?")
    if (polkadot.deny) throw new Error("The source is not allowed to interact with this extension")
    return {
      accounts: { get: async () => polkadot.accounts, subscribe: () => () => {} },
      signer: { async signRaw(payload) {
        await page.walletAsked({ signRaw: payload })
        exactly(payload, ["address", "data", "type"])
        if (payload.type != "bytes" || !/^0x[0-9a-f]{64}$/.test(payload.data)) throw new Error("not bytes")
        if (!polkadot.accounts.some(a => a.address == payload.address)) throw new Error("no such account")
        if (polkadot.refuse-- > 0) throw new Error("Cancelled")
        const signature = await page.walletSigns(payload.data)
        return { id: 1, signature: polkadot.kind ? "0x" + polkadot.kind + signature.slice(2) : signature }
      } },
    }
  } } }
  if (!evm) return
  const refusal = (code, message) => Object.assign(new Error(message), { code })
  const node = async request => {
    const { result, error } = await page.nodeAnswers(request)
    if (error) throw refusal(error.code, error.message)
    return result
  }
  let chain = evm.chain ?? 1, own = evmAccount
  page.ethereum = { async request(request) {
    await page.walletAsked(request)
    if (this !== page.ethereum) throw new TypeError("called on its own")
    const { method, params } = request, hash = "0x" + "5e".repeat(32)
    switch (method) {
      case "eth_requestAccounts":
        if (evm.node) [own] = await node({ method: "eth_accounts" })
        return [own]
      case "eth_chainId": return "0x" + chain.toString(16)
      case "wallet_switchEthereumChain":
        exactly(params[0], ["chainId"])
        if (!/^0x[1-9a-f][0-9a-f]*$/.test(params[0].chainId)) throw refusal(-32602, "not a chain id")
        if (evm.only) throw refusal(4902, "Unrecognized chain ID")
        chain = Number(params[0].chainId)
        return null
      case "eth_sendTransaction":
        exactly(params[0], ["from", "to", "data"])
        if (params[0].from != own || !/^0x[0-9a-f]{40}$/.test(params[0].to) || !/^0x([0-9a-f]{2})+$/.test(params[0].data)) throw refusal(-32602, "not a transaction")
        if (evm.refuse-- > 0) throw refusal(4001, "User rejected the request.")
        return evm.node ? node(request) : hash
      case "eth_getTransactionReceipt":
        if (evm.node) return node(request)
        if (params[0] != hash) throw refusal(-32602, "no such transaction")
        return { status: evm.reverts ? "0x0" : "0x1", blockNumber: "0x2a" }
      default: throw refusal(4200, "unsupported: " + method)
    }
  } }
}

/** Opens the example, or another page. */
export async function visit(context, url, { wallets: which = {}, hash = "", given = undefined } = {}) {
  const { page, faults } = await open(context)
  page.setDefaultTimeout(20_000)
  if (given) await page.addInitScript(given => { // globals for the page, and what it calls is noted
    const told = /** @type {any[]} */ ([])
    Object.assign(globalThis, given, { told })
    for (const name of ["badge", "render", "done", "explain"]) globalThis[name] = (...args) => { told.push(JSON.parse(JSON.stringify([name, ...args]))) }
  }, given)
  const asked = await wallets(page, which)
  await page.goto(url + "/" + hash)
  return { page, faults, asked }
}
