// The page and the client in a real browser, against the real service.
import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { submit } from "../client/client.js"
import { assertAccessible } from "./accessible.js"
import { launch, open } from "./browser.js"
import { cases, key, serve, signedClaim } from "./service.js"

let browser, service
before(async () => {
  browser = await launch()
  service = await serve({ MOCK_DELAY: "1500ms" })
})
after(async () => {
  await browser.close()
  await service.stop()
})

async function visit(t, path = "/", url = service.url) {
  const context = await browser.newContext()
  const { page, faults } = await open(context)
  page.setDefaultTimeout(30_000)
  t.after(() => context.close())
  await page.goto(url + path)
  return { page, faults, context }
}
const headline = (page, words) => page.locator("#headline", { hasText: words }).waitFor()
const job = async number => (await submit(service.url, signedClaim(number), { token: key })).jobId

describe("the page", () => {
  test("says that proofs are mock before it has heard from the service", async t => {
    const context = await browser.newContext()
    t.after(() => context.close())
    await context.routeWebSocket("**", () => {}) // opened, and silent
    await context.route("**/v1/**", () => {})
    const { page } = await open(context, service.url)
    assert.equal(await page.locator("#connection").getAttribute("data-connection"), "connecting")
    assert.ok(await page.locator(".banner[data-kind=mock]").isVisible())
  })

  test("shows the service live, and a job from the line to the proof, by its link alone", async t => {
    const { page, faults } = await visit(t)
    await page.locator("#connection[data-connection=live]").waitFor()
    await page.locator(".banner[data-kind=mock]").waitFor()
    const id = await job()
    await page.fill("#query", service.url + "/#job=" + id)
    await page.press("#query", "Enter")
    await headline(page, "Proving (step 2 of 4")
    await headline(page, "Test proof (not valid on chain)")
    await page.locator("#hour", { hasText: "ready" }).waitFor()
    assert.equal(await page.title(), "✓ Test proof · claimprover")
    assert.match(await page.locator("#facts").textContent(), /1\.0 tokens/)
    await assertAccessible(page)
    await page.reload()
    await headline(page, "Test proof")
    assert.deepEqual(faults, [])
  })

  test("runs nothing of what a hostile prover says", async t => {
    const id = await job(cases.hostile)
    const { page, faults } = await visit(t, "/#job=" + id)
    await headline(page, "Test proof")
    await page.locator(".request").waitFor()
    assert.match(await page.locator("main").textContent(), /<img src=x onerror=/) // the phases stay in the timeline
    assert.equal(await page.locator(".request a").count(), 0)
    const other = await job(cases.hostileMessage)
    await page.goto(service.url + "/#job=" + other)
    await headline(page, "No valid proof")
    assert.match(await page.locator("#code").textContent(), /<img src=x onerror=/)
    assert.equal(await page.locator("img:not(.brand img)").count(), 0)
    assert.match(await page.title(), /^✕ Stopped · claimprover$/)
    assert.deepEqual(faults, [])
  })

  test("cancels with the key that submitted, and says when another is used", async t => {
    const id = await job(cases.slow)
    const { page } = await visit(t, "/#job=" + id)
    await headline(page, "Proving")
    await page.click("#cancel-open")
    await page.fill("#key", "not-the-right-key-at-all")
    await page.click("#cancel .danger")
    await page.locator("#cancel-fault:not(:empty)").waitFor()
    await page.fill("#key", key)
    await page.click("#cancel .danger")
    await headline(page, "Cancelled")
  })

  test("says what is the matter with a job that nobody knows", async t => {
    const { page } = await visit(t, "/#job=7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2")
    await headline(page, "No such job, or it has expired")
    assert.match(await page.locator("#code").textContent(), /not_found/)
  })

  test("comes from its own host alone, under its policy, in less than 60 KB", async t => {
    const context = await browser.newContext()
    t.after(() => context.close())
    const { page, faults } = await open(context)
    const session = await context.newCDPSession(page)
    await session.send("Network.enable")
    let bytes = 0
    session.on("Network.loadingFinished", e => { bytes += e.encodedDataLength })
    const answer = await page.goto(service.url)
    await page.locator("#connection[data-connection=live]").waitFor()
    await page.waitForLoadState("networkidle")
    t.diagnostic(bytes + " bytes")
    const { "content-encoding": encoding, "content-security-policy": policy } = answer.headers()
    assert.equal(encoding, "gzip")
    assert.ok(bytes > 0 && bytes < 60_000, String(bytes))
    assert.match(policy, /default-src 'none'/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.deepEqual(faults, [])
  })
})

describe("the client in a page", () => {
  for (const way of ["websocket", "sse", "poll"]) test(`submits and follows to the end by ${way}`, async t => {
    const { page } = await visit(t, "/livez") // any page of the host: the client is all it needs
    const seen = await page.evaluate(async ({ claim, key, way }) => {
      const { submit, follow } = await import("/client.js")
      const options = { token: async () => key, transports: [way] }
      const { jobId } = await submit("/", claim, options)
      const job = follow("/", jobId, options), events = []
      for await (const { type, id } of job) events.push([type, id])
      const { zkProof } = await job.result
      return { events, zkProof, connection: job.connection }
    }, { claim: signedClaim(), key, way })
    assert.equal(seen.zkProof, "0x")
    assert.equal(seen.connection, "ended")
    assert.equal(seen.events.at(-1)[0], "completed")
    assert.deepEqual(seen.events.map(e => e[1]), seen.events.map(e => e[1]).toSorted?.((a, b) => a - b) ?? [...seen.events.map(e => e[1])].sort((a, b) => a - b))
  })

  test("a hundred jobs on one page, and its figures, use one connection to their ends", async t => {
    const busy = await serve({ MOCK_DELAY: "3s", WORKER_COUNT: "25" })
    t.after(() => busy.stop())
    const context = await browser.newContext()
    t.after(() => context.close())
    const { page, faults } = await open(context)
    const sockets = [], asked = []
    page.on("websocket", ws => sockets.push(ws.url()))
    page.on("request", r => { if (r.url().includes("/v1/")) asked.push(new URL(r.url()).pathname) })
    await page.goto(busy.url)
    await page.locator("#connection[data-connection=live]").waitFor()
    const ids = await Promise.all(Array.from({ length: 100 }, async () => (await submit(busy.url, signedClaim(), { token: key })).jobId))
    const all = await page.evaluate(async ids => {
      const { follow } = await import("/client.js")
      return Promise.all(ids.map(async id => {
        const versions = []
        for await (const { id: version } of follow("/", id)) versions.push(version)
        return { last: (await follow("/", id).result).status, versions }
      }))
    }, ids)
    assert.equal(all.length, 100)
    for (const { last, versions } of all) {
      assert.equal(last, "completed")
      assert.deepEqual(versions, [...versions].sort((a, b) => a - b))
    }
    assert.ok(all.filter(({ versions }) => versions.length > 1).length > 50, "most of them were followed while they went on")
    assert.equal(sockets.length, 1, sockets.join())
    assert.deepEqual(asked.filter(path => path != "/v1/stats" && path != "/v1/events"), [])
    assert.deepEqual(faults, [])
  })

  test("a refusal has its code, its fields and its request id", async t => {
    const { page } = await visit(t)
    const refusal = await page.evaluate(async key => {
      const { submit, ClaimError } = await import("/client.js")
      const error = await submit("/", /** @type {any} */ ({ amount: "x" }), { token: key }).catch(e => e)
      return { own: error instanceof ClaimError, ...error }
    }, key)
    assert.equal(refusal.code, "invalid_input")
    assert.equal(refusal.own, true)
    assert.ok(refusal.fields.amount && refusal.requestId)
  })
})
