import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@playwright/test'
import { descendants, expectGone, type RunningProcess } from '../support/processes'
import { Serve } from '../support/serve'
import { ComputeLedger } from './compute-ledger'
import { Ledger } from './ledger'
import { prepareJobs } from './long-jobs'
import { PreemptionLedger } from './preemption-workload'
import { oneOf, seeded } from './random'
import { writeSources } from './sources'
import { FOCUSES, type Focus, isCompute, type Work, Workload } from './workload'

// `npm run test:crash` sets these; by itself it is a short one.
const WORKS = (process.env['CRASH_WORK'] ?? 'storage,compute').split(',') as Work[]
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000)
const ONLY = process.env['CRASH_FOCUS']
const ROUND_MS = 60_000
/** After so many rounds all that ever ended is looked at again, and how far it is is said. */
const LOOK_BACK = 25

for (const work of WORKS) {
  const focuses = FOCUSES[work].filter((focus) => ONLY === undefined || focus === ONLY)
  if (focuses.length === 0) continue
  const kills = Number(process.env[`CRASH_KILLS_${work.toUpperCase()}`] ?? focuses.length)
  test(`kill -9 at ${kills} random moments of ${work} loses nothing that was acknowledged and leaves nothing half-done`, () =>
    killAtRandom(work, focuses, kills))
}

async function killAtRandom(work: Work, focuses: readonly Focus[], most: number): Promise<void> {
  test.setTimeout(300_000 + most * ROUND_MS)
  const beganAt = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'llmagentos-crash-'))
  const sources = await writeSources(folder)
  const serve = await Serve.start()
  const ledger = new Ledger(serve, sources)
  const computeLedger = new ComputeLedger(serve)
  // A Python that is not there is tried out in no time, at every start.
  await serve.call('PATCH', '/settings', { pythonPath: '/nonexistent/python3' })
  // Those of the first start are still looking for one.
  await serve.kill()
  await serve.restart()
  const jobs = work === 'compute' ? await prepareJobs(serve, ledger, folder) : { batch: null, victims: [] }
  const preemptions = new PreemptionLedger()
  const owner: string = (await serve.call('GET', '/me')).body.id
  const deps = {
    serve,
    ledger,
    computeLedger,
    preemptions,
    owner,
    sources,
    ...jobs,
    cores: (await serve.call('GET', '/resources')).body.capacity.cpuCores,
    typicalMs: new Map(),
  }
  const interrupted = new Map<Focus, number>()
  let workers: RunningProcess[] = []
  let startMs = 1000
  let kills = 0
  let starts = 0
  let seed = SEED
  const sinceStart = () => ((performance.now() - beganAt) / 1000 / kills).toFixed(1)
  const kill = async () => {
    kills++
    process.kill(serve.pid, 'SIGSTOP')
    workers = descendants(serve.pid)
    await serve.kill()
  }
  try {
    const playRound = async (round: number) => {
      seed = SEED + round
      const random = seeded(seed)
      // All of them in a short run, any of them in a long one.
      const focus = (most <= focuses.length ? focuses[round] : oneOf(focuses, random)) ?? 'import'
      if (isCompute(focus)) {
        const all = round % LOOK_BACK === LOOK_BACK - 1
        await Promise.all([ledger.checkJobs(all), computeLedger.check(owner, all), preemptions.check(serve)])
      }
      for (const kind of await new Workload(deps, random).run(focus, kill))
        interrupted.set(kind, (interrupted.get(kind) ?? 0) + 1)
      let startedAt = performance.now()
      if (most > focuses.length && random() < 0.4 && kills < most) {
        // Taking up what the last kill left may itself be cut off.
        const restarted = serve.restart().catch(() => undefined)
        await sleep(random() * startMs)
        await Promise.all([expectGone(workers, 30_000), kill().then(() => restarted)])
        starts++
        startedAt = performance.now()
      }
      await Promise.all([serve.restart(), expectGone(workers, 30_000)])
      startMs = performance.now() - startedAt
      await ledger.checkStorage()
      if (round % LOOK_BACK === LOOK_BACK - 1) say(`${kills} of ${most} kills, ${sinceStart()} s a kill`)
    }
    for (let round = 0; kills < most; round++)
      // A step of its own: outside of one, each expectation costs Playwright a walk over all those before it.
      await test.step(`round ${round}`, () => playRound(round))
    await test.step('at rest', async () => {
      await computeLedger.checkAtRest(owner)
      await ledger.checkAtRest()
    })
    workers = descendants(serve.pid)
    expect(await serve.stop()).toBe(0)
    await expectGone(workers, 10_000)
  } catch (error) {
    say(
      `Kill ${kills} was one too many; with the seed of its round: npm run test:crash -- --work ${work}${ONLY ? ` --focus ${ONLY}` : ''} --kills 20 --seed ${seed}`,
    )
    say(`What it left lies in ${serve.dataDir}.`)
    say(`${serve.hasEnded ? 'It had ended by itself. ' : ''}It last said: ${serve.stderr.slice(-2000)}`)
    await serve.kill()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const { leases, quotas } = computeLedger.counted
  const of = (focus: Focus) => `${interrupted.get(focus) ?? 0} ${focus}`
  say(
    `${kills} kills with seed ${SEED}, in the middle of: ${[...focuses.map(of), `${starts} start`].join(', ')}`,
  )
  say(
    `${ledger.counts()}, and ${computeLedger.pipelines.size} pipelines, ${leases} leases, ${quotas} quotas; every one of them is whole.`,
  )
  const { counted } = preemptions
  if (counted.preemptions > 0)
    say(
      `${counted.preemptions} preemptions were seen; ${counted.resumed} jobs went on after a kill while they were displaced.`,
    )
  for (const question of serve.askedAgain) say(`Asked twice: ${question}`)
  say(`${sinceStart()} s a kill, with the checks after it.`)
  // Where a kill falls is a matter of chance: only many are sure to have met each.
  for (const focus of most < 50 ? [] : focuses)
    expect(interrupted.get(focus) ?? 0, `no kill fell into ${focus}`).toBeGreaterThan(0)
  await serve.dispose()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
