import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { recordOf } from '../domain/bounded'
import { PlaceHints } from '../domain/place-hints'
import { ResourceVector } from '../domain/resources'
import { feedOf, Id, PageQuery, pageOf, procedure, ShortListQuery, Time } from './base'

export const DeviceKind = z.enum(['cpu', 'gpu', 'npu', 'fpga'])
export type DeviceKind = z.infer<typeof DeviceKind>

export const Device = z.object({
  id: Id,
  kind: DeviceKind,
  name: z.string(),
  vendor: z.string(),
  origin: z.enum(['detected', 'declared', 'cluster']),
  /** What it offers; the memory of the host belongs to its CPU. */
  capacity: ResourceVector,
  properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  health: z.enum(['ok', 'degraded', 'missing']),
  /** How it was found, for example `nvidia-smi -q -x` or `declared by marie`. */
  foundBy: z.string(),
  /** What programs outside keep busy of it is not granted beside others; detected CPUs and GPUs only, where that is told. */
  yieldsToOthers: z.boolean(),
})
export type Device = z.infer<typeof Device>

export const DeviceDeclaration = z
  .object({
    kind: DeviceKind,
    name: z.string().trim().min(1).max(120),
    vendor: z.string().trim().max(120).default(''),
    capacity: ResourceVector,
    properties: recordOf(z.string().max(64), z.union([z.string().max(500), z.number(), z.boolean()]), {
      max: 200,
      tooMany: 'use at most 200 properties',
    }).default({}),
  })
  .strict()
export type DeviceDeclaration = z.infer<typeof DeviceDeclaration>

export const ForeignHolder = z.object({
  device: Id,
  /** As the program calls itself, made harmless to show. */
  name: z.string(),
  pid: z.number().int(),
  memoryBytes: z.number(),
  cpuCores: z.number().optional(),
  gpuMemoryBytes: z.number().optional(),
  /** Of the GPU, how much it keeps busy, 0 to 1; absent where no tool tells. */
  gpu: z.number().optional(),
})
export type ForeignHolder = z.infer<typeof ForeignHolder>

export const Resources = z.object({
  capacity: ResourceVector,
  allocated: ResourceVector,
  /** Used by programs outside LLMAgentOS. */
  foreign: ResourceVector,
  available: ResourceVector,
  /** The largest programs outside, at most 5 a device, largest first; looked at every few seconds. */
  foreignHolders: z.array(ForeignHolder),
  /** What programs outside use of each device now; their cores, and their part of a GPU, can be granted all the same, unless it yields to others. */
  foreignOn: z.array(z.object({ device: Id, amounts: ResourceVector })),
})
export type Resources = z.infer<typeof Resources>

export const TelemetrySample = z.object({
  device: Id,
  at: Time,
  /** 0 to 1 over the whole device. */
  load: z.number(),
  memoryUsedBytes: z.number(),
  memoryTotalBytes: z.number(),
  /** 0 to 1 for each core, CPUs only. */
  cores: z.array(z.number()).optional(),
  temperatureC: z.number().optional(),
  powerW: z.number().optional(),
})
export type TelemetrySample = z.infer<typeof TelemetrySample>

export const Placement = z.array(z.object({ device: Id, amounts: ResourceVector }))
export type Placement = z.infer<typeof Placement>

export const Lease = z.object({
  id: Id,
  state: z.enum(['granted', 'released', 'expired']),
  need: ResourceVector,
  placement: Placement,
  /** The principal that holds it. */
  holder: Id,
  /** The job it is held for, if any. */
  job: Id.nullable(),
  /** What it is for, in words: `job`, `engine silero-vad@1`, `api`. */
  purpose: z.string(),
  priority: z.number(),
  createdAt: Time,
  expiresAt: Time.nullable(),
})
export type Lease = z.infer<typeof Lease>

export const LeaseRequest = z
  .object({
    need: ResourceVector,
    place: PlaceHints.optional(),
    priority: z.number().int().min(0).max(100).default(50),
    ttlMs: z.number().int().min(100).max(86_400_000).default(60_000),
    waitMs: z.number().int().min(0).max(600_000).default(0),
  })
  .strict()
export type LeaseRequest = z.infer<typeof LeaseRequest>

const seconds = z.number().finite().nonnegative().optional()

/** What a principal may use in any span of `windowMs`: a lease of 2 cores uses up 2 CPU seconds a second. */
export const Budget = z
  .object({
    cpuSeconds: seconds.describe('Cores times seconds of the leases it holds'),
    gpuSeconds: seconds.describe('GPUs times seconds, fractions of a GPU as such'),
    jobs: z.number().int().nonnegative().optional().describe('Jobs it may submit'),
    windowMs: z
      .number()
      .int()
      .min(60_000)
      .max(31 * 86_400_000)
      .default(3_600_000),
  })
  .strict()
  .refine(
    ({ cpuSeconds, gpuSeconds, jobs }) => (cpuSeconds ?? gpuSeconds ?? jobs) !== undefined,
    'give cpuSeconds, gpuSeconds or jobs',
  )
export type Budget = z.infer<typeof Budget>

const quotaSettings = {
  /** At most so much at once; resources that are not named are not limited. */
  limit: ResourceVector,
  budget: Budget.nullable().optional().describe('Absent or null: none'),
  weight: z
    .number()
    .min(0.01)
    .max(100)
    .default(1)
    .describe('Shares of the machine are compared after division by it'),
}
const QuotaSettings = z.object({ principal: Id, ...quotaSettings }).strict()
/** Whatever is absent is not limited. */
export type QuotaSettings = Pick<z.output<typeof QuotaSettings>, 'principal' | 'limit'> &
  Partial<z.output<typeof QuotaSettings>>

export const Quota = z.object({
  principal: Id,
  limit: ResourceVector,
  budget: Budget.nullable(),
  weight: z.number(),
  held: ResourceVector.describe('What it holds now'),
  used: z
    .object({ cpuSeconds: z.number(), gpuSeconds: z.number(), jobs: z.number() })
    .nullable()
    .describe('In the window of its budget; null without one'),
  resetsAt: Time.nullable().describe('When what is used up is there again; null while nothing is'),
})
export type Quota = z.infer<typeof Quota>

export const coreContract = {
  devices: {
    list: procedure('device.read', {
      method: 'GET',
      path: '/devices',
      summary: 'List the devices of this machine',
      tags: ['core'],
    })
      .input(ShortListQuery)
      .output(pageOf(Device)),
    declare: procedure('device.manage', {
      method: 'POST',
      path: '/devices',
      successStatus: 201,
      summary: 'Declare a device that cannot be detected',
      tags: ['core'],
    })
      .input(DeviceDeclaration)
      .output(Device),
    remove: procedure('device.manage', {
      method: 'DELETE',
      path: '/devices/{id}',
      successStatus: 204,
      summary: 'Remove a declared device',
      tags: ['core'],
    }).input(z.object({ id: Id })),
    update: procedure('device.manage', {
      method: 'PATCH',
      path: '/devices/{id}',
      summary: 'Leave the cores that other programs keep busy to them, or share them',
      tags: ['core'],
    })
      .input(z.object({ id: Id, yieldsToOthers: z.boolean() }).strict())
      .output(Device),
    rescan: procedure('device.manage', {
      method: 'POST',
      path: '/devices/rescan',
      summary: 'Look for devices again',
      tags: ['core'],
    }).output(pageOf(Device)),
    watch: procedure('device.read', {
      method: 'GET',
      path: '/events/devices',
      summary: 'Devices as they change',
      tags: ['core'],
    }).output(eventIterator(feedOf(Device))),
  },
  resources: procedure('device.read', {
    method: 'GET',
    path: '/resources',
    summary: 'Capacity, allocated, foreign and available amounts',
    tags: ['core'],
  }).output(Resources),
  telemetry: {
    list: procedure('device.read', {
      method: 'GET',
      path: '/telemetry',
      summary: 'Samples of load and memory',
      tags: ['core'],
    })
      .input(
        ShortListQuery.extend({
          device: Id.optional(),
          fromMs: z.coerce
            .number()
            .int()
            .nonnegative()
            .optional()
            .describe('Unix time in milliseconds; default 15 minutes ago'),
          stepMs: z.coerce
            .number()
            .int()
            .min(1000)
            .max(86_400_000)
            .optional()
            .describe('Samples are averaged to this step'),
        }),
      )
      .output(pageOf(TelemetrySample)),
    watch: procedure('device.read', {
      method: 'GET',
      path: '/events/telemetry',
      summary: 'One event a second with a sample of each device',
      tags: ['core'],
    }).output(eventIterator(z.object({ samples: z.array(TelemetrySample), resources: Resources }))),
  },
  leases: {
    request: procedure('lease.request', {
      method: 'POST',
      path: '/leases',
      successStatus: 201,
      summary: 'Request resources: all or nothing',
      tags: ['core'],
    })
      .input(LeaseRequest)
      .output(Lease),
    list: procedure('lease.read', {
      method: 'GET',
      path: '/leases',
      summary: 'Leases in force',
      tags: ['core'],
    })
      .input(PageQuery)
      .output(pageOf(Lease)),
    renew: procedure('lease.release', {
      method: 'POST',
      path: '/leases/{id}/renew',
      summary: 'Move the expiry of a lease',
      tags: ['core'],
    })
      .input(
        z.object({
          id: Id.brand<'LeaseId'>(),
          ttlMs: z.number().int().min(100).max(86_400_000).default(60_000),
        }),
      )
      .output(Lease),
    release: procedure('lease.release', {
      method: 'DELETE',
      path: '/leases/{id}',
      successStatus: 204,
      summary: 'Release a lease',
      tags: ['core'],
    }).input(z.object({ id: Id.brand<'LeaseId'>() })),
    watch: procedure('lease.read', {
      method: 'GET',
      path: '/events/leases',
      summary: 'Leases as they change',
      tags: ['core'],
    }).output(eventIterator(feedOf(Lease))),
  },
  quotas: {
    get: procedure('device.read', {
      method: 'GET',
      path: '/quotas/{principal}',
      summary: 'What a principal may hold and use at most, and what of it it does',
      tags: ['core'],
    })
      .input(z.object({ principal: Id }))
      .output(Quota),
    set: procedure('quota.manage', {
      method: 'PUT',
      path: '/quotas/{principal}',
      summary: 'Set what a principal may hold and use at most, and its weight',
      tags: ['core'],
    })
      .input(QuotaSettings)
      .output(Quota),
    remove: procedure('quota.manage', {
      method: 'DELETE',
      path: '/quotas/{principal}',
      successStatus: 204,
      summary: 'Remove a quota',
      tags: ['core'],
    }).input(z.object({ principal: Id })),
  },
}
