import type { MouseEvent } from 'react'

/** Gives what the pointer is over a title with its whole text where an ellipsis cuts it. */
export function tellWhatIsCut(event: MouseEvent<HTMLElement>): void {
  let at = event.target instanceof HTMLElement ? event.target : null
  while (at !== null && at !== event.currentTarget) {
    // One that says more than its text keeps what it says.
    if (at.title !== '' && at.dataset['cut'] === undefined) return
    if (at.scrollWidth > at.clientWidth && getComputedStyle(at).textOverflow === 'ellipsis') {
      at.dataset['cut'] = ''
      at.title = at.textContent
      return
    }
    // It says something shorter now.
    if (at.dataset['cut'] !== undefined) {
      delete at.dataset['cut']
      at.removeAttribute('title')
    }
    at = at.parentElement
  }
}
