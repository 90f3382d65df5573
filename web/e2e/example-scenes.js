/** The states of the example dApp, each as a scene on the real service: pictures and accessibility checks walk over all. @module */
import { looks } from "./scenes.js"
import { evmAccount, serveExample, stage, visit } from "./example.js"
import { cases } from "./service.js"

/** What all scenes share: a service with a list, one without, and a back end whose service is away. */
export async function open() {
  const listed = await stage({ MOCK_DELAY: "600ms", CACHE_TTL_SECONDS: "0", IP_RATE_LIMIT_MAX_REQUESTS: "1000" }), any = await stage({ MOCK_DELAY: "600ms", ELIGIBILITY_FILE: "" })
  const lost = await serveExample("http://127.0.0.1:1")
  return { listed, any, lost, close: () => Promise.all([listed.stop(), any.stop(), lost.stop()]) }
}

export const recipient = number => "0x" + Buffer.from("claimprover mock: ").toString("hex") + number.toString(16).padStart(4, "0")

/** Connects the first wallet there is, and waits for what the service says of its first account. */
export async function connect(page) {
  await page.locator("#wallets button").first().click()
  await page.locator("#standing:not(:empty):not(:has-text('Asking'))").waitFor()
}
export async function submit(page, to = evmAccount) {
  await page.fill("#recipient", to)
  await page.click("#sign")
}
export const says = (page, words) => page.locator("#headline", { hasText: words }).waitFor()
export const trouble = (page, words) => page.locator("#trouble:visible h3", { hasText: words }).waitFor()

/** A scene on one of the back ends: gives the page once `then` is through. */
const scene = (at, then, { wallets, hash } = {}) => async (stages, browser, look = looks.desktop) => {
  const context = await browser.newContext(look)
  const { page, faults } = await visit(context, stages[at].url, { wallets, hash })
  await then(page)
  return { page, faults, close: () => context.close() }
}
const live = page => page.locator("#connection[data-connection=live]").waitFor()
const both = { polkadot: {}, evm: {} }

export const scenes = {
  "example-connect": scene("listed", live),
  "example-wallets": scene("listed", live, { wallets: both }),
  "example-listed": scene("listed", async page => { await connect(page); await page.fill("#recipient", evmAccount) }),
  "example-mistyped": scene("any", async page => {
    await connect(page)
    await page.fill("#amount", "1,5 tokens")
    await submit(page, "0x742d")
    await page.locator("#recipient-fault:not(:empty)").waitFor()
  }, { wallets: both }),
  "example-not-listed": scene("listed", async page => {
    await connect(page)
    await page.selectOption("#account", { label: "Ferdie (5CiPPs…SK2DjL)" })
    await trouble(page, "Not on the list")
  }),
  "example-refused": scene("listed", async page => {
    await connect(page)
    await submit(page)
    await trouble(page, "Not signed")
  }, { wallets: { polkadot: { refuse: 1 }, evm: {} } }),
  "example-running": scene("listed", async page => {
    await connect(page)
    await submit(page, recipient(cases.slow))
    await says(page, "Proving")
  }),
  "example-completed": scene("listed", async page => {
    await connect(page)
    await submit(page)
    await says(page, "Test proof")
  }, { wallets: both }),
  "example-sent": scene("listed", async page => {
    await connect(page)
    await submit(page)
    await page.locator("#send:visible").click()
    await page.locator("#send-note", { hasText: "Claimed" }).waitFor()
  }, { wallets: both }),
  "example-not-sent": scene("listed", async page => {
    await connect(page)
    await submit(page)
    await page.locator("#send:visible").click()
    await trouble(page, "Not sent")
  }, { wallets: { polkadot: {}, evm: { refuse: 1 } } }),
  "example-failed": scene("listed", async page => {
    await connect(page)
    await submit(page, recipient(cases.rpcUnavailable))
    await says(page, "The chain could not be asked")
  }),
  "example-no-list": scene("any", async page => {
    await connect(page)
    await submit(page)
    await says(page, "Test proof")
  }),
  "example-expired": scene("listed", page => says(page, "No such job"), { hash: "#job=7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2" }),
  "example-down": scene("lost", async page => {
    await page.locator("#connection[data-connection=offline]").waitFor()
    await page.locator("#wallets button").first().click()
    await trouble(page, "away")
  }),
}
