import { oc } from '@orpc/contract'
import { z } from 'zod'
import type { Action } from '../domain/actions'

/** What every procedure declares: the action that the caller must be allowed. `null`: open to all. */
export interface ProcedureMeta {
  action: Action | null
}

const base = oc.$meta<ProcedureMeta>({ action: null })

/** A procedure with its REST route and the action that authorises it; the only way procedures are made. */
export function procedure(
  action: Action | null,
  route: Parameters<typeof base.route>[0],
): ReturnType<ReturnType<typeof base.meta>['route']> {
  return base.meta({ action }).route(route)
}

/** ISO 8601 UTC. */
export const Time = z.iso.datetime()
export const Id = z.string().min(1).max(64)

/** `?limit=&cursor=` of every list. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(200).optional(),
})

/** `?limit=&cursor=` of a short list, which is given whole where no limit is asked for. */
export const ShortListQuery = PageQuery.extend({ limit: PageQuery.shape.limit.unwrap().optional() })

/** `{items, nextCursor}`; `nextCursor` is null on the last page. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

/**
 * A live view: one or more `snapshot` parts (the last has `more: false`), then `change` events. `revision` grows by one
 * with every event after the first; a client that sees a gap asks again.
 */
export function feedOf<Item extends z.ZodType>(item: Item) {
  return z.discriminatedUnion('type', [
    z.object({ type: z.literal('snapshot'), revision: z.number(), items: z.array(item), more: z.boolean() }),
    z.object({
      type: z.literal('change'),
      revision: z.number(),
      changed: z.array(item),
      removed: z.array(z.string()),
    }),
  ])
}
export type Feed<Item> =
  | { type: 'snapshot'; revision: number; items: Item[]; more: boolean }
  | { type: 'change'; revision: number; changed: Item[]; removed: string[] }

export const ErrorBody = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})
