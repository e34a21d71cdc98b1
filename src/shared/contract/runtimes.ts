import { z } from 'zod'
import { Id, pageOf, procedure, ShortListQuery, Time } from './base'
import { ModelFormat } from './models'
import { Isolation } from './plugins'

export const EngineView = z.object({
  id: Id,
  runtime: z.string(),
  model: z.string(),
  version: z.number(),
  state: z.enum(['loading', 'idle', 'busy']),
  /** What it computes on, for example `cpu` or `cuda`. */
  backend: z.string(),
  /** The accelerator that its job has leased and that it is bound to: it is unloaded when the job ends. */
  device: Id.nullable(),
  pid: z.number().nullable(),
  memoryBytes: z.number(),
  loadMs: z.number().nullable(),
  runs: z.number(),
  idleSince: Time.nullable(),
})
export type EngineView = z.infer<typeof EngineView>

/** One way to compute that a runtime knows. Where it does not work, `reason` says why and what would help. */
export const RuntimeBackend = z.object({
  name: z.string(),
  available: z.boolean(),
  reason: z.string().nullable(),
})
export type RuntimeBackend = z.infer<typeof RuntimeBackend>

export const RuntimeView = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  available: z.boolean(),
  /** It is being tried out: what is said of it may change, and its jobs wait. */
  beingTried: z.boolean(),
  /** What it runs on here, for example `cpu (wasm, simd)`. */
  backend: z.string(),
  /** All that it could run on, whether it works here or not. */
  backends: z.array(RuntimeBackend),
  isolation: Isolation,
  /** The id of the plugin that brought it; null: a part of LLMAgentOS. */
  plugin: z.string().nullable(),
  /** What it runs here; all that it could run where it does not work. */
  formats: z.array(ModelFormat),
  /** Why something does not run here; null when nothing is missing. */
  reason: z.string().nullable(),
  engines: z.array(EngineView),
})
export type RuntimeView = z.infer<typeof RuntimeView>

/** One way to hold workers to what is leased. Where it is not in force, `reason` says why. */
export const Enforcement = z.object({
  name: z.enum([
    'threads',
    'affinity',
    'nice',
    'cgroup',
    'deviceVisibility',
    'memoryWatchdog',
    'gpuMemoryWatchdog',
  ]),
  inForce: z.boolean(),
  reason: z.string().nullable(),
})
export type Enforcement = z.infer<typeof Enforcement>

export const runtimesContract = {
  list: procedure('runtime.read', {
    method: 'GET',
    path: '/runtimes',
    summary: 'Which formats run here, on what, and why not',
    tags: ['compute'],
  })
    .input(ShortListQuery)
    .output(pageOf(RuntimeView)),
  enforcement: procedure('runtime.read', {
    method: 'GET',
    path: '/runtimes/enforcement',
    summary: 'How workers are held to their leases here, and why not',
    tags: ['compute'],
  })
    .input(ShortListQuery)
    .output(pageOf(Enforcement)),
  unload: procedure('runtime.manage', {
    method: 'DELETE',
    path: '/engines/{id}',
    successStatus: 204,
    summary: 'Unload an idle engine',
    tags: ['compute'],
  }).input(z.object({ id: Id })),
}
