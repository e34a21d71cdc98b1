import { _electron as electron } from '@playwright/test'
import { percentile, root, serve } from './support.mjs'

const JOBS = 10_000
const CLIENTS = 100
const FRAMES = 600
/** Some eight rows a frame: as fast as a wheel that is spun. */
const STEP_PX = 400

/** Frames of the queue while it is scrolled through 10,000 jobs that wait, and the rows that exist then. */
export async function queueTable(found) {
  const system = await serve()
  try {
    let left = JOBS
    const submit = async () => {
      while (left-- > 0)
        await system.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1000, hold: true })
    }
    await Promise.all(Array.from({ length: CLIENTS }, submit))
    await system.end()
    const env = { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: found.distPath, LLMAGENTOS_LOG: 'error' }
    delete env.ELECTRON_RUN_AS_NODE
    const app = await electron.launch({
      executablePath: found.electronPath,
      args: [...found.switches, root, `--data-dir=${system.dataDir}`, '--lang=en-US'],
      env,
    })
    try {
      const page = await app.firstWindow()
      await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click()
      const table = page.getByRole('grid', { name: 'Jobs' })
      await page.waitForFunction(
        (rows) => document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') === String(rows + 1),
        JOBS,
        { timeout: 60_000 },
      )
      const { frameMs, rows } = await table.evaluate(scroll, { frames: FRAMES, stepPx: STEP_PX })
      const at = (q) => percentile(frameMs, q).toFixed(1)
      return [
        [
          'queue table with 10,000 jobs, a frame while scrolling',
          `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`,
          '',
        ],
        ['rows of it that exist, at most', String(rows), ''],
      ]
    } finally {
      await app.close()
    }
  } finally {
    await system.stop()
  }
}

/** Runs in the window. */
async function scroll(table, { frames, stepPx }) {
  const frameMs = []
  let rows = 0
  const nextFrame = () => new Promise(requestAnimationFrame)
  let before = await nextFrame()
  for (let frame = 0; frame < frames; frame++) {
    table.scrollTop += stepPx
    const now = await nextFrame()
    frameMs.push(now - before)
    before = now
    rows = Math.max(rows, table.querySelectorAll('[role=row]').length)
  }
  return { frameMs, rows }
}
