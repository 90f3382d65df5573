/**
 * Tabs of a Chromium that is spoken to by its own protocol: Playwright keeps every page visible and active, so there no
 * tab is ever really hidden.
 * @module
 */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"
import { WebSocket } from "ws"
import { executable, flags } from "./browser.js"

/** Starts a browser. */
export async function browse() {
  const profile = await mkdtemp(tmpdir() + "/claimprover-tabs-")
  const child = spawn(executable, [...flags, "--headless=new", "--remote-debugging-port=0", "--user-data-dir=" + profile, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] })
  const gone = new Promise(resolve => child.on("exit", resolve))
  const address = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", line => {
      const found = /^DevTools listening on (\S+)/.exec(line)
      if (found) resolve(found[1])
    })
    gone.then(() => reject(new Error("the browser ended")))
  })
  const socket = new WebSocket(address), answers = new Map()
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject))
  socket.on("message", data => {
    const { id, result, error } = JSON.parse(String(data))
    if (id) answers.get(id)(error ? Promise.reject(new Error(error.message)) : result)
    answers.delete(id)
  })
  let calls = 0
  /** @param {string} method @param {object} [params] @param {string} [sessionId] */
  const call = (method, params, sessionId) => new Promise(resolve => {
    answers.set(++calls, resolve)
    socket.send(JSON.stringify({ id: calls, method, params, sessionId }))
  })
  return {
    /** @param {string} [before] a script that runs before the page's own */
    tab: async (url, before = "") => {
      const { targetId } = await call("Target.createTarget", { url: "about:blank" })
      const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true })
      const here = (method, params) => call(method, params, sessionId)
      await here("Page.enable")
      await here("Page.addScriptToEvaluateOnNewDocument", { source: before })
      await here("Page.navigate", { url })
      /** What an expression is worth in the page. */
      const ask = async expression => {
        const { result, exceptionDetails } = await here("Runtime.evaluate", { expression, returnByValue: true })
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
        return result.value
      }
      return {
        ask,
        /** Waits until an expression is true there. */
        until: async (expression, ms = 15_000) => {
          for (const end = Date.now() + ms; !await ask(expression);) {
            if (Date.now() > end) throw new Error("never: " + expression + "; shown: " + await ask("document.title + ' | ' + document.body.innerText"))
            await new Promise(resolve => setTimeout(resolve, 50))
          }
        },
        toFront: () => call("Target.activateTarget", { targetId }),
        /** @param {"frozen" | "active"} state */
        becomes: state => here("Page.setWebLifecycleState", { state }),
        close: () => call("Target.closeTarget", { targetId }),
      }
    },
    close: async () => {
      child.kill()
      await gone
      socket.terminate()
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
