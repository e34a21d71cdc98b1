import type { Workload } from '../online/workload'

export interface GenerateOptions {
  devices: number
  jobs: number
  seed: number
  /** Offered load of the GPUs; 1 is all they can do. */
  load: number
}

/** Per resource: cpu, memory in GiB, GPUs, FPGAs. */
const RESOURCES = ['cpu', 'memGiB', 'gpu', 'fpga'] as const
const NODES: readonly { of: number; cap: readonly number[] }[] = [
  { of: 0.4, cap: [64, 256, 8, 0] },
  { of: 0.2, cap: [32, 128, 4, 1] },
  { of: 0.3, cap: [48, 192, 0, 0] },
  { of: 0.1, cap: [16, 64, 0, 4] },
]
/** Classes of AI work: part of the jobs, median run time in seconds, replicas, need, priority. */
const CLASSES: readonly {
  of: number
  median: number
  replicas: readonly number[]
  need: readonly number[]
  priority: number
}[] = [
  { of: 0.45, median: 40, replicas: [1], need: [2, 8, 0.25, 0], priority: 2 },
  { of: 0.2, median: 300, replicas: [1], need: [4, 16, 1, 0], priority: 1 },
  { of: 0.1, median: 1200, replicas: [1, 2, 4], need: [4, 32, 2, 0], priority: 0 },
  { of: 0.05, median: 3600, replicas: [2, 4, 8], need: [16, 64, 8, 0], priority: 0 },
  { of: 0.15, median: 200, replicas: [1], need: [8, 16, 0, 0], priority: 1 },
  { of: 0.05, median: 300, replicas: [1], need: [1, 4, 0, 1], priority: 1 },
]
const USERS = 50
/** Of the logarithm of the run time. */
const SPREAD = 1.2
/** Estimates are up to so many times the run time. */
const MOST_OVERESTIMATE = 4

/** A mix of AI work on a cluster, the same for the same seed: Poisson arrivals, log-normal run times, bad estimates. */
export function generateWorkload({ devices, jobs, seed, load }: GenerateOptions): Workload {
  const random = randomOf(seed)
  const kinds = RESOURCES.length
  const capacity = new Float64Array(devices * kinds)
  for (let node = 0; node < devices; node++)
    capacity.set(pick(NODES, (node + 0.5) / devices).cap, node * kinds)
  const workload: Workload = {
    resources: RESOURCES,
    kinds,
    nodeIds: Array.from({ length: devices }, (_, node) => `n${node}`),
    capacity,
    submit: new Float64Array(jobs),
    runtime: new Float64Array(jobs),
    estimate: new Float64Array(jobs),
    replicas: new Int32Array(jobs),
    need: new Float64Array(jobs * kinds),
    priority: new Float64Array(jobs),
    user: new Int32Array(jobs),
    users: Array.from({ length: USERS }, (_, user) => `u${user}`),
  }
  let gpuSeconds = 0
  for (let job = 0; job < jobs; job++) {
    const { median, replicas, need, priority } = pick(CLASSES, random())
    const count = Math.min(devices, replicas[Math.floor(random() * replicas.length)] ?? 1)
    const runtime = Math.max(1, Math.round(median * Math.exp(SPREAD * normal(random))))
    workload.runtime[job] = runtime
    workload.estimate[job] = Math.ceil(runtime * (1 + random() * (MOST_OVERESTIMATE - 1)))
    workload.replicas[job] = count
    workload.need.set(need, job * kinds)
    workload.priority[job] = priority
    workload.user[job] = Math.floor(USERS * random() ** 2)
    gpuSeconds += runtime * count * (need[2] ?? 0)
  }
  let gpus = 0
  for (let node = 0; node < devices; node++) gpus += capacity[node * kinds + 2] as number
  const gap = gpuSeconds / Math.max(1, jobs) / Math.max(1, gpus) / load
  let now = 0
  for (let job = 0; job < jobs; job++) {
    workload.submit[job] = now
    now -= gap * Math.log(1 - random())
  }
  return workload
}

/** The item in whose part of the whole `at` (0 to 1) lies. */
function pick<T extends { of: number }>(items: readonly T[], at: number): T {
  let upTo = 0
  for (const item of items) {
    upTo += item.of
    if (at < upTo) return item
  }
  return items.at(-1) as T
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Uniform in [0, 1): Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
