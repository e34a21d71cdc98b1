import { type Answer, Cancelled, serveWorker, turn, type Work, type WorkContext } from '../worker'

type Synthetic = Extract<Work, { type: 'synthetic' }>

const PROGRESS_EVERY_MS = 250
const SLICE_MS = 10

serveWorker({
  probe: async () => ({ available: true, version: '1', backend: 'cpu', reason: null }),
  async work(request, _body, context): Promise<Answer> {
    if (request.type === 'load') return { reply: { type: 'loaded' } }
    if (request.type !== 'synthetic') throw new Error(`The synthetic worker cannot do "${request.type}".`)
    const start = performance.now()
    if (request.busy) await spin(request.durationMs, context)
    else await wait(request.durationMs, context)
    if (request.fail) fail(request.fail)
    return { reply: { type: 'done', computeMs: performance.now() - start } }
  },
})

function fail(how: NonNullable<Synthetic['fail']>): void {
  if (how === 'error') throw new Error('The synthetic load was asked to fail.')
  if (how === 'crash') process.kill(process.pid, 'SIGKILL')
  // Deaf to everything, also for the moment until SIGKILL arrives.
  for (;;);
}

/** Keeps a core busy, in slices, so that a cancel is heard. */
async function spin(durationMs: number, context: WorkContext): Promise<void> {
  const start = performance.now()
  let reportedAt = start
  for (let now = start; now - start < durationMs; now = performance.now()) {
    const until = Math.min(now + SLICE_MS, start + durationMs)
    while (performance.now() < until);
    if (now - reportedAt >= PROGRESS_EVERY_MS) {
      reportedAt = now
      context.progress((now - start) / durationMs)
    }
    await turn()
    if (context.signal.aborted) throw new Cancelled()
  }
}

async function wait(durationMs: number, context: WorkContext): Promise<void> {
  if (durationMs === 0) return
  const start = performance.now()
  await new Promise<void>((resolve, reject) => {
    const report = setInterval(
      () => context.progress(Math.min(1, (performance.now() - start) / durationMs)),
      PROGRESS_EVERY_MS,
    )
    const timer = setTimeout(() => {
      clearInterval(report)
      resolve()
    }, durationMs)
    context.signal.addEventListener('abort', () => {
      clearTimeout(timer)
      clearInterval(report)
      reject(new Cancelled())
    })
  })
}
