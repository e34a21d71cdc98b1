import { z } from 'zod'

/** One `permit` or `forbid`, and what can be told of it without evaluating it. */
export const Statement = z.object({
  /** The policy's id for its first statement, then `id#2`, `id#3`; `id#NAME` where the text says `@id("NAME")`. */
  id: z.string(),
  text: z.string(),
  effect: z.enum(['permit', 'forbid']),
  /** `{type, id}` as one text (see `principalKey`) when its scope names one principal; null when it may be any. */
  principal: z.string().nullable(),
  /** Types of which the text names single entities, such as `Job` for `Job::"job-1"`. */
  names: z.array(z.string()),
})
export type Statement = z.infer<typeof Statement>

/** A principal as a key of maps; a NUL separates, since no type holds one. */
export function principalKey(type: string, id: string): string {
  return `${type}\0${id}`
}
