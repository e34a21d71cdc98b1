import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { z } from 'zod'
import type { Finding, Import } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import { systemClock } from '../../platform/clock'
import type { Inspection } from './inspect'
import { startFileWorker } from './worker'

const Index = z.object({
  items: z.array(
    z.object({
      file: z.string().min(1),
      expected: z.string(),
      also_ok: z.array(z.string()).default([]),
    }),
  ),
})

export interface CorpusItem {
  file: string
  verdict: NonNullable<Import['verdict']>
  findings: Finding[]
}

function verdictOf({ outcome, findings }: Inspection): CorpusItem['verdict'] {
  if (outcome === 'rejected') return 'reject'
  return findings.some(({ severity }) => severity === 'warn') ? 'warn' : 'accept'
}

/** An import that fails stores nothing either; the others are still asked about. */
function notRead(error: unknown): Inspection {
  if (!(error instanceof AppError)) throw error
  const { code, message } = error
  return { outcome: 'rejected', findings: [{ severity: 'reject', code, message, file: '' }] }
}

/**
 * What the importer says of each item of a folder with an index.json, by the very process, limits and readers that an
 * import uses. Nothing is stored.
 * @param workerEntry the built `inspect-worker.ts`
 * @throws when the folder has no sound index.json
 */
export async function runCorpus(
  folder: string,
  workerEntry: string,
): Promise<{ items: CorpusItem[]; right: number; total: number; wrong: string[] }> {
  const { items: asked } = Index.parse(JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')))
  const items: CorpusItem[] = []
  const wrong: string[] = []
  const logger = pino({ level: 'silent' })
  for (const { file, expected, also_ok } of asked) {
    // One process for each, as an import has: what one file does to it cannot touch the next.
    const scratch = join(tmpdir(), `llmagentos-corpus-${process.pid}`)
    const worker = startFileWorker(workerEntry, systemClock, logger)
    try {
      const location = { kind: 'path' as const, path: join(folder, file) }
      const inspection = await worker.inspect(location, scratch, new AbortController().signal).catch(notRead)
      const item = { file, verdict: verdictOf(inspection), findings: inspection.findings }
      items.push(item)
      if (![expected, ...also_ok].includes(item.verdict))
        wrong.push(`${file}: ${item.verdict}, expected ${expected}`)
    } finally {
      await worker.dispose()
      await rm(scratch, { recursive: true, force: true })
    }
  }
  return { items, right: asked.length - wrong.length, total: asked.length, wrong }
}
