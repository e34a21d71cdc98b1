import { expect, test } from 'vitest'
import type { Holder, Named, WaitCause } from '../contract'
import { sayEnglish, waitWords } from './wait-words'

const now = new Date(2026, 10, 28, 12).getTime()
const at = (year: number, month: number, ...rest: number[]) => new Date(year, month, ...rest).toISOString()
const NOBODY = { name: null, principal: null }
const named = (name: string, id = 'j-7'): Named => ({ id, name, principal: 'ann' })
const holder = (name: string, amount: number, more: Partial<Holder> = {}): Holder => ({
  kind: 'job',
  ...named(name),
  resource: 'cpuCores',
  amount,
  endsInMs: null,
  ...more,
})
const alone = { holders: [], moreHolders: 0, jobsAhead: 0 }
const budget = { kind: 'budget', used: 3600.9, limit: 3600, windowMs: 3_600_000 } as const

const SENTENCES: [WaitCause[], string | null][] = [
  [[], null],
  [[{ kind: 'held' }], 'Held until it is resumed'],
  [[{ kind: 'dependencies', jobs: ['a'], more: 0 }], 'Waits for a'],
  [[{ kind: 'dependencies', jobs: ['a', 'b'], more: 3 }], 'Waits for a and b and 3 more'],
  [[{ kind: 'retry', inMs: 2500 }], 'Tries again in 2.5 s'],
  [[{ kind: 'turn' }], 'Waiting for its turn'],
  [[{ kind: 'behind', jobs: 0 }], 'About to start'],
  [[{ kind: 'behind', jobs: 1 }], 'Behind 1 job that is more urgent or came before'],
  [[{ kind: 'behind', jobs: 2 }], 'Behind 2 jobs that are more urgent or came before'],
  [
    [{ kind: 'behind_job', job: named('big') }],
    'Behind big (j-7), which goes first and needs the same resources',
  ],
  [
    [{ kind: 'engine', model: 'm@1', job: null, endsInMs: null }],
    'Waiting for the engine of m@1, which is busy',
  ],
  [
    [{ kind: 'engine', model: 'm@1', job: named('chat'), endsInMs: null }],
    'Waiting for the engine of m@1, busy with chat (j-7)',
  ],
  [
    [{ kind: 'engine', model: 'm@1', job: named('chat'), endsInMs: 20_000 }],
    'Waiting for the engine of m@1, busy with chat (j-7) for about 20 s',
  ],
  [
    [{ kind: 'engines', most: 32, job: null, endsInMs: null }],
    'Waiting for an engine: all 32 that may be loaded at once are busy',
  ],
  [
    [{ kind: 'engines', most: 32, job: named('load'), endsInMs: 20_000 }],
    'Waiting for an engine: all 32 that may be loaded at once are busy, one with load (j-7) for about 20 s',
  ],
  [
    [{ kind: 'reserved', wanted: { cpuCores: 2, memoryBytes: 4e9 }, request: named('render farm') }],
    'Waiting for 2 CPU cores and 4 GB of memory, kept for the request render farm, which goes first',
  ],
  [
    [{ kind: 'reserved', wanted: { cpuCores: 2 }, request: NOBODY }],
    'Waiting for 2 CPU cores, kept for another request, which goes first',
  ],
  [
    [{ kind: 'unfit', wanted: { gpu: 1 }, devices: ['RTX 6000'] }],
    'Waiting for 1 GPU: RTX 6000 is missing or not fit for work',
  ],
  [
    [{ kind: 'unfit', wanted: { gpu: 2 }, devices: ['RTX 6000', 'H200'] }],
    'Waiting for 2 GPUs: RTX 6000 and H200 are missing or not fit for work',
  ],
  [
    [
      {
        ...{ kind: 'resources', wanted: { cpuCores: 4, memoryBytes: 8e9 }, ...alone, moreHolders: 1 },
        holders: [holder('train', 6), holder('chat', 12e9, { kind: 'outside', resource: 'memoryBytes' })],
      },
    ],
    'Waiting for 4 CPU cores and 8 GB of memory: 6 CPU cores held by train (j-7), 12 GB of memory held by chat (outside LLMAgentOS), and 1 more',
  ],
  [[{ kind: 'runtime', name: 'PyTorch' }], 'Waiting until it is known whether PyTorch works here'],
  [
    [{ kind: 'faster', device: 'gpu-0', freeInMs: 10_000 }],
    'Waits for gpu-0, free in about 10 s, where it is done sooner than on what is free now',
  ],
  [
    [
      {
        kind: 'preempts',
        jobs: [named('a', 'j-1'), { id: 'j-8f2kanf6ep8cjg3', ...NOBODY }, named('c', 'j-3')],
      },
    ],
    'Preempts a (j-1), j-8cjg3 and c (j-3)',
  ],
  [
    [{ kind: 'quota', exceeded: { cpuCores: 1, custom: { seats: 2 } } }],
    'Waiting for its quota: 1 CPU core and 2 seats more than may be held at once',
  ],
  [
    [{ ...budget, resource: 'cpuSeconds', resetsAt: at(2026, 10, 28, 14, 19, 30) }],
    'Waiting for its budget: 3600 of 3600 CPU seconds of the last hour used; more from 14:20',
  ],
  [
    [{ ...budget, resource: 'jobs', windowMs: 60_000, resetsAt: at(2026, 10, 30, 8) }],
    'Waiting for its budget: 3600 of 3600 jobs of the last 1 min used; more from 2026-11-30 08:00',
  ],
  [
    [{ ...budget, resource: 'gpuSeconds', resetsAt: null }],
    'Waiting for its budget: 3600 of 3600 GPU seconds of the last hour used; no more until it is raised',
  ],
  [
    [{ kind: 'resources', wanted: { gpu: 2, gpuMemoryBytes: 8e9 }, ...alone, jobsAhead: 1 }],
    'Waiting for 2 GPUs and 8 GB of GPU memory; 1 job ahead',
  ],
  [
    [
      {
        kind: 'resources',
        wanted: { gpu: 1 },
        holders: [holder('nightly', 2, { endsInMs: 180_000 }), holder('api', 0.5, { kind: 'lease' })],
        moreHolders: 1,
        jobsAhead: 2,
      },
    ],
    'Waiting for 1 GPU: 2 held by nightly (j-7) for about 3 min, 0.5 held by api, and 1 more; 2 jobs ahead',
  ],
  [
    [
      {
        kind: 'room',
        memoryBytes: 3e9,
        holders: [
          holder('firefox', 6e9, { kind: 'outside', resource: 'memoryBytes' }),
          holder('short', 1e9, { endsInMs: 0, resource: 'memoryBytes' }),
        ],
        moreHolders: 0,
        jobsAhead: 0,
      },
    ],
    'Waiting for 3 GB of memory to load its model: 6 GB held by firefox (outside LLMAgentOS), 1 GB held by short (j-7), about to end',
  ],
  [
    [
      {
        kind: 'resources',
        wanted: { memoryBytes: 3e9 },
        holders: [
          holder('', 3e9, { ...NOBODY, id: 'j-8f2kanf6ep8cjg3', resource: 'memoryBytes' }),
          holder('', 2e9, { ...NOBODY, id: 'lease-8f2kanf6ep8cjg3', kind: 'lease', resource: 'memoryBytes' }),
          holder('', 1e9, { ...NOBODY, id: '4242', kind: 'outside', resource: 'memoryBytes' }),
        ],
        moreHolders: 0,
        jobsAhead: 0,
      },
    ],
    'Waiting for 3 GB of memory: 3 GB held by j-8cjg3, 2 GB held by lease-8cjg3, 1 GB held by process 4242 (outside LLMAgentOS)',
  ],
  [
    [
      { kind: 'preempted', by: named('urgent'), resumption: { from: 'item', item: 121, items: 200 } },
      { kind: 'behind', jobs: 1 },
    ],
    'Preempted by urgent (j-7), goes on at item 121 of 200. Behind 1 job that is more urgent or came before',
  ],
  [
    [{ kind: 'preempted', by: named('u'), resumption: { from: 'time', ranMs: 2000, durationMs: 5000 } }],
    'Preempted by u (j-7), goes on after 2 s of 5 s',
  ],
  [
    [{ kind: 'preempted', by: named('u'), resumption: { from: 'where_it_was' } }],
    'Preempted by u (j-7), goes on where it was',
  ],
  [
    [{ kind: 'preempted', by: named('u'), resumption: { from: 'beginning' } }],
    'Preempted by u (j-7), begins anew',
  ],
]

test.each(SENTENCES)('%j', (causes, sentence) => {
  expect(waitWords(causes, sayEnglish, now)).toBe(sentence)
})
