/* Write one JSON line; each has the wall clock in ms, so that the runner can order peers. */
export function say (line) {
  line.t_ms = performance.timeOrigin + performance.now()
  process.stdout.write(JSON.stringify(line) + '\n')
}
