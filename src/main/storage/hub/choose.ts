import { AppError } from '../../../shared/errors'

export interface HubFile {
  path: string
  sizeBytes: number
  /** Of a large file; null for small ones. */
  sha256: string | null
  /** Git's id of the content of a small file (SHA-1 of the blob); null for large ones, whose SHA-256 is known. */
  gitId: string | null
}

/** A file to download. `as`: its place in the model, without the folder that all of the model lies in. */
export interface ChosenFile extends HubFile {
  as: string
}

/** Files beside the weights that runtimes and people want. */
const BESIDE =
  /^(?:readme\.md|licen[cs]e[^/]*|notice[^/]*|.*\.json|tokenizer\.model|vocab\.[a-z]+|merges\.txt)$/i
const LARGEST_BESIDE = 64 * 1024 * 1024

/** Kinds of weights and what goes with them, the safest and most useful first: of a repository with several, the first is taken. */
const KINDS: { matches: RegExp; with?: RegExp }[] = [
  { matches: /^(?:[^/]+\.)?safetensors$|^[^/]+\.safetensors$/i },
  { matches: /^[^/]+\.gguf$/i },
  { matches: /^(?:onnx\/)?[^/]+\.onnx(?:[._-]?data)?$/i },
  { matches: /^(?:[^/]+\/)*model\.json$/i },
  { matches: /^saved_model\.pb$|^variables\//i, with: /^assets\// },
  { matches: /^[^/]+\.(?:keras|h5|tflite)$/i },
  { matches: /^[^/]+\.(?:pt|pth|bin)$/i },
]

/**
 * What to download for one model.
 * @param patterns paths, or patterns with `*`; null: what one model needs
 * @throws AppError `storage.not_found` when nothing fits, `storage.conflict` naming the choices when there are several models
 */
export function chooseFiles(files: readonly HubFile[], patterns: readonly string[] | null): ChosenFile[] {
  const chosen = patterns ? wanted(files, patterns) : weightsOf(files)
  const taken = new Set(chosen.map((file) => file.as))
  const beside = files.filter(
    ({ path, sizeBytes }) =>
      !path.includes('/') && BESIDE.test(path) && sizeBytes <= LARGEST_BESIDE && !taken.has(path),
  )
  return [...chosen, ...beside.map((file) => ({ ...file, as: file.path }))]
}

function weightsOf(files: readonly HubFile[]): ChosenFile[] {
  for (const { matches, with: along } of KINDS) {
    const found = files.filter((file) => matches.test(file.path))
    if (found.length > 0) return placed([...oneOf(found), ...files.filter((file) => along?.test(file.path))])
  }
  throw nothing(files, 'The repository holds no model that LLMAgentOS knows.')
}

/** What is known to be no single model is refused before gigabytes of it are downloaded. */
function wanted(files: readonly HubFile[], patterns: readonly string[]): ChosenFile[] {
  const fitting = files.filter((file) => patterns.some((pattern) => fits(pattern, file.path)))
  if (fitting.length === 0) throw nothing(files, 'No file of the repository fits what was asked for.')
  const chosen = placed(fitting)
  const top = chosen.filter((file) => !file.as.includes('/'))
  if (top.length === 0) throw several('What was asked for lies in several folders', foldersOf(fitting))
  const kind = KINDS.find(({ matches }) => top.some((file) => matches.test(file.as)))
  const names = modelsAmong(top.filter((file) => kind?.matches.test(file.as)))
  if (names.size > 1) throw several('What was asked for is several models', [...names.keys()])
  return chosen
}

function placed(files: readonly HubFile[]): ChosenFile[] {
  const [first = [], ...others] = files.map(({ path }) => path.split('/').slice(0, -1))
  const differs = first.findIndex((name, depth) => others.some((folders) => folders[depth] !== name))
  const shared = first.slice(0, differs === -1 ? first.length : differs)
  const length = shared.reduce((sum, name) => sum + name.length + 1, 0)
  return files.map((file) => ({ ...file, as: file.path.slice(length) }))
}

function foldersOf(files: readonly HubFile[]): string[] {
  return [...new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))]
}

/** Shards and the files of one folder belong together; several single files are several models. */
function oneOf(found: readonly HubFile[]): readonly HubFile[] {
  const groups = modelsAmong(found)
  const names = [...groups.keys()]
  const [only] = groups.values()
  if (only && groups.size === 1) return only
  if (names.some((name) => name.startsWith('variables/'))) return found
  const usual = names.find((name) =>
    /^(?:model\.safetensors|(?:onnx\/)?model\.onnx|model\.json|pytorch_model\.bin)$/.test(name),
  )
  // The quantization that most people take.
  const preferred = usual ?? names.find((name) => /q4_k_m\.gguf$/i.test(name))
  const chosen = preferred === undefined ? undefined : groups.get(preferred)
  if (chosen) return chosen
  throw several('The repository holds several models', names)
}

/** Files by the model they are of: its shards, and what ONNX keeps beside the graph. */
function modelsAmong(files: readonly HubFile[]): Map<string, HubFile[]> {
  const models = new Map<string, HubFile[]>()
  for (const file of files) {
    const name = file.path.replace(/-\d{5}-of-\d{5}(?=\.)/, '').replace(/[._-]?data$/, '')
    const model = models.get(name)
    if (model) model.push(file)
    else models.set(name, [file])
  }
  return models
}

function several(what: string, names: readonly string[]): AppError {
  const message = `${what}: ${names.slice(0, 12).join(', ')}. Say which one.`
  return new AppError('storage.conflict', message, { files: names.slice(0, 200) })
}

/** By whole path, whatever its case; `*` stands for any text. Reads the path once, however many `*` there are. */
function fits(pattern: string, path: string): boolean {
  const text = path.toLowerCase()
  const [first = '', ...between] = pattern.toLowerCase().split('*')
  const last = between.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let end = first.length
  for (const part of between) {
    const at = text.indexOf(part, end)
    if (at === -1) return false
    end = at + part.length
  }
  return end <= text.length - last.length
}

function nothing(files: readonly HubFile[], why: string): AppError {
  const names = files.slice(0, 200).map((file) => file.path)
  return new AppError('storage.not_found', `${why} It holds ${names.slice(0, 8).join(', ') || 'no files'}.`, {
    files: names,
  })
}
