import { type DType, elementCount, type JsonTensor } from '@shared/domain/tensor'

export type Generator = 'zeros' | 'ramp' | 'random'

/** Highest whole number a ramp or a random filler uses; small enough to be an index, a class or a pixel. */
const TOP: Partial<Record<DType, number>> = { int8: 127, uint8: 255, int16: 999, int32: 999, int64: 999 }

/** Mulberry32: 32 bits of state, the same numbers for the same seed on every machine; results in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function zero(dtype: DType): number | boolean | string {
  return dtype === 'bool' ? false : dtype === 'string' ? '' : 0
}

/** `step` in [0, 1) as a value of the dtype. */
function scaled(dtype: DType, step: number): number | boolean | string {
  if (dtype === 'bool') return step >= 0.5
  if (dtype === 'string') return `text ${Math.floor(step * 1000)}`
  const top = TOP[dtype]
  return top === undefined ? Math.fround(step) : Math.floor(step * (top + 1))
}

/**
 * A tensor made by rule. `ramp` climbs from 0 to just below 1 (whole numbers: to the top of a small range); `random` is
 * uniform in the same range. `variant` makes the items of a batch differ: another seed, or the ramp begun elsewhere.
 */
export function fill(
  generator: Generator,
  dtype: DType,
  shape: readonly number[],
  seed: number,
  variant = 0,
): JsonTensor {
  const count = elementCount(shape)
  const data: (number | boolean | string)[] = new Array(count)
  if (generator === 'zeros') data.fill(zero(dtype))
  else if (generator === 'ramp') {
    for (let i = 0; i < count; i++) data[i] = scaled(dtype, ((i + variant) % count) / count)
  } else {
    // Seeds that differ by one give streams that start alike in few bits; spreading them keeps items apart.
    const random = seededRandom(Math.imul(seed, 0x9e3779b1) + Math.imul(variant, 0x85ebca6b))
    for (let i = 0; i < count; i++) data[i] = scaled(dtype, random())
  }
  return { dtype, shape: [...shape], data }
}
