import { PlaceHints } from '@shared/domain/place-hints'
import { z } from 'zod'
import { FILLERS, type FormChoice } from './form-model'

/** What the form asks beside the inputs. */
export const RunOptions = z.object({
  kind: z.enum(['infer', 'batch', 'benchmark']).catch('infer'),
  count: z.number().int().min(1).max(100_000).catch(200),
  batchSize: z.number().int().min(1).max(4096).catch(1),
  iterations: z.number().int().min(1).max(1_000_000).catch(100),
  warmup: z.number().int().min(0).max(10_000).catch(3),
  threads: z.number().int().min(1).max(256).nullable().catch(null),
  gpu: z.number().positive().max(64).nullable().catch(null),
  gpuGigabytes: z.number().positive().max(100_000).nullable().catch(null),
  priority: z.number().int().min(0).max(100).catch(50),
  timeoutSeconds: z.number().positive().max(604_800).nullable().catch(null),
  maxAttempts: z.number().int().min(1).max(20).catch(1),
  /** Of a single inference; null: what the system takes for usual. */
  latencyTargetMs: z.number().int().min(1).max(600_000).nullable().catch(null),
  preemptible: z.boolean().catch(true),
  devices: PlaceHints.shape.devices.unwrap().nullable().catch(null),
  numaNode: PlaceHints.shape.numaNode.unwrap().nullable().catch(null),
})
export type RunOptions = z.infer<typeof RunOptions>

export const DEFAULT_OPTIONS: RunOptions = RunOptions.parse({})

const Remembered = z.object({
  form: z.object({
    dimensions: z.record(z.string(), z.number().int().min(0).max(100_000_000)),
    seed: z.number().int().min(0).max(4_294_967_295),
    inputs: z.record(
      z.string(),
      z.object({ filler: z.enum(FILLERS), values: z.string().max(100_000), scalar: z.string().max(1000) }),
    ),
  }),
  options: RunOptions,
})

/** The part of `localStorage` that is needed here. */
export type Memory = Pick<Storage, 'getItem' | 'setItem'>

function keyOf(model: string, version: number): string {
  return `run:${model}@${version}`
}

/** What was last run with a version; null when nothing was, or when what is stored no longer reads. */
export function recallRun(
  memory: Memory,
  model: string,
  version: number,
): { form: FormChoice; options: RunOptions } | null {
  const text = memory.getItem(keyOf(model, version))
  if (text === null) return null
  try {
    const parsed = Remembered.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Long typed values are not worth remembering; the rest of the form is. */
export function rememberRun(
  memory: Memory,
  model: string,
  version: number,
  run: { form: FormChoice; options: RunOptions },
): void {
  const inputs = Object.fromEntries(
    Object.entries(run.form.inputs).map(([name, choice]) => [
      name,
      choice.values.length > 100_000 ? { ...choice, values: '' } : choice,
    ]),
  )
  memory.setItem(keyOf(model, version), JSON.stringify({ ...run, form: { ...run.form, inputs } }))
}
