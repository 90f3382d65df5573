// The example dApp in a real browser, against its real back end and the real service.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { after, before, describe, test } from "node:test"
import { assertAccessible, assertFitsPhones } from "./accessible.js"
import { launch } from "./browser.js"
import { bob, evmAccount, programs, serveExample, settings, visit } from "./example.js"
import { connect, open, recipient, says, scenes, submit, trouble } from "./example-scenes.js"
import { cases, serve } from "./service.js"

let browser, stages
before(async () => { [browser, stages] = await Promise.all([launch(), open()]) })
after(() => Promise.all([browser.close(), stages.close()]))

async function start(t, { at = "listed", ...how } = {}) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] })
  t.after(() => context.close())
  return { context, ...await visit(context, stages[at]?.url ?? at, how) }
}
const jobOf = async (page, service = stages.listed.service) =>
  (await fetch(service.url + "/v1/jobs/" + new URL(page.url()).hash.slice("#job=".length))).json()

describe("every state of the example", { concurrency: 3 }, () => {
  for (const [name, scene] of Object.entries(scenes)) test(`“${name}” is accessible in both themes, fits 320 px, and breaks no rule`, async t => {
    const { page, faults, close } = await scene(stages, browser)
    t.after(close)
    await assertAccessible(page)
    await assertFitsPhones(page)
    assert.deepEqual(faults, [])
  })
})

describe("the example", { concurrency: 3 }, () => {
  test("goes by keyboard alone from a development key to the calldata", async t => {
    const { page, faults } = await start(t)
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key) }
    await page.locator("#wallets button").waitFor()
    await press("Tab", "Tab", "Enter") // past the home link
    await page.locator("#standing", { hasText: "On the list with 1 000.0 tokens." }).waitFor()
    assert.equal(await page.evaluate(() => document.activeElement?.id), "account")
    await press("Tab", "Tab")
    await page.keyboard.type(evmAccount)
    await press("Enter")
    await says(page, "Test proof (not valid on chain)")
    assert.equal(await page.evaluate(() => document.activeElement?.id), "job")
    assert.equal(await page.title(), "✓ Test proof · Claim your tokens")
    assert.equal(await page.locator("#send").getAttribute("aria-disabled"), "true")
    assert.match(await page.locator("#send-note").textContent(), /no EVM wallet/)
    await page.click("#copy")
    await page.locator("#status", { hasText: "Copied" }).waitFor({ state: "attached" })
    const { transaction, claim } = await jobOf(page)
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), transaction.data)
    assert.match(transaction.data, /^0x29b6d5f2d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d/) // claimWithZKProof of Alice
    assert.equal(claim.recipient, evmAccount.toLowerCase())
    assert.deepEqual(faults, [])
  })

  test("has an extension sign, and an EVM wallet send exactly what the job says", async t => {
    const { page, faults, asked } = await start(t, { wallets: { polkadot: {}, evm: {} } })
    await connect(page)
    await page.click("#own")
    await page.locator("#step-recipient[data-state=done]").waitFor()
    await page.dblclick("#sign") // which signs and submits once
    await says(page, "Test proof")
    await page.dblclick("#send")
    await page.locator("#send-note", { hasText: "in block 42" }).waitFor()
    const { transaction } = await jobOf(page)
    assert.deepEqual(asked.filter(a => a.enable || a.signRaw), [{ enable: "claimprover example" }, { signRaw: { address: bob, data: asked[2].signRaw.data, type: "bytes" } }])
    assert.deepEqual(asked.filter(a => a.params && a.method != "eth_getTransactionReceipt"), [
      { method: "wallet_switchEthereumChain", params: [{ chainId: "0x14a34" }] },
      { method: "eth_sendTransaction", params: [{ from: evmAccount, to: transaction.to, data: transaction.data }] }])
    assert.deepEqual(faults, [])
  })

  test("says so when the extension lets nobody in, and when it shows no account", async t => {
    const shut = await start(t, { wallets: { polkadot: { deny: true } } })
    await shut.page.locator("#wallets button").first().click()
    await trouble(shut.page, "The wallet did not open")
    const empty = await start(t, { wallets: { polkadot: { accounts: [{ address: "0x00", type: "ethereum" }] } } })
    await empty.page.locator("#wallets button").first().click()
    await trouble(empty.page, "The wallet shows no account")
    assert.deepEqual([...shut.faults, ...empty.faults], [])
  })

  test("lets a claimant who did not sign sign after all", async t => {
    const { page } = await start(t, { wallets: { polkadot: { refuse: 1 } } })
    await connect(page)
    await submit(page)
    await trouble(page, "Not signed")
    await page.click("#sign")
    await says(page, "Test proof")
  })

  test("refuses what is not on the list or of another kind before anything is signed, and takes the right account then", async t => {
    const accounts = [{ address: "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL", name: "Ferdie", type: "sr25519" },
      { address: "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu", name: "Old", type: "ed25519" }, { address: bob, name: "Bob", type: "sr25519" }]
    const { page, asked, faults } = await start(t, { wallets: { polkadot: { accounts } } })
    await page.locator("#wallets button").first().click()
    await trouble(page, "Not on the list")
    await page.selectOption("#account", accounts[1].address)
    await trouble(page, "This account cannot claim")
    assert.equal(await page.locator("#sign").getAttribute("aria-disabled"), "true")
    await page.fill("#recipient", evmAccount)
    await page.press("#recipient", "Enter")
    assert.ok(!asked.some(a => a.signRaw))
    await page.selectOption("#account", bob)
    await page.locator("#sign:not([aria-disabled])").click()
    await says(page, "Test proof")
    assert.deepEqual(faults, [])
  })

  test("takes a signature that says it is sr25519, and none that says it is of another kind", async t => {
    const marked = await start(t, { wallets: { polkadot: { kind: "01" } } })
    await connect(marked.page)
    await submit(marked.page)
    await says(marked.page, "Test proof")
    const other = await start(t, { wallets: { polkadot: { kind: "00" } } })
    await connect(other.page)
    await submit(other.page)
    await trouble(other.page, "The wallet gave no sr25519 signature")
  })

  test("drops the answer about an account that is no longer the chosen one", async t => {
    const { page, faults } = await start(t)
    await connect(page)
    let late
    await page.route("**/v1/claims/5CiPP*", route => new Promise(resolve => { late = () => resolve(route.continue()) }))
    await page.selectOption("#account", { index: 1 })
    while (!late) await new Promise(resolve => setTimeout(resolve, 10))
    await page.selectOption("#account", { index: 0 })
    await page.locator("#standing", { hasText: "On the list" }).waitFor()
    const answered = page.waitForResponse("**/v1/claims/5CiPP*")
    late()
    await (await answered).finished()
    await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 50)))
    assert.ok(await page.locator("#trouble").isHidden())
    assert.equal(await page.locator("#sign").getAttribute("aria-disabled"), null)
    assert.deepEqual(faults, [])
  })

  test("finds its job again after a reload in mid-job, and the back button leads to the form", async t => {
    const { page, faults, context } = await start(t)
    await connect(page)
    await submit(page, recipient(cases.slow))
    await says(page, "Proving")
    const { jobId } = await jobOf(page)
    await page.reload()
    await says(page, "Proving")
    const other = await visit(context, stages.listed.url, { hash: "#job=" + jobId })
    await says(other.page, "Proving")
    await page.goBack()
    await page.locator("#claim").waitFor()
    await page.goForward()
    await says(page, "Test proof")
    await says(other.page, "Test proof")
    assert.equal((await jobOf(page)).jobId, jobId)
    assert.deepEqual(faults, [])
  })

  test("says why the EVM wallet did not send, and sends then", async t => {
    const { page } = await start(t, { wallets: { polkadot: {}, evm: { refuse: 1, chain: 84532 } } })
    await connect(page)
    await submit(page)
    await page.locator("#send:visible").click()
    await trouble(page, "Not sent")
    await page.click("#send")
    await page.locator("#send-note", { hasText: "Claimed" }).waitFor()
    const stays = await start(t, { wallets: { evm: { only: true } }, hash: new URL(page.url()).hash })
    await stays.page.locator("#send:visible").click()
    await trouble(stays.page, "The wallet is on another network")
  })

  test("says that the contract refused what was sent", async t => {
    const { page } = await start(t, { wallets: { polkadot: {}, evm: { reverts: true } } })
    await connect(page)
    await submit(page)
    await page.locator("#send:visible").click()
    await page.locator("#send-note", { hasText: "The contract refused" }).waitFor()
  })

  test("tries a failed job again with the signature it has", async t => {
    const { page, asked } = await start(t, { wallets: { polkadot: {} } })
    await connect(page)
    await submit(page, recipient(11)) // fails once
    await says(page, "The chain could not be asked")
    await page.click("#retry")
    await says(page, "Test proof")
    assert.equal(asked.filter(a => a.signRaw).length, 1)
  })

  test("outlives its service: what was signed is submitted when it is back", async t => {
    let service = await serve({ ...settings, MOCK_DELAY: "600ms" })
    const example = await serveExample(service.url)
    t.after(async () => { await example.stop(); await service.stop() })
    const { page, asked } = await start(t, { at: example.url, wallets: { polkadot: {} } })
    await connect(page)
    await page.route("**/v1/jobs", route => route.abort())
    await submit(page)
    await trouble(page, "away")
    await page.unroute("**/v1/jobs")
    await service.stop()
    await page.locator("#connection[data-connection=offline]").waitFor()
    assert.match(await page.locator("#sentence").textContent(), /connection is lost/)
    service = await serve({ ...settings, MOCK_DELAY: "600ms", PORT: String(service.port) })
    await page.locator("#connection[data-connection=live]").waitFor()
    assert.equal(await page.locator("#sign").textContent(), "Submit again")
    await page.click("#sign")
    await says(page, "Test proof")
    assert.equal(asked.filter(a => a.signRaw).length, 1)
  })

  test("runs nothing of what a hostile prover says", async t => {
    for (const [number, words] of [[cases.hostile, "Test proof"], [cases.hostileMessage, "No valid proof"]]) {
      const { page, faults } = await start(t)
      await connect(page)
      await submit(page, recipient(number))
      await says(page, words)
      assert.equal(await page.locator("img:not(.brand img), main a[href^=javascript]").count(), 0)
      assert.deepEqual(faults, [])
    }
  })
})

test("the script of make example serves both, away from other settings, and Ctrl-C ends both", async t => {
  const child = spawn("scripts/example.sh", {
    cwd: new URL("../..", import.meta.url), detached: true, stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...programs(), EXAMPLE_PORT: "0", MOCK_DELAY: "100ms", WORKER_COUNT: "none", CLAIMPROVER_API_KEY: "of another service" },
  })
  t.after(() => { try { process.kill(-child.pid, "SIGKILL") } catch { /* gone */ } })
  const gone = new Promise(resolve => child.on("exit", resolve))
  const urls = await new Promise((resolve, reject) => {
    const found = []
    createInterface({ input: child.stdout }).on("line", line => { if (found.push(line.match(/http:\/\/[\d.:]+/)[0]) == 2) resolve(found) })
    gone.then(() => reject(new Error("it ended")))
  })
  const { page } = await start(t, { at: urls[1] })
  await connect(page)
  await submit(page)
  await says(page, "Test proof")
  process.kill(-child.pid, "SIGINT")
  assert.equal(await gone, 0)
  for (const url of urls) await assert.rejects(fetch(url), "something still listens")
})
