// Compiles what stands on standard input, as solc's standard JSON, and prints its answer. Works offline.
import { readFileSync } from "node:fs"
import solc from "solc"

process.stdout.write(solc.compile(readFileSync(0, "utf8")))
