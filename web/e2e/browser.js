/** Debian's Chromium, driven by Playwright. @module */
import { existsSync } from "node:fs"
import { chromium } from "playwright-core"

export const executable = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

export const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

export const launch = () => chromium.launch({ executablePath: executable, args: flags })

/** A page that notes what must not happen: errors, refusals of the policy, requests to other hosts. */
export async function open(context, url) {
  const page = await context.newPage(), faults = []
  page.on("pageerror", error => faults.push("error: " + error.message))
  page.on("console", m => { if (m.type() == "error" && !/Failed to load resource|WebSocket connection/.test(m.text())) faults.push("console: " + m.text()) })
  page.on("dialog", d => { faults.push("dialog: " + d.message()); d.dismiss() })
  page.on("request", r => { if (r.url().startsWith("http") && new URL(r.url()).hostname != "127.0.0.1") faults.push("foreign request: " + r.url()) })
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", e => console.error("policy: " + e.violatedDirective + " " + e.blockedURI))
  })
  if (url) await page.goto(url)
  return { page, faults }
}
