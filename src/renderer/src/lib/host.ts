/** What the preload hands over in the desktop window; absent in a browser. */
export interface HostBridge {
  platform: string
  pathForFile(file: File): string
}

declare global {
  interface Window {
    llmagentos?: HostBridge
  }
}

/** The desktop's bridge, or null in a browser. */
export function hostBridge(): HostBridge | null {
  return window.llmagentos ?? null
}

export function isMac(): boolean {
  return /mac/i.test(navigator.platform)
}

/** The name of the command key on this machine's keyboard. */
export function commandKey(): string {
  return isMac() ? '⌘' : 'Ctrl'
}
