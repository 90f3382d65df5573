// Writes a picture of every state of the status page and of the example dApp to tmp/screenshots, for eyes; of some states
// when they are named. Needs Chromium; `npm ci` first.
import { mkdir } from "node:fs/promises"
import { launch } from "../web/e2e/browser.js"
import * as example from "../web/e2e/example-scenes.js"
import { looks, scenes } from "../web/e2e/scenes.js"

const folder = new URL("../tmp/screenshots/", import.meta.url)
await mkdir(folder, { recursive: true })
const only = process.argv.slice(2)
const browser = await launch(), stages = await example.open()
const all = { ...scenes, ...Object.fromEntries(Object.entries(example.scenes).map(([name, scene]) => [name, scene.bind(undefined, stages)])) }
try {
  for (const [name, scene] of Object.entries(all)) {
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
  await Promise.all([browser.close(), stages.close()])
}
