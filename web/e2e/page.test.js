// The status page in a real browser, against a stub of the service.
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, describe, test } from "node:test"
import { idle, Stub } from "../stub/service.js"
import { assertAccessible, assertFitsPhones } from "./accessible.js"
import { launch, open } from "./browser.js"
import { measure } from "./figures.js"
import { busy, id, looks, publicValues, scenes } from "./scenes.js"

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** A fresh page on a fresh stub. */
async function start(t, { path = "/", look = looks.desktop, prepare } = {}) {
  const stub = await new Stub().listen()
  stub.service = { ...busy }
  await prepare?.(stub)
  const context = await browser.newContext({ ...look, acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] })
  const { page, faults } = await open(context)
  page.setDefaultTimeout(15_000)
  t.after(async () => { await context.close(); await stub.close() })
  await page.goto(stub.url + path)
  return { page, stub, faults, context }
}
const on = "/#job=" + id
const headline = (page, words) => page.locator("#headline", { hasText: words }).waitFor()
const text = (page, selector) => page.locator(selector).textContent()

describe("every state of the page", { concurrency: 3 }, () => {
  for (const [name, scene] of Object.entries(scenes)) test(`“${name}” is accessible in both themes, fits 320 px, and breaks no rule`, async t => {
    const { page, faults, close } = await scene(browser)
    t.after(close)
    await assertAccessible(page)
    await assertFitsPhones(page)
    assert.ok(await page.evaluate(() => document.querySelector(".brand").getClientRects().length == 1 && document.querySelector(".brand").clientHeight < 40), "the name is broken")
    assert.ok(await page.evaluate(() => [...document.querySelectorAll(".timeline .name")].every(name => name.clientHeight < 40)), "a step is broken")
    assert.deepEqual(faults, [])
  })
})

test("a job is found by its link, followed live, and told in title, words and status region", async t => {
  const { page, stub, faults } = await start(t, { prepare: stub => stub.put(id, { position: 2, queueSize: 2 }) })
  await page.fill("#query", ` https://other.example/#job=${id} `)
  await page.press("#query", "Enter")
  await headline(page, "In line: 2 of 2")
  assert.equal(await page.title(), "⏳ 2/2 · claimprover")
  assert.equal(new URL(page.url()).hash, "#job=" + id)
  assert.ok(await page.evaluate(() => document.activeElement.id == "job"), "the job has the focus")
  stub.put(id, { position: 1 })
  await headline(page, "In line: 1 of 2")
  stub.put(id, { status: "running", position: undefined, phase: "proving", startedAt: new Date().toISOString() })
  await headline(page, "Proving (step 2 of 4: proving)")
  await page.locator("#status", { hasText: "Proving" }).waitFor({ state: "attached" })
  stub.put(id, { status: "completed", verified: true, verifiedBy: ["groth16", "onchain"], zkProof: "0x01", publicValues, finishedAt: new Date().toISOString() })
  await headline(page, "Proof ready and checked")
  assert.equal(await page.title(), "✓ Proof ready · claimprover")
  assert.match(await text(page, "#status"), /Proof ready and checked/)
  assert.equal(stub.sockets, 1)
  assert.deepEqual(faults, [])
})

test("a reload and the back button land on the same job, and Forget forgets", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { position: 1, queueSize: 1 }) })
  await headline(page, "In line")
  await page.reload()
  await headline(page, "In line")
  await page.click("#home")
  await page.locator("#job").waitFor({ state: "hidden" })
  assert.match(await text(page, "#recent"), /7f3a91e0…5fc2.*In line: 1 of 1/)
  await page.goBack()
  await headline(page, "In line")
  await page.click("#home")
  await page.click("#forget")
  await page.locator("#recent").waitFor({ state: "hidden" })
  await page.reload()
  await page.locator("#connection[data-connection=live]").waitFor()
  assert.ok(await page.locator("#recent").isHidden())
})

test("the keyboard reaches everything, / finds the search, Esc closes", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "running" }) })
  await headline(page, "Proving")
  await page.keyboard.press("/")
  assert.ok(await page.evaluate(() => document.activeElement.id == "query"))
  await page.keyboard.type("/")
  assert.equal(await page.inputValue("#query"), "/")
  await page.keyboard.press("Escape")
  await page.click("#cancel-open")
  await page.waitForFunction(() => document.activeElement.id == "key")
  await page.keyboard.press("Escape")
  await page.locator("#cancel").waitFor({ state: "hidden" })
  assert.ok(await page.evaluate(() => document.activeElement.id == "cancel-open"))
  await page.click("#qr-open")
  await page.locator("#qr svg").waitFor()
  await page.keyboard.press("Escape")
  await page.locator("#qr").waitFor({ state: "hidden" })
  const controls = await page.evaluate(() => [...document.querySelectorAll("a[href], button, input, summary")].filter(e => e.checkVisibility()).length)
  const reached = new Set()
  await page.evaluate(() => document.activeElement.blur())
  for (let i = 0; i < controls + 12; i++) {
    await page.keyboard.press("Tab")
    const at = await page.evaluate(() => {
      const e = document.activeElement
      if (!e.matches("a[href], button, input, summary")) return
      return { name: [...document.querySelectorAll("a[href], button, input, summary")].indexOf(e), seen: getComputedStyle(e).outlineStyle != "none" }
    })
    if (!at) continue
    assert.ok(at.seen, "focus is visible")
    reached.add(at.name)
  }
  assert.equal(reached.size, controls)
})

test("copying says so for two seconds, to the eye and the ear", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "completed", verified: true, zkProof: "0x01ff", transaction: { chainId: 1, to: "0x02", data: "0x03aa" } }) })
  await headline(page, "Proof ready")
  await page.click("#copy-calldata")
  await page.locator("#copy-calldata", { hasText: "Copied" }).waitFor()
  assert.equal(await text(page, "#status"), "Copied")
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "0x03aa")
  await page.locator("#copy-calldata", { hasText: "Copy calldata" }).waitFor()
  await page.click("#copy-proof")
  await page.locator("#copy-proof", { hasText: "Copied" }).waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "0x01ff")
  await page.click("[data-copy=link]")
  await page.locator("[data-copy=link]", { hasText: "Copied" }).waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url())
})

test("the proof can be taken home as a file", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "completed", verified: true, zkProof: "0x01ff", publicValues }) })
  await headline(page, "Proof ready")
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")])
  assert.equal(download.suggestedFilename(), "claim-7f3a.json")
  const saved = JSON.parse(await readFile(await download.path(), "utf8"))
  assert.equal(saved.zkProof, "0x01ff")
  assert.equal(saved.decoded.recipient, "0x742d35cc6634c0532925a3b844bc9e7595f4a3b2")
})

test("cancelling asks once, needs a key, and keeps none", async t => {
  const { page, stub } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "running" }) })
  await headline(page, "Proving")
  await page.click("#cancel-open")
  await page.click("#cancel .danger")
  await page.locator("#cancel-fault", { hasText: "Enter the key" }).waitFor()
  assert.ok(!stub.seen.some(s => String(s).startsWith("DELETE")))
  await page.fill("#key", "secret-key-of-mine")
  await page.click("#cancel .danger")
  await headline(page, "Cancelled")
  assert.equal(stub.deleted, "Bearer secret-key-of-mine")
  assert.equal(await page.inputValue("#key"), "")
  assert.ok(!await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML]).includes("secret-key")))
})

test("hostile texts in every field stay texts", async t => {
  const evil = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'`${1}"
  const { page, stub, faults } = await start(t, { path: on, prepare: stub => {
    Object.assign(stub.service, { version: evil, proverMode: evil, verifies: [evil], failedLastHour: { [evil]: 3, __proto__: 1 }, chainId: evil })
    stub.history = Array.from({ length: 60 }, () => ({ at: new Date().toISOString(), completed: 1, failed: 0, p50: 1, p90: 2 }))
    stub.put(id, { status: "running", phase: evil, startedAt: new Date().toISOString(), proverMode: evil,
      timeline: [{ type: "accepted", at: new Date().toISOString() }, { type: "running", phase: evil, at: new Date().toISOString() }],
      request: { id: evil, explorer: "javascript:alert(3)", cost: evil } })
  } })
  await headline(page, evil)
  assert.equal(await page.locator("a[href^='javascript'], img:not(.brand img), script:not([src])").count(), 0)
  stub.put(id, { request: { id: "0x1", explorer: "data:text/html,<script>alert(4)</script>" } })
  stub.put(id, { status: "completed", verified: true, verifiedBy: [evil], zkProof: evil, publicValues: evil, transaction: { chainId: evil, to: evil, data: evil }, expiresAt: new Date().toISOString() })
  await headline(page, "Proof ready")
  await page.click("#raw summary")
  const other = id.replace("7", "8")
  stub.put(other, { status: "failed", code: evil, message: evil, finishedAt: new Date().toISOString() })
  await page.goto(stub.url + "/#job=" + other)
  await headline(page, "Stopped")
  await page.goto(stub.url + "/#job=" + evil)
  await page.fill("#query", evil)
  await page.press("#query", "Enter")
  await page.locator("#query-fault:not(:empty)").waitFor()
  await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 300)))
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("a[href]")].map(a => a.protocol).filter(p => p != "http:" && p != "https:")), [])
  assert.deepEqual(faults, [])
})

test("an explorer's https address becomes a link that tells nobody where it came from", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "running", startedAt: new Date().toISOString(), request: { id: "0x9c", explorer: "https://explorer.example/r/0x9c" } }) })
  const a = page.locator("a[href='https://explorer.example/r/0x9c']")
  await a.waitFor()
  assert.equal(await a.getAttribute("rel"), "noopener noreferrer")
})

test("lost and found: the page greys, comes back by itself, and shows what is true", async t => {
  const { page, stub } = await start(t, { path: on, prepare: stub => stub.put(id, { position: 3, queueSize: 3 }) })
  await headline(page, "In line: 3")
  stub.socket = stub.stream = stub.poll = "down"
  stub.cut()
  await page.locator("#figures[data-stale]").waitFor()
  await page.locator("#next", { hasText: "The job goes on meanwhile" }).waitFor()
  stub.put(id, { status: "completed", position: undefined, verified: true, zkProof: "0x01" })
  stub.figures({ queued: 0 })
  stub.socket = stub.stream = stub.poll = "ok"
  const began = Date.now()
  await page.evaluate(() => dispatchEvent(new Event("online")))
  await headline(page, "Proof ready")
  await page.locator("#figures:not([data-stale])").waitFor()
  assert.ok(Date.now() - began < 5000)
})

test("a chain that does not answer is told in a banner while it lasts, and a close deadline with the job", async t => {
  const { page, stub } = await start(t, { path: on, prepare: stub => stub.put(id, { position: 1, queueSize: 1 }) })
  await headline(page, "In line")
  assert.ok(await page.locator("#warning").isHidden())
  stub.figures({ chainAway: true })
  await page.locator(".banner[data-kind=chain-away]", { hasText: "The chain does not answer" }).waitFor()
  await page.locator("#sentence", { hasText: "The chain cannot be asked right now" }).waitFor()
  stub.figures({ chainAway: undefined })
  await page.locator(".banner[data-kind=chain-away]").waitFor({ state: "detached" })
  const warning = "The contract takes claims until 2026-11-25T00:00:00Z. Send this one before."
  stub.put(id, { status: "running", position: undefined, warning })
  await page.locator("#warning", { hasText: warning }).waitFor()
  await page.locator("#status", { hasText: warning }).waitFor({ state: "attached" })
})

test("the page asks nobody but its own host, and little of that", async t => {
  const stub = await new Stub().listen()
  stub.service = { ...idle }
  const context = await browser.newContext()
  t.after(async () => { await context.close(); await stub.close() })
  const { page, faults } = await open(context)
  const sizes = []
  page.on("response", r => sizes.push(r.body().then(b => [new URL(r.url()).pathname, b.length], () => ["", 0])))
  await page.goto(stub.url)
  await page.locator("#connection[data-connection=live]").waitFor()
  await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 300)))
  const all = await Promise.all(sizes), sum = all.reduce((n, [, size]) => n + size, 0)
  t.diagnostic(`${sum} bytes uncompressed in ${all.length} answers`)
  assert.ok(sum < 100_000, JSON.stringify(all))
  assert.deepEqual(faults, [])
})

test("a theme is chosen by a button and kept", async t => {
  const { page } = await start(t)
  const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)
  await page.click("#theme")
  await page.click("#theme")
  await page.waitForFunction(() => document.documentElement.dataset.theme == "dark")
  assert.equal(await dark(), "dark")
  await page.reload()
  await page.waitForFunction(() => document.documentElement.dataset.theme == "dark")
})

test("who wants no motion gets none", async t => {
  const { page } = await start(t, { path: on, prepare: stub => stub.put(id, { status: "running" }) })
  await headline(page, "Proving")
  await page.emulateMedia({ reducedMotion: "reduce" })
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
})

for (const [name, service] of Object.entries({ busy, mock: { ...busy, proverMode: "mock", anonymous: true } })) {
  test(`on a slow processor the page of a ${name} service paints early, stays where it is and blocks nobody`, async t => {
    const stub = await new Stub().listen()
    stub.service = service
    stub.latency = 1000 // the first paint knows no figures
    stub.put(id, { status: "running", phase: "proving", startedAt: new Date().toISOString(), etaSeconds: [60, 90] })
    t.after(() => stub.close())
    const { paint, shift, loading, live } = await measure(browser, stub.url + on, {
      look: looks.phone, there: page => headline(page, "Proving"), live: async page => {
        stub.put(id, { status: "completed", verified: true, verifiedBy: ["groth16"], zkProof: "0x01", publicValues, finishedAt: new Date().toISOString(),
          transaction: { chainId: 1, to: "0x5fbdb2315678afecb367f032d93f642f64180aa3", data: "0x03aa" }, expiresAt: new Date().toISOString() })
        await headline(page, name == "mock" ? "Test proof" : "Proof ready")
        await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 500)))
      },
    })
    t.diagnostic(`first contentful paint ${paint.toFixed(0)} ms, layout shift ${shift.toFixed(3)}, longest task ${Math.max(loading, live).toFixed(0)} ms`)
    assert.ok(paint > 0 && paint < 5000 && shift < 0.1, `${paint} ms, shift ${shift}`)
  })
}
