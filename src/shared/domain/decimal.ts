/** The largest number has 309 digits; what is longer is a text. */
const LONGEST = 400

/** The number that is nearest to what a text writes in decimal; null where it writes none that is finite. */
export function decimalOf(text: string): number | null {
  if (text.length > LONGEST) return null
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text.trim())) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}
