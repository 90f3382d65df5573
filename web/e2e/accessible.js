/** What every state of a page has to pass. @module */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const rules = { light: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"], dark: { type: "rule", values: ["color-contrast"] } }

/** Fails when axe finds something, in the light or by the contrasts of the dark theme. @param {import("playwright-core").Page} page */
export async function assertAccessible(page) {
  await page.evaluate(axe)
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
    const { violations } = await page.evaluate(runOnly => globalThis.axe.run({ runOnly, resultTypes: ["violations"] }), rules[colorScheme])
    assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(" ")}`), [], colorScheme)
  }
}

/** Fails when the page does not fit into 320 px. @param {import("playwright-core").Page} page */
export async function assertFitsPhones(page) {
  await page.setViewportSize({ width: 320, height: 640 })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "scrolls sideways")
}
