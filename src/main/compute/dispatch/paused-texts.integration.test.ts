import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { KEPT_INDEX, UNFINISHED } from '../../runtimes/protocol'
import type { ActiveJob } from '../jobs/active-job'
import { PausedTexts } from './paused-texts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'paused-'))
})
afterEach(() => rm(dir, { recursive: true }))

const job = () => ({ id: 'job_1', textKeptAt: null, pauseLost: false }) as unknown as ActiveJob

it('a pause that came to no end leaves what was kept before, and nothing half written', async () => {
  const texts = new PausedTexts(dir, pino({ level: 'silent' }))
  const paused = job()
  await mkdir(texts.folderOf(paused))
  for (const name of [KEPT_INDEX, '0-5.state', `0-9.state${UNFINISHED}`, KEPT_INDEX + UNFINISHED])
    await writeFile(join(texts.folderOf(paused), name), 'x')
  await texts.observe(paused)
  expect(await readdir(texts.folderOf(paused))).toEqual(['0-5.state', KEPT_INDEX])
  expect(paused).toMatchObject({ textKeptAt: expect.any(Number), pauseLost: false })
})

it('a pause that kept nothing at all is a lost one', async () => {
  const paused = job()
  await new PausedTexts(dir, pino({ level: 'silent' })).observe(paused)
  expect(paused).toMatchObject({ textKeptAt: null, pauseLost: true })
})
