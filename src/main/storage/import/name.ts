import type { DatasetFormat, ModelFormat, ModelVersion } from '../../../shared/contract'
import { ModelName } from '../../../shared/domain/references'

/** What names the shards of a model, or one of them. */
const OF_SHARDS = /(?:\.safetensors\.index|-\d{5}-of-\d{5})$/i

/** File names that say nothing about the model: its folder's name does. */
const SAYS_NOTHING = /^(model|saved-?model|tfjs-?model|web-?model|graph|network|weights|index)$/

/**
 * A model name from what was dropped: `silero_vad_v5.onnx` -> `silero-vad`. Always a valid name, whatever the file is
 * called. @param path of the model's file, relative to `folder`
 */
export function suggestName(hints: {
  path: string
  folder: string
  gaveFolder: boolean
  /** Null: it is a data set. */
  format: ModelFormat | null
  title: string | null
}): string {
  const stem = (hints.path.split('/').at(-1) ?? '').replace(/\.[a-z][a-z0-9]{0,10}$/i, '')
  const file = slugOf(stem.replace(OF_SHARDS, ''))
  const folder = slugOf(hints.folder)
  const isByFolder = hints.gaveFolder && (hints.format === null || 'name' in STORED[hints.format])
  const order =
    isByFolder || SAYS_NOTHING.test(file) ? [folder, slugOf(hints.title ?? ''), file] : [file, folder]
  const name = order.find((candidate) => ModelName.safeParse(candidate).success)
  return name ?? (hints.format === null ? 'data' : 'model')
}

/** What a model says it belongs to: GGUF's `general.basename` or architecture, `model_type` of a `config.json`. */
export function suggestFamily(metadata: ModelVersion['metadata']): string | null {
  const said = ['basename', 'modelType', 'ggufArchitecture'].map((key) => metadata[key])
  return said.map((text) => (typeof text === 'string' ? slugOf(text) : '')).find(Boolean) ?? null
}

/** `-v5`, `_v1.2` at the end; ` (1)` of a second download. */
const VERSION_SUFFIX = /(?:[\s._-]*\(\d+\)|[\s._-]+v\d+(?:[._]\d+)*)$/i

function slugOf(text: string): string {
  const stem = text.slice(0, 300).trim().replace(VERSION_SUFFIX, '').replace(VERSION_SUFFIX, '')
  return stem
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .slice(0, 64)
    .replace(/^[-.]+|[-.]+$/g, '')
}

/** How the first file of a version is called: as its runtime wants it, or with an extension of its own. */
const STORED: Record<ModelFormat, { name: string } | { extensions: readonly [string, ...string[]] }> = {
  onnx: { extensions: ['onnx'] },
  'tfjs-graph': { name: 'model.json' },
  'tfjs-layers': { name: 'model.json' },
  savedmodel: { name: 'saved_model.pb' },
  keras: { extensions: ['keras'] },
  'keras-h5': { extensions: ['h5', 'hdf5', 'keras'] },
  tflite: { extensions: ['tflite'] },
  torchscript: { extensions: ['pt', 'pth'] },
  'torch-state': { extensions: ['pth', 'pt', 'bin'] },
  safetensors: { extensions: ['safetensors', 'json'] },
  gguf: { extensions: ['gguf'] },
  pickle: { extensions: ['pkl', 'pickle', 'bin'] },
}

/** The name of a model's first file within its version: what runtimes look for, and safe to show and to write. */
export function storedPath(path: string, format: ModelFormat, model: string): string {
  const rule = STORED[format]
  if ('name' in rule) return rule.name
  const [usual] = rule.extensions
  const extension = rule.extensions.find((candidate) => path.toLowerCase().endsWith(`.${candidate}`))
  return extension && /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,127}$/.test(path) ? path : `${model}.${usual}`
}

/** The name of the one file of a data set, safe to show and to write. */
export function storedDataPath(path: string, format: DatasetFormat, name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,127}$/.test(path) ? path : `${name}.${format}`
}

/** Text from outside as it may be shown: no control or direction characters, and not endless. */
export function displayText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD').slice(0, 255)
}
