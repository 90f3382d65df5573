/**
 * A link as a QR code: byte mode, correction level M, versions 1 to 10 (213 bytes), after ISO/IEC 18004.
 * Loaded when somebody asks for it.
 * @module
 */

/** By version: correction bytes of a block, then for each kind of block how many there are and their data bytes (table 9). */
const blocks = [, [10, 1, 16], [16, 1, 28], [26, 1, 44], [18, 2, 32], [24, 2, 43], [16, 4, 27], [18, 4, 31], [22, 2, 38, 2, 39], [22, 3, 36, 2, 37], [26, 4, 43, 1, 44]]
/** Centres of the alignment patterns (annex E). */
const centres = [, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]
const capacity = version => { const [, n, k, m = 0, l = 0] = blocks[version]; return n * k + m * l }

/** GF(256) with the polynomial 0x11d: powers of two, and logarithms. */
const power = [], log = []
for (let i = 0, x = 1; i < 255; i++) {
  power[i] = x
  log[x] = i
  x = x << 1 ^ (x > 127 ? 0x11d : 0)
}
const times = (a, b) => a && b ? power[(log[a] + log[b]) % 255] : 0

/** The Reed–Solomon remainder of data, n bytes. */
function correction(data, n) {
  let generator = [1]
  for (let i = 0; i < n; i++) {
    const next = [...generator, 0]
    generator.forEach((g, j) => { next[j + 1] ^= times(g, power[i]) })
    generator = next
  }
  const rest = new Array(n).fill(0)
  for (const byte of data) {
    const factor = byte ^ rest.shift()
    rest.push(0)
    for (let i = 0; i < n; i++) rest[i] ^= times(generator[i + 1], factor)
  }
  return rest
}

/** Mode, length and text, padded, cut into blocks, each with its correction, interleaved. */
function codewords(text, version) {
  const bits = []
  const put = (value, n) => { while (n--) bits.push(value >> n & 1) }
  put(4, 4)
  put(text.length, version < 10 ? 8 : 16)
  for (const byte of text) put(byte, 8)
  const room = capacity(version) * 8
  put(0, Math.min(4, room - bits.length))
  while (bits.length % 8) bits.push(0)
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8)
  const bytes = Array.from({ length: room / 8 }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2))
  const [fix, ...kinds] = blocks[version], data = []
  for (let k = 0; k < kinds.length; k += 2) for (let n = kinds[k]; n--;) data.push(bytes.splice(0, kinds[k + 1]))
  const interleaved = of => Array.from({ length: Math.max(...of.map(b => b.length)) }, (_, i) => of.filter(b => i < b.length).map(b => b[i])).flat()
  return [...interleaved(data), ...interleaved(data.map(b => correction(b, fix)))]
}

const masks = [
  (r, c) => (r + c) % 2, r => r % 2, (r, c) => c % 3, (r, c) => (r + c) % 3, (r, c) => ((r >> 1) + Math.floor(c / 3)) % 2,
  (r, c) => r * c % 2 + r * c % 3, (r, c) => (r * c % 2 + r * c % 3) % 2, (r, c) => ((r + c) % 2 + r * c % 3) % 2,
]

/** value, shifted, with its BCH remainder by the polynomial. */
function bch(value, shift, polynomial) {
  let rest = value << shift
  for (let i = 31 - Math.clz32(rest); i >= shift; i--) if (rest >> i & 1) rest ^= polynomial << i - shift
  return value << shift | rest
}

/** The modules that never change with the text, undefined where it goes. */
function frame(version) {
  const size = 17 + 4 * version, grid = Array.from({ length: size }, () => new Array(size))
  const square = (row, col, radius, dark) => {
    for (let r = -radius; r <= radius; r++) for (let c = -radius; c <= radius; c++)
      if (grid[row + r] && col + c >= 0 && col + c < size) grid[row + r][col + c] = dark(Math.max(Math.abs(r), Math.abs(c)))
  }
  for (const [r, c] of [[3, 3], [3, size - 4], [size - 4, 3]]) square(r, c, 4, d => d != 2 && d != 4)
  for (const r of centres[version]) for (const c of centres[version]) if (grid[r][c] === undefined) square(r, c, 2, d => d != 1)
  for (let i = 8; i < size - 8; i++) grid[6][i] = grid[i][6] = i % 2 == 0
  grid[size - 8][8] = true
  if (version > 6) for (let i = 0, code = bch(version, 12, 0x1f25); i < 18; i++) {
    const a = Math.floor(i / 3), b = size - 11 + i % 3
    grid[a][b] = grid[b][a] = Boolean(code >> i & 1)
  }
  return grid
}

/** Writes the format bits: level M is 00, then the mask. */
function format(grid, mask) {
  const size = grid.length, code = bch(mask, 10, 0x537) ^ 0x5412
  for (let i = 0; i < 15; i++) {
    const dark = Boolean(code >> i & 1)
    grid[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = dark
    grid[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = dark
  }
}

/** How hard a symbol is to read (7.8.3). */
function penalty(grid) {
  const size = grid.length, columns = grid.map((_, i) => grid.map(row => row[i]))
  let sum = 0, dark = 0
  for (const row of [...grid, ...columns]) {
    const text = row.map(Number).join("")
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2
    sum += 40 * (text.match(/(?=10111010000)|(?=00001011101)/g) ?? []).length
  }
  grid.forEach((row, r) => row.forEach((m, c) => {
    dark += Number(m)
    if (r && c && m == grid[r - 1][c] && m == row[c - 1] && m == grid[r - 1][c - 1]) sum += 3
  }))
  return sum + 10 * Math.floor(Math.abs(dark * 20 / size ** 2 - 10))
}

/** The symbol as rows of booleans, true is dark; nothing when the text is too long. */
export function encode(text) {
  const bytes = new TextEncoder().encode(text)
  const version = blocks.findIndex((b, v) => b && bytes.length <= capacity(v) - (v < 10 ? 2 : 3))
  if (version < 0) return
  const bits = codewords(bytes, version).flatMap(byte => [7, 6, 5, 4, 3, 2, 1, 0].map(i => byte >> i & 1))
  const candidates = masks.map((mask, m) => {
    const grid = frame(version), size = grid.length
    format(grid, m)
    let i = 0
    for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right == 6) right-- // the timing column
      for (let n = 0; n < size; n++) for (const c of [right, right - 1]) {
        const r = up ? size - 1 - n : n
        if (grid[r][c] === undefined) grid[r][c] = Boolean((bits[i++] ?? 0) ^ Number(mask(r, c) == 0))
      }
    }
    return grid
  })
  return candidates.reduce((best, grid) => penalty(grid) < penalty(best) ? grid : best)
}

/** The symbol as an SVG element with its quiet zone. */
export function draw(text, label) {
  const grid = encode(text) ?? [], size = grid.length + 8
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS(svg.namespaceURI, "path")
  for (const [k, v] of Object.entries({ viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" })) svg.setAttribute(k, v)
  path.setAttribute("d", grid.flatMap((row, r) => row.map((dark, c) => dark ? `M${c + 4} ${r + 4}h1v1h-1z` : "")).join(""))
  svg.append(path)
  return svg
}
