import type { ModelFormat } from '../../../shared/contract'
import { ModelName } from '../../../shared/domain/references'

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
  format: ModelFormat
}): string {
  const file = slugOf((hints.path.split('/').at(-1) ?? '').replace(/\.[a-z][a-z0-9]{0,5}$/i, ''))
  const folder = slugOf(hints.folder)
  const isByFolder = hints.gaveFolder && hints.format !== 'onnx'
  const order = isByFolder || SAYS_NOTHING.test(file) ? [folder, file] : [file, folder]
  const name = order.find((candidate) => ModelName.safeParse(candidate).success)
  return name ?? 'model'
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

/** The name of a model's first file within its version: what runtimes look for, and safe to show and to write. */
export function storedPath(path: string, format: ModelFormat, model: string): string {
  if (format !== 'onnx') return 'model.json'
  return /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,119}\.onnx$/.test(path) ? path : `${model}.onnx`
}

/** Text from outside as it may be shown: no control or direction characters, and not endless. */
export function displayText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD').slice(0, 255)
}
