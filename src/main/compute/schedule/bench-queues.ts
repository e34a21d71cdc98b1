import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { shareDivisible, shareWhole } from './fair-share'
import { missed } from './missed'
import { parseQueueCase } from './queue-case'
import { meanWaitGIGc } from './queueing'
import { simulate } from './replay/simulate'

/** Geometric means against EASY, and microseconds a decision, that are aimed at: all but the last are the same on any machine. */
const AIMS = { wait: 0.6, slowdown: 0.35, longest: 1.1, microseconds: 50 }

const QueueCase = z.object({ format: z.literal('queue-case/1'), name: z.string() })
const Fairness = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      capacity: z.array(z.number()),
      users: z.array(
        z.object({ weight: z.number(), demand: z.array(z.number()), max: z.number().optional() }).loose(),
      ),
      expect: z.object({ integer: z.array(z.number()), divisible: z.array(z.number()) }),
    }),
  ),
})
const Stations = z.object({
  simulated: z.array(
    z.object({
      c: z.number(),
      rho: z.number(),
      mu: z.number(),
      ca2: z.number(),
      cs2: z.number(),
      wqSim: z.number(),
    }),
  ),
})

/** The online scheduler on all `queue-case/1` of a folder beside EASY. @returns the aims that are missed */
export function benchQueues(folder: string, say: (line: string) => void): string[] {
  const cases = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .flatMap((json) => {
      const known = QueueCase.safeParse(json)
      return known.success ? [{ name: known.data.name, workload: parseQueueCase(json).workload }] : []
    })
  if (cases.length === 0) return []
  say('\nQueues: the online scheduler over EASY          wait  slowdown   longest  us a decision')
  const rows = cases.map(({ name, workload }) => {
    const easy = simulate(workload, 'easy')
    // Compiled by the first run; the second is what a decision takes.
    simulate(workload, 'online')
    const online = simulate(workload, 'online')
    return {
      name,
      wait: online.meanWait / easy.meanWait,
      slowdown: online.meanBsld / easy.meanBsld,
      longest: online.maxWait / easy.maxWait,
      microseconds: online.microsecondsADecision,
    }
  })
  const line = (
    name: string,
    { wait, slowdown, longest, microseconds }: Omit<(typeof rows)[number], 'name'>,
  ) =>
    say(
      `  ${name.padEnd(42)}${[wait, slowdown, longest].map((ratio) => ratio.toFixed(3).padStart(10)).join('')}` +
        `${microseconds.toFixed(1).padStart(15)}`,
    )
  for (const { name, ...figures } of rows) line(name, figures)
  const all = (of: (row: (typeof rows)[number]) => number) => geometricMean(rows.map(of))
  const means = {
    wait: all(({ wait }) => wait),
    slowdown: all(({ slowdown }) => slowdown),
    longest: all(({ longest }) => longest),
    microseconds: all(({ microseconds }) => microseconds),
  }
  line(`geometric mean of ${rows.length}`, means)
  line('aim', AIMS)
  return (['wait', 'slowdown', 'longest'] as const).flatMap((of) =>
    missed(`queues, ${of} over that of EASY`, means[of], AIMS[of]),
  )
}

/** Of what the simulations say. */
const MEAN_ERROR = 0.05

/** Fair shares and waits against the files of a folder, where it has them. @returns what is wrong */
export function checkFormulas(folder: string, say: (line: string) => void): string[] {
  const files = readdirSync(folder)
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  const wrong: string[] = []
  if (files.includes('drf.json')) {
    const { cases } = Fairness.parse(read('drf.json'))
    for (const { name, capacity, users, expect } of cases) {
      const whole = shareWhole(capacity, users)
      const divisible = shareDivisible(capacity, users)
      const isExact =
        whole.every((tasks, i) => tasks === expect.integer[i]) &&
        divisible.every((tasks, i) => Math.abs(tasks - (expect.divisible[i] ?? Number.NaN)) < 1e-6)
      if (!isExact)
        wrong.push(`${name}: shares ${whole.join(', ')}, the reference is ${expect.integer.join(', ')}`)
    }
    if (wrong.length === 0) say(`\nDominant-resource fairness: ${cases.length} cases, exact`)
  }
  if (files.includes('qt.json')) {
    const errors = Stations.parse(read('qt.json')).simulated.map(({ c, rho, mu, ca2, cs2, wqSim }) => {
      const station = { servers: c, arrivals: rho * c * mu, services: mu, arrivalScv: ca2, serviceScv: cs2 }
      return Math.abs(meanWaitGIGc(station) / wqSim - 1)
    })
    const meanError = errors.reduce((sum, error) => sum + error, 0) / errors.length
    const percent = (part: number) => `${(100 * part).toFixed(1)} %`
    say(
      `Waits of GI/G/c against simulations: ${percent(meanError)} off in the mean, ${percent(Math.max(...errors))} at most   [aim: ${100 * MEAN_ERROR} %]`,
    )
    wrong.push(...missed('waits of GI/G/c, mean error', meanError, MEAN_ERROR))
  }
  return wrong
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}
