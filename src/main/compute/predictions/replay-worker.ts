import { parentPort } from 'node:worker_threads'
import { type Replayed, type ReplayRequest, replay } from './replays'

// A thread that replays: `ReplayRequest` in, what it asks for out, with what it took.
parentPort?.on('message', (request: ReplayRequest) => {
  const began = performance.now()
  const answer = replay(request)
  parentPort?.postMessage({ answer, tookMs: performance.now() - began } satisfies Replayed<unknown>)
})
