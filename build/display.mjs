import { spawn } from 'node:child_process'
import { PrepareError } from './process.mjs'

/** Whether a window opened here would be seen by anyone. */
export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/** Starts a virtual display. @returns what `DISPLAY` has to be to open a window there, and what ends it */
export async function startVirtualDisplay() {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const number = await new Promise((fulfil, reject) => {
    server.once('error', () =>
      reject(new PrepareError('Xvfb is missing. Install it with your package manager.')),
    )
    server.once('exit', (code) =>
      reject(new PrepareError(`Xvfb ended with code ${code} before it was ready.`)),
    )
    // Number and newline are two writes; closing the pipe between them would end the server.
    let text = ''
    server.stdio[3].setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      if (text.endsWith('\n')) fulfil(text.trim())
    })
  })
  server.unref()
  server.stdio[3].destroy()
  const stop = () => server.kill()
  process.once('exit', stop)
  return {
    display: `:${number}`,
    stop() {
      process.off('exit', stop)
      stop()
    },
  }
}
