/** JSON as Python reads and writes it, with numbers that JSON does not have: a clipped layer has a maximum of Infinity. @throws SyntaxError */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const standard = text.replace(NO_NUMBERS, (token) => (token.startsWith('"') ? token : 'null'))
    if (standard === text) throw error
    return JSON.parse(standard)
  }
}

/** Texts too, so that what only stands in one is left alone. */
const NO_NUMBERS = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|-?Infinity|NaN/g
