/**
 * The status page: asks the service, keeps the state, has it drawn, and does what the buttons say.
 * @module
 */
import { cancel, follow, followStats, stats } from "../client.js"
import { jobIdIn } from "./format.js"
import * as state from "./state.js"
import * as t from "./texts.js"
import { el, render } from "./view.js"

const $ = id => document.getElementById(id)
const base = new URL("..", import.meta.url)

/** What this browser remembers, if it lets us. */
const memory = {
  read(key, otherwise) { try { return JSON.parse(localStorage.getItem("claimprover." + key)) ?? otherwise } catch { return otherwise } },
  write(key, value) { try { localStorage.setItem("claimprover." + key, JSON.stringify(value)) } catch { /* private mode */ } },
}
const remembered = memory.read("jobs", [])

let now = state.start(Date.now(), Array.isArray(remembered) ? remembered.filter(r => jobIdIn(r?.id ?? "")) : [], document.documentElement.dataset.banners)
now.theme = memory.read("theme", "auto")

const draw = () => render(state.view(now))

let drawing = false
const drawn = () => {
  if (!drawing) return
  drawing = false
  draw()
}
/** Sets the state and draws it once before the next frame; a hidden page has none, but its title is read. */
function set(next) {
  if (next.recent != now.recent) memory.write("jobs", next.recent)
  now = next
  if (drawing) return
  drawing = true
  document.hidden ? setTimeout(drawn) : requestAnimationFrame(drawn)
}
const tick = () => set(state.ticked(now, Date.now()))

// The service.

const service = followStats(base)
service.addEventListener("update", e => set(state.figured(state.ticked(now, Date.now()), e.detail.service)))
service.addEventListener("connection", () => {
  const seen = service.lastSeen?.getTime()
  set({ ...now, now: Date.now(), service: { ...state.connected(now.service, service.connection, Date.now()), seen } })
  if (service.connection == "live" || service.connection == "polling") askHistory()
})

let asked = 0
async function askHistory() {
  if (Date.now() - asked < 50_000 || document.hidden) return
  asked = Date.now()
  const { history } = await stats(base).catch(() => ({ history: undefined }))
  if (history) set({ ...now, history })
  else asked = 0
}

// The job.

let job
function watch(id) {
  if (now.watched?.id == id) return
  job?.close()
  job = undefined
  set(state.watching(now, id))
  if (!id) return
  const mine = job = follow(base, id)
  const current = f => (...args) => { if (job == mine) f(...args) }
  mine.addEventListener("update", current(e => {
    set(state.told(state.ticked(now, Date.now()), e.detail.job))
    if (state.ended(e.detail.job)) ready(e.detail.job)
  }))
  mine.addEventListener("connection", current(() => set({ ...now, watched: {
    ...state.connected(now.watched, mine.connection, Date.now()), seen: mine.lastSeen?.getTime() } })))
  mine.result.catch(current(error => { if (!state.ended(now.watched?.job)) set(state.refused(now, error)) }))
  offerNotice()
}

const idInAddress = () => jobIdIn(/^#job=(.*)$/.exec(location.hash)?.[1] ?? "")
function navigate() {
  const id = idInAddress()
  watch(id)
  if (id) requestAnimationFrame(() => $("job").focus())
}
addEventListener("hashchange", navigate)

$("search").addEventListener("submit", event => {
  event.preventDefault()
  const id = jobIdIn($("query").value)
  if (!id) return set({ ...now, fault: t.search.fault })
  $("query").value = ""
  set({ ...now, fault: "" })
  if (idInAddress() == id) navigate()
  else location.hash = "job=" + id
})
$("query").addEventListener("input", () => { if (now.fault) set({ ...now, fault: "" }) })
$("forget").addEventListener("click", () => { set({ ...now, recent: now.recent.filter(r => r.id == now.watched?.id) }); $("query").focus() })

// Buttons.

const link = () => new URL("#job=" + now.watched.id, base).href
const copied = {
  id: () => now.watched.id, link, proof: () => now.watched.job.zkProof, calldata: () => now.watched.job.transaction.data,
}
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
  const words = button.dataset.words ??= button.textContent
  const done = await copy(copied[button.dataset.copy]())
  button.textContent = done ? t.actions.copied : t.actions.failed
  $("status").textContent = button.textContent
  setTimeout(() => { button.textContent = words }, 2000)
})

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch { // no secure context: the old way
    const field = el("textarea.visually-hidden", { readonly: "" }, text)
    const focused = document.activeElement
    document.body.append(field)
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    focused?.focus()
    return done
  }
}

$("download").addEventListener("click", () => {
  const { name, text } = state.download(now.watched.job)
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }))
  el("a", { href, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
})

$("qr-open").addEventListener("click", async () => {
  const open = !now.qr
  if (open) {
    const { draw } = await import("./qr.js")
    $("qr").replaceChildren(draw(link(), t.actions.qr))
  }
  set({ ...now, qr: open })
})

const cancelling = change => set({ ...now, cancel: { ...now.cancel, ...change } })
function closeCancel() {
  $("key").value = ""
  cancelling({ open: false, fault: "", sending: false })
  $("cancel-open").focus()
}
$("cancel-open").addEventListener("click", () => {
  if (now.cancel.open) return closeCancel()
  cancelling({ open: true })
  requestAnimationFrame(() => requestAnimationFrame(() => $("key").focus()))
})
$("cancel-close").addEventListener("click", closeCancel)
$("cancel").addEventListener("submit", async event => {
  event.preventDefault()
  const token = $("key").value.trim(), { id } = now.watched
  if (now.cancel.sending) return
  if (!token) return cancelling({ fault: t.actions.keyNeeded })
  cancelling({ sending: true, fault: "" })
  try {
    const left = await cancel(base, id, { token })
    if (now.watched?.id != id) return
    closeCancel()
    set(state.told(now, left))
    $("job").focus()
  } catch (error) {
    if (now.watched?.id == id) cancelling({ sending: false, fault: error.message })
  }
})

function offerNotice() {
  const can = "Notification" in globalThis && isSecureContext
  set({ ...now, notify: !can ? "hidden" : Notification.permission == "denied" ? "refused" : "offer" })
}
$("notify").addEventListener("click", async () => {
  if (now.notify != "offer") return
  set({ ...now, notify: await Notification.requestPermission() == "granted" ? "on" : "refused" })
})
function ready(ended) {
  if (now.notify != "on" || !document.hidden) return
  const notice = new Notification(state.headline(ended)[0], { tag: ended.jobId, icon: new URL("assets/icon.svg", base).href })
  notice.onclick = () => { focus(); notice.close() }
}

$("theme").addEventListener("click", () => {
  const themes = ["auto", "light", "dark"], theme = themes[(themes.indexOf(now.theme) + 1) % themes.length]
  memory.write("theme", theme)
  set({ ...now, theme })
})

addEventListener("keydown", event => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement
  if (event.key == "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault()
    $("query").focus()
  }
  if (event.key != "Escape") return
  if (now.cancel.open) closeCancel()
  else if (now.qr) { set({ ...now, qr: false }); $("qr-open").focus() }
  else if (event.target == $("query")) $("query").blur()
})

// Time, while somebody looks.

let timer
function beat() {
  clearInterval(timer)
  if (document.hidden) return drawn() // the frame that was waited for does not come
  tick()
  timer = setInterval(() => { tick(); askHistory() }, 1000)
}
document.addEventListener("visibilitychange", beat)
beat()
navigate()
draw() // before the first paint
