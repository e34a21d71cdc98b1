import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { ChosenFile, HubFile } from './choose'

const LARGEST_MODEL_JSON = 32 * 1024 * 1024

const ModelJson = z.object({ weightsManifest: z.array(z.object({ paths: z.array(z.string()) })) })

/** Whether a file may be TensorFlow.js's `model.json`, which names the shards beside it. */
export function mayNameShards({ as, sizeBytes }: ChosenFile): boolean {
  return /^model\.json$/i.test(as) && sizeBytes <= LARGEST_MODEL_JSON
}

/** The paths of the shards that a `model.json` names; none for what is no such file. For a process of its own. */
export async function namedShards(absolutePath: string): Promise<string[]> {
  const named = ModelJson.safeParse(parse(await readFile(absolutePath, 'utf8')))
  return named.success ? named.data.weightsManifest.flatMap(({ paths }) => paths) : []
}

/** The files of the repository that its `model.json` names; what it names and is not there, the import says. */
export function shardsOf(
  model: ChosenFile,
  named: readonly string[],
  files: readonly HubFile[],
): ChosenFile[] {
  const folder = model.path.slice(0, model.path.lastIndexOf('/') + 1)
  const places = new Map(
    named.map((path) => path.replace(/^(?:\.\/)+/, '')).map((path) => [folder + path, path]),
  )
  return files.flatMap((file) => {
    const as = places.get(file.path)
    return as === undefined ? [] : [{ ...file, as }]
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // What is damaged, the import says too.
  }
}
