import { AppError } from '../../../shared/errors'

export interface HubFile {
  path: string
  sizeBytes: number
  /** SHA-256 of a large file; null for small ones, whose Git id is another hash. */
  sha256: string | null
}

/** Files beside the weights that runtimes and people want. */
const BESIDE =
  /^(?:readme\.md|licen[cs]e[^/]*|notice[^/]*|.*\.json|tokenizer\.model|vocab\.[a-z]+|merges\.txt)$/i
const LARGEST_BESIDE = 64 * 1024 * 1024

/** Kinds of weights, the safest and most useful first: of a repository with several, the first one is taken. */
const KINDS: { matches: RegExp; folder?: boolean }[] = [
  { matches: /^(?:[^/]+\.)?safetensors$|^[^/]+\.safetensors$/i },
  { matches: /^[^/]+\.gguf$/i },
  { matches: /^(?:onnx\/)?[^/]+\.onnx(?:[._-]?data)?$/i },
  { matches: /^saved_model\.pb$|^variables\//i },
  { matches: /^[^/]+\.(?:keras|h5|tflite)$/i },
  { matches: /^[^/]+\.(?:pt|pth|bin)$/i },
]

/**
 * What to download for one model.
 * @param patterns paths, or patterns with `*`; null: what one model needs
 * @throws AppError `storage.not_found` when nothing fits, `storage.conflict` naming the choices when there are several models
 */
export function chooseFiles(files: readonly HubFile[], patterns: readonly string[] | null): HubFile[] {
  const top = files.filter((file) => !file.path.includes('/'))
  const beside = top.filter((file) => BESIDE.test(file.path) && file.sizeBytes <= LARGEST_BESIDE)
  if (patterns) {
    const wanted = files.filter((file) => patterns.some((pattern) => fits(pattern, file.path)))
    if (wanted.length > 0) return [...new Set([...wanted, ...beside])]
    throw nothing(files, 'No file of the repository fits what was asked for.')
  }
  for (const { matches } of KINDS) {
    const found = files.filter((file) => matches.test(file.path))
    if (found.length === 0) continue
    return [...new Set([...oneOf(found), ...beside])]
  }
  throw nothing(files, 'The repository holds no model that LLMAgentOS knows.')
}

/** Shards and the files of one folder belong together; several single files are several models. */
function oneOf(found: readonly HubFile[]): readonly HubFile[] {
  const groups = new Map<string, HubFile[]>()
  for (const file of found) {
    const key = file.path.replace(/-\d{5}-of-\d{5}(?=\.)/, '').replace(/[._-]?data$/, '')
    groups.set(key, [...(groups.get(key) ?? []), file])
  }
  const names = [...groups.keys()]
  const [only] = groups.values()
  if (only && groups.size === 1) return only
  if (names.some((name) => name.startsWith('variables/'))) return found
  const usual = names.find((name) =>
    /^(?:model\.safetensors|(?:onnx\/)?model\.onnx|pytorch_model\.bin)$/.test(name),
  )
  // The quantization that most people take.
  const preferred = usual ?? names.find((name) => /q4_k_m\.gguf$/i.test(name))
  const chosen = preferred === undefined ? undefined : groups.get(preferred)
  if (chosen) return chosen
  const message = `The repository holds several models: ${names.slice(0, 12).join(', ')}. Say which one.`
  throw new AppError('storage.conflict', message, { files: names.slice(0, 200) })
}

function fits(pattern: string, path: string): boolean {
  const expression = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${expression}$`, 'i').test(path)
}

function nothing(files: readonly HubFile[], why: string): AppError {
  const names = files.slice(0, 200).map((file) => file.path)
  return new AppError('storage.not_found', `${why} It holds ${names.slice(0, 8).join(', ') || 'no files'}.`, {
    files: names,
  })
}
