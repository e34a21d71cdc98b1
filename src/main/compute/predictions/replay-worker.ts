import { parentPort } from 'node:worker_threads'
import { type ReplayRequest, replay } from './replays'

// A thread that replays: `ReplayRequest` in, what it asks for out.
parentPort?.on('message', (request: ReplayRequest) => parentPort?.postMessage(replay(request)))
