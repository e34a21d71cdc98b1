import type { Health, Sample, Settings, SystemInfo } from '../../shared/contract'
import type { Compute } from '../compute'
import type { Core } from '../core'
import type { Network } from '../network'
import type { Plugins } from '../runtimes/plugins'
import type { Security } from '../security'
import type { Storage } from '../storage'

/** What the procedures speak to: the five modules, and the system as a whole. */
export interface Modules {
  core: Core
  storage: Storage
  security: Security
  compute: Compute
  plugins: Plugins
  network: Network
  about: About
  /** Settles when jobs can be taken; everything else is there before. */
  computeReady(): Promise<void>
}

/** The system's view of itself. */
export interface About {
  health(): Health
  info(): SystemInfo
  settings(): Settings
  /** Lets a change be written that will free room, also where the disk is full. */
  makeRoom(): void
  /** The file of a sample that comes with the program. */
  samplePath(sample: Sample): string
  updateSettings(change: Partial<Settings>): Settings
}
