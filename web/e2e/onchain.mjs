// Takes a claim through the example dApp to a chain: with the development key, and an EVM wallet that has the account of
// a node. Run by a test that has set up service, contract and node; says what the page said at the end.
//
//	node web/e2e/onchain.mjs SERVICE KEY NODE
import { launch } from "./browser.js"
import { serveExample, visit } from "./example.js"
import { connect, says } from "./example-scenes.js"

const [service, key, node] = process.argv.slice(2)
const [browser, example] = await Promise.all([launch(), serveExample(service, key)])
try {
  const { page, faults } = await visit(await browser.newContext(), example.url, { wallets: { evm: { node } } })
  page.setDefaultTimeout(30_000)
  try {
    await connect(page)
    await page.click("#own")
    await page.locator("#step-recipient[data-state=done]").waitFor()
    await page.click("#sign")
    await says(page, "Proof ready and checked")
    await page.click("#send")
    await page.locator("#send-note", { hasText: /Claimed|refused/ }).waitFor()
  } catch (error) {
    throw new Error("The page says: " + await page.locator("main").innerText(), { cause: error })
  }
  console.log(JSON.stringify({ note: await page.locator("#send-note").textContent(), faults }))
} finally {
  await Promise.all([browser.close(), example.stop()])
}
