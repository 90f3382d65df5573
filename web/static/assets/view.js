/**
 * Puts a view of the state into the document. Foreign text becomes text and nothing else; what has not changed is not
 * touched, so focus, selection and scroll positions stay.
 * @module
 */
import * as t from "./texts.js"
import { bytes, clock, exact, link, rough, short } from "./format.js"

const $ = id => document.getElementById(id)

export const text = (el, words) => { if (el.textContent !== words) el.textContent = words }
export const show = (el, yes) => { if (el.hidden == Boolean(yes)) el.hidden = !yes }
export const attribute = (el, name, value) => {
  if (value === undefined || value === false) el.removeAttribute(name)
  else if (el.getAttribute(name) !== String(value)) el.setAttribute(name, String(value))
}

/** An element with its classes, attributes and children: el("p.note", { id: "x" }, "words") */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".")
  const made = document.createElement(name)
  if (classes.length) made.className = classes.join(" ")
  for (const [k, v] of Object.entries(attributes)) attribute(made, k, v)
  made.append(...children.filter(c => c !== undefined && c !== ""))
  return made
}

const shape = new WeakMap()
/** Children are made anew only when what they are made of has changed. */
export function fill(parent, of, make) {
  const key = JSON.stringify(of)
  if (shape.get(parent) === key) return
  shape.set(parent, key)
  parent.replaceChildren(...make())
}

const time = (at, words) => el("time", { datetime: at, title: exact(at) }, words)

/** @param {ReturnType<import("./state.js").view>} v */
export function render(v) {
  document.title = v.title
  badge($("connection"), v.connection)
  fill($("banners"), v.banners, () => v.banners.map(b => el("p.banner", { "data-kind": b.kind }, b.text)))
  text($("sentence"), v.sentence)
  text($("query-fault"), v.fault)
  attribute($("query"), "aria-invalid", v.fault ? "true" : undefined)
  if (v.announcement !== undefined) text($("status"), v.announcement)
  attribute(document.documentElement, "data-theme", v.theme == "auto" ? undefined : v.theme)
  attribute($("theme"), "aria-label", t.theme[v.theme])
  attribute($("theme"), "title", t.theme[v.theme])
  recent(v.recent)
  attribute($("figures"), "data-stale", v.stale || undefined)
  if (v.figures) for (const name of ["waiting", "proving", "oldest"]) figure($(name), v.figures[name])
  text($("hour"), v.hour)
  charts(v.charts)
  text($("build"), v.build)
  show($("job"), Boolean(v.job))
  if (v.job) job(v.job)
}

export function badge(at, { kind, text: words }) {
  attribute(at, "data-connection", kind)
  text(at.lastElementChild, words)
}

function recent(items) {
  show($("recent"), items.length > 0)
  fill($("recent").querySelector("ul"), items, () => items.map(({ id, word }) =>
    el("li", {}, el("a", { href: "#job=" + id, "aria-label": t.recent.watch(short(id, 8, 4)) + ", " + word }, el("code", {}, short(id, 8, 4))), " ", el("span", {}, word))))
}

function figure(at, { number, words, level, full }) {
  text(at.querySelector("b"), String(number))
  text(at.querySelector("span"), words)
  attribute(at, "data-full", full || undefined)
  const bar = at.querySelector(".level i")
  if (bar) bar.style.transform = `scaleX(${level.toFixed(3)})`
}

function job(v) {
  const card = $("job"), j = v.job
  attribute(card, "data-kind", v.kind)
  attribute(card, "data-stale", v.stale || undefined)
  badge($("job-connection"), v.connection)
  show($("job-connection"), v.connection.kind != "ended")
  text($("job-id"), short(v.id, 8, 4))
  attribute($("job-id"), "title", v.id)
  text($("headline"), v.head)
  text($("next"), v.next)
  show($("code"), Boolean(v.code))
  if (v.code) fill($("code"), v.code, () => [el("code", {}, v.code.code ?? ""), v.code.message ? " " + v.code.message : "", v.code.requestId ? ` (${v.code.requestId})` : ""].filter(Boolean))
  text($("warning"), v.warning)
  show($("progress"), Boolean(v.progress))
  if (v.progress) {
    const bar = $("progress").querySelector("progress")
    attribute(bar, "value", v.progress.value === undefined ? undefined : v.progress.value.toFixed(1))
    text($("elapsed"), v.progress.elapsed)
    text($("eta"), v.progress.eta)
  }
  show($("timeline"), v.steps.length > 0)
  fill($("timeline"), v.steps, () => v.steps.map(step))
  show($("result"), Boolean(v.result))
  show($("contents"), Boolean(v.result))
  if (v.result) result(v)
  show($("sharing"), v.shareable)
  show($("share-note"), v.worthSharing)
  show($("cancel-open"), v.cancellable)
  attribute($("cancel-open"), "aria-expanded", String(v.cancel.open))
  show($("cancel"), v.cancellable && v.cancel.open)
  text($("cancel-fault"), v.cancel.fault)
  text($("cancel").querySelector(".danger"), v.cancel.sending ? t.actions.cancelling : t.actions.cancel)
  attribute($("cancel").querySelector(".danger"), "aria-disabled", v.cancel.sending || undefined)
  show($("qr"), v.qr)
  attribute($("qr-open"), "aria-expanded", String(v.qr))
  text($("qr-open"), v.qr ? t.actions.hideQR : t.actions.showQR)
  show($("notify"), v.notify != "hidden")
  text($("notify"), { offer: t.actions.notify, on: t.actions.notified, refused: t.actions.refused }[v.notify] ?? "")
  attribute($("notify"), "aria-disabled", v.notify == "offer" ? undefined : "true")
}

function step(s) {
  const rest = []
  if (s.at) rest.push(time(s.at, clock(s.at)))
  if (s.took) rest.push(el("span", {}, s.took))
  if (s.note) rest.push(el("span", {}, s.note))
  const item = el("li", { "data-mark": s.mark }, el("i", { "aria-hidden": "true" }),
    el("span.name", {}, s.name, el("span.visually-hidden", {}, t.steps.marks[s.mark] ? `, ${t.steps.marks[s.mark]}` : "")), el("span.when", {}, ...rest))
  if (s.details?.length) item.append(el("ul", {}, ...s.details.map(d => el("li", {}, el("span", {}, d.name), el("span.when", {}, d.took ?? "")))))
  if (s.request?.id) item.append(request(s.request))
  return item
}

function request({ id, explorer }) {
  const href = link(explorer), at = el("p.request", {}, t.steps.request + " ", el("code", { title: id }, short(id, 10, 6)))
  if (href) at.append(" ", el("a", { href, rel: "noopener noreferrer", target: "_blank" }, t.steps.explorer + " ↗"))
  return at
}

/** A fact as its two elements of a list of descriptions. */
export const rows = ([name, words, { code, title, at } = {}]) => [
  el("dt", {}, name),
  el("dd", {}, at ? time(at, words) : code ? el("code", { title: words, tabindex: "0" }, el("span.full", {}, words), el("span.cut", { "aria-hidden": "true" }, short(words))) : words,
    title ? el("small", {}, " " + title) : undefined),
]

function result({ result: r, facts, job: j }) {
  show($("copy-calldata"), Boolean(r.calldata))
  show($("copy-proof"), Boolean(r.proof) && r.proof != "0x")
  $("copy-proof").classList.toggle("primary", !r.calldata)
  fill($("facts"), facts, () => facts.flatMap(rows))
  fill($("raw").querySelector("div"), r.raw, () => r.raw.map(([name, hex]) => el("div", {},
    el("h3", {}, name, el("small", {}, " " + t.facts.bytes(bytes(hex)))), el("pre", { tabindex: "0", "aria-label": name }, hex))))
}

const svg = (tag, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [k, v] of Object.entries(attributes)) made.setAttribute(k, String(v))
  return made
}

const width = 240, height = 48
function charts({ steps, empty, count, countScale, time: times, timeScale }) {
  text($("chart-count").nextElementSibling, countScale)
  text($("chart-time").nextElementSibling, timeScale)
  show(document.querySelector(".charts"), !empty)
  show($("numbers"), !empty)
  const most = Math.max(1, ...steps.map(s => s.completed + s.failed)), w = width / Math.max(12, steps.length)
  attribute($("chart-count"), "aria-label", count)
  fill($("chart-count"), steps, () => steps.flatMap(({ completed, failed }, i) => {
    const up = n => n / most * (height - 4), bar = (cls, from, n) => svg("rect", { class: cls, x: i * w + 1.5, y: height - up(from) - up(n), width: w - 3, height: Math.max(n ? 1.5 : 0, up(n)) })
    return [svg("rect", { class: "ground", x: i * w + 1.5, y: height - 1, width: w - 3, height: 1 }), bar("ready", 0, completed), bar("failed", completed, failed)]
  }))
  attribute($("chart-time"), "aria-label", times)
  fill($("chart-time"), [steps], () => {
    const slowest = Math.max(1, ...steps.map(s => s.p90))
    return steps.flatMap(({ p50, p90 }, i) => {
      const y = s => height - s / slowest * (height - 4), x = i * w + 1.5
      return [svg("rect", { class: "ground", x, y: height - 1, width: w - 3, height: 1 }),
        ...p90 ? [svg("rect", { class: "most", x, y: y(p90), width: w - 3, height: height - y(p90) }), svg("rect", { class: "half", x, y: y(p50), width: w - 3, height: height - y(p50) })] : []]
    })
  })
  fill($("numbers").querySelector("tbody"), steps, () => steps.map(s => el("tr", {}, el("th", { scope: "row" }, time(s.at, clock(s.at).slice(0, 5))),
    ...[s.completed, s.failed, s.p50 ? rough(s.p50) : "–", s.p90 ? rough(s.p90) : "–"].map(n => el("td", {}, String(n))))))
}
