import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspect } from '../import/inspect'
import { scratch } from './scratch'

type Verdict = 'accept' | 'warn' | 'reject'
/** `why`: what the finding must say, so that a file is refused for what is wrong with it and not for something else. */
export type Sample = [
  what: string,
  verdict: Verdict,
  content: Uint8Array | Record<string, Uint8Array | string>,
  why?: string,
]

/** Tries what a stranger would, and its harmless neighbours: one test for each file or folder. */
export function tried(format: string, extension: string, samples: readonly Sample[]): void {
  describe(format, () => {
    let folder: string
    let serial = 0
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'llmagentos-verdicts-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it.each(samples)('%s: %s', async (_, expected, content, why) => {
      const path = join(folder, `${serial++}${content instanceof Uint8Array ? `.${extension}` : ''}`)
      const { verdict, told } = await verdictOf(content, path)
      expect(`${verdict}: ${told}`).toContain(`${expected}: `)
      if (why) expect(told).toContain(why)
    })
  })
}

async function verdictOf(content: Sample[2], path: string): Promise<{ verdict: Verdict; told: string }> {
  if (content instanceof Uint8Array) writeFileSync(path, content)
  else {
    for (const [name, part] of Object.entries(content)) {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), part)
    }
  }
  const { outcome, findings } = await inspect({ kind: 'path', path }, scratch())
  const warns = findings.some(({ severity }) => severity === 'warn')
  return {
    verdict: outcome === 'rejected' ? 'reject' : warns ? 'warn' : 'accept',
    told: findings.map(({ severity, message }) => `${severity}: ${message}`).join('\n'),
  }
}
