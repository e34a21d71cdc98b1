import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../platform/clock'
import { type Database, openDatabase } from '../platform/database'
import { type Core, coreMigrations, createCore } from './index'
import { createMachine } from './machine'

const logger = pino({ level: 'silent' })

describe('core on this very machine', () => {
  let folder: string
  let database: Database
  let core: Core

  beforeAll(async () => {
    folder = await mkdtemp(join(os.tmpdir(), 'core-'))
    database = await openDatabase(join(folder, 'test.db'), coreMigrations)
    core = createCore({ database, clock: systemClock, logger })
    await core.start()
  })
  afterAll(async () => {
    await core.dispose()
    await database.dispose()
    await rm(folder, { recursive: true })
  })

  it('finds the CPU and its memory, and says how', () => {
    const cpu = core.listDevices().find(({ kind }) => kind === 'cpu')
    expect(cpu).toMatchObject({ id: 'cpu0', origin: 'detected', health: 'ok' })
    expect(cpu?.foundBy).toMatch(/systeminformation/)
    expect(cpu?.capacity.cpuCores).toBeGreaterThan(0)
    expect(cpu?.capacity.cpuCores).toBeLessThanOrEqual(os.cpus().length)
    expect(cpu?.capacity.memoryBytes).toBeGreaterThan(1e8)
    expect(cpu?.capacity.memoryBytes).toBeLessThanOrEqual(os.totalmem())
  })

  it('finds the same devices again', async () => {
    const before = core.listDevices()
    expect(await core.rescan()).toEqual(before)
  })

  it('samples load and memory within what is possible', async () => {
    const samples = await new Promise<ReturnType<Core['latestTelemetry']>>((resolve) => {
      const stop = core.onDidSample((value) => {
        stop()
        resolve(value)
      })
    })
    const cpu = samples.find(({ device }) => device === 'cpu0')
    expect(cpu?.load).toBeGreaterThanOrEqual(0)
    expect(cpu?.load).toBeLessThanOrEqual(1)
    expect(cpu?.cores).toHaveLength(os.cpus().length)
    expect(cpu?.memoryUsedBytes).toBeGreaterThan(0)
    expect(cpu?.memoryUsedBytes).toBeLessThanOrEqual(cpu?.memoryTotalBytes ?? 0)
  })

  it.runIf(process.platform === 'linux')('sees the memory that processes of its own use', async () => {
    const machine = createMachine({ clock: systemClock, logger })
    const before = (await machine.read([])).childrenMemoryBytes ?? 0
    const child = spawn(
      process.execPath,
      [
        '-e',
        'const a = Buffer.alloc(200e6, 1); console.log("ready"); process.stdin.on("data", () => process.exit(a[0] - 1))',
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    await once(child.stdout, 'data')
    const during = (await machine.read([])).childrenMemoryBytes ?? 0
    child.stdin.write('end\n')
    await once(child, 'exit')
    machine.dispose()
    expect(during - before).toBeGreaterThan(190e6)
  })
})
