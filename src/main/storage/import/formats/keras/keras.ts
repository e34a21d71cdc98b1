import type { Finding, ModelFormat, ModelVersion } from '../../../../../shared/contract'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { HDF5_MAGIC } from '../hdf5'
import { isObject, type JsonObject, objectAt, textAt } from '../json'
import { type ModelDescription, type ModelReader, topCounts } from '../reader'
import { layersSignature } from '../tfjs/layers'
import { countWeights } from '../weights'
import { looksLikeZip, readEntry, readZip, type ZipEntry } from '../zip'
import { judgeConfig } from './config'
import { findConfigs } from './find-configs'
import { parsePythonJson } from './python-json'
import { type KerasWeights, readArchivedWeights, readKerasWeights } from './weights'

const LARGEST_CONFIG = 32 * 1024 * 1024

/** Keras 3 archives: `config.json`, `metadata.json` and weights in a ZIP. */
export const kerasReader: ModelReader = {
  label: 'Keras (.keras, .h5)',
  recognise: (bytes) => (looksLikeZip(bytes) && isKeras(readZip(bytes)) ? 'yes' : 'no'),
  read(bytes) {
    const entries = readZip(bytes)
    assertNoPickle(entries, bytes.file)
    const config = jsonOf(bytes, entries, 'config.json')
    const facts = jsonOf(bytes, entries, 'metadata.json')
    if (!entries.some(({ name }) => name === 'model.weights.h5' || name === 'model.weights.npz'))
      throw new Rejection(
        'storage.incomplete',
        'The archive holds no weights. Save the model again.',
        bytes.file,
      )
    const metadata: ModelVersion['metadata'] = {}
    const version = textAt(facts, 'keras_version')
    if (version) metadata['kerasVersion'] = version.slice(0, 50)
    const saved = textAt(facts, 'date_saved')
    if (saved) metadata['savedAt'] = saved.slice(0, 50)
    const findings = judgeConfig(config, bytes.file)
    const weights = readArchivedWeights(bytes, entries)
    return describeModel('keras', config, metadata, findings, weights, bytes.file)
  },
}

/**
 * Keras models in HDF5. The configuration is found and judged as text, so that no pointer of the file can lead past it; only
 * the list of weights follows the structure.
 */
export const kerasH5Reader: ModelReader = {
  label: 'Keras HDF5',
  recognise: (bytes) =>
    bytes.size > HDF5_MAGIC.length && bytes.slice(0, HDF5_MAGIC.length).equals(HDF5_MAGIC) ? 'yes' : 'no',
  read(bytes) {
    const { configs, isWhole } = findConfigs(bytes)
    const findings = configs.flatMap((config) => judgeConfig(config, bytes.file))
    if (!isWhole) findings.push(partlySearched(bytes.file))
    const [config] = configs
    const weights = readKerasWeights(bytes, bytes.file)
    if (config && 'class_name' in config)
      return describeModel('keras-h5', config, {}, findings, weights, bytes.file)
    const unknown = weights.tensors.length > 0 ? weightsAlone(bytes.file) : nothingFound(bytes.file)
    return describeModel('keras-h5', {}, {}, [...findings, unknown], weights, bytes.file)
  },
}

function weightsAlone(file: string): Finding {
  const message =
    'These are weights without the layers they belong to, as model.save_weights writes them. Save the whole model with model.save to keep both.'
  return { severity: 'info', code: 'storage.no_graph', message, file }
}

function nothingFound(file: string): Finding {
  const message = 'It holds no configuration that could be found, so nothing is known of its layers.'
  return { severity: 'warn', code: 'storage.no_signature', message, file }
}

function partlySearched(file: string): Finding {
  const message =
    'It is too large to be searched whole for code that runs when it is loaded. Load it only where that does no harm.'
  return { severity: 'warn', code: 'storage.partly_searched', message, file }
}

function isKeras(entries: readonly ZipEntry[]): boolean {
  const names = new Set(entries.map(({ name }) => name))
  return names.has('config.json') && names.has('metadata.json')
}

/** What is a Keras archive to us may be one of PyTorch to another reader. */
function assertNoPickle(entries: readonly ZipEntry[], file: string): void {
  const pickle = entries.find(({ name }) => /\.(?:pkl|pickle|pt|pth|ckpt|joblib|dill)$/i.test(name))
  if (!pickle) return
  const message = `It holds ${quoted(pickle.name)}, a pickle, which no Keras archive has: PyTorch would open it as one of its own.`
  throw new Rejection('storage.unsafe', message, file)
}

function jsonOf(bytes: FileBytes, entries: readonly ZipEntry[], name: string): JsonObject {
  const entry = entries.find((candidate) => candidate.name === name)
  let value: unknown = null
  try {
    value = entry ? parsePythonJson(readEntry(bytes, entry, LARGEST_CONFIG).toString('utf8')) : null
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  if (isObject(value)) return value
  throw new Rejection(
    'storage.unreadable',
    `The archive's ${name} is damaged. Save the model again.`,
    bytes.file,
  )
}

function describeModel(
  format: ModelFormat,
  config: JsonObject,
  metadata: ModelVersion['metadata'],
  findings: Finding[],
  weights: KerasWeights,
  file: string,
): ModelDescription {
  const { signature, operators } = layersSignature(config)
  const title = textAt(objectAt(config, 'config'), 'name')
  const message = `Keras models do not run here yet. Convert it: python -c "import keras; keras.models.load_model('MODEL').export('FOLDER')" && python -m tf2onnx.convert --saved-model FOLDER --output model.onnx, or tensorflowjs_converter --input_format keras MODEL FOLDER.`
  return {
    format,
    framework: 'Keras',
    signature,
    metadata: {
      ...metadata,
      ...(weights.tensors.length > 0 && countWeights(weights.tensors)),
      ...(operators.size > 0 && { operators: topCounts(operators) }),
    },
    tensors: weights.tensors,
    findings: [
      ...findings,
      ...weights.findings,
      { severity: 'info', code: 'storage.no_runtime', message, file },
    ],
    companions: [],
    ...(title && { title }),
  }
}
