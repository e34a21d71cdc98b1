import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { ErrorBody, feedOf, Id, procedure, Time } from './base'
import { importsContract } from './imports'
import { modelsContract } from './models'

export const StorageUsage = z.object({
  blobs: z.number(),
  blobBytes: z.number(),
  diskFreeBytes: z.number(),
  diskTotalBytes: z.number(),
})
export type StorageUsage = z.infer<typeof StorageUsage>

/** Bytes of the versions that a principal has made, and of its imports that wait to be confirmed. */
export const StorageQuota = z.object({
  principal: Id,
  /** Null: as much as the disk holds. */
  limitBytes: z.number().nullable(),
  usedBytes: z.number(),
})
export type StorageQuota = z.infer<typeof StorageQuota>

/** Work on the whole store that takes its time; ended ones are remembered until the system stops. */
export const StorageTask = z.object({
  id: Id,
  kind: z.enum(['verify', 'gc']),
  state: z.enum(['running', 'completed', 'failed', 'cancelled']),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  error: ErrorBody.nullable(),
  createdAt: Time,
  finishedAt: Time.nullable(),
  createdBy: Id,
  /** Of `verify`. */
  checked: z.number().optional(),
  checkedBytes: z.number().optional(),
  damaged: z.array(z.string()).optional(),
  missing: z.array(z.string()).optional(),
  /** Of `gc`: blobs removed, and versions that no policy keeps. */
  removed: z.number().optional(),
  freedBytes: z.number().optional(),
  removedVersions: z.array(z.string()).optional(),
})
export type StorageTask = z.infer<typeof StorageTask>

/** How long the answer may wait for the end; the task goes on in any case. */
const TaskWait = z
  .object({ waitMs: z.number().int().min(0).max(600_000).default(600_000) })
  .strict()
  .prefault({})

export const storageContract = {
  imports: importsContract,
  models: modelsContract,
  usage: procedure('model.list', {
    method: 'GET',
    path: '/storage',
    summary: 'Bytes stored and free',
    tags: ['storage'],
  }).output(StorageUsage),
  quotas: {
    get: procedure('model.list', {
      method: 'GET',
      path: '/storage/quotas/{principal}',
      summary: 'How much a principal stores, and how much it may',
      tags: ['storage'],
    })
      .input(z.object({ principal: Id }))
      .output(StorageQuota),
    set: procedure('quota.manage', {
      method: 'PUT',
      path: '/storage/quotas/{principal}',
      summary: 'Set how many bytes of models and data sets a principal may make',
      tags: ['storage'],
    })
      .input(
        z
          .object({ principal: Id, limitBytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER) })
          .strict(),
      )
      .output(StorageQuota),
    remove: procedure('quota.manage', {
      method: 'DELETE',
      path: '/storage/quotas/{principal}',
      successStatus: 204,
      summary: 'Let a principal store as much as the disk holds',
      tags: ['storage'],
    }).input(z.object({ principal: Id })),
  },
  verify: procedure('storage.maintain', {
    method: 'POST',
    path: '/storage/verify',
    summary: 'Check every digest; answers when it is done, or after waitMs',
    tags: ['storage'],
  })
    .input(TaskWait)
    .output(StorageTask),
  gc: procedure('storage.maintain', {
    method: 'POST',
    path: '/storage/gc',
    summary: 'Free what nothing names; answers when it is done, or after waitMs',
    tags: ['storage'],
  })
    .input(TaskWait)
    .output(StorageTask),
  tasks: {
    get: procedure('model.list', {
      method: 'GET',
      path: '/storage/tasks/{id}',
      summary: 'How a check or a collection goes on, or how it ended',
      tags: ['storage'],
    })
      .input(z.object({ id: Id }))
      .output(StorageTask),
    cancel: procedure('storage.maintain', {
      method: 'DELETE',
      path: '/storage/tasks/{id}',
      summary: 'Cancel a check or a collection',
      tags: ['storage'],
    })
      .input(z.object({ id: Id }))
      .output(StorageTask),
    watch: procedure('model.list', {
      method: 'GET',
      path: '/events/storage-tasks',
      summary: 'Checks and collections as they go on',
      tags: ['storage'],
    }).output(eventIterator(feedOf(StorageTask))),
  },
}
