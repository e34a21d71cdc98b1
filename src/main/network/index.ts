import type { ClientSession, Endpoint } from '../../shared/contract'
import type { Disposable } from '../platform/events'

/** Listeners, protocols, client sessions and limits. */
export interface Network extends Disposable {
  /** Listens on loopback; returns the base address, `http://127.0.0.1:PORT`. @throws AppError `network.port_in_use` */
  start(): Promise<string>
  /** Base address while listening. */
  url(): string | null
  listEndpoints(): Endpoint[]
  setEndpoint(id: string, enabled: boolean): Promise<Endpoint>
  listSessions(): ClientSession[]
}
