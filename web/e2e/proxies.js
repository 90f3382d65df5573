/** The proxies of docs/examples as they are there, but for their ports, paths and certificate. @module */
import { execFileSync, spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { connect } from "node:tls"
import { tmpdir } from "node:os"

const example = name => readFile(new URL("../../docs/examples/" + name, import.meta.url), "utf8")

/** Replaces what must be there. @param {string} text @param {[string, string][]} changes */
function changed(text, changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error("the example has no " + from)
    text = text.replaceAll(from, to)
  }
  return text
}

async function freePort() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, "127.0.0.1", () => resolve(0)))
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address())
  await new Promise(resolve => server.close(resolve))
  return port
}

const configurations = {
  nginx: async ({ folder, upstream, port, plain, certificate, key }) => {
    const config = changed(await example("nginx.conf"), [
      ["user www-data;", "daemon off;"], ["/run/nginx.pid", folder + "/pid"], ["/var/log/nginx/error.log", folder + "/error.log"],
      ["/var/log/nginx/access.log", folder + "/access.log"], ["server 127.0.0.1:8080;", `server 127.0.0.1:${upstream};`],
      ["listen 80;", `listen 127.0.0.1:${plain};`], ["listen [::]:80;", ""], ["listen 443 ", `listen 127.0.0.1:${port} `], ["listen [::]:443 ssl http2;", ""],
      ["/etc/letsencrypt/live/prover.example/fullchain.pem", certificate], ["/etc/letsencrypt/live/prover.example/privkey.pem", key],
      ["worker_rlimit_nofile 65536;", ""], ["worker_connections 16384;", "worker_connections 512;"],
    ])
    const places = ["client-body", "proxy", "fastcgi", "uwsgi", "scgi"].map(n => `${n.replace("client-body", "client_body")}_temp_path ${folder}/${n};`).join(" ")
    await writeFile(folder + "/nginx.conf", config.replace("http {", "http { " + places))
    return ["nginx", ["-c", folder + "/nginx.conf", "-p", folder]]
  },
  caddy: async ({ folder, upstream, port, certificate, key }) => {
    const config = changed(await example("Caddyfile"), [
      ["prover.example {", `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\nhttps://127.0.0.1:${port}, https://localhost:${port} {\n\ttls ${certificate} ${key}`],
      ["reverse_proxy 127.0.0.1:8080", "reverse_proxy 127.0.0.1:" + upstream], ["log {", `log {\n\t\toutput file ${folder}/access.log`],
    ])
    await writeFile(folder + "/Caddyfile", config)
    return ["caddy", ["run", "--config", folder + "/Caddyfile", "--adapter", "caddyfile"]]
  },
}

/** Starts one before a service and waits until it listens. @param {keyof typeof configurations} name @param {number} upstream */
export async function proxy(name, upstream) {
  const folder = await mkdtemp(tmpdir() + "/claimprover-proxy-"), certificate = folder + "/certificate.pem", key = folder + "/key.pem"
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], { stdio: "ignore" })
  const port = await freePort(), plain = await freePort()
  const [command, args] = await configurations[name]({ folder, upstream, port, plain, certificate, key })
  const said = []
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: folder } })
  for (const out of [child.stdout, child.stderr]) out.on("data", data => said.push(data))
  let ended = false
  const gone = new Promise(resolve => child.on("exit", () => { ended = true; resolve(0) }).on("error", e => { said.push(e.message); ended = true; resolve(0) }))
  for (const end = Date.now() + 20_000; !await listens(port);) {
    if (ended || Date.now() > end) throw new Error(`${name} does not listen: ${said.join("")}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return {
    port, plain, url: "https://127.0.0.1:" + port,
    log: () => readFile(folder + "/access.log", "utf8"),
    stop: async () => {
      child.kill(name == "nginx" ? "SIGTERM" : "SIGKILL")
      await gone
      await rm(folder, { recursive: true })
    },
  }
}

const listens = port => new Promise(resolve => {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => { socket.destroy(); resolve(true) })
  socket.on("error", () => resolve(false))
})
