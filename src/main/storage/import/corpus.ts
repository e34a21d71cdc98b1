import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { z } from 'zod'
import type { Finding, Import } from '../../../shared/contract'
import { systemClock } from '../../platform/clock'
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
      const { outcome, findings } = await worker.inspect(
        { kind: 'path', path: join(folder, file) },
        scratch,
        new AbortController().signal,
      )
      const warns = findings.some((finding) => finding.severity === 'warn')
      const verdict = outcome === 'rejected' ? 'reject' : warns ? 'warn' : 'accept'
      items.push({ file, verdict, findings })
      if (![expected, ...also_ok].includes(verdict)) wrong.push(`${file}: ${verdict}, expected ${expected}`)
    } finally {
      await worker.dispose()
      await rm(scratch, { recursive: true, force: true })
    }
  }
  return { items, right: asked.length - wrong.length, total: asked.length, wrong }
}
