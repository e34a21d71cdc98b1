/** Characters of one line that are kept. */
export const MAX_LINE = 2000

/**
 * Cuts a stream of text into lines, each at most {@link MAX_LINE} characters: the rest of a longer line is dropped, so a
 * program that writes without end costs no memory.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(text: string): void {
    let from = 0
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      this.#keep(text, from, to)
      this.end()
      from = to + 1
    }
    this.#keep(text, from, text.length)
  }

  /** The stream has ended: what is left is a line too. */
  end(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest
    this.#rest = ''
    if (line !== '') this.#onLine(line)
  }

  #keep(text: string, from: number, to: number): void {
    const room = MAX_LINE - this.#rest.length
    if (room > 0) this.#rest += text.slice(from, Math.min(to, from + room))
  }
}
