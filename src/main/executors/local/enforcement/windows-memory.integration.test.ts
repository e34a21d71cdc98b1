import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../platform/clock'
import { watchWindowsMemory } from './windows-memory'

const KIB = 1024

/** Written by hand as the command prints it: System, Explorer, a worker with what it has started, and one that is older than its parent. */
const PRINTED = `0 0 8 0
4 0 148 133012345678901234
5120 4988 91204 133012345990000000
9004 5120 204800 133012346000000000
9010 9004 1024 133012346100000000
9011 9010 2048 133012346100000001
7777 9004 999999 133012345990000001
`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'windows-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe.runIf(process.platform !== 'win32')('what Windows prints of the memory of processes', () => {
  async function heard(script: string): Promise<ReadonlyMap<number, number>[]> {
    const command = join(folder, 'powershell')
    await writeFile(join(folder, 'printed'), PRINTED.replaceAll('\n', '\r\n'))
    await writeFile(command, `#!/bin/sh\ncd ${folder}\necho "$*" > asked\n${script}\nexec sleep 60\n`)
    await chmod(command, 0o755)
    const tables: ReadonlyMap<number, number>[] = []
    const deps = { clock: systemClock, logger: pino({ level: 'silent' }) }
    const stream = watchWindowsMemory(deps, (residentOf) => tables.push(residentOf([9004, 4, 4242])), command)
    try {
      stream.run(true)
      await vi.waitUntil(() => tables.length === 2, { timeout: 40_000 })
    } finally {
      stream.run(false)
    }
    return tables
  }

  it('is summed for a worker and all below it, once a table, and not for who had its id before', async () => {
    const worker = new Map([
      [9004, (204800 + 1024 + 2048) * KIB],
      [4, 148 * KIB],
    ])
    const tables = "cat printed; printf 'end\\r\\n9004 1 5 1\\r\\nend\\r\\n4 0 9 0\\r\\n'"
    expect(await heard(tables)).toEqual([worker, new Map([[9004, 5 * KIB]])])
    // It asks as long as this process is there.
    expect(await readFile(join(folder, 'asked'), 'utf8')).toContain(`Get-Process -Id ${process.pid} `)
  })

  it('is taken from no other words and no line without end', async () => {
    const noise =
      "echo 'Get-CimInstance : Zugriff verweigert 9004 1 7'; head -c 100000 /dev/zero | tr '\\0' 9; echo"
    expect(
      await heard(`${noise}; echo end; cat printed; printf '9004 1 1,5 2\\r\\n'; echo end`),
    ).toMatchObject([
      new Map(),
      new Map([
        [9004, (204800 + 1024 + 2048) * KIB],
        [4, 148 * KIB],
      ]),
    ])
  })
})
