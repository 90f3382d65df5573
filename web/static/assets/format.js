/** Numbers, times and identifiers as people read them. @module */
import { time, checks, and } from "./texts.js"

/** The job id in whatever was pasted: an id, or a link that holds one. */
export const jobIdIn = text => /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i.exec(text)?.[0].toLowerCase()

/** The middle left out; nothing when that would gain nothing. */
export const short = (text, head = 6, tail = 4) => text.length > head + tail + 1 ? text.slice(0, head) + "…" + text.slice(-tail) : text

/** @param {number} ms exact enough to watch: "3 min 02 s" */
export function duration(ms) {
  if (ms < 1000) return time.short
  const s = Math.round(ms / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60)
  if (s < 60) return time.seconds(s)
  if (m < 60) return `${time.minutes(m)} ${time.seconds(String(s % 60).padStart(2, "0"))}`
  return `${time.hours(h)} ${time.minutes(m % 60)}`
}

/** @param {number} s seconds, rounded for a glance: "3 min" */
export const rough = s => s < 60 ? time.seconds(Math.round(s)) : s < 5400 ? time.minutes(Math.round(s / 60)) : time.hours(Math.round(s / 3600))

/** A range from two numbers of seconds: "about 4–7 min". Never more exact than it can be. */
export function range(from, to) {
  const unit = to < 60 ? [5, time.seconds, 5] : to < 5400 ? [60, time.minutes, 1] : [3600, time.hours, 1]
  const [size, word, step] = unit
  const low = Math.max(step, Math.round(from / size) * step), high = Math.max(low, Math.ceil(to / size) * step)
  return time.about(word(low == high ? low : `${low}\u2060–\u2060${high}`))
}

export const ago = ms => ms < 10_000 ? time.now : time.ago(rough(ms / 1000))

/** "12:01:04" by the reader's clock. Not by Intl, whose first use takes a phone a tenth of a second. */
export function clock(at) {
  const d = new Date(at)
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map(n => String(n).padStart(2, "0")).join(":")
}
/** The exact time for a title: "2026-11-24 12:01:04.123 UTC". */
export const exact = at => new Date(at).toISOString().replace("T", " ").replace("Z", " UTC")

/** "a, b and c" */
export const list = words => words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} ${and} ${words.at(-1)}`
export const checked = by => list((by ?? []).map(name => Object.hasOwn(checks, name) ? checks[name] : name))

/** Base units as tokens of 18 decimals: "1.0", never rounded. */
export function tokens(amount) {
  const digits = String(amount).padStart(19, "0")
  const fraction = digits.slice(-18).replace(/0+$/, "") || "0"
  return digits.slice(0, -18).replace(/\B(?=(\d{3})+$)/g, " ") + "." + fraction
}

/** What a proof's public values say: abi.encode(bytes32 pubkey, address recipient, uint256 amount, bytes32 challenge). */
export function publicValues(hex) {
  if (!/^0x[0-9a-f]{256}$/i.test(hex ?? "")) return
  const word = n => hex.slice(2 + 64 * n, 66 + 64 * n)
  return { pubkey: "0x" + word(0), recipient: "0x" + word(1).slice(24), amount: BigInt("0x" + word(2)).toString(), challenge: "0x" + word(3) }
}

/** A link that may be followed: foreign text becomes one only as https. */
export function link(url) {
  try {
    const u = new URL(url)
    return u.protocol == "https:" && !u.username && !u.password ? u.href : undefined
  } catch {
    return undefined
  }
}

export const bytes = hex => Math.max(0, (hex.length - 2) / 2)
