import type { Tensor } from '../../../shared/domain/tensor'
import { serveModels } from '../model-worker'

/** Of one megabyte of memory: they are sent as they are, so that together they may be of any size. */
const OUTPUT: Tensor = { dtype: 'uint8', shape: [2 ** 20], bytes: new Uint8Array(2 ** 20) }

/** A runtime for tests whose answer to each item has as many megabytes as its input `mb` has elements. */
serveModels({
  probe: async () => ({ available: true, version: '0', backend: 'cpu', reason: null }),
  load: async () => ({
    stackable: false,
    queues: false,
    run: async ({ mb }) => {
      const count = mb?.shape[0] ?? 0
      return Object.fromEntries(Array.from({ length: count }, (_, i) => [`y${i}`, OUTPUT]))
    },
  }),
})
