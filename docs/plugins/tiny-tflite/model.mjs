// TensorFlow Lite as far as this example goes. The file is a FlatBuffer; its tables and fields are those of
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs

import { readFileSync } from 'node:fs'

/** What was sent does not fit the model. */
export class Refused extends Error {}

export const formOf = ({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`

/** A table: where its fields lie stands in its vtable, and a field that is not there has its default. */
class Table {
  constructor(view, at) {
    this.view = view
    this.at = at
    this.vtable = at - view.getInt32(at, true)
  }

  #place(field) {
    const slot = 4 + 2 * field
    const offset =
      slot < this.view.getUint16(this.vtable, true) ? this.view.getUint16(this.vtable + slot, true) : 0
    return offset === 0 ? null : this.at + offset
  }

  #follow(field) {
    const place = this.#place(field)
    return place === null ? null : place + this.view.getUint32(place, true)
  }

  byte(field) {
    const place = this.#place(field)
    return place === null ? 0 : this.view.getInt8(place)
  }

  number(field) {
    const place = this.#place(field)
    return place === null ? 0 : this.view.getInt32(place, true)
  }

  table(field) {
    const place = this.#follow(field)
    return place === null ? null : new Table(this.view, place)
  }

  text(field) {
    return Buffer.from(this.bytes(field)).toString('utf8')
  }

  bytes(field) {
    const place = this.#follow(field)
    if (place === null) return new Uint8Array(0)
    const length = this.view.getUint32(place, true)
    return new Uint8Array(this.view.buffer, this.view.byteOffset + place + 4, length)
  }

  numbers(field) {
    const place = this.#follow(field)
    const length = place === null ? 0 : this.view.getUint32(place, true)
    return Array.from({ length }, (_, i) => this.view.getInt32(place + 4 + 4 * i, true))
  }

  tables(field) {
    const place = this.#follow(field)
    const length = place === null ? 0 : this.view.getUint32(place, true)
    return Array.from({ length }, (_, i) => {
      const entry = place + 4 + 4 * i
      return new Table(this.view, entry + this.view.getUint32(entry, true))
    })
  }
}

const relu = (values) => values.map((value) => Math.max(0, value))
const logistic = (values) => values.map((value) => 1 / (1 + Math.exp(-value)))
function softmax(values) {
  const most = Math.max(...values)
  const powers = values.map((value) => Math.exp(value - most))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/** `BuiltinOperator` by number. Softmax is that of one row. */
const OPERATORS = { 9: fullyConnected, 14: logistic, 19: relu, 25: softmax }
/** `ActivationFunctionType` by number. */
const ACTIVATIONS = { 0: (values) => values, 1: relu }

function fullyConnected(input, weights, bias, options) {
  const activation = ACTIVATIONS[options?.byte(0) ?? 0]
  if (!activation)
    throw new Error('A fully connected layer has an activation that this runtime does not know.')
  const width = input.length
  const output = new Float32Array(weights.length / width)
  for (let row = 0; row < output.length; row++) {
    let sum = bias?.[row] ?? 0
    for (let i = 0; i < width; i++) sum += input[i] * weights[row * width + i]
    output[row] = sum
  }
  return activation(output)
}

/** Reads a model and gives what runs it. @throws Error for what it has no operators for */
export function loadModel(path) {
  const file = readFileSync(path)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const root = new Table(view, view.getUint32(0, true))
  const buffers = root.tables(4)
  const codes = root.tables(1).map((code) => Math.max(code.byte(0), code.number(3)))
  const [graph] = root.tables(2)
  const tensors = graph.tables(0).map((tensor) => {
    if (tensor.byte(1) !== 0) throw new Error(`The tensor "${tensor.text(3)}" is not float32.`)
    const bytes = buffers[tensor.number(2)].bytes(0)
    const data = bytes.length === 0 ? null : new Float32Array(Uint8Array.from(bytes).buffer)
    return { name: tensor.text(3), shape: tensor.numbers(0), data }
  })
  const steps = graph.tables(3).map((operator) => {
    const code = codes[operator.number(0)]
    if (!OPERATORS[code])
      throw new Error(`The model needs operator ${code}, which this runtime does not have.`)
    return {
      run: OPERATORS[code],
      inputs: operator.numbers(1),
      output: operator.numbers(2)[0],
      options: operator.table(4),
    }
  })
  return { run: (item) => run(tensors, steps, graph.numbers(1), graph.numbers(2), item) }
}

function run(tensors, steps, inputs, outputs, item) {
  const values = tensors.map((tensor) => tensor.data)
  const known = inputs.map((index) => tensors[index].name)
  for (const name of Object.keys(item)) {
    if (!known.includes(name))
      throw new Refused(`The model has no input "${name}": it has ${known.join(', ')}.`)
  }
  for (const index of inputs) {
    const { name, shape } = tensors[index]
    const given = item[name]
    if (!given) throw new Refused(`Input "${name}" is missing.`)
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    if (given.data.length !== size)
      throw new Refused(`Input "${name}" wants ${formOf({ dtype: 'float32', shape })}, got ${formOf(given)}.`)
    values[index] = given.data
  }
  for (const { run, inputs, output, options } of steps) {
    const [input, weights, bias] = inputs.map((index) => (index < 0 ? null : values[index]))
    values[output] = run(input, weights, bias, options)
  }
  return Object.fromEntries(
    outputs.map((index) => [tensors[index].name, { shape: tensors[index].shape, data: values[index] }]),
  )
}
