import { useEffect } from 'react'
import { create } from 'zustand'

/** How many dialogs are open: from the moment one is asked for until it is told to close, not until it has faded. */
export const useOpenDialogs = create<{ count: number }>(() => ({ count: 0 }))

function add(change: 1 | -1): void {
  useOpenDialogs.setState(({ count }) => ({ count: count + change }))
}

/** Counts a dialog while it is open. @returns what counts it no more */
export function enterDialog(): () => void {
  let inside = true
  add(1)
  return () => {
    if (inside) add(-1)
    inside = false
  }
}

/** As {@link enterDialog}, for a component that knows whether its dialog is open. */
export function useCountedDialog(opened: boolean): void {
  useEffect(() => (opened ? enterDialog() : undefined), [opened])
}
