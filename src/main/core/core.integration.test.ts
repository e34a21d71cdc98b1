import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PrincipalId } from '../../shared/domain/ids'
import { systemClock } from '../platform/clock'
import { type Database, openDatabase } from '../platform/database'
import { type Core, coreMigrations, createCore } from './index'

const principal = 'user-1' as PrincipalId
const logger = pino({ level: 'silent' })

describe('core on this very machine', () => {
  let folder: string
  let database: Database
  let core: Core

  beforeEach(async () => {
    folder = await mkdtemp(join(os.tmpdir(), 'core-'))
    database = await openDatabase(join(folder, 'test.db'), coreMigrations)
    core = createCore({ database, clock: systemClock, logger })
    await core.start()
  })

  afterEach(async () => {
    await core.dispose()
    await database.dispose()
    await rm(folder, { recursive: true })
  })

  it('finds the CPU, and says how', () => {
    const cpu = core.listDevices().find(({ kind }) => kind === 'cpu')
    expect(cpu).toMatchObject({ id: 'cpu0', origin: 'detected', health: 'ok' })
    expect(cpu?.foundBy).toMatch(/systeminformation/)
    expect(cpu?.capacity.cpuCores).toBeGreaterThan(0)
    expect(cpu?.capacity.cpuCores).toBeLessThanOrEqual(os.cpus().length)
    expect(cpu?.capacity.memoryBytes).toBeLessThanOrEqual(os.totalmem())
  })
})
