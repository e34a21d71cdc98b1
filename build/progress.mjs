// Progress on stderr: what is being done and how long it took. Stdout belongs to the program itself.

const isTerminal = Boolean(process.stderr.isTTY)

/** Prints one line on stderr. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** Runs one step of preparation and tells what it is and how long it took. */
export async function step(title, work) {
  const startedAt = performance.now()
  process.stderr.write(isTerminal ? `  ${title} ...` : `  ${title} ...\n`)
  const finish = (mark) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stderr.write(`${isTerminal ? '\r\u001b[2K' : ''}  ${mark} ${title} (${seconds} s)\n`)
  }
  try {
    const result = await work()
    finish('done:')
    return result
  } catch (error) {
    finish('failed:')
    throw error
  }
}
