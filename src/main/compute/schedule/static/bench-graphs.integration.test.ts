import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { benchGraphs } from './bench-graphs'

const LARGE = 'rnd-v1000-a1-d4-c1-b1-p16-s501.json'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-graphs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('names the aim of a large graph when it is missed', async () => {
  const json = JSON.parse(await readFile(join(__dirname, '../../../../../fixtures/cases', LARGE), 'utf8'))
  // Held against a reference that nobody reaches.
  json.refs.heft /= 2
  await writeFile(join(folder, LARGE), JSON.stringify(json))
  const said: string[] = []
  const wrong = benchGraphs(folder, (line) => said.push(line))
  expect(said.join('\n')).toMatch(/100 ms of search +1\.\d+ of HEFT +\[aim: 0\.95\]/)
  expect(wrong).toContainEqual(
    expect.stringMatching(`^${json.name}: makespan over HEFT in 100 ms: 1.*0\\.95$`),
  )
}, 60_000)
