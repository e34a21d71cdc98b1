/** How files of one model are called after the one that a runtime opens; `$1` and `$2` make its name. */
const PARTS: [RegExp, string][] = [
  [/^(.*)-\d{5}-of-\d{5}(\.[a-z]+)$/, '$1$2'],
  [/^(.*\.safetensors)\.index\.json$/, '$1'],
  [/^(.*\.onnx)[._-]?data$/, '$1'],
  [/^(.*)\.data$/, '$1.onnx'],
  [/^(.*[\\/])?group\d+-shard\d+of\d+(?:\.bin)?$/, '$1model.json'],
]

function modelOf(name: string): string {
  const lower = name.toLowerCase()
  const part = PARTS.find(([pattern]) => pattern.test(lower))
  return part ? lower.replace(part[0], part[1]) : lower
}

/**
 * Things that are one model by their names or paths: shards, what ONNX keeps beside its graph, TensorFlow.js's weights.
 * Of each group the one that names the others comes first.
 */
export function groupByModel<T>(things: readonly T[], nameOf: (thing: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const thing of things) {
    const model = modelOf(nameOf(thing))
    groups.set(model, [...(groups.get(model) ?? []), thing])
  }
  const isFirst = (thing: T, model: string) => {
    const name = nameOf(thing).toLowerCase()
    return name === model || name.endsWith('.index.json')
  }
  return [...groups].map(([model, group]) =>
    group.sort(
      (a, b) => Number(isFirst(b, model)) - Number(isFirst(a, model)) || (nameOf(a) < nameOf(b) ? -1 : 1),
    ),
  )
}
