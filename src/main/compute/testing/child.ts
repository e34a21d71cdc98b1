import { createInterface } from 'node:readline'
import { JobSpec } from '../../../shared/contract'
import type { PrincipalId } from '../../../shared/domain/ids'
import { openRealSystem } from './real-system'

/**
 * A program that submits what its stdin says, one specification a line, and says on stdout what was acknowledged and
 * how jobs move: to be killed at any moment.
 */
async function main(): Promise<void> {
  const [dataDir = '', workersDir = ''] = process.argv.slice(2)
  const { compute } = await openRealSystem(dataDir, workersDir)
  const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
  compute.onDidChangeJobs(({ changed }) => {
    for (const job of changed)
      if (job.kind === 'batch') say({ event: 'progress', id: job.id, progress: job.progress })
  })
  createInterface({ input: process.stdin }).on('line', (line) => {
    compute.submit(JobSpec.parse(JSON.parse(line)), 'p-test' as PrincipalId).then(
      ({ id }) => say({ event: 'acknowledged', id }),
      (error: unknown) => say({ event: 'refused', message: String(error) }),
    )
  })
  say({ event: 'ready' })
}

void main()
