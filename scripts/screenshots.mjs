// Writes a picture of every state of the status page to tmp/screenshots, for eyes. Needs Chromium; `npm ci` first.
import { mkdir } from "node:fs/promises"
import { launch } from "../web/e2e/browser.js"
import { looks, scenes } from "../web/e2e/scenes.js"

const folder = new URL("../tmp/screenshots/", import.meta.url)
await mkdir(folder, { recursive: true })
const only = process.argv.slice(2)
const browser = await launch()
try {
  for (const [name, scene] of Object.entries(scenes)) {
    if (only.length && !only.includes(name)) continue
    for (const [look, context] of Object.entries(looks)) {
      const { page, close } = await scene(browser, context)
      await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 600))) // transitions end
      await page.screenshot({ path: new URL(`${name}-${look}.png`, folder).pathname, fullPage: true })
      await close()
    }
    console.log(name)
  }
} finally {
  await browser.close()
}
