import type { RuntimeView } from '@shared/contract'
import { expect, it } from 'vitest'
import docs from '../../../../../docs/runtimes.md?raw'
import { CONVERSIONS, runnableHere } from './conversions'

it('gives the commands that the documentation gives', () => {
  for (const command of Object.values(CONVERSIONS).flat()) expect(docs).toContain(`\`${command}\``)
})

function runtime(changes: Partial<RuntimeView>): RuntimeView {
  return {
    id: 'r',
    name: 'PyTorch',
    version: '2',
    available: true,
    beingTried: false,
    backend: 'cpu',
    backends: [],
    isolation: 'process',
    plugin: null,
    formats: ['torchscript', 'safetensors'],
    reason: null,
    engines: [],
    ...changes,
  }
}

it('knows what runs, and what is missing for what does not', () => {
  const weights = { format: 'safetensors', architecture: null } as const
  expect(runnableHere({ format: 'torchscript', architecture: null }, [runtime({})])).toEqual({ can: true })
  expect(runnableHere(weights, [runtime({})])).toEqual({ can: false, lacks: 'architecture' })
  expect(runnableHere({ ...weights, architecture: 'net@1' }, [runtime({})])).toEqual({ can: true })
  expect(runnableHere(weights, [runtime({ available: false, reason: 'No Python has torch.' })])).toEqual({
    can: false,
    lacks: 'runtime',
    name: 'PyTorch',
    reason: 'No Python has torch.',
  })
  const untried = runtime({ available: false, beingTried: true })
  expect(runnableHere({ ...weights, architecture: 'net@1' }, [untried])).toEqual({ can: true })
  expect(runnableHere({ format: 'tflite', architecture: null }, [runtime({})])).toEqual({
    can: false,
    lacks: 'format',
  })
})
