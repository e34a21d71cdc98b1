import { expect } from '@playwright/test'
import { type Answer, type Serve, sileroInputs } from './serve'

/** Some seconds of work also for a quick machine, and less than the longest request. */
const ITEMS = 12_000
/** The longest that a slow machine may take for all of them. */
export const RUN_MS = 240_000
/** After so long the first items of a batch are durable: the shortest interval between two checkpoints, and the write on a busy disk. */
const CHECKPOINT_MS = 1_000

/** As bytes they are a third as long. */
function packedInputs() {
  const { input, state, sr } = sileroInputs()
  const pack = ({ data, ...tensor }: { dtype: string; shape: number[]; data: number[] }) => ({
    ...tensor,
    base64: Buffer.from(Float32Array.from(data).buffer).toString('base64'),
  })
  return { input: pack(input), state: pack(state), sr }
}

/** Submits a batch over `silero-vad@1`. @returns its id once its first items are durable, and while it runs */
export async function startLongBatch(api: Serve, name: string): Promise<string> {
  const items = new Array(ITEMS).fill(packedInputs())
  const batch = await api.call('POST', '/jobs', { kind: 'batch', name, model: 'silero-vad@1', items })
  expect(batch.status).toBe(201)
  const { id } = batch.body
  await api.until(`/jobs/${id}`, (job) => job.progress > 0, RUN_MS)
  const keptBy = Date.now() + CHECKPOINT_MS
  const midway = await api.until(`/jobs/${id}`, (job) => job.progress > 0.05 && Date.now() > keptBy, RUN_MS)
  expect(midway.state).toBe('running')
  return id
}

/** Each item of the result of a long batch is there and right. */
export function expectWhole({ items }: Answer['body']): void {
  expect(items).toHaveLength(ITEMS)
  for (const at of [0, 1, ITEMS / 2, ITEMS - 1])
    expect(items[at].outputs.output.data[0]).toBeCloseTo(0.100131, 5)
}
