import * as tf from '@tensorflow/tfjs'
import { type LoadedModel, type LoadWork, serveModels } from '../model-worker'
import { type Probe, WORKER_ENV } from '../protocol'
import { describeBackend, nativeLibrary, startBackend, type TfjsBackend } from './backend'
import { graphModel, layersModel, TfjsModel } from './models'
import { savedModel } from './saved-model'
import { blobHandler } from './weights'

const backend: TfjsBackend = process.env[WORKER_ENV.options] === 'node' ? 'node' : 'wasm'

serveModels({ probe, load })

async function probe(): Promise<Probe> {
  const version = tf.version.tfjs
  try {
    await startBackend(backend)
    // A library that loads may still not compute.
    const sum = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), tf.tensor1d([3, 4])).dataSync())
    if (sum[0] !== 4 || sum[1] !== 6) throw new Error('It adds wrongly.')
    return { available: true, version, backend: await describeBackend(), reason: null }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return { available: false, version, backend: '', reason: words.slice(0, 1000) }
  }
}

async function load(request: LoadWork): Promise<LoadedModel> {
  await startBackend(backend)
  if (request.format === 'savedmodel') return new TfjsModel(await savedModel(request.files, nativeLibrary()))
  const handler = blobHandler(request.files)
  if (request.format === 'tfjs-layers') return new TfjsModel(layersModel(await tf.loadLayersModel(handler)))
  return new TfjsModel(graphModel(await tf.loadGraphModel(handler)))
}
