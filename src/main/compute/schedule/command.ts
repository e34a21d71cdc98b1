import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../../../shared/errors'
import { parseQueueCase, scheduleQueueCase } from './queue-case'
import { planDagCase, warmUp } from './static/plan-case'

// The entry of `npm run schedule -- CASE.json` and `npm run schedule -- --all CASEDIR OUTDIR`.

interface Options {
  budgetMs: number
  seed: number
}

/** The schedule as JSON, and what to say about it in a line. */
interface Scheduled {
  schedule: unknown
  summary: string
}

/** What each format of case is scheduled by. */
const schedulers: Record<string, (json: unknown, options: Options) => Scheduled> = {
  'dag-case/1': (json, { budgetMs, seed }) =>
    planDagCase(json, { budgetMs, seed, now: () => performance.now() }),
  // A decision of the online scheduler takes microseconds: it needs no budget.
  'queue-case/1': (json) => {
    const schedule = scheduleQueueCase(parseQueueCase(json))
    return { schedule, summary: `${schedule.length} jobs started` }
  },
}

const USAGE = `npm run -s schedule -- CASE.json [--budget-ms N] [--seed S]
npm run schedule -- --all CASEDIR OUTDIR [--budget-ms N] [--seed S]`

async function main(argv: string[]): Promise<number> {
  const { all, folders, options } = readArguments(argv)
  if (all) return await scheduleAll(resolve(folders[0]), resolve(folders[1]), options)
  warmUp()
  const { schedule } = scheduleCase(await readJson(folders[0]), options)
  process.stdout.write(`${JSON.stringify(schedule)}\n`)
  return 0
}

function readArguments(argv: string[]): { all: boolean; folders: [string, string]; options: Options } {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      'budget-ms': { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
    },
  })
  const [first, second = ''] = positionals
  if (first === undefined || positionals.length !== (values.all ? 2 : 1)) throw new TypeError(USAGE)
  const budgetMs = Number(values['budget-ms'])
  const seed = Number(values.seed)
  if (!(budgetMs >= 0 && budgetMs <= 3_600_000)) throw new TypeError('--budget-ms is not from 0 to 3600000.')
  if (!Number.isSafeInteger(seed)) throw new TypeError('--seed is not a whole number.')
  return { all: values.all, folders: [first, second], options: { budgetMs, seed } }
}

/** One schedule a case, under the name of its file. Other files of the folder are passed over. */
async function scheduleAll(from: string, to: string, options: Options): Promise<number> {
  await mkdir(to, { recursive: true })
  warmUp()
  let failed = 0
  for (const file of (await readdir(from)).filter((name) => name.endsWith('.json')).sort()) {
    try {
      const json = await readJson(join(from, file))
      if (!isCase(json)) continue
      const { schedule, summary } = scheduleCase(json, options)
      await writeFile(join(to, file), `${JSON.stringify(schedule)}\n`)
      process.stderr.write(`${file.padEnd(44)} ${summary}\n`)
    } catch (error) {
      failed++
      process.stderr.write(`${file.padEnd(44)} FAILED: ${sentenceOf(error)}\n`)
    }
  }
  return failed === 0 ? 0 : 1
}

function scheduleCase(json: unknown, options: Options): Scheduled {
  const format = formatOf(json)
  const schedule = Object.hasOwn(schedulers, format) ? schedulers[format] : undefined
  if (schedule) return schedule(json, options)
  throw new AppError(
    'compute.invalid_input',
    `The format ${JSON.stringify(format)} is not known; there are ${Object.keys(schedulers).join(' and ')}.`,
  )
}

/** A folder of cases also holds files of other kinds. */
function isCase(json: unknown): boolean {
  return /-case\//.test(formatOf(json))
}

function formatOf(json: unknown): string {
  return typeof json === 'object' && json !== null && 'format' in json ? String(json.format) : ''
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8')
  try {
    return JSON.parse(text)
  } catch {
    throw new AppError('compute.invalid_input', `${basename(file)} is not JSON.`)
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`${sentenceOf(error)}\n`)
    process.exitCode = 2
  },
)
