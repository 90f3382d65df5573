// Follows a job's events as a browser does, with the npm package eventsource: prints each status it met and each event,
// and ends with the job. Usage: node eventsource.mjs URL
import { EventSource } from "eventsource"

const alive = setInterval(() => {}, 1000) // its own timer for coming back does not keep node running
const source = new EventSource(process.argv[2], {
  fetch: async (...args) => {
    const response = await fetch(...args)
    console.log(`status ${response.status}`)
    return response
  },
})
for (const type of ["position", "running", "verified", "completed", "failed"]) {
  source.addEventListener(type, (event) => {
    console.log(`${type} ${event.lastEventId}`)
    if (type !== "completed" && type !== "failed") return
    source.close()
    clearInterval(alive)
  })
}
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) process.exit(1) // it never comes back
})
