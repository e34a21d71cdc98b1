import { type RefObject, useEffect, useRef, useState } from 'react'

/**
 * A part of a page that becomes a form and back. The form takes the focus by itself; when it goes, the focus is back at
 * the button that opened it, unless the person has gone elsewhere meanwhile.
 */
export function useEditing(): {
  editing: boolean
  setEditing: (editing: boolean) => void
  opener: RefObject<HTMLButtonElement | null>
} {
  const [editing, setEditing] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  const before = useRef(editing)
  useEffect(() => {
    if (before.current && !editing && document.activeElement === document.body) opener.current?.focus()
    before.current = editing
  }, [editing])
  return { editing, setEditing, opener }
}
