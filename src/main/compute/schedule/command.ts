import { mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AppError } from '../../../shared/errors'
import { writeFileAtomic } from '../../platform/files'
import { endWithReader } from '../../platform/pipes'
import { numberOf, readArguments, UsageError } from './arguments'
import { parseQueueCase, scheduleQueueCase } from './queue-case'
import { planDagCase, warmUp } from './static/plan-case'
import type { PlanOptions } from './static/planner'

// The entry of `npm run schedule -- CASE.json` and `npm run schedule -- --all CASEDIR OUTDIR`.

type Options = Omit<PlanOptions, 'now'>

/** The schedule as JSON, and what to say about it in a line. */
interface Scheduled {
  schedule: unknown
  summary: string
}

const GRAPH = 'dag-case/1'

/** What each format of case is scheduled by. */
const schedulers: Record<string, (json: unknown, options: Options) => Scheduled> = {
  [GRAPH]: (json, options) => planDagCase(json, { ...options, now: () => performance.now() }),
  // A decision of the online scheduler takes microseconds: it needs no budget.
  'queue-case/1': (json) => {
    const schedule = scheduleQueueCase(parseQueueCase(json))
    return { schedule, summary: `${schedule.length} jobs started` }
  },
}

const USAGE = `npm run -s schedule -- CASE.json [--budget-ms N | --max-steps N] [--seed S]
npm run schedule -- --all CASEDIR OUTDIR [--budget-ms N | --max-steps N] [--seed S]
`
const DEFAULT_BUDGET_MS = 200

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = readArguments({
    args: argv,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      'budget-ms': { type: 'string' },
      'max-steps': { type: 'string' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const [first, second = ''] = positionals
  if (first === undefined || positionals.length !== (values.all ? 2 : 1))
    throw new UsageError(values.all ? 'Give two folders.' : 'Give one case.')
  const seed = numberOf(values.seed)
  if (!Number.isSafeInteger(seed)) throw new UsageError('--seed is not a whole number.')
  const options = { ...readLimit(values['budget-ms'], values['max-steps']), seed }
  if (values.all) return await scheduleAll(resolve(first), resolve(second), options)
  const json = await readJson(first)
  if (formatOf(json) === GRAPH) warmUpFor(options)
  const { schedule } = scheduleCase(json, options)
  process.stdout.write(`${JSON.stringify(schedule)}\n`)
  return 0
}

/** What ends a search: a time, or a number of steps, with which it comes to the same result each time. */
function readLimit(budget: string | undefined, steps: string | undefined): Omit<Options, 'seed'> {
  if (steps !== undefined) {
    if (budget !== undefined) throw new UsageError('Give --budget-ms or --max-steps.')
    const maxSteps = numberOf(steps)
    if (!(Number.isSafeInteger(maxSteps) && maxSteps > 0)) {
      throw new UsageError('--max-steps is not a whole number above 0.')
    }
    return { budgetMs: Number.POSITIVE_INFINITY, maxSteps }
  }
  const budgetMs = budget === undefined ? DEFAULT_BUDGET_MS : numberOf(budget)
  if (!(budgetMs >= 0 && budgetMs <= 3_600_000)) throw new UsageError('--budget-ms is not from 0 to 3600000.')
  return { budgetMs }
}

/** Steps come to the same cold. */
function warmUpFor({ budgetMs }: Options): void {
  if (Number.isFinite(budgetMs)) warmUp()
}

/** One schedule a case, under the name of its file. Other files of the folder are passed over, which is said. */
async function scheduleAll(from: string, to: string, options: Options): Promise<number> {
  const files = (await readdir(from)).filter((name) => name.endsWith('.json')).sort()
  await mkdir(to, { recursive: true })
  if ((await realpath(from)) === (await realpath(to)))
    throw new TypeError('OUTDIR is CASEDIR: the schedules would take the place of the cases.')
  if (files.length > 0) warmUpFor(options)
  let found = 0
  let failed = 0
  for (const file of files) {
    const say = (words: string) => void process.stderr.write(`${file.padEnd(44)} ${words}\n`)
    try {
      const json = await readJson(join(from, file))
      if (!isCase(json)) {
        say('passed over: no case')
        continue
      }
      found++
      // Should this fail, an older schedule must not be taken for its result.
      await rm(join(to, file), { force: true })
      const { schedule, summary } = scheduleCase(json, options)
      await writeFileAtomic(join(to, file), `${JSON.stringify(schedule)}\n`, 0o644)
      say(summary)
    } catch (error) {
      failed++
      say(`FAILED: ${sentenceOf(error)}`)
    }
  }
  if (found + failed === 0) throw new TypeError(`There is no case in ${from}.`)
  return failed === 0 ? 0 : 1
}

function scheduleCase(json: unknown, options: Options): Scheduled {
  const format = formatOf(json)
  const schedule = Object.hasOwn(schedulers, format) ? schedulers[format] : undefined
  if (schedule) return schedule(json, options)
  throw new AppError(
    'compute.invalid_input',
    `The format ${JSON.stringify(format.slice(0, 100))} is not known; there are ${Object.keys(schedulers).join(' and ')}.`,
  )
}

/** A folder of cases also holds files of other kinds. */
function isCase(json: unknown): boolean {
  return /-case\//.test(formatOf(json))
}

function formatOf(json: unknown): string {
  const format = typeof json === 'object' && json !== null && 'format' in json ? json.format : ''
  return typeof format === 'string' ? format : ''
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    // What is wrong with JSON is told with a piece of the file, which may have many lines.
    const why = sentenceOf(error).replace(/\s+/g, ' ')
    throw new AppError('compute.invalid_input', `${file} cannot be read: ${why}`)
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

endWithReader()
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const usage = error instanceof UsageError ? `\n${USAGE}` : ''
    process.stderr.write(`${sentenceOf(error)}\n${usage}`)
    process.exitCode = 2
  },
)
