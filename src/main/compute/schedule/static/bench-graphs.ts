import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { missed } from '../missed'
import { readDagCase } from './dag-case'
import { cpop, heft, lookaheadHeft, peft } from './list-scheduling'
import { warmUp } from './plan-case'
import { planGraph } from './planner'

const BUDGETS_MS = [50, 200, 1_000]
const TINY_MS = 50
/** Mean makespan over HEFT that is aimed at, by budget. */
const AIMS = [0.94, 0.93, 0.92]
const LARGE_TASKS = 1_000
const LARGE_MS = 100
/** As {@link AIMS}, of each large graph in {@link LARGE_MS}. */
const LARGE_AIM = 0.95
const references = { heft, cpop, peft, lookaheadHeft }

const Facts = z.object({
  name: z.string(),
  family: z.string(),
  refs: z.object({
    heft: z.number(),
    cpop: z.number(),
    peft: z.number(),
    lookaheadHeft: z.number(),
    bestKnown: z.object({ makespan: z.number() }),
    optimal: z.number().optional(),
  }),
})
type Case = z.infer<typeof Facts> & { dag: ReturnType<typeof readDagCase>['dag'] }

/** The planner on all `dag-case/1` of a folder, beside the references and the best known. @returns what is wrong */
export function benchGraphs(folder: string, say: (line: string) => void): string[] {
  const cases = readCases(folder)
  if (cases.length === 0) return []
  say('\nGraphs: one thread, budgets in CPU time of this process')
  warmUp()
  const wrong = [...differences(cases), ...notOptimal(cases)]
  if (wrong.length === 0) {
    const tiny = cases.filter(({ refs }) => refs.optimal !== undefined).length
    say(
      `${Object.keys(references).join(', ')}: the reference makespans of ${cases.length} cases, to the last digit; ` +
        `the optimum of the ${tiny} of which it is known, within ${TINY_MS} ms`,
    )
  }
  wrong.push(...sayQuality(cases, say))
  const large = cases.filter(({ dag }) => dag.taskCount >= LARGE_TASKS)
  wrong.push(...large.flatMap((one) => sayLarge(one, say)))
  return wrong
}

function readCases(folder: string): Case[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .filter((json) => z.object({ format: z.literal('dag-case/1') }).safeParse(json).success)
    .map((json) => ({ ...Facts.parse(json), dag: readDagCase(json).dag }))
}

function differences(cases: readonly Case[]): string[] {
  return cases.flatMap(({ name, refs, dag }) =>
    (Object.keys(references) as (keyof typeof references)[])
      .map((rule) => ({ rule, got: references[rule](dag).makespan }))
      .filter(({ rule, got }) => got !== refs[rule])
      .map(({ rule, got }) => `${name}: ${rule} gives ${got}, the reference is ${refs[rule]}`),
  )
}

/** Of small graphs the proved optimum is to be found. */
function notOptimal(cases: readonly Case[]): string[] {
  return cases.flatMap(({ name, dag, refs: { optimal } }) => {
    if (optimal === undefined || !name.startsWith('tiny')) return []
    const { makespan } = planGraph(dag, { budgetMs: TINY_MS, now: cpuMs }).schedule
    return makespan <= optimal * (1 + 1e-9)
      ? []
      : [`${name}: ${makespan} in ${TINY_MS} ms, the optimum is ${optimal}`]
  })
}

/** @returns the aims that are missed */
function sayQuality(cases: readonly Case[], say: (line: string) => void): string[] {
  const results = cases.map((one) => ({
    family: one.family,
    bestKnown: one.refs.bestKnown.makespan / one.refs.heft,
    planned: BUDGETS_MS.map(
      (budgetMs) => planGraph(one.dag, { budgetMs, now: cpuMs }).schedule.makespan / one.refs.heft,
    ),
  }))
  const columns = BUDGETS_MS.map((budgetMs) => `${budgetMs} ms`.padStart(9)).join('')
  say(`\nmakespan over HEFT, means      n${columns}  best known   1000 ms over best known`)
  for (const family of [...new Set(cases.map((one) => one.family)), 'all']) {
    const rows = results.filter((row) => family === 'all' || row.family === family)
    const means = BUDGETS_MS.map((_, k) => mean(rows.map(({ planned }) => planned[k]!)))
    const figures = means.map((value) => value.toFixed(4).padStart(9)).join('')
    const known = mean(rows.map(({ bestKnown }) => bestKnown)).toFixed(4)
    const against = mean(rows.map(({ planned, bestKnown }) => planned.at(-1)! / bestKnown)).toFixed(4)
    say(`  ${family.padEnd(24)} ${String(rows.length).padStart(5)}${figures}      ${known}   ${against}`)
  }
  say(`  aim                           ${AIMS.map((aim) => String(aim).padStart(9)).join('')}`)
  return BUDGETS_MS.flatMap((budgetMs, k) => {
    const reached = mean(results.map(({ planned }) => planned[k]!))
    return missed(`makespan over HEFT in ${budgetMs} ms`, reached, AIMS[k]!)
  })
}

/** @returns the aim that is missed */
function sayLarge({ name, refs, dag }: Case, say: (line: string) => void): string[] {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = cpuMs()
    heft(dag)
    return cpuMs() - startedAt
  }).sort((a, b) => a - b)
  const planned = planGraph(dag, { budgetMs: LARGE_MS, now: cpuMs }).schedule.makespan / refs.heft
  say(`\n${name}: ${dag.taskCount} tasks, ${dag.deviceCount} devices`)
  say(`  HEFT, warm, median of 9      ${times[4]!.toFixed(1)} ms   [aim: 10 ms]`)
  say(`  ${LARGE_MS} ms of search             ${planned.toFixed(4)} of HEFT   [aim: ${LARGE_AIM}]`)
  return missed(`${name}: makespan over HEFT in ${LARGE_MS} ms`, planned, LARGE_AIM)
}

/** What this process has computed: on a machine that others use too, the clock on the wall says little. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
