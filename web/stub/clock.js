/**
 * A clock whose seconds pass quickly, and no faster than the event loop turns: on a busy machine its time slows down with
 * everything else, so what takes a few turns never looks like silence.
 * @param {number} [step] milliseconds that pass with each tick of five real ones
 */
export function quickClock(step = 100) {
  let now = 1_000_000
  const timers = new Set()
  const ticking = setInterval(() => {
    now += step
    const due = [...timers].filter(t => t.at <= now).sort((a, b) => a.at - b.at)
    for (const timer of due) if (timers.delete(timer)) timer.f()
  }, 5)
  return {
    now: () => now,
    setTimeout: (f, ms) => { const timer = { f, at: now + ms }; timers.add(timer); return timer },
    clearTimeout: timer => { timers.delete(timer) },
    random: () => 0.5,
    /** The machine sleeps: time passes and nothing runs. */
    sleep: ms => { now += ms },
    /** How many timers wait. */
    get waiting() { return timers.size },
    stop: () => clearInterval(ticking),
  }
}
