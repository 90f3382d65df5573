/**
 * The states of the page, each as a scene: a stub that says what the state needs, and a page that shows it. Pictures
 * and accessibility checks walk over all of them.
 * @module
 */
import { idle, Stub } from "../stub/service.js"
import { open } from "./browser.js"

/** How a scene can be looked at. */
export const looks = {
  desktop: { viewport: { width: 1180, height: 820 } },
  dark: { viewport: { width: 1180, height: 820 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  narrow: { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2, colorScheme: "dark" },
}

export const id = "7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2"
const ago = s => new Date(Date.now() - s * 1000).toISOString()
const hence = s => ago(-s)

export const busy = {
  ...idle, queued: 12, running: 4, oldestWaitSeconds: 190, completedLastHour: 31, failedLastHour: { timeout: 4, verification_failed: 1 },
  proofSeconds: { p50: 250, p90: 415 },
}
export const history = () => Array.from({ length: 60 }, (_, i) => ({
  at: ago((60 - i) * 60), completed: (i * 7) % 3 == 0 ? 1 + (i % 2) : 0, failed: i % 17 == 3 ? 1 : 0,
  p50: i % 3 ? 0 : 200 + (i * 37) % 120, p90: i % 3 ? 0 : 340 + (i * 53) % 160,
}))

const pubkey = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
const recipient = "742d35cc6634c0532925a3b844bc9e7595f4a3b2"
export const publicValues = "0x" + pubkey + "0".repeat(24) + recipient + (12345n * 10n ** 16n).toString(16).padStart(64, "0") + "45857f7b7a2ac6f84dc2472128ed1ae7c2504500509735c528f8132877a93f46"
const zkProof = "0xa4594c59" + "0123456789abcdef".repeat(32)

const line = () => [{ type: "accepted", at: ago(372) }]
const taken = () => [...line(), { type: "running", at: ago(242) }, { type: "running", phase: "executing", at: ago(241) }, { type: "running", phase: "proving", at: ago(182) }]
const network = { request: { id: "0x9c41" + "5f".repeat(28) + "07e2", explorer: "https://explorer.example/request/0x9c41", cycles: 3412887, cost: "1200000000000000000" } }
const waiting = () => ({ createdAt: ago(372), timeline: line(), position: 3, queueSize: 12, etaSeconds: [420, 780] })
const running = () => ({ status: "running", position: undefined, createdAt: ago(372), startedAt: ago(242), phase: "proving", timeline: taken(), etaSeconds: [180, 350], ...network })
const completed = () => ({
  status: "completed", createdAt: ago(372), startedAt: ago(242), finishedAt: ago(9), expiresAt: hence(3591), ...network,
  timeline: [...taken(), { type: "verified", at: ago(9) }, { type: "completed", at: ago(9) }], verified: true, verifiedBy: ["groth16", "onchain"],
  zkProof, publicValues,
  claim: { pubkey: "0x" + pubkey, amount: "123450000000000000000", merkleProof: ["0x" + "ab".repeat(32)], zkProof, recipient: "0x" + recipient },
  transaction: { chainId: 8453, to: "0x5fbdb2315678afecb367f032d93f642f64180aa3", data: "0x3d13f874" + "00ff".repeat(400) },
})
const failed = (code, message, retryable, more) => () => ({
  status: "failed", createdAt: ago(972), startedAt: ago(642), finishedAt: ago(42), expiresAt: hence(3558), timeline: [...taken(), { type: "failed", at: ago(42) }],
  code, message, error: message, retryable, ...network, ...more,
})

/** A scene from figures and a job: gives the page once `until` holds. */
const scene = ({ service = busy, job, hash = job ? "#job=" + id : "", before, then, until }) => async (browser, look = looks.desktop) => {
  const stub = await new Stub().listen()
  stub.service = { ...service }
  stub.history = service === busy ? history() : idle === service ? [] : history()
  if (job) stub.put(id, { version: 5, ...job() })
  await before?.(stub)
  const context = await browser.newContext(look)
  const { page, faults } = await open(context)
  await page.goto(stub.url + "/" + hash)
  if (until) await page.locator(until).first().waitFor()
  await then?.(page, stub)
  return { page, stub, faults, close: async () => { await context.close(); await stub.close() } }
}

const says = words => `#headline:has-text(${JSON.stringify(words)})`
const live = "#connection[data-connection=live]"
const job = (job, words, more) => scene({ job, until: says(words), ...more })

export const scenes = {
  loading: scene({ before: stub => { stub.socket = stub.stream = "silent" } }),
  idle: scene({ service: { ...idle, completedLastHour: 3, proofSeconds: { p50: 250, p90: 415 } }, until: live }),
  first: scene({ service: idle, until: live }),
  busy: scene({ until: live }),
  full: scene({ service: { ...busy, queued: 50 }, until: live }),
  draining: scene({ service: { ...busy, draining: true }, until: live }),
  paused: scene({ service: { ...busy, paused: "The contract is upgraded until 15:00 UTC. <b>See</b> https://status.example.org/" + "x".repeat(120) }, until: live }),
  "chain-away": scene({ service: { ...busy, chainAway: true, failedLastHour: { rpc_unavailable: 2 } }, until: live }),
  mock: scene({ service: { ...busy, proverMode: "mock", verifies: [], chainId: undefined, anonymous: true, proofSeconds: { p50: 5, p90: 5.2 } }, until: live }),
  polling: scene({ before: stub => { stub.socket = "refuse"; stub.stream = "refuse" }, until: "#connection[data-connection=polling]" }),
  unreachable: scene({ before: stub => { stub.socket = stub.stream = stub.poll = "down" }, until: "#sentence:has-text('cannot be reached')" }),
  stale: scene({ until: live, then: async (page, stub) => {
    stub.socket = stub.stream = stub.poll = "down"
    stub.cut()
    await page.locator("#figures[data-stale]").waitFor()
    await page.locator("#connection[data-connection=offline]").waitFor()
  } }),
  offline: job(running, "Proving", { then: async (page, stub) => {
    stub.socket = stub.stream = stub.poll = "down"
    stub.cut()
    await page.locator("#connection[data-connection=offline]").waitFor({ timeout: 60_000 })
  } }),
  search: scene({ until: live, then: async page => {
    await page.fill("#query", "my job")
    await page.press("#query", "Enter")
    await page.locator("#query-fault:not(:empty)").waitFor()
  } }),
  pending: job(waiting, "In line"),
  running: job(running, "Proving"),
  deadline: job(() => ({ ...waiting(), warning: "The contract takes claims until 2026-11-25T00:00:00Z, and this proof may be ready only after that." }), "In line"),
  late: job(() => ({ ...running(), etaSeconds: [0, 0] }), "Proving"),
  unknown: job(() => ({ ...running(), etaSeconds: undefined, request: undefined, phase: undefined, timeline: taken().slice(0, 2) }), "Proving"),
  checking: job(() => ({ ...running(), verifiedBy: ["groth16"], timeline: [...taken(), { type: "verified", at: ago(2) }] }), "Checking"),
  completed: job(completed, "Proof ready"),
  "completed-raw": job(completed, "Proof ready", { then: async page => { await page.click("#raw summary"); await page.click("#qr-open"); await page.locator("#qr svg").waitFor() } }),
  "completed-plain": job(() => ({ ...completed(), transaction: undefined, claim: undefined }), "Proof ready"),
  "completed-mock": job(() => ({ ...completed(), proverMode: "mock", zkProof: "0x", verified: false, verifiedBy: undefined, request: undefined, transaction: undefined, claim: undefined, timeline: [...taken(), { type: "completed", at: ago(9) }] }), "Test proof",
    { service: { ...busy, proverMode: "mock", verifies: [], anonymous: true } }),
  cached: job(() => ({ ...completed(), cached: true, startedAt: undefined, timeline: [...line(), { type: "completed", at: ago(9) }] }), "Proof ready"),
  cancelling: job(running, "Proving", { then: async page => { await page.click("#cancel-open"); await page.locator("#cancel").waitFor() } }),
  cancelled: job(failed("cancelled", "Cancelled by its owner. Submit the claim again when you like.", false, { startedAt: undefined, request: undefined, timeline: [...line(), { type: "failed", at: ago(42) }] }), "Cancelled"),
  timeout: job(failed("timeout", "The proof took longer than 10 minutes. Submit again: what was paid for is picked up.", true), "Stopped after"),
  "verification-failed": job(failed("verification_failed", "The proof does not verify.", false), "No valid proof"),
  "internal-error": job(failed("internal_error", "Something broke on our side.", true), "broke"),
  expired: scene({ hash: "#job=" + id, until: says("No such job") }),
  denied: scene({ job: running, before: stub => { stub.token = "x" }, until: says("A key or token") }),
  recent: job(completed, "Proof ready", { then: async page => { await page.click("#home"); await page.locator("#recent").waitFor() } }),
}
