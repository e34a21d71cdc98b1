import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

// The commands as a person types them, from a folder of their own: files are meant from there, and what a program reads on
// stdout is nothing but the answer.

const ROOT = join(__dirname, '../../../..')
const CASES = join(ROOT, 'fixtures/cases')
const DAG = 'tiny-v9-p3-c0.5-b1-s402.json'
const QUEUE = 'q-nasa-a.json'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'npm-forms-'))
  await mkdir(join(folder, 'cases'))
  for (const name of [DAG, QUEUE]) await copyFile(join(CASES, name), join(folder, 'cases', name))
  // Builds what is not built: a run of what is stale would be of something else.
  await npm('run', '-s', 'schedule')
}, 240_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

function npm(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    // As on the command line: what the `npm` that runs the tests has said to itself is not there.
    const env = Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/i.test(name))
    const options = {
      cwd: folder,
      env: Object.fromEntries(env),
      maxBuffer: 64 * 1024 * 1024,
      shell: process.platform === 'win32',
    }
    execFile('npm', ['--prefix', ROOT, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

it('npm run schedule and npm run simulate take paths from where one stands, print what they say they do, and tell how they ended', async () => {
  const [one, missing, all, simulated] = await Promise.all([
    npm('run', '-s', 'schedule', '--', `cases/${DAG}`, '--budget-ms', '50'),
    npm('run', '-s', 'schedule', '--', 'cases/none.json', '--budget-ms', '50'),
    npm('run', 'schedule', '--', '--all', 'cases', 'schedules', '--max-steps', '100'),
    npm('run', 'simulate', '--', `cases/${QUEUE}`),
  ])
  const { tasks, refs } = JSON.parse(await readFile(join(CASES, DAG), 'utf8'))
  expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: '' })
  const schedule: { task: string; end: number }[] = JSON.parse(one.stdout)
  expect(schedule.map(({ task }) => task).sort()).toEqual(tasks.map(({ id }: { id: string }) => id).sort())
  expect(Math.max(...schedule.map(({ end }) => end))).toBeLessThanOrEqual(refs.heft)

  expect(missing).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('none.json') })

  expect(all.code).toBe(0)
  expect((await readdir(join(folder, 'schedules'))).sort()).toEqual([QUEUE, DAG].sort())
  for (const name of [DAG, QUEUE])
    expect(JSON.parse(await readFile(join(folder, 'schedules', name), 'utf8'))).not.toHaveLength(0)

  expect(simulated.code).toBe(0)
  expect(simulated.stdout).toMatch(/mean wait, s +\d/)
})
