import { endOfText } from '../json'

/** JSON as Python reads and writes it, with numbers that JSON does not have: a clipped layer has a maximum of Infinity. @throws SyntaxError */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const standard = withoutInfinity(text)
    if (standard === text) throw error
    return JSON.parse(standard)
  }
}

/** What only stands in a text is left alone. */
function withoutInfinity(json: string): string {
  const pieces: string[] = []
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at)
    const begin = quote < 0 ? json.length : quote
    const end = quote < 0 ? -1 : endOfText(json, quote)
    const past = end < 0 ? json.length : end + 1
    pieces.push(json.slice(at, begin).replace(/-?Infinity|NaN/g, 'null'), json.slice(begin, past))
    at = past
  }
  return pieces.join('')
}
