import type { TensorInfo } from '../../shared/contract'

const NAMED = 3

/**
 * Why weights cannot run in a graph, as words; null when nothing speaks against it. Pure. A graph may hold tensors that no
 * state dict names, so what the weights lack is left to the load; so is everything where one side names no tensors.
 */
export function misfit(
  weights: readonly TensorInfo[],
  graph: readonly TensorInfo[],
  graphName: string,
): string | null {
  if (weights.length === 0 || graph.length === 0) return null
  const wanted = new Map(graph.map((tensor) => [tensor.name, tensor]))
  const unknown = weights.filter(({ name }) => !wanted.has(name))
  const reshaped = weights.flatMap(({ name, shape }) => {
    const there = wanted.get(name)
    return there && there.shape.join() !== shape.join()
      ? [`${name} is ${shapeText(shape)} and would have to be ${shapeText(there.shape)}`]
      : []
  })
  const words = [
    ...(unknown.length > 0 ? [`${graphName} has no ${few(unknown.map(({ name }) => name))}`] : []),
    ...(reshaped.length > 0 ? [few(reshaped)] : []),
  ]
  return words.length > 0 ? words.join('; ') : null
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

function few(texts: readonly string[]): string {
  const more = texts.length - NAMED
  return texts.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
