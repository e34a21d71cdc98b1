import { computeContract } from './compute'
import { coreContract } from './core'
import { datasetsContract } from './datasets'
import { networkContract } from './network'
import { securityContract } from './security'
import { storageContract } from './storage'
import { systemContract } from './system'

/** Every procedure of the system: the window, the browser, the REST API and its document are made from this. */
export const contract = {
  core: coreContract,
  storage: storageContract,
  datasets: datasetsContract,
  compute: computeContract,
  security: securityContract,
  network: networkContract,
  system: systemContract,
}
export type Contract = typeof contract

export * from './base'
export * from './compute'
export * from './core'
export * from './datasets'
export * from './imports'
export * from './job-spec'
export * from './lineage'
export * from './models'
export * from './network'
export * from './plugins'
export * from './predictions'
export * from './runtimes'
export * from './security'
export * from './storage'
export * from './system'
export * from './wait-cause'
