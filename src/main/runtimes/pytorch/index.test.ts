import { describe, expect, it } from 'vitest'
import type { AskWorker } from '../adapter'
import type { Probe } from '../protocol'
import { findBubblewrap } from '../sandbox'
import { pytorchRuntime } from '.'

const WORKS: Probe = {
  available: true,
  version: '2.6',
  backend: 'cpu',
  reason: null,
  readsFrom: ['/opt/torch'],
}
const not = (reason: string): Probe => ({ available: false, version: '', backend: '', reason })

/** Tries a Python that answers with these, one after the other. @returns what came of it, and what it was asked for */
async function tried(...answers: Probe[]) {
  const asked: string[] = []
  const ask: AskWorker = async (options, program) => {
    const start = { entry: 'pytorch.py', socketPath: null, files: [], options }
    const { hidesProcesses = false, args } = program?.(start) ?? { args: [] as string[] }
    asked.push(
      `${options}${hidesProcesses ? ` in a sandbox${args.includes('/opt/torch') ? ' with torch' : ''}` : ''}`,
    )
    return answers.shift() ?? not('nobody asked this')
  }
  return { ...(await pytorchRuntime(() => '/opt/python3', undefined).probe(ask)), asked }
}

describe.runIf(findBubblewrap())('where bubblewrap is installed', () => {
  it('torch is loaded once, within the sandbox, which is shown where it lies', async () => {
    expect(await tried(WORKS, WORKS)).toMatchObject({
      available: true,
      isolation: 'bubblewrap',
      asked: ['find', 'cpu in a sandbox with torch'],
    })
  })

  it('a sandbox that does not work is said, and torch runs without', async () => {
    expect(await tried(WORKS, not('It has no namespaces.'), WORKS)).toMatchObject({
      available: true,
      isolation: 'process',
      reason: 'It runs without a sandbox: It has no namespaces.',
      asked: ['find', 'cpu in a sandbox with torch', 'cpu', 'cpu in a sandbox with torch'],
    })
  })

  it('a sandbox in which torch was only slow from a cold disk is tried again, not done without', async () => {
    expect(await tried(WORKS, not('It did not start within 30 s.'), WORKS, WORKS)).toMatchObject({
      available: true,
      isolation: 'bubblewrap',
    })
  })

  it('a Python without torch is asked no more', async () => {
    const reason = 'It cannot import torch.'
    expect(await tried(not(reason))).toMatchObject({ available: false, reason, asked: ['find'] })
  })

  it('what fails outside of the sandbox, too, is why it does not run', async () => {
    const reason = 'It does not add up.'
    expect(await tried(WORKS, not('inside'), not(reason))).toMatchObject({ available: false, reason })
  })
})
