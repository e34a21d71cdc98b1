/** Hands a text file to the person through the browser's own download. */
export function saveText(name: string, text: string, type = 'application/json'): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download reads the blob after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
