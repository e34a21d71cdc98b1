import type { ModelVersion } from '@shared/contract'
import type { TFunction } from 'i18next'
import { formatKey } from '../../lib/format'

/** Facts with a row of their own in the panel; what else the file tells follows under its own name. */
const KNOWN = ['parameters', 'opset', 'producer', 'producerVersion', 'license', 'licence'] as const

export function metadataNumber(version: ModelVersion, key: string): number | null {
  const value = version.metadata[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** A fact as text, null where the file does not tell it. */
export function metadataText(version: ModelVersion, ...keys: string[]): string | null {
  for (const key of keys) {
    const value = version.metadata[key]
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) continue
    return Array.isArray(value) ? value.join(', ') : String(value)
  }
  return null
}

export function otherMetadata(version: ModelVersion): { key: string; text: string }[] {
  const known = new Set<string>(KNOWN)
  return Object.keys(version.metadata)
    .filter((key) => !known.has(key))
    .sort()
    .flatMap((key) => {
      const text = metadataText(version, key)
      return text === null ? [] : [{ key, text }]
    })
}

/** What the file calls a fact, as a person says it; what no format is known for keeps its own name. */
export function metadataName(t: TFunction<'models'>, key: string): string {
  return t(`metadata.${key}`, { defaultValue: formatKey(key) })
}

/** `2623a295…91cb`: both ends, so that two digests can be told apart. */
export function shortDigest(digest: string): string {
  return digest.length <= 16 ? digest : `${digest.slice(0, 8)}…${digest.slice(-4)}`
}

/** What a format is called. */
export const FORMAT_NAMES: Record<ModelVersion['format'], string> = {
  onnx: 'ONNX',
  'tfjs-graph': 'TF.js graph',
  'tfjs-layers': 'TF.js layers',
  savedmodel: 'TensorFlow SavedModel',
  keras: 'Keras',
  'keras-h5': 'Keras HDF5',
  tflite: 'TensorFlow Lite',
  torchscript: 'TorchScript',
  'torch-state': 'PyTorch weights',
  safetensors: 'safetensors',
  gguf: 'GGUF',
  pickle: 'Python pickle',
}
