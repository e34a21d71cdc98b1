import type { RuntimeAdapter } from '../adapter'

const MIB = 2 ** 20

/** A load of known length, for tests, demos and planning. It needs no model. */
export const syntheticRuntime: RuntimeAdapter = {
  id: 'synthetic',
  name: 'Synthetic load',
  formats: [],
  entry: 'synthetic.cjs',
  async probe(ask) {
    return { ...(await ask('')), options: '', program: null, isolation: 'process' }
  },
  estimateMemory: () => 60 * MIB,
}
