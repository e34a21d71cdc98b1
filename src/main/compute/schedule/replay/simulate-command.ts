import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PolicyName } from '../../../../shared/contract'
import { addVectors, entriesOf, type ResourceVector } from '../../../../shared/domain/resources'
import { AppError } from '../../../../shared/errors'
import { defaultDataDir } from '../../../platform/folders'
import { endWithReader } from '../../../platform/pipes'
import { numberOf, readArguments, UsageError } from '../arguments'
import type { Workload } from '../online/workload'
import { parseQueueCase } from '../queue-case'
import { capacityOf } from '../share'
import { type GenerateOptions, generateWorkload } from './generate'
import { devicesOf, neededBy, nodesOf, onNodes } from './nodes'
import { readDay } from './read-day'
import { possibleOn } from './recorded'
import { type Simulated, simulate, simulateDay } from './simulate'

// The entry of `npm run simulate`.

const POLICIES = PolicyName.options

const USAGE = `npm run simulate -- WORKLOAD.json [--policy ${POLICIES.join('|')}] [--devices D.json] [--json]
npm run simulate -- --recorded [DATA_DIR] [--policy P] [--devices D.json] [--json]
npm run simulate -- --generate devices=10000,jobs=1000000,seed=1[,load=0.85] [--policy P] [--json]
`

const GENERATE: Record<keyof GenerateOptions, { least: number; most: number; isWhole: boolean }> = {
  devices: { least: 10, most: 100_000, isWhole: true },
  jobs: { least: 1, most: 5_000_000, isWhole: true },
  // The generator has 32 bits of state.
  seed: { least: 0, most: 4_294_967_295, isWhole: true },
  load: { least: 0.01, most: 100, isWhole: false },
}

interface Run {
  resources: readonly string[]
  policies: readonly PolicyName[]
  under(policy: PolicyName): Simulated
}

function main(argv: readonly string[]): number {
  try {
    const { values, positionals } = parsed(argv)
    if (values.help) {
      process.stdout.write(USAGE)
      return 0
    }
    const { resources, policies, under } = read(values, positionals)
    const results = policies.map((policy) => {
      // On many nodes one takes minutes.
      process.stderr.write(`Replaying under ${policy} ...\n`)
      return under(policy)
    })
    process.stdout.write(
      values.json ? `${JSON.stringify({ resources, results })}\n` : tableOf(resources, results),
    )
    return 0
  } catch (error) {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${USAGE}`)
    else if (error instanceof AppError) process.stderr.write(`${error.message}\n`)
    else throw error
    return 2
  }
}

type Values = ReturnType<typeof parsed>['values']

function read(values: Values, positionals: readonly string[]): Run {
  const policy = POLICIES.find((name) => name === values.policy)
  if (values.policy !== undefined && !policy) throw wrong(`There is no policy ${values.policy}.`)
  const [first, ...others] = positionals
  if (others.length > 0) throw wrong('Give one workload.')
  if (values.generate !== undefined) {
    if (first !== undefined || values.recorded) throw wrong('Give a workload, --recorded or --generate.')
    if (values.devices !== undefined) throw wrong('--generate makes its own devices: leave out --devices.')
    return runOf(generateWorkload(generateOptions(values.generate)), [policy ?? 'online'])
  }
  const policies = policy ? [policy] : POLICIES
  const devices = values.devices === undefined ? undefined : readJson(values.devices)
  if (values.recorded) return recorded(first ?? defaultDataDir(), devices, policies)
  if (first === undefined) throw wrong('Say which workload.')
  const { workload } = parseQueueCase(readJson(first))
  if (devices === undefined) return runOf(workload, policies)
  const other = onNodes(workload, nodesOf(devices, workload.resources, neededBy(workload)))
  sayJobs(other.submit.length, workload.submit.length, '', workload.resources)
  return runOf(other, policies)
}

function runOf(workload: Workload, policies: readonly PolicyName[]): Run {
  const { resources } = workload
  process.stderr.write('Preemption, quotas, budgets and engines are no part of such a workload.\n')
  return { resources, policies, under: (policy) => simulate(workload, policy) }
}

function recorded(dataDir: string, devices: unknown, policies: readonly PolicyName[]): Run {
  const day = readDay(join(dataDir, 'llmagentos.db'))
  if (day.jobs.length === 0) throw new AppError('system.invalid', `No job has run in ${dataDir}.`)
  const asked = day.jobs.reduce<ResourceVector>((sum, { job }) => addVectors(sum, job.definition.need), {})
  // Jobs may have asked for what the machine no longer has.
  const names = namesOf(addVectors(capacityOf(day.machine.devices), asked))
  const machine =
    devices === undefined
      ? day.machine
      : { ...day.machine, devices: devicesOf(nodesOf(devices, names, new Set(namesOf(asked))), names) }
  const jobs = possibleOn(machine, day.jobs)
  sayJobs(jobs.length, day.jobs.length, ` of ${day.name}`, names)
  const resources = namesOf(capacityOf(machine.devices))
  return { resources, policies, under: (policy) => simulateDay({ ...day, jobs, machine }, policy) }
}

function namesOf(vector: ResourceVector): string[] {
  return entriesOf(vector).map(([name]) => name)
}

function sayJobs(kept: number, all: number, of: string, resources: readonly string[]): void {
  const without = kept < all ? `, without ${all - kept} that this machine cannot hold` : ''
  process.stderr.write(`${kept} jobs${of}${without}; resources: ${resources.join(', ')}\n`)
}

function parsed(argv: readonly string[]) {
  return readArguments({
    args: [...argv],
    allowPositionals: true,
    options: {
      policy: { type: 'string' },
      devices: { type: 'string' },
      generate: { type: 'string' },
      recorded: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

function generateOptions(text: string): GenerateOptions {
  const options: GenerateOptions = { devices: 100, jobs: 10_000, seed: 1, load: 0.85 }
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=')
    if (!isGenerateOption(name)) throw wrong(`--generate does not know ${part}.`)
    const { least, most, isWhole } = GENERATE[name]
    const amount = numberOf(value)
    if (!(amount >= least && amount <= most) || (isWhole && !Number.isInteger(amount)))
      throw wrong(`${name} must be a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}.`)
    options[name] = amount
  }
  return options
}

function isGenerateOption(name: string): name is keyof GenerateOptions {
  return Object.hasOwn(GENERATE, name)
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    // What is wrong with JSON is told with a piece of the file, which may have many lines.
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ')
    throw new AppError('system.invalid', `${file} cannot be read: ${why}`)
  }
}

function wrong(message: string): UsageError {
  return new UsageError(message)
}

function tableOf(resources: readonly string[], results: readonly Simulated[]): string {
  const rows: [string, (of: Simulated) => string][] = [
    ['mean wait, s', ({ meanWait }) => meanWait.toFixed(1)],
    ['95 % wait at most, s', ({ p95Wait }) => p95Wait.toFixed(1)],
    ['longest wait, s', ({ maxWait }) => maxWait.toFixed(1)],
    ['mean wait of the most urgent, s', ({ topPriorityMeanWait }) => topPriorityMeanWait.toFixed(1)],
    ['mean bounded slowdown', ({ meanBsld }) => meanBsld.toFixed(3)],
    ['95 % bounded slowdown at most', ({ p95Bsld }) => p95Bsld.toFixed(3)],
    ['fairness between users (Jain)', ({ jainUserBsld }) => jainUserBsld.toFixed(3)],
    ['makespan, s', ({ makespan }) => makespan.toFixed(1)],
    ...resources.map((name, k): [string, (of: Simulated) => string] => [
      `${name} in use, %`,
      ({ utilization }) => (100 * (utilization[k] ?? 0)).toFixed(1),
    ]),
    ['ended by a deadline or a budget', ({ stopped }) => String(stopped)],
    ['decisions', ({ decisions }) => String(decisions)],
    ['us of CPU a decision', ({ microsecondsADecision }) => microsecondsADecision.toFixed(1)],
  ]
  const lines = [
    ['', ...results.map(({ policy }) => policy)],
    ...rows.map(([name, of]) => [name, ...results.map(of)]),
  ]
  return lines
    .map(([name = '', ...cells]) => `${name.padEnd(34)}${cells.map((cell) => cell.padStart(14)).join('')}\n`)
    .join('')
}

endWithReader()
process.exitCode = main(process.argv.slice(2))
