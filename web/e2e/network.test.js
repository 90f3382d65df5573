// Trouble on the way, in a real browser, with the real service: what is shown last is always what is true, and nothing
// ever runs backwards.
import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { WebSocket } from "ws"
import { submit } from "../client/client.js"
import { launch, open } from "./browser.js"
import { Network } from "./network.js"
import { cases, key, serve, signedClaim } from "./service.js"
import { assertForwards, noteShown } from "./shown.js"

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const seconds = 1000
const pass = ms => new Promise(resolve => setTimeout(resolve, ms))

/** The page on a job of its own, behind a network of its own. */
async function start(t, { env = {}, prepare = (/** @type {Network} */ _, /** @type {any} */ _service) => {}, number = cases.slow } = {}) {
  const service = await serve({ MOCK_DELAY: "2s", ...env })
  const network = await new Network(service.port).listen()
  await prepare(network, service)
  const job = await submit(service.url, signedClaim(number), { token: key })
  const context = await browser.newContext()
  const { page, faults } = await open(context)
  page.setDefaultTimeout(60 * seconds)
  t.after(async () => { await context.close(); await network.close(); await service.stop() })
  await page.addInitScript(noteShown)
  await page.goto(network.url + "/#job=" + job.jobId)
  return { page, faults, network, service, context, jobId: job.jobId }
}
const headline = (page, words) => page.locator("#headline", { hasText: words }).waitFor()
const connection = (page, kind) => page.locator(`#job-connection[data-connection=${kind}]`).waitFor()

const job = async ({ service, jobId }) => (await fetch(service.url + "/v1/jobs/" + jobId)).json()

/** What is shown agrees with the service within five seconds, and nothing ever ran backwards. */
async function catchesUp(all, began = Date.now()) {
  const { status } = await job(all)
  const words = { pending: "In line", running: "Proving", completed: "Test proof", failed: "" }[status]
  await headline(all.page, words)
  assert.ok(Date.now() - began < 5 * seconds, `took ${Date.now() - began} ms`)
  assertForwards(await all.page.evaluate(() => globalThis.shown))
}

/** The end is shown within five seconds of its being so. */
async function endsInTime(all) {
  await headline(all.page, "Test proof")
  const { finishedAt } = await job(all), late = Date.now() - Date.parse(finishedAt)
  assert.ok(late < 5 * seconds, `${late} ms late`)
  assertForwards(await all.page.evaluate(() => globalThis.shown))
}

// Each has a service and a network of its own, and mostly waits.
describe("trouble on the way", { concurrency: 3 }, () => {
  test("a WebSocket that a proxy refuses: the job is streamed", async t => {
    const all = await start(t, { prepare: n => { n.sockets = "refuse" }, env: { MOCK_DELAY: "5s" }, number: 0 })
    await connection(all.page, "live")
    await endsInTime(all)
  })

  test("streams that a proxy holds back too: the job is polled", async t => {
    const all = await start(t, { prepare: n => { n.sockets = "refuse"; n.streams = "hold" }, env: { MOCK_DELAY: "12s" }, number: 0 })
    await connection(all.page, "polling")
    await endsInTime(all)
  })

  test("connections that are reset come back, and the job's end is not missed", async t => {
    const all = await start(t)
    await connection(all.page, "live")
    for (let n = 0; n < 3; n++) {
      all.network.cut()
      const began = Date.now()
      await connection(all.page, "live")
      await catchesUp(all, began)
    }
  })

  for (const lost of [true, false]) test(`a connection cut without a word is noticed; it ${lost ? "is lost" : "goes on"} when the network is back`, async t => {
    const all = await start(t, { number: 0, env: { MOCK_DELAY: "6s" } })
    await connection(all.page, "live")
    all.network.freeze()
    await all.page.locator("#figures[data-stale]").waitFor()
    await pass(3 * seconds)
    const began = Date.now()
    all.network.thaw({ lost })
    await all.page.locator("#figures:not([data-stale])").waitFor()
    await headline(all.page, "Test proof")
    await catchesUp(all, began)
  })

  test("offline and online again", async t => {
    const all = await start(t, { number: 0, env: { MOCK_DELAY: "4s" } })
    await connection(all.page, "live")
    await all.context.setOffline(true)
    await all.page.locator("#connection[data-connection=offline]").waitFor()
    await pass(2 * seconds)
    const began = Date.now()
    await all.context.setOffline(false)
    await headline(all.page, "Test proof")
    await catchesUp(all, began)
  })

  test("a tab that was frozen wakes up to what is true", async t => {
    const all = await start(t, { number: 0, env: { MOCK_DELAY: "3s" } })
    await connection(all.page, "live")
    const session = await all.context.newCDPSession(all.page)
    await session.send("Page.setWebLifecycleState", { state: "frozen" })
    await pass(5 * seconds)
    const began = Date.now()
    await session.send("Page.setWebLifecycleState", { state: "active" })
    await headline(all.page, "Test proof")
    await catchesUp(all, began)
  })

  test("a service that drains lets its job end, says so, and is waited for", async t => {
    const all = await start(t, { number: 0, env: { MOCK_DELAY: "4s" } })
    await connection(all.page, "live")
    all.service.signal("SIGTERM")
    await all.page.locator(".banner[data-kind=draining]").waitFor()
    await endsInTime(all)
    await all.service.gone
    await all.page.locator("#connection[data-connection=offline]").waitFor()
  })

  test("a service that is killed and started again is found, and the job it forgot is called so", async t => {
    const all = await start(t)
    await connection(all.page, "live")
    await all.service.stop()
    await all.page.locator("#figures[data-stale]").waitFor()
    const again = await serve({ PORT: String(all.service.port) })
    t.after(() => again.stop())
    const began = Date.now()
    await all.page.locator("#figures:not([data-stale])").waitFor()
    await all.page.locator("#code", { hasText: "not_found" }).waitFor()
    assert.ok(Date.now() - began < 5 * seconds, `took ${Date.now() - began} ms`)
  })

  test("a service without room for streams is polled until there is", async t => {
    const all = await start(t, { env: { MAX_STREAMS: "1", MOCK_DELAY: "12s" }, number: 0, prepare: async (_, service) => {
      const taken = new WebSocket(service.url.replace("http", "ws") + "/v1/events")
      t.after(() => taken.terminate())
      await new Promise((resolve, reject) => taken.on("message", resolve).on("error", reject))
    } })
    await connection(all.page, "polling")
    await endsInTime(all)
  })
})
