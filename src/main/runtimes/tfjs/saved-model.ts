import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import type * as tf from '@tensorflow/tfjs'
import type { Callable } from './models'
import type { FileOnDisk } from './weights'

type Tensors = Record<string, tf.Tensor>

/** The part of `@tensorflow/tfjs-node` that reads SavedModels: `tf.node`. */
export interface SavedModels {
  getMetaGraphsFromSavedModel(path: string): Promise<MetaGraph[]>
  loadSavedModel(
    path: string,
    tags: string[],
    signature: string,
  ): Promise<{ predict(inputs: Tensors): unknown }>
}

interface MetaGraph {
  tags: string[]
  signatureDefs: Record<string, { inputs: Record<string, { dtype: string }> }>
}

/** Loads a SavedModel by the native library, by the signature that serving programs use. */
export async function savedModel(files: readonly FileOnDisk[], library: SavedModels): Promise<Callable> {
  // The library wants a folder with the names that the model knows; blobs have no names.
  const folder = await mkdtemp(join(tmpdir(), 'llmagentos-savedmodel-'))
  try {
    const root = join(folder, await layOut(files, folder))
    const graphs = await library.getMetaGraphsFromSavedModel(root)
    const graph = graphs.find(({ tags }) => tags.includes('serve')) ?? graphs[0]
    if (!graph) throw new Error('The SavedModel has no graph.')
    const names = Object.keys(graph.signatureDefs).filter((name) => !name.startsWith('__'))
    const name = names.find((known) => known === 'serving_default') ?? names[0]
    const signature = name === undefined ? undefined : graph.signatureDefs[name]
    if (name === undefined || !signature) throw new Error('The SavedModel has no signature to call it by.')
    const model = await library.loadSavedModel(root, graph.tags, name)
    return callable(signature.inputs, (inputs) => model.predict(inputs))
  } finally {
    // What was loaded is in memory.
    await rm(folder, { recursive: true, force: true })
  }
}

/** @returns where `saved_model.pb` lies in it */
async function layOut(files: readonly FileOnDisk[], folder: string): Promise<string> {
  const main = files.find(({ path }) => posix.basename(path) === 'saved_model.pb')
  if (!main) throw new Error('The version has no saved_model.pb.')
  for (const { path, absolutePath } of files) {
    const normal = posix.normalize(path)
    if (posix.isAbsolute(normal) || normal.startsWith('..')) throw new Error(`"${path}" leaves the model.`)
    const place = join(folder, normal)
    await mkdir(dirname(place), { recursive: true })
    // Links want a right of their own on Windows.
    if (process.platform === 'win32') await copyFile(absolutePath, place)
    else await symlink(absolutePath, place)
  }
  return posix.dirname(posix.normalize(main.path))
}

function callable(
  inputs: Record<string, { dtype: string }>,
  predict: (inputs: Tensors) => unknown,
): Callable {
  const names = Object.keys(inputs)
  return {
    inputs: new Map(names.map((name) => [name, name])),
    inputNames: names,
    dtypes: new Map(names.map((name) => [name, inputs[name]?.dtype ?? ''])),
    // Whether every dimension is free does not stand in what the library tells.
    stackable: false,
    weights: new Set(),
    async call(feeds) {
      const results = predict(Object.fromEntries(feeds))
      if (typeof results !== 'object' || results === null) throw new Error('The SavedModel gave nothing.')
      return Object.entries(results as Tensors)
    },
  }
}
