const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** IEEE 754 binary16 of a number, rounded to the nearest, ties to even; too large becomes infinite. */
export function toFloat16Bits(value: number): number {
  float[0] = value
  const all = bits[0] ?? 0
  const sign = (all >>> 16) & 0x8000
  const magnitude = all & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    // A normal number: rebias the exponent (127 -> 15); a carry out of the fraction rounds up to infinity as it should.
    const rebiased = magnitude - 0x38000000
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13)
  }
  if (magnitude < 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const half = 1 << (shift - 1)
  const kept = fraction >>> shift
  const rest = fraction & ((1 << shift) - 1)
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0))
}

/** The number that 16 bits of IEEE 754 binary16 mean. */
export function fromFloat16Bits(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
