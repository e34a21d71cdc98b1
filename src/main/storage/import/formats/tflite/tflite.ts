import type { Finding, ModelVersion, TensorInfo } from '../../../../../shared/contract'
import { elementCount, type TensorSpec } from '../../../../../shared/domain/tensor'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import type { ModelDescription, ModelReader } from '../reader'
import { reachesOut } from '../tensorflow-operators'
import { countWeights } from '../weights'
import { assertSound, bufferBytes } from './check'
import { Table } from './flatbuffer'
import { GRAPH, MODEL, OPERATOR_CODE, TENSOR, TYPES } from './schema'

/** Operators of their own that TensorFlow Lite registers itself; custom_ops_register.h and register.cc. */
const BROUGHT_ALONG = new Set(['TFLite_Detection_PostProcess', 'Mfcc', 'AudioSpectrogram', 'NumericVerify'])
const MOST_TENSORS = 100_000

/** TensorFlow Lite models. */
export const tfliteReader: ModelReader = {
  label: 'TensorFlow Lite',
  recognise: (bytes) => (bytes.size >= 8 && bytes.slice(4, 4).toString('latin1') === 'TFL3' ? 'yes' : 'no'),
  read(bytes) {
    const malformed = (what: string) =>
      new Rejection(
        'storage.unreadable',
        `The TensorFlow Lite model is damaged: ${what}. Export or download it again.`,
        bytes.file,
      )
    const model = new Table(bytes, bytes.slice(0, 4).readUInt32LE(), malformed)
    if (model.u32(MODEL.version) !== 3) throw malformed('its version is not 3')
    if (model.count(MODEL.subgraphs) === 0) throw malformed('it holds no graph')
    assertSound(model, bytes.size, malformed)
    return describeModel(model, model.item(MODEL.subgraphs, 0), bytes)
  },
}

function describeModel(model: Table, graph: Table, { file }: FileBytes): ModelDescription {
  const weights = weightsOf(model, graph)
  const findings: Finding[] = []
  const custom = customOperators(model)
  const refused = custom.filter((name) => name.startsWith('Flex') && reachesOut(name.slice(4)))
  if (refused.length > 0) {
    const message = `It uses ${refused.slice(0, 5).join(', ')} of TensorFlow, which reaches beyond the model: files, programs or other machines.`
    throw new Rejection('storage.unsafe', message, file)
  }
  if (custom.length > 0) {
    const message = `It uses the operators ${custom
      .slice(0, 10)
      .map((name) => quoted(name, 60))
      .join(', ')}, which TensorFlow Lite alone does not have.`
    findings.push({ severity: 'warn', code: 'storage.custom_operators', message, file })
  }
  const message =
    'TensorFlow Lite models do not run here yet. Convert it: python -m tf2onnx.convert --tflite MODEL --output model.onnx.'
  findings.push({ severity: 'info', code: 'storage.no_runtime', message, file })
  const metadata: ModelVersion['metadata'] = {
    ...countWeights(weights),
    operatorCount: graph.count(GRAPH.operators),
  }
  const description = model.text(MODEL.description)
  if (description !== '') metadata['description'] = description
  return {
    format: 'tflite',
    framework: 'TensorFlow Lite',
    signature: { inputs: specsOf(graph, GRAPH.inputs), outputs: specsOf(graph, GRAPH.outputs) },
    metadata,
    tensors: weights,
    findings,
    companions: [],
  }
}

function specsOf(graph: Table, field: number): TensorSpec[] {
  return graph
    .integers(field)
    .slice(0, 1000)
    .flatMap((index) => {
      const tensor = graph.item(GRAPH.tensors, index)
      const dtype = TYPES[tensor.byte(TENSOR.type)]?.dtype
      if (!dtype) return []
      const signature = tensor.integers(TENSOR.shapeSignature)
      const shape = (signature.length > 0 ? signature : tensor.integers(TENSOR.shape)).slice(0, 64)
      return [
        { name: tensor.text(TENSOR.name, 200), dtype, shape: shape.map((size) => (size < 0 ? null : size)) },
      ]
    })
}

/** Tensors that have bytes in the file. */
function weightsOf(model: Table, graph: Table): TensorInfo[] {
  const count = Math.min(graph.count(GRAPH.tensors), MOST_TENSORS)
  const weights: TensorInfo[] = []
  for (let index = 0; index < count; index++) {
    const tensor = graph.item(GRAPH.tensors, index)
    const buffer = tensor.u32(TENSOR.buffer)
    if (buffer === 0 || bufferBytes(model, buffer) === 0) continue
    const dtype = TYPES[tensor.byte(TENSOR.type)]?.name ?? 'unknown'
    const shape = tensor
      .integers(TENSOR.shape)
      .slice(0, 64)
      .map((size) => Math.max(0, size))
    if (elementCount(shape) <= Number.MAX_SAFE_INTEGER / 64)
      weights.push({ name: tensor.text(TENSOR.name, 300), dtype, shape })
  }
  return weights
}

function customOperators(model: Table): string[] {
  const names = new Set<string>()
  for (let index = 0; index < model.count(MODEL.operatorCodes); index++) {
    const name = model.item(MODEL.operatorCodes, index).text(OPERATOR_CODE.customCode, 100)
    if (name !== '' && !BROUGHT_ALONG.has(name)) names.add(name)
  }
  return [...names]
}
