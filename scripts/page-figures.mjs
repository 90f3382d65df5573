// Takes the page's figures through the DevTools protocol, on the built program (CLAIMPROVER names it) and a processor
// slowed down four times, and prints them as a table: medians of five fresh browsers, and the worst. Needs Chromium.
import { loadavg } from "node:os"
import { submit } from "../web/client/client.js"
import { launch } from "../web/e2e/browser.js"
import { measure } from "../web/e2e/figures.js"
import { looks } from "../web/e2e/scenes.js"
import { key, serve, signedClaim } from "../web/e2e/service.js"

const rounds = 5
const median = values => values.toSorted?.((a, b) => a - b)[values.length >> 1] ?? [...values].sort((a, b) => a - b)[values.length >> 1]
const headline = words => page => page.locator("#headline", { hasText: words }).waitFor()

const service = await serve({ MOCK_DELAY: "6s" })
const visits = {
  "the service alone": async browser => measure(browser, service.url, {
    look: looks.phone, there: page => page.locator("#connection[data-connection=live]").waitFor(), live: page => page.waitForTimeout(6000),
  }),
  "a job until its proof": async browser => {
    const { jobId } = await submit(service.url, signedClaim(), { token: key })
    return measure(browser, service.url + "/#job=" + jobId, { look: looks.phone, there: headline("Proving"), live: headline("Test proof") })
  },
}
try {
  console.log(`load ${loadavg()[0].toFixed(1)}\n`)
  console.log("| page | first contentful paint | layout shift | longest task loading | longest task live | blocked | script | style and layout |\n|---|---|---|---|---|---|---|---|")
  for (const [name, visit] of Object.entries(visits)) {
    const taken = []
    for (let n = 0; n < rounds; n++) {
      const browser = await launch() // nothing is cached or compiled
      try { taken.push(await visit(browser)) } finally { await browser.close() }
    }
    const both = (of, digits = 0, unit = " ms") => `${median(taken.map(t => t[of])).toFixed(digits)}${unit} (${Math.max(...taken.map(t => t[of])).toFixed(digits)})`
    console.log(`| ${[name, both("paint"), both("shift", 3, ""), both("loading"), both("live"), both("blocked"), both("script"), both("layout")].join(" | ")} |`)
  }
  console.log(`\nload ${loadavg()[0].toFixed(1)}`)
} finally {
  await service.stop()
}
