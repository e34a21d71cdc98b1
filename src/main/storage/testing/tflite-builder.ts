import { Builder } from 'flatbuffers'

/** A model of one fully connected operator, `x [1,4] -> y [1,2]`, with whatever is to be otherwise; fields as in schema.fbs. */
export interface TfliteOptions {
  customCodes?: string[]
  operator?: { code?: number; inputs?: number[]; outputs?: number[] }
  weight?: { shape?: number[]; type?: number; isSparse?: boolean }
  /** Content of the weights' buffer, or where it lies behind the tables. */
  buffer?: Uint8Array | { offset: number; size: number }
  /** A second graph with one tensor and these inputs. */
  secondInputs?: number[]
  behind?: Uint8Array
}

export function tflite(options: TfliteOptions = {}): Buffer {
  const builder = new Builder()
  const vector = (values: number[]) => {
    builder.startVector(4, values.length, 4)
    for (const value of values.slice().reverse()) builder.addInt32(value)
    return builder.endVector()
  }
  const tables = (places: number[]) => {
    builder.startVector(4, places.length, 4)
    for (const place of places.slice().reverse()) builder.addOffset(place)
    return builder.endVector()
  }
  const table = (fields: number, fill: () => void = () => undefined) => {
    builder.startObject(fields)
    fill()
    return builder.endObject()
  }
  const tensor = (name: string, shape: number[], buffer = 0, type = 0, isSparse = false) => {
    const [label, sizes, sparsity] = [builder.createString(name), vector(shape), isSparse && table(1)]
    return table(8, () => {
      builder.addFieldOffset(0, sizes, 0)
      builder.addFieldInt8(1, type, 0)
      builder.addFieldInt32(2, buffer, 0)
      builder.addFieldOffset(3, label, 0)
      if (sparsity) builder.addFieldOffset(6, sparsity, 0)
    })
  }
  const graph = (tensors: number[], ins: number[], outs: number[], operators: number[]) => {
    const [all, inputs, outputs, steps] = [tables(tensors), vector(ins), vector(outs), tables(operators)]
    return table(5, () => {
      builder.addFieldOffset(0, all, 0)
      builder.addFieldOffset(1, inputs, 0)
      builder.addFieldOffset(2, outputs, 0)
      builder.addFieldOffset(3, steps, 0)
    })
  }
  const { code = 0, inputs = [0, 1, -1], outputs = [2] } = options.operator ?? {}
  const [ins, outs] = [vector(inputs), vector(outputs)]
  const operator = table(9, () => {
    builder.addFieldInt32(0, code, 0)
    builder.addFieldOffset(1, ins, 0)
    builder.addFieldOffset(2, outs, 0)
  })
  const { shape = [2, 4], type = 0, isSparse = false } = options.weight ?? {}
  const tensors = [tensor('x', [1, 4]), tensor('w', shape, 1, type, isSparse), tensor('y', [1, 2])]
  const graphs = [graph(tensors, [0], [2], [operator])]
  if (options.secondInputs) graphs.push(graph([tensor('z', [1])], options.secondInputs, [0], []))
  const names = options.customCodes?.map((name) => builder.createString(name)) ?? [0]
  const codes = names.map((name) => table(4, () => name && builder.addFieldOffset(1, name, 0)))
  const content = options.buffer ?? new Uint8Array(32)
  const data = content instanceof Uint8Array ? builder.createByteVector(content) : 0
  const buffer = table(3, () => {
    if (content instanceof Uint8Array) builder.addFieldOffset(0, data, 0)
    else {
      builder.addFieldInt64(1, BigInt(content.offset), 0n)
      builder.addFieldInt64(2, BigInt(content.size), 0n)
    }
  })
  const [kinds, all, buffers] = [tables(codes), tables(graphs), tables([table(1), buffer])]
  const model = table(8, () => {
    builder.addFieldInt32(0, 3, 0)
    builder.addFieldOffset(1, kinds, 0)
    builder.addFieldOffset(2, all, 0)
    builder.addFieldOffset(4, buffers, 0)
  })
  builder.finish(model, 'TFL3')
  return Buffer.concat([builder.asUint8Array(), options.behind ?? new Uint8Array(0)])
}
