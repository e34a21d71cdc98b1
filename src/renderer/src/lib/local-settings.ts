const PREFIX = 'llmagentos.'

/** A choice of this window that is remembered between starts; null when there is none, or storage is off. */
export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name)
  } catch (error) {
    if (error instanceof DOMException || error instanceof ReferenceError) return null
    throw error
  }
}

/** Remembers a choice; where storage is off it lasts until the window closes. */
export function writeSetting(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value)
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof ReferenceError)) throw error
  }
}
