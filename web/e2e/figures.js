/** What a page costs who looks at it, read through the DevTools protocol on a processor that is slowed down. @module */
import { open } from "./browser.js"

/**
 * Opens a page in a context of its own, waits until it is there and `live` is over, and gives milliseconds (and the
 * layout's shift): first contentful paint, the longest task until `there` and after it, the time above 50 ms of all
 * tasks, and the time in scripts and in layout.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {{ rate?: number, look?: object, there: (page: any) => Promise<any>, live?: (page: any) => Promise<any> }} how
 */
export async function measure(browser, url, { rate = 4, look = {}, there, live = page => page.waitForTimeout(1500) }) {
  const context = await browser.newContext(look)
  try {
    const { page } = await open(context)
    const session = await context.newCDPSession(page)
    await session.send("Emulation.setCPUThrottlingRate", { rate })
    await session.send("Performance.enable")
    await page.addInitScript(() => {
      const seen = globalThis.seen = { shift: 0, paint: 0, tasks: [] }
      const on = (type, f) => new PerformanceObserver(list => list.getEntries().forEach(f)).observe({ type, buffered: true })
      on("layout-shift", e => { if (!e.hadRecentInput) seen.shift += e.value })
      on("longtask", e => seen.tasks.push([e.startTime, e.duration]))
      on("paint", e => { if (e.name == "first-contentful-paint") seen.paint = e.startTime })
    })
    await page.goto(url)
    await there(page)
    const loaded = await page.evaluate(() => performance.now())
    await live(page)
    const { shift, paint, tasks } = await page.evaluate(() => globalThis.seen)
    const { metrics } = await session.send("Performance.getMetrics"), spent = name => 1000 * metrics.find(m => m.name == name).value
    const longest = some => Math.max(0, ...some.map(([, ms]) => ms))
    return {
      paint, shift, loading: longest(tasks.filter(([at]) => at < loaded)), live: longest(tasks.filter(([at]) => at >= loaded)),
      blocked: tasks.reduce((sum, [, ms]) => sum + Math.max(0, ms - 50), 0), script: spent("ScriptDuration"), layout: spent("LayoutDuration") + spent("RecalcStyleDuration"),
    }
  } finally {
    await context.close()
  }
}
