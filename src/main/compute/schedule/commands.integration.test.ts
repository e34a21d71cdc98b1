import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWorkers } from '../../runtimes/testing/build-workers'
import { createHarness } from '../testing/harness'

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
      [[join(CASES, DAG), '--budget-ms', ''], /--budget-ms/],
      [[join(CASES, DAG), '--seed', ' '], /--seed/],
      [[join(CASES, DAG), '--sed', '7'], /'--sed'.*\n\nnpm run -s schedule/],
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

it.each(['schedule', 'simulate'])('%s says how it is used when it is asked', async (name) => {
  for (const option of ['--help', '-h'])
    expect(await call(name, option)).toEqual({
      code: 0,
      stdout: expect.stringMatching(`^npm run (-s )?${name} -- [A-Z]+\\.json`),
      stderr: '',
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

  it('tries a workload on the devices of a file, by their names, without the jobs that these cannot hold', async () => {
    const workload = {
      format: 'queue-case/1',
      resources: ['cpu', 'gpu', 'fpga'],
      nodes: [{ id: 'n', cap: [4, 1, 1] }],
      jobs: [
        [0, 10, 10, 1, [4, 0, 0], 0, 'u'],
        [0, 10, 10, 1, [1, 1, 0], 0, 'u'],
        [0, 10, 10, 1, [2, 0, 0], 0, 'u'],
      ],
    }
    const [file, devices] = [join(folder, 'workload.json'), join(folder, 'devices.json')]
    await writeFile(file, JSON.stringify(workload))
    const on = async (machine: unknown) => {
      await writeFile(devices, JSON.stringify(machine))
      const { code, stdout, stderr } = await call(
        'simulate',
        file,
        '--policy',
        'fcfs',
        '--devices',
        devices,
        '--json',
      )
      return { code, said: stderr, result: stdout && JSON.parse(stdout).results[0] }
    }
    const whole = await on({ resources: ['disk', 'gpu', 'cpu'], nodes: [{ id: 'n', cap: [9, 2, 8] }] })
    expect(whole).toMatchObject({ code: 0, result: { meanWait: 0, makespan: 10 } })
    expect(whole.result.utilization).toEqual([7 / 8, 1 / 2, 0])
    expect(whole.said).toMatch(/^3 jobs; resources: cpu, gpu, fpga$/m)
    expect(whole.said).toMatch(/^Preemption, quotas, budgets and engines are no part of such a workload\.$/m)

    const small = await on([{ id: 'n', cap: [2, 1, 0] }])
    expect(small).toMatchObject({ code: 0, result: { makespan: 20, utilization: [3 / 4, 1 / 2, 0] } })
    expect(small.said).toMatch(
      /^2 jobs, without 1 that this machine cannot hold; resources: cpu, gpu, fpga$/m,
    )

    for (const [machine, words] of [
      [
        { resources: ['cpu', 'fpga'], nodes: [{ id: 'n', cap: [8, 1] }] },
        /resources lacks gpu, which jobs ask for/,
      ],
      [{ resources: ['cpu', 'cpu'], nodes: [{ id: 'n', cap: [8, 1] }] }, /resources has one twice/],
      [[{ id: 'n', cap: [8, 1] }], /nodes\.0\.cap must have 3 amounts, of cpu, gpu, fpga/],
      [[{ id: 'n', cap: [8, 1, -1] }], /nodes\.0\.cap\.2 is wrong/],
      [{ nodes: [1, '1'].map((id) => ({ id, cap: [1, 1, 1] })) }, /nodes has two of the same id/],
      ['n', /format is wrong/],
    ] as const) {
      const { code, said } = await on(machine)
      expect(code).toBe(2)
      expect(said).toMatch(/^The file of devices is not valid: /)
      expect(said).toMatch(words)
    }
  })

  it('replays a recorded day, also on another machine: what is told of resources is of that machine', async () => {
    const harness = await createHarness({ cores: 2, gpus: 1 })
    try {
      const system = await harness.open()
      for (const need of [{ cpuCores: 2 }, { cpuCores: 1, gpu: 1 }])
        await system.submit({ kind: 'synthetic', durationMs: 1_000, need })
      for (let second = 0; second < 5; second++) await harness.clock.advance(1_000)
      await system.die()
      // With what is still in its journal.
      for (const name of (await readdir(harness.dir)).filter((each) => each.startsWith('test.db')))
        await rename(join(harness.dir, name), join(harness.dir, name.replace('test', 'llmagentos')))
      const devices = join(folder, 'other.json')
      const replayed = async (nodes: unknown) => {
        await writeFile(devices, JSON.stringify(nodes))
        return await call(
          'simulate',
          '--recorded',
          harness.dir,
          '--devices',
          devices,
          '--json',
          '--policy',
          'fcfs',
        )
      }
      const { code, stdout, stderr } = await replayed([{ id: 'n', cap: [4, 1e10, 0, 0] }])
      expect(code).toBe(0)
      expect(stderr).toMatch(
        /^1 jobs of .+, without 1 .+; resources: cpuCores, memoryBytes, gpu, gpuMemoryBytes$/m,
      )
      expect(JSON.parse(stdout)).toMatchObject({
        resources: ['cpuCores', 'memoryBytes'],
        results: [{ makespan: 1.15, utilization: [0.5, 0] }],
      })
      const lacking = await replayed({ resources: ['cpuCores'], nodes: [{ id: 'n', cap: [4] }] })
      expect(lacking).toMatchObject({ code: 2, stderr: expect.stringMatching(/resources lacks gpu/) })
    } finally {
      await harness.remove()
    }
  })

  it('runs a generated workload to its end, and prints a table', async () => {
    const { code, stdout } = await call('simulate', '--generate', 'devices=20,jobs=500,seed=3')
    expect(code).toBe(0)
    expect(stdout).toMatch(/mean wait, s +\d/)
    expect(stdout).toMatch(/us of CPU a decision +\d/)
  })

  it('refuses what it does not understand, with a sentence and how it is used', async () => {
    for (const [args, words] of [
      [['--generate', 'devices=1'], /^devices must be a whole number from 10 to 100000\.$/m],
      [['--generate', 'jobs=1.5'], /^jobs must be a whole number/m],
      [['--generate', 'seed='], /^seed must be a whole number/m],
      [['--generate', 'load=1e-300'], /^load must be a number from 0\.01 to 100\.$/m],
      [['--generate', 'toString=5'], /^--generate does not know toString=5\.$/m],
      [['--generate', 'jobs=5', '--devices', 'd.json'], /^--generate makes its own devices/m],
      [['--generate', 'jobs=5', '--recorded'], /^Give a workload, --recorded or --generate\.$/m],
      [[join(CASES, QUEUE), '--policy', 'best'], /^There is no policy best\.$/m],
      [['--polcy', 'easy'], /'--polcy'/],
    ] as const) {
      const { code, stdout, stderr } = await call('simulate', ...args)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(words)
      expect(stderr).toMatch(/\n\nnpm run simulate -- WORKLOAD\.json/)
    }
  })
})
