const FLOAT = 1

function varint(value) {
  const bytes = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)])
function message(field, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([varint(field * 8 + 2), varint(length), ...parts])
}
const text = (field, value) => message(field, Buffer.from(value))

function valueInfo(field, name, size) {
  const shape = message(2, message(1, text(2, 'N')), message(1, number(1, size)))
  return message(field, text(1, name), message(2, message(1, number(1, FLOAT), shape)))
}

/**
 * Dense layers of the given widths, `x` to `y`, any number of rows (onnx.proto of github.com/onnx/onnx). Reading its weights
 * takes longer than computing with them, so that several rows take little more than one.
 */
export function denseModel(widths) {
  const graph = []
  const last = widths.length - 2
  for (let i = 0; i <= last; i++) {
    const [rows, columns] = [widths[i], widths[i + 1]]
    const weights = Float32Array.from(
      { length: rows * columns },
      (_, at) => (((at * 7919) % 2003) - 1001) / 40_000,
    )
    const from = i === 0 ? 'x' : `h${i}`
    const to = i === last ? 'y' : `h${i + 1}`
    graph.push(message(1, text(1, from), text(1, `w${i}`), text(2, to), text(4, 'MatMul')))
    const bytes = Buffer.from(weights.buffer)
    const dims = [number(1, rows), number(1, columns)]
    graph.push(message(5, ...dims, number(2, FLOAT), text(8, `w${i}`), message(9, bytes)))
  }
  graph.push(text(2, 'dense'), valueInfo(11, 'x', widths[0]), valueInfo(12, 'y', widths.at(-1)))
  return Buffer.concat([number(1, 8), message(7, ...graph), message(8, number(2, 13))])
}
