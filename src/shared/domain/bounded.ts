import { z } from 'zod'

/*
 * Lists and records that a caller sends: counted before they are looked at, and read no further than the first that is
 * wrong. Zod's own read all there is before they count it, and keep what is wrong with each.
 */
type Bounded<Schema extends z.ZodType> = z.ZodType<z.output<Schema>, z.input<Schema>>

/** As what a schema that reads in its own way is documented. */
export const documentedAs = new WeakMap<z.core.$ZodType, z.core.$ZodType>()

/** A list of at least `min` and at most `max` items. */
export function listOf<Item extends z.ZodType>(
  item: Item,
  { min = 0, max }: { min?: number; max: number },
): Bounded<z.ZodArray<Item>> {
  const read = z.unknown().transform((value, context) => {
    // A wrong size is no wrong type, by which a union tells which of its schemas was meant.
    const size = { origin: 'array', inclusive: true, input: value, continue: true } as const
    const items: z.output<Item>[] = []
    if (!Array.isArray(value)) context.issues.push({ code: 'invalid_type', expected: 'array', input: value })
    else if (value.length > max) context.issues.push({ ...size, code: 'too_big', maximum: max })
    else if (value.length < min) context.issues.push({ ...size, code: 'too_small', minimum: min })
    else
      for (const [index, given] of value.entries())
        if (!takes(item, given, index, context, (read) => items.push(read))) break
    return items
  })
  documentedAs.set(read, z.array(item).min(min).max(max))
  return read as unknown as Bounded<z.ZodArray<Item>>
}

/** @param tooMany what is said of more than `max` */
export function recordOf<Value extends z.ZodType>(
  key: z.ZodString,
  value: Value,
  { max, tooMany }: { max: number; tooMany: string },
): Bounded<z.ZodRecord<z.ZodString, Value>> {
  const read = z.unknown().transform((given, context) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      context.issues.push({ code: 'invalid_type', expected: 'record', input: given })
      return z.NEVER
    }
    const entries = Object.entries(given)
    if (entries.length > max) {
      context.issues.push({ code: 'custom', message: tooMany, input: given })
      return z.NEVER
    }
    const record: [string, z.output<Value>][] = []
    for (const [name, part] of entries) {
      // As Zod does: whoever copies it would set the prototype.
      if (name === '__proto__') continue
      const isTaken =
        takes(key, name, name, context) &&
        takes(value, part, name, context, (read) => record.push([name, read]))
      if (!isTaken) break
    }
    return Object.fromEntries(record)
  })
  documentedAs.set(read, z.record(key, value))
  return read as unknown as Bounded<z.ZodRecord<z.ZodString, Value>>
}

/** Whether a schema takes a value; what is wrong with it goes to `context`, at this place. */
function takes<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  at: PropertyKey,
  context: z.core.$RefinementCtx,
  keep: (read: z.output<Schema>) => void = () => undefined,
): boolean {
  const { value, issues } = schema._zod.run({ value: given, issues: [] }, { async: false }) as ReadPart
  if (issues.length === 0) keep(value as z.output<Schema>)
  context.issues.push(...z.core.util.prefixIssues(at, issues))
  return issues.length === 0
}

/** No schema of the contract has to be waited for. */
type ReadPart = z.core.ParsePayload
