import type { BrowserWindow } from 'electron'
import type { Logger } from '../logger'

/** A page that cannot live dies again at once: it must not take the machine with it. */
const LEAST_MS_BETWEEN = 10_000

/** Loads the page of a window again when its process dies, for want of memory for example: it would stay blank. */
export function reloadWhenGone(window: BrowserWindow, logger: Logger): void {
  let lastAt = Number.NEGATIVE_INFINITY
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return
    logger.warn({ reason, exitCode }, 'the process of the window ended; its page is loaded again')
    const waitMs = Math.max(0, lastAt + LEAST_MS_BETWEEN - performance.now())
    lastAt = performance.now() + waitMs
    setTimeout(() => {
      if (!window.isDestroyed()) window.webContents.reload()
    }, waitMs)
  })
}
