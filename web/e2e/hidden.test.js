// Tabs that are really hidden, as the browser does it, with the real service: the title tells what is true, and who
// comes back sees it.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { submit } from "../client/client.js"
import { Network } from "./network.js"
import { key, serve, signedClaim } from "./service.js"
import { assertForwards, noteShown } from "./shown.js"
import { browse } from "./tabs.js"

let browser
before(async () => { browser = await browse() })
after(() => browser.close())

const seconds = 1000

/** A tab on a job that is proved, behind another tab. */
async function hide(t) {
  const service = await serve({ MOCK_DELAY: "7s" }), network = await new Network(service.port).listen()
  const { jobId } = await submit(service.url, signedClaim(), { token: key })
  const tab = await browser.tab(network.url + "/#job=" + jobId, `(${noteShown})()`)
  t.after(async () => { await tab.close(); await network.close(); await service.stop() })
  const other = await browser.tab("about:blank")
  t.after(() => other.close())
  await tab.toFront()
  await tab.until("document.visibilityState == 'visible' && document.querySelector('#job-connection')?.dataset.connection == 'live' && document.querySelector('#headline').textContent.startsWith('Proving')")
  // A page may be hidden while it waits for a frame, which then never comes: here it always is.
  await tab.ask("globalThis.paint = requestAnimationFrame; globalThis.waits = 0; requestAnimationFrame = () => ++waits; 0")
  await tab.until("waits > 0")
  await other.toFront()
  await tab.until("document.visibilityState == 'hidden'")
  await tab.ask("requestAnimationFrame = paint; 0")
  const ended = async () => {
    for (;;) {
      const answer = await fetch(`${service.url}/v1/jobs/${jobId}`, { headers: { Prefer: "wait=30" } }), job = await answer.json()
      if (job.status == "completed") return
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  return { tab, network, ended }
}

/** The tab comes to the front and says within five seconds how the job has ended. */
async function comesBack(tab) {
  await tab.toFront()
  await tab.until("document.visibilityState == 'visible' && document.querySelector('#headline').textContent.startsWith('Test proof')", 5 * seconds)
  assertForwards(await tab.ask("shown"))
}

test("a tab behind another says in its title that the proof is ready, and shows it when it is seen again", { timeout: 60 * seconds }, async t => {
  const { tab, ended } = await hide(t)
  await ended()
  await tab.until("document.title.startsWith('✓ Test proof')", 5 * seconds)
  assert.equal(await tab.ask("document.visibilityState"), "hidden")
  await comesBack(tab)
})

test("a tab that is hidden and frozen shows what is true when it is seen again", { timeout: 60 * seconds }, async t => {
  const { tab, ended } = await hide(t)
  await tab.becomes("frozen")
  await ended()
  await tab.becomes("active")
  await comesBack(tab)
})

test("a tab that is hidden while its network dies without a word is right when it is seen again", { timeout: 60 * seconds }, async t => {
  const { tab, ended, network } = await hide(t)
  network.freeze()
  await ended()
  assert.match(await tab.ask("document.title"), /^⏳ Proving/, "nothing came through")
  network.thaw()
  await comesBack(tab)
})
