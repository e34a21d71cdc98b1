import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import type { io } from '@tensorflow/tfjs'

/** A file of a version: its name within it, and where its bytes lie. */
export interface FileOnDisk {
  path: string
  absolutePath: string
}

interface Manifest {
  paths: string[]
  weights: io.WeightsManifestEntry[]
}

/**
 * Gives a model to TensorFlow.js from blobs: `model.json` with every key it has, and the shards it names, wherever they
 * lie.
 */
export function blobHandler(files: readonly FileOnDisk[]): io.IOHandler {
  return { load: () => readArtifacts(files) }
}

async function readArtifacts(files: readonly FileOnDisk[]): Promise<io.ModelArtifacts> {
  const main = findMain(files)
  const model: unknown = JSON.parse(await readFile(main.absolutePath, 'utf8'))
  if (!isRecord(model)) throw new Error('model.json is not an object.')
  const folder = posix.dirname(main.path)
  const byPath = new Map(files.map((file) => [posix.normalize(file.path), file.absolutePath]))
  const manifests = manifestsOf(model['weightsManifest'])
  const shards: ArrayBuffer[] = []
  for (const path of manifests.flatMap((manifest) => manifest.paths)) {
    const absolutePath = byPath.get(posix.join(folder, path))
    if (!absolutePath) throw new Error(`model.json names the file "${path}", which is not in this version.`)
    const bytes = await readFile(absolutePath)
    // A small file may lie in the pool that buffers share.
    shards.push(new Uint8Array(bytes).buffer)
  }
  const { weightsManifest: _, ...rest } = model
  return { ...rest, weightSpecs: manifests.flatMap((manifest) => manifest.weights), weightData: shards }
}

/** The one JSON file of a version; `model.json` when there are more. */
export function findMain<File extends FileOnDisk>(files: readonly File[]): File {
  const json = files.filter((file) => file.path.toLowerCase().endsWith('.json'))
  const main = json.find((file) => posix.basename(file.path) === 'model.json') ?? json[0]
  if (!main) throw new Error('The version has no model.json.')
  return main
}

function manifestsOf(value: unknown): Manifest[] {
  if (!Array.isArray(value)) return []
  return value.map((entry: unknown) => {
    if (!isManifest(entry))
      throw new Error('The weightsManifest of model.json has another form than expected.')
    return entry
  })
}

function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value)) return false
  const { paths, weights } = value
  return Array.isArray(paths) && paths.every((path) => typeof path === 'string') && Array.isArray(weights)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
