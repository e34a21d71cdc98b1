import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWorkers } from '../../runtimes/testing/build-workers'

// The programs behind `npm run schedule` and `npm run simulate`, as they are built.

const CASES = join(__dirname, '../../../../fixtures/cases')
const DAG = 'tiny-v9-p3-c0.5-b1-s402.json'
const LARGE_DAG = 'rnd-v80-a2-d5-c0.1-b1-p8-s107.json'
const QUEUE = 'q-nasa-a.json'

let built: Awaited<ReturnType<typeof buildWorkers>>
let folder: string
beforeAll(async () => {
  built = await buildWorkers({
    schedule: 'src/main/compute/schedule/command.ts',
    simulate: 'src/main/compute/schedule/replay/simulate-command.ts',
  })
  folder = await mkdtemp(join(tmpdir(), 'commands-'))
}, 120_000)
afterAll(async () => {
  await built?.dispose()
  await rm(folder, { recursive: true, force: true })
})

function call(name: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024 }
    execFile(process.execPath, [join(built.dir, `${name}.cjs`), ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

/** What a command says on stderr when nobody reads its stdout. */
async function saysToNobody(name: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(built.dir, `${name}.cjs`), ...args])
  child.stdout.destroy()
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child, 'close')
  return said
}

const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'))

describe('schedule', () => {
  it('comes to the same schedule again after as many steps, and to another with another seed', async () => {
    const search = (seed: string) =>
      call('schedule', join(CASES, LARGE_DAG), '--max-steps', '100', '--seed', seed)
    const [first, second, other] = await Promise.all([search('7'), search('7'), search('8')])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(second.stdout).toBe(first.stdout)
    expect(other).toMatchObject({ code: 0 })
    expect(other.stdout).not.toBe(first.stdout)
  })

  it('prints the optimum of a small graph', async () => {
    const { code, stdout, stderr } = await call('schedule', join(CASES, DAG), '--budget-ms', '200')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { refs } = await read(join(CASES, DAG))
    const schedule: { end: number }[] = JSON.parse(stdout)
    expect(Math.max(...schedule.map(({ end }) => end))).toBeCloseTo(refs.optimal, 9)
  })

  it('writes one schedule a case, says what it passes over, and leaves no older one where it fails', async () => {
    const [from, to] = [join(folder, 'cases'), join(folder, 'schedules')]
    await rm(from, { recursive: true, force: true })
    await mkdir(from)
    for (const name of [DAG, QUEUE, 'drf.json']) await copyFile(join(CASES, name), join(from, name))
    await writeFile(join(from, 'broken.json'), '{"format": "dag-case/1"}')
    await mkdir(to)
    for (const name of ['broken.json', DAG]) await writeFile(join(to, name), '[]')
    const { code, stderr } = await call('schedule', '--all', from, to, '--budget-ms', '20', '--seed', '7')
    expect(code).toBe(1)
    expect(stderr).toMatch(/broken\.json +FAILED: /)
    expect(stderr).toMatch(/^drf\.json +passed over: no case$/m)
    expect((await readdir(to)).sort()).toEqual([QUEUE, DAG].sort())
    const { jobs } = await read(join(CASES, QUEUE))
    expect(await read(join(to, QUEUE))).toHaveLength(jobs.length)
  })

  it('does not put schedules in the place of cases, and says so where there is no case', async () => {
    const from = await mkdtemp(join(folder, 'only-'))
    await copyFile(join(CASES, DAG), join(from, DAG))
    const before = await readFile(join(from, DAG), 'utf8')
    expect(await call('schedule', '--all', from, join(from, '.'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^OUTDIR is CASEDIR.*\n$/),
    })
    expect(await readFile(join(from, DAG), 'utf8')).toBe(before)
    const none = await call(
      'schedule',
      '--all',
      await mkdtemp(join(folder, 'none-')),
      join(folder, 'nothing'),
    )
    expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/^There is no case in .*\n$/) })
    const missing = await call('schedule', '--all', join(folder, 'missing'), join(folder, 'not-made'))
    expect(missing.code).toBe(2)
    expect(await readdir(folder)).not.toContain('not-made')
  })

  it('names the file that it cannot read, in one line', async () => {
    await writeFile(join(folder, 'lines.json'), '{"format":\n\n\nNaN}')
    for (const [name, file] of [
      ['schedule', folder],
      ['schedule', join(folder, 'lines.json')],
      ['simulate', folder],
      ['simulate', join(folder, 'lines.json')],
    ] as const) {
      const { code, stderr } = await call(name, file)
      expect({ code, lines: stderr.trimEnd().split('\n') }).toEqual({
        code: 2,
        lines: [expect.stringContaining(`${file} cannot be read: `)],
      })
    }
    expect((await call('simulate', join(CASES, DAG))).stderr).toMatch(
      /^The queue case is not valid: format .*\n$/,
    )
  })

  it('ends quietly when nobody reads what it prints', async () => {
    expect(await saysToNobody('schedule', join(CASES, QUEUE))).toBe('')
    expect(await saysToNobody('simulate', join(CASES, QUEUE), '--policy', 'fcfs')).not.toMatch(/EPIPE|\bat /)
  })

  it('refuses what it does not understand, with a sentence', async () => {
    await writeFile(join(folder, 'odd.json'), '{"format":{"toString":1}}')
    for (const [args, words] of [
      [[], /--all CASEDIR OUTDIR/],
      [[join(CASES, DAG), '--budget-ms', 'much'], /--budget-ms/],
      [[join(CASES, DAG), '--max-steps', '0'], /--max-steps/],
      [[join(CASES, DAG), '--max-steps', '9', '--budget-ms', '9'], /--budget-ms or --max-steps/],
      [[join(CASES, 'drf.json')], /format .* is not known/],
      [[join(folder, 'odd.json')], /format .* is not known/],
      [[join(folder, 'none.json')], /ENOENT/],
    ] as const) {
      const { code, stdout, stderr } = await call('schedule', ...args)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(words)
    }
  })
})

describe('simulate', () => {
  it('gives the reference of a policy, and shorter waits on twice the machine', async () => {
    const file = join(CASES, QUEUE)
    const queueCase = await read(file)
    const simulated = async (...args: string[]) => {
      const { code, stdout } = await call('simulate', file, '--json', ...args)
      expect(code).toBe(0)
      return JSON.parse(stdout).results
    }
    const [easy, ...others] = await simulated('--policy', 'easy')
    expect(others).toEqual([])
    expect(easy.policy).toBe('easy')
    expect(easy.meanWait.toPrecision(6)).toBe(queueCase.refs.easy.meanWait.toPrecision(6))
    const nodes = queueCase.nodes.flatMap((node: { id: string }) => [node, { ...node, id: `${node.id}-2` }])
    await writeFile(join(folder, 'twice.json'), JSON.stringify(nodes))
    const [twice] = await simulated('--policy', 'easy', '--devices', join(folder, 'twice.json'))
    expect(twice.meanWait).toBeLessThan(easy.meanWait / 2)
    expect((await simulated()).map(({ policy }: { policy: string }) => policy)).toEqual([
      'online',
      'easy',
      'fcfs',
    ])
  })

  it('runs a generated workload to its end, and prints a table', async () => {
    const { code, stdout } = await call('simulate', '--generate', 'devices=20,jobs=500,seed=3')
    expect(code).toBe(0)
    expect(stdout).toMatch(/mean wait, s +\d/)
    expect(stdout).toMatch(/us of CPU a decision +\d/)
    expect((await call('simulate', '--generate', 'devices=1')).code).toBe(2)
    expect((await call('simulate', '--generate', 'toString=5')).code).toBe(2)
    expect((await call('simulate', join(CASES, QUEUE), '--policy', 'best')).stderr).toMatch(/no policy best/)
  })
})
