import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { descendants, expectGone, type RunningProcess } from '../support/processes'
import { fixtures, Serve } from '../support/serve'
import { readDigits } from './digits'
import { Ledger } from './ledger'
import { oneOf, seeded } from './random'
import { writeSources } from './sources'
import { FOCUSES, type Focus, Workload } from './workload'

// `npm run test:crash` sets these; by itself it is a short one.
const KILLS = Number(process.env['CRASH_KILLS'] ?? FOCUSES.length)
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000)
const ROUND_MS = 60_000

test(`kill -9 at ${KILLS} random moments loses nothing that was acknowledged and leaves nothing half-done`, async () => {
  test.setTimeout(300_000 + KILLS * ROUND_MS)
  const folder = await mkdtemp(join(tmpdir(), 'llmagentos-crash-'))
  const sources = await writeSources(folder)
  const serve = await Serve.start()
  const ledger = new Ledger(serve, sources)
  // A Python that is not there is tried out in no time, at every start.
  await serve.call('PATCH', '/settings', { pythonPath: '/nonexistent/python3' })
  const { version, model } = await serve.import(join(fixtures, 'mnist_cnn.onnx'), 'digits')
  const digits = (await serve.call('GET', `/models/${model}/versions/${version}`)).body
  ledger.versions.set('models/digits@1', digits.digest)
  const deps = {
    serve,
    ledger,
    sources,
    digits: await readDigits(digits.signature.inputs[0].name),
    typicalMs: new Map(),
  }
  const interrupted = new Map<Focus, number>()
  let workers: RunningProcess[] = []
  let round = 0
  try {
    for (; round < KILLS; round++) {
      const random = seeded(SEED + round)
      // All of them in a short run, any of them in a long one.
      const focus = (KILLS <= FOCUSES.length ? FOCUSES[round] : oneOf(FOCUSES, random)) ?? 'import'
      if (focus === 'jobs') await ledger.checkJobs()
      const midway = await new Workload(deps, random).run(focus, async () => {
        process.kill(serve.pid, 'SIGSTOP')
        workers = descendants(serve.pid)
        await serve.kill()
      })
      for (const kind of midway) interrupted.set(kind, (interrupted.get(kind) ?? 0) + 1)
      await Promise.all([serve.restart(), expectGone(workers, 30_000)])
      await ledger.checkStorage()
      if (KILLS > 20 && (round + 1) % 10 === 0) say(`${round + 1} of ${KILLS} kills`)
    }
    await ledger.checkAtRest()
    workers = descendants(serve.pid)
    expect(await serve.stop()).toBe(0)
    await expectGone(workers, 10_000)
  } catch (error) {
    say(
      `Round ${round + 1} failed; its seed is ${SEED + round}: npm run test:crash -- --kills 1 --seed ${SEED + round}`,
    )
    say(`What it left lies in ${serve.dataDir}.`)
    await serve.kill()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const of = (focus: Focus) => `${interrupted.get(focus) ?? 0} ${focus}`
  say(`${KILLS} kills with seed ${SEED}, in the middle of: ${FOCUSES.map(of).join(', ')}`)
  say(`${ledger.counts()}; every one of them is whole.`)
  for (const focus of FOCUSES)
    expect(interrupted.get(focus) ?? 0, `no kill fell into ${focus}`).toBeGreaterThan(0)
  await serve.dispose()
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
