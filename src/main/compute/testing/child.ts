import { createInterface } from 'node:readline'
import { openRealSystem } from './real-system'

/** One line to the program; the answer has the same number. */
export interface Call {
  number: number
  module: 'compute' | 'core'
  method: string
  args: unknown[]
}
export type Answer = { number: number; value?: unknown } | { number: number; error: string }

/** A program whose modules do what its stdin asks for, one call a line: to be killed at any moment. */
async function main(): Promise<void> {
  const [dataDir = '', workersDir = ''] = process.argv.slice(2)
  const modules = await openRealSystem(dataDir, workersDir)
  const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
  const lines = createInterface({ input: process.stdin })
  // Whoever asked is gone, and with it what this was for.
  lines.on('close', () => process.exit())
  lines.on('line', async (line) => {
    const { number, module, method, args }: Call = JSON.parse(line)
    const target = modules[module] as unknown as Record<string, (...args: unknown[]) => unknown>
    try {
      say({ number, value: await target[method]?.(...args) })
    } catch (error) {
      say({ number, error: String(error) })
    }
  })
}

void main()
