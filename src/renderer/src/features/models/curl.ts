import type { ModelVersion } from '@shared/contract'
import {
  DTYPE_BYTES,
  elementCount,
  type JsonTensor,
  type Signature,
  type TensorSpec,
} from '@shared/domain/tensor'

/** Longer tensors are made by the shell instead of being written out. */
const WRITTEN_OUT = 16

/**
 * JSON for the inside of single quotes in a POSIX shell. Input names come from a model's file, so they are hostile: a
 * quote in one must not end the string.
 */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll("'", "'\\''")
}

/** What is known to work, from a run before: sizes of open dimensions, values of scalars. */
export interface KnownInputs {
  shapeOf: (spec: TensorSpec) => number[]
  scalarOf: (spec: TensorSpec) => JsonTensor | null
}

const NOTHING_KNOWN: KnownInputs = {
  shapeOf: (spec) => spec.shape.map((size) => (typeof size === 'number' ? size : 1)),
  scalarOf: () => null,
}

function tensorText(spec: TensorSpec, known: KnownInputs): string {
  const scalar = spec.shape.length === 0 ? known.scalarOf(spec) : null
  if (scalar) return quoted(scalar)
  const shape = known.shapeOf(spec)
  const count = elementCount(shape)
  if (spec.dtype === 'string' || count <= WRITTEN_OUT) {
    const one = spec.dtype === 'string' ? '' : spec.dtype === 'bool' ? false : 0
    return quoted({ dtype: spec.dtype, shape, data: new Array(Math.min(count, 256)).fill(one) })
  }
  const zeros = `$(head -c ${count * DTYPE_BYTES[spec.dtype]} /dev/zero | base64 | tr -d '\\n')`
  return `{"dtype":"${spec.dtype}","shape":${JSON.stringify(shape)},"base64":"'"${zeros}"'"}`
}

/**
 * How to run a model from a shell: submit, then wait for the result. Inputs are zeros in the shape of the signature, open
 * dimensions as 1 unless more is known; the key is read from `$KEY`.
 */
export function curlSnippet(
  apiUrl: string,
  reference: string,
  signature: Signature,
  known: KnownInputs = NOTHING_KNOWN,
): string {
  const inputs = signature.inputs.map((spec) => `${quoted(spec.name)}:${tensorText(spec, known)}`)
  const lines = inputs.map((input, index) => `    ${input}${index < inputs.length - 1 ? ',' : ''}`)
  return submission(apiUrl, [`{"kind":"infer","model":${quoted(reference)},"inputs":{`, ...lines, '  }}'])
}

/** How to have a language model write from a shell: an answer where it chats, else how a text goes on. */
export function generateSnippet(apiUrl: string, reference: string, chats: boolean): string {
  const asked = chats ? '"messages":[{"role":"user","content":"Hello"}]' : '"prompt":"Once upon a time"'
  return submission(apiUrl, [`{"kind":"generate","model":${quoted(reference)},${asked},"maxTokens":256}`])
}

/** Whether what a version does is to write: a language model takes texts, not tensors. */
export function writes({ format }: Pick<ModelVersion, 'format'>): boolean {
  return format === 'gguf'
}

/** How to call a version from a shell, by what it does. */
export function callSnippet(
  apiUrl: string,
  reference: string,
  version: Pick<ModelVersion, 'format' | 'metadata' | 'signature'>,
  known?: KnownInputs,
): string {
  return writes(version)
    ? generateSnippet(apiUrl, reference, version.metadata['chatTemplate'] !== undefined)
    : curlSnippet(apiUrl, reference, version.signature, known)
}

/** The address before `/api`, with or without which it may be said. */
export function apiRoot(apiUrl: string): string {
  return apiUrl.replace(/(\/api)?\/*$/, '')
}

/** @param body JSON for the inside of single quotes */
function submission(apiUrl: string, body: readonly string[]): string {
  const api = apiRoot(apiUrl)
  return [
    `JOB=$(curl -s ${api}/api/jobs \\`,
    '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\',
    `  -d '${body.join('\n')}' | sed -n 's/.*"id":"\\([^"]*\\)".*/\\1/p')`,
    '',
    `curl -s "${api}/api/jobs/$JOB/result?waitMs=30000" -H "Authorization: Bearer $KEY"`,
  ].join('\n')
}
