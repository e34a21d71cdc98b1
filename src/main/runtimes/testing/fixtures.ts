import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ModelFormat } from '../../../shared/contract'
import type { EngineId } from '../../../shared/domain/ids'
import { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensor, Tensors } from '../../../shared/domain/tensor'
import { bytesOf, elementsOf } from '../../../shared/domain/tensor-elements'
import type { LoadableVersion, RunHooks, RunRequest } from '../../executors/local'

const folder = resolve(import.meta.dirname, '../../../../fixtures')

/** A model of `fixtures/` as a version that a runtime can load; `paths` are relative to `fixtures/<base>`. */
export function versionOf(format: ModelFormat, paths: string[], base = ''): LoadableVersion {
  return versionAt(join(folder, base), format, paths)
}

export function versionAt(root: string, format: ModelFormat, paths: string[]): LoadableVersion {
  const files = paths.map((path) => {
    const absolutePath = join(root, path)
    return { path, absolutePath, sizeBytes: statSync(absolutePath).size }
  })
  const digest = createHash('sha256')
    .update(files.map((file) => file.absolutePath).join())
    .digest('hex')
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return { model: 'fixture', version: 1, digest, format, sizeBytes, files }
}

export const mnist = () => versionOf('onnx', ['mnist_cnn.onnx'])
export const silero = () => versionOf('onnx', ['silero_vad_v5.onnx'])
export const ocr = () => versionOf('onnx', ['ch_ppocr_mobile_v2.0_cls_infer.onnx'])
export const blazeface = () => versionOf('onnx', ['face_detection_front_128x128_barracuda.onnx'])
export const basicPitch = () => versionOf('tfjs-graph', ['group1-shard1of1.bin', 'model.json'], 'basic-pitch')

export function floats(values: ArrayLike<number>, shape: number[]): Tensor {
  return { dtype: 'float32', shape, bytes: bytesOf(Float32Array.from(values)) }
}

/** The float32 input `F[i] = ((i * 7919) % 1000) / 1000`. */
export function ramp(shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return floats(
    Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 1000) / 1000),
    shape,
  )
}

export function valuesOf(tensors: Tensors | undefined, name: string): Float32Array {
  const tensor = tensors?.[name]
  if (tensor?.dtype !== 'float32')
    throw new Error(`no float32 output "${name}": ${Object.keys(tensors ?? {})}`)
  return elementsOf('float32', tensor.bytes)
}

/** A hundred digits, as items for `mnist`, and what the model gives for each. */
export function digits(): { items: Tensors[]; expected: Float32Array } {
  const read = (name: string) => {
    const bytes = readFileSync(join(folder, name))
    return elementsOf('float32', new Uint8Array(bytes))
  }
  const pixels = read('test100.f32')
  const items = Array.from({ length: 100 }, (_, i) => ({
    image: floats(pixels.subarray(i * 784, (i + 1) * 784), [1, 1, 28, 28]),
  }))
  return { items, expected: read('ref100.f32') }
}

export interface Recorded extends RunHooks {
  progress: number[]
  items: Tensors[]
  starts: number[]
  log: string[]
}

/** Hooks that note what they are told. */
export function hooks(signal: AbortSignal = new AbortController().signal): Recorded {
  const recorded: Recorded = {
    signal,
    progress: [],
    items: [],
    starts: [],
    log: [],
    onProgress: (fraction) => recorded.progress.push(fraction),
    onItems: async (startAt, outputs) => {
      recorded.starts.push(startAt)
      recorded.items.push(...outputs.unpack())
    },
    onLog: (level, text) => recorded.log.push(`${level} ${text}`),
  }
  return recorded
}

/** A batch whose items are all in memory. */
export function batchOf(
  items: Tensors[],
  batchSize = 1,
  startAt = 0,
): Extract<RunRequest, { kind: 'batch' }> {
  const parts = [PackedItems.of(items.slice(startAt))]
  return { kind: 'batch', items: items.length, startAt, parts, batchSize }
}

export const engineId = (view: { id: string }) => view.id as EngineId

/** Never 0, which a signal would take for this process and all of its group. */
export function pidOf({ pid }: { pid?: number | null | undefined }): number {
  if (!pid) throw new Error('It has no process.')
  return pid
}

/** Resolves when no process has this id. */
export async function processGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
