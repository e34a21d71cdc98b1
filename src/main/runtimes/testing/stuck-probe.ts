import { serveWorker } from '../worker'

/** A worker whose native library never comes back from being loaded, for tests. */
serveWorker({
  async probe() {
    for (;;);
  },
  async work() {
    throw new Error('It does no work.')
  },
})
