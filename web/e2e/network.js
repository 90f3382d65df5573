/**
 * A network between the browser and the service that can misbehave: a TCP proxy that looks at the first line of what
 * passes and no further.
 * @module
 */
import { connect, createServer } from "node:net"

export class Network {
  /** What happens to WebSocket upgrades: `pass`, `refuse`. */
  sockets = "pass"
  /** What happens to streams: `pass`, `hold` (their answers do not come through). */
  streams = "pass"
  #frozen = false
  #pairs = new Set()

  /** @param {number} port of the service */
  constructor(port) {
    this.port = port
    this.server = createServer(client => this.#pair(client))
  }

  async listen() {
    await new Promise(resolve => this.server.listen(0, "127.0.0.1", () => resolve(0)))
    this.url = "http://127.0.0.1:" + this.server.address().port
    return this
  }

  #pair(client) {
    const service = connect(this.port, "127.0.0.1"), pair = { client, service, held: false }
    this.#pairs.add(pair)
    const end = () => {
      if (this.#frozen) return // nothing is heard of it
      client.destroy()
      service.destroy()
      this.#pairs.delete(pair)
    }
    for (const s of [client, service]) s.on("close", end).on("error", () => {})
    client.on("data", chunk => {
      const head = chunk.toString("latin1")
      if (/^GET \S+events/.test(head)) {
        const upgrade = /\r\nupgrade: websocket/i.test(head)
        if (upgrade && this.sockets == "refuse") return client.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        pair.held = !upgrade && this.streams == "hold"
      }
      if (!service.write(chunk)) client.pause()
    })
    service.on("data", chunk => { if (!pair.held && !client.write(chunk)) service.pause() })
    client.on("drain", () => service.resume())
    service.on("drain", () => client.resume())
    if (this.#frozen) this.#still(pair)
  }

  #still({ client, service }) { client.pause(); service.pause() }

  /** Nothing passes any more, in either direction, and nobody is told. */
  freeze() {
    this.#frozen = true
    for (const pair of this.#pairs) this.#still(pair)
  }

  /** The network is back; what was open is lost (a new address, a NAT that forgot), or goes on. */
  thaw({ lost = true } = {}) {
    this.#frozen = false
    for (const { client, service } of this.#pairs) {
      if (lost) {
        client.destroy()
        service.destroy()
      } else {
        client.resume()
        service.resume()
      }
    }
  }

  /** Cuts everything as a crash would. */
  cut() { for (const { client, service } of this.#pairs) { client.resetAndDestroy(); service.destroy() } }

  async close() {
    this.#frozen = false
    for (const { client, service } of this.#pairs) { client.destroy(); service.destroy() }
    await new Promise(resolve => this.server.close(resolve))
  }
}
