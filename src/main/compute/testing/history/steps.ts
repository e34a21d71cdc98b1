import fc from 'fast-check'

/** What may happen to the system from outside. */
const FAULTS = [
  'crash',
  'crashNext',
  'hangNext',
  'failLoad',
  'kill9',
  'stop',
  'jump',
  'slowDisk',
  'fullDisk',
  'device',
] as const
type Fault = (typeof FAULTS)[number]

export interface Submission {
  do: 'submit'
  kind: 'synthetic' | 'infer' | 'batch' | 'generate'
  /** By the one whose use has a budget. */
  budgeted: boolean
  ms: number
  cores: number
  gpu: boolean
  priority: number
  attempts: number
  fail: 'error' | 'crash' | 'hang' | undefined
  dependsOn: number | null
  deadline: number | null
  hold: boolean
}

export interface PipelineNode {
  kind: 'infer' | 'synthetic' | 'generate'
  /** Which of the nodes before it it follows from. */
  after: number | null
  runWhen: 'succeeded' | 'failed' | 'ended'
  ms: number
  fail: 'error' | 'crash' | undefined
}

export type Step =
  | Submission
  | { do: 'pipeline'; budgeted: boolean; priority: number; nodes: PipelineNode[] }
  | { do: 'cancel' | 'hold' | 'resume' | 'retry' | 'cancelPipeline' | 'retryPipeline'; which: number }
  | { do: 'priority'; which: number; priority: number }
  | { do: 'advance'; ms: number }
  | { do: 'lease'; cores: number; ttlMs: number }
  | { do: Fault; at: number; ms: number }

/** So long that others do not wait for its end: it makes room for what is more urgent. */
export const LONG_MS = 2_000

const constants = <T extends string>(...values: T[]) => fc.constantFrom(...values)
const sometimes = fc.boolean()

const submit: fc.Arbitrary<Submission> = fc.record({
  do: constants('submit'),
  kind: constants('synthetic', 'synthetic', 'infer', 'batch', 'generate'),
  budgeted: sometimes,
  ms: fc.constantFrom(0, 0, 1, 20, 300, LONG_MS),
  cores: fc.constantFrom(0, 0.5, 1, 2),
  gpu: fc.option(fc.constant(true), { nil: false, freq: 3 }).map(Boolean),
  priority: fc.integer({ min: 0, max: 100 }),
  attempts: fc.integer({ min: 1, max: 3 }),
  fail: fc.constantFrom(undefined, undefined, undefined, ...(['error', 'crash', 'hang'] as const)),
  dependsOn: fc.option(fc.nat(30), { freq: 3 }),
  deadline: fc.option(fc.integer({ min: 1, max: 2000 }), { freq: 4 }),
  hold: fc.boolean(),
})
const pipeline = fc.record({
  do: constants('pipeline'),
  budgeted: sometimes,
  priority: fc.integer({ min: 0, max: 100 }),
  nodes: fc.array(
    fc.record({
      kind: constants('infer', 'infer', 'synthetic', 'generate'),
      after: fc.option(fc.nat(5), { freq: 5 }),
      runWhen: constants('succeeded', 'succeeded', 'succeeded', 'failed', 'ended'),
      ms: fc.constantFrom(0, 20, 300, LONG_MS),
      fail: fc.constantFrom(undefined, undefined, undefined, ...(['error', 'crash'] as const)),
    }),
    { minLength: 2, maxLength: 5 },
  ),
})
const call = fc.record({
  do: constants('cancel', 'hold', 'resume', 'retry', 'cancelPipeline', 'retryPipeline'),
  which: fc.nat(30),
})
const priority = fc.record({
  do: constants('priority'),
  which: fc.nat(30),
  priority: fc.integer({ min: 0, max: 100 }),
})
const advance = fc.record({ do: constants('advance'), ms: fc.constantFrom(0, 1, 10, 100, 1000) })
const lease = fc.record({
  do: constants('lease'),
  cores: fc.constantFrom(0.5, 1),
  ttlMs: fc.constantFrom(1, 50, 500),
})
const fault = fc.record({
  do: constants(...FAULTS),
  at: fc.nat(5),
  ms: fc.constantFrom(-3_600_000, -300, 20, 700, 3_600_000),
})

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: submit },
  { weight: 2, arbitrary: pipeline },
  { weight: 4, arbitrary: call },
  { weight: 1, arbitrary: priority },
  { weight: 6, arbitrary: advance },
  { weight: 1, arbitrary: lease },
  { weight: 4, arbitrary: fault },
)

/** As {@link step}, half of them faults. */
export const stepOrFault: fc.Arbitrary<Step> = fc.oneof(step, fault)

export const isFault = ({ do: what }: Step): boolean => (FAULTS as readonly string[]).includes(what)
