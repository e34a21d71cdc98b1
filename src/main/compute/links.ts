import { z } from 'zod'
import type { JobSpec } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { PackedItems } from '../../shared/domain/packed-items'
import type { Signature, Tensors } from '../../shared/domain/tensor'
import { unpackTensors } from '../../shared/domain/tensor-codec'
import { assertConnects } from '../../shared/domain/tensor-fits'
import { AppError } from '../../shared/errors'
import type { Artifacts, Storage } from '../storage'
import { itemsStart, RESULT } from './jobs/artifact-names'
import type { JobDefinition } from './jobs/job-row'
import { Written } from './results'

/** What a job takes from another that has ended: an output of an inference, a text, the outputs of a batch. */
export const Link = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tensor'), job: z.string(), input: z.string(), output: z.string() }),
  z.object({ kind: z.literal('text'), job: z.string(), template: z.string() }),
  /** Output by input. */
  z.object({ kind: z.literal('items'), job: z.string(), inputs: z.record(z.string(), z.string()) }),
])
export type Link = z.infer<typeof Link>

const GIVES: Partial<Record<JobDefinition['kind'], Link['kind']>> = {
  infer: 'tensor',
  generate: 'text',
  batch: 'items',
}
const WORDS = {
  tensor: 'an output of an infer job',
  text: 'the text of a generate job',
  items: 'the outputs of a batch job',
}

/** The links that a specification asks for. @param signature of the version that takes what they give */
export function linksOf(spec: JobSpec, signature: Signature | null): Link[] {
  switch (spec.kind) {
    case 'infer':
      return Object.entries(spec.inputs).flatMap(([input, value]) =>
        'fromJob' in value ? [{ kind: 'tensor', job: value.fromJob, input, output: value.output }] : [],
      )
    case 'batch':
      return spec.items && !Array.isArray(spec.items)
        ? [{ kind: 'items', job: spec.items.fromJob, inputs: outputByInput(spec.items.rename, signature) }]
        : []
    case 'generate':
      return typeof spec.prompt === 'object'
        ? [{ kind: 'text', job: spec.prompt.fromJob, template: spec.prompt.template }]
        : []
    default:
      return []
  }
}

/** A signature without the inputs that other jobs will give. */
export function withoutLinked(signature: Signature, links: readonly Link[]): Signature {
  const linked = new Set(links.flatMap((link) => (link.kind === 'tensor' ? [link.input] : [])))
  return { ...signature, inputs: signature.inputs.filter(({ name }) => !linked.has(name)) }
}

/**
 * Checks that the other job gives what is asked of it, as far as signatures tell.
 * @param giver the other job
 * @param signature of the version that takes it
 * @throws AppError `compute.invalid_input` naming the input, what it wants and what it would get
 */
export function assertLink(
  link: Link,
  giver: JobDefinition,
  signature: Signature | null,
  storage: Pick<Storage, 'resolve'>,
): void {
  if (GIVES[giver.kind] !== link.kind) {
    const message = `Job ${giver.id} is a ${giver.kind} job, and what is asked of it is ${WORDS[link.kind]}.`
    throw new AppError('compute.invalid_input', message, {
      input: 'fromJob',
      wants: WORDS[link.kind],
      got: giver.kind,
    })
  }
  const outputs = outputsOf(giver, storage)
  if (link.kind === 'text' || !signature || !outputs) return
  const pairs = link.kind === 'tensor' ? [[link.input, link.output] as const] : Object.entries(link.inputs)
  for (const [input, output] of pairs) {
    const to = signature.inputs.find(({ name }) => name === input)
    if (!to) {
      const known = signature.inputs.map(({ name }) => name)
      const message = `The model has no input "${input}": it has ${known.map((name) => `"${name}"`).join(', ')}.`
      throw new AppError('compute.invalid_input', message, { input, wants: known, got: input })
    }
    const from = outputs.find(({ name }) => name === output)
    if (!from) {
      const known = outputs.map(({ name }) => name)
      const message = `Job ${giver.id} has no output "${output}" for "${input}": ${giver.reference} gives ${known.map((name) => `"${name}"`).join(', ')}.`
      throw new AppError('compute.invalid_input', message, { input, wants: known, got: output })
    }
    assertConnects(from, to)
  }
}

function outputByInput(
  rename: Readonly<Record<string, string>>,
  signature: Signature | null,
): Record<string, string> {
  const same = (signature?.inputs ?? []).map(({ name }) => [name, name])
  return { ...Object.fromEntries(same), ...rename }
}

/** Null when they are not known: the version has been deleted since. */
function outputsOf(
  { model, modelVersion }: JobDefinition,
  storage: Pick<Storage, 'resolve'>,
): Signature['outputs'] | null {
  try {
    return storage.resolve(`${model}@${modelVersion}`).signature.outputs
  } catch (error) {
    if (error instanceof AppError) return null
    throw error
  }
}

/** The inputs that other jobs have given. @throws AppError `compute.dependency_failed` when one gave nothing */
export async function linkedTensors(artifacts: Artifacts, links: readonly Link[]): Promise<Tensors> {
  const inputs: Tensors = {}
  for (const link of links) {
    if (link.kind !== 'tensor') continue
    const [outputs = {}] = unpackTensors(await resultOf(artifacts, link))
    const tensor = Object.hasOwn(outputs, link.output) ? outputs[link.output] : undefined
    if (!tensor) throw gaveNothing(link, `the output "${link.output}"`)
    inputs[link.input] = tensor
  }
  return inputs
}

/** The prompt with the text that another job has written. @throws AppError as {@link linkedTensors} */
export async function linkedPrompt(
  artifacts: Artifacts,
  link: Extract<Link, { kind: 'text' }>,
): Promise<string> {
  const written = Written.safeParse(JSON.parse(new TextDecoder().decode(await resultOf(artifacts, link))))
  const text = written.success ? written.data.completions[0]?.text : undefined
  if (text === undefined) throw gaveNothing(link, 'a text')
  return link.template.split('{text}').join(text)
}

/**
 * The outputs of another batch as inputs of this one, from item `from` on.
 * @param items all that the other was to give @throws AppError as {@link linkedTensors}
 */
export async function* linkedItems(
  artifacts: Artifacts,
  link: Extract<Link, { kind: 'items' }>,
  from: number,
  items: number,
): AsyncGenerator<PackedItems> {
  const id = link.job as JobId
  const parts = artifacts.list(id).flatMap((name) => {
    const start = itemsStart(name)
    return start === null ? [] : [{ name, start }]
  })
  const read = async ({ name, start }: (typeof parts)[number]) => {
    const bytes = await artifacts.read(id, name)
    if (!bytes) throw gaveNothing(link, `item ${start}`)
    return PackedItems.parse(bytes)
  }
  // One that was stopped has given a part: said before any of it is computed.
  const last = parts.at(-1)
  const given = last ? last.start + (await read(last)).count : 0
  if (given < items) throw gaveNothing(link, `item ${given}`)
  for (const one of parts) {
    const part = await read(one)
    const { start } = one
    if (start + part.count <= from) continue
    const outputs = part.slice(Math.max(0, from - start)).unpack()
    yield PackedItems.of(outputs.map((item) => renamed(link, item)))
  }
}

function renamed(link: Extract<Link, { kind: 'items' }>, outputs: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(link.inputs).map(([input, output]) => {
      const tensor = Object.hasOwn(outputs, output) ? outputs[output] : undefined
      if (!tensor) throw gaveNothing(link, `the output "${output}"`)
      return [input, tensor]
    }),
  )
}

async function resultOf(artifacts: Artifacts, link: Link): Promise<Uint8Array> {
  const bytes = await artifacts.read(link.job as JobId, RESULT)
  if (!bytes) throw gaveNothing(link, 'a result')
  return bytes
}

function gaveNothing({ job }: Link, what: string): AppError {
  const message = `Job ${job} was to give ${what} and has not. Retry it, then submit this job again.`
  return new AppError('compute.dependency_failed', message, { dependency: job })
}
