/** What a page has ever shown of its job, to see that nothing ran backwards. @module */
import assert from "node:assert/strict"

/** Runs in the page before its own scripts. */
export function noteShown() {
  const shown = globalThis.shown = { progress: [], steps: [] }
  addEventListener("DOMContentLoaded", () => {
    const bar = document.querySelector("#progress progress"), steps = document.querySelector("#timeline")
    new MutationObserver(() => { if (bar.value) shown.progress.push(bar.value) }).observe(bar, { attributes: true })
    new MutationObserver(() => { shown.steps.push(steps.querySelectorAll("[data-mark=done], [data-mark=none]").length) }).observe(steps, { childList: true })
  })
}

/** @param {{ progress: number[], steps: number[] }} shown */
export function assertForwards({ progress, steps }) {
  assert.ok(steps.length > 0, "nothing was shown")
  for (const values of [progress, steps]) assert.deepEqual(values, [...values].sort((a, b) => a - b))
}
