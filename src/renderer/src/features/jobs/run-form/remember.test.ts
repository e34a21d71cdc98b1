import { describe, expect, it } from 'vitest'
import { formFor } from './form-model'
import { DEFAULT_OPTIONS, type Memory, recallRun, rememberRun } from './remember'

function memory(start: Record<string, string> = {}): Memory {
  const entries = new Map(Object.entries(start))
  return { getItem: (key) => entries.get(key) ?? null, setItem: (key, value) => void entries.set(key, value) }
}

const form = formFor({ inputs: [{ name: 'sr', dtype: 'int64', shape: [] }], outputs: [] }, null)

describe('what was last run', () => {
  it('comes back for the same version only', () => {
    const store = memory()
    form.inputs.sr = { filler: 'zeros', values: '', scalar: '16000' }
    rememberRun(store, 'silero-vad', 1, { form, options: { ...DEFAULT_OPTIONS, iterations: 7 } })
    expect(recallRun(store, 'silero-vad', 1)?.form.inputs.sr?.scalar).toBe('16000')
    expect(recallRun(store, 'silero-vad', 1)?.options.iterations).toBe(7)
    expect(recallRun(store, 'silero-vad', 2)).toBeNull()
  })

  it('is nothing when what is stored does not read, and default where one option does not', () => {
    expect(recallRun(memory({ 'run:a@1': '{' }), 'a', 1)).toBeNull()
    expect(recallRun(memory({ 'run:a@1': '{"form":1}' }), 'a', 1)).toBeNull()
    const odd = JSON.stringify({ form, options: { kind: 'dance', iterations: -1 } })
    expect(recallRun(memory({ 'run:a@1': odd }), 'a', 1)?.options).toEqual(DEFAULT_OPTIONS)
  })

  it('leaves out long typed values', () => {
    const store = memory()
    const long = {
      ...form,
      inputs: { sr: { filler: 'values' as const, values: '1'.repeat(100_001), scalar: '' } },
    }
    rememberRun(store, 'a', 1, { form: long, options: DEFAULT_OPTIONS })
    expect(recallRun(store, 'a', 1)?.form.inputs.sr?.values).toBe('')
  })
})
