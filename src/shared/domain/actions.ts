/**
 * Everything a principal can be allowed to do, and the type of resource each action is about: the vocabulary of the
 * policies. `System` stands for the machine as a whole.
 */
export const ACTIONS = {
  'device.read': 'System',
  'device.manage': 'System',
  'lease.request': 'System',
  'lease.read': 'System',
  'lease.release': 'Lease',
  'quota.manage': 'System',
  'model.list': 'System',
  'model.read': 'Model',
  'model.run': 'ModelRef',
  'model.import': 'System',
  /** Import by a path of this machine: it reads any file that the person may read. */
  'model.import_path': 'System',
  'model.manage': 'Model',
  'import.cancel': 'Import',
  /** Take in what was found to be doubtful: for people, never for apps. */
  'import.confirm': 'Import',
  'dataset.list': 'System',
  'dataset.read': 'Dataset',
  'dataset.manage': 'Dataset',
  'storage.maintain': 'System',
  'job.list': 'System',
  'job.submit': 'System',
  'job.read': 'Job',
  'job.control': 'Job',
  'runtime.read': 'System',
  'runtime.manage': 'System',
  /** Let a program of a third party run models. */
  'plugin.manage': 'System',
  'principal.read': 'System',
  'principal.manage': 'System',
  /** Set one's own password. */
  'password.change': 'System',
  'policy.read': 'System',
  'policy.manage': 'System',
  'audit.read': 'System',
  'endpoint.read': 'System',
  'endpoint.manage': 'System',
  'settings.read': 'System',
  'settings.manage': 'System',
} as const

export type Action = keyof typeof ACTIONS
export type ResourceType = (typeof ACTIONS)[Action]
export const ACTION_NAMES: readonly Action[] = Object.keys(ACTIONS).filter(isAction)

export function isAction(text: string): text is Action {
  return Object.hasOwn(ACTIONS, text)
}

/** Actions that only look: allowed ones are not written to the audit log, denied ones are. */
export const READ_ACTIONS: ReadonlySet<Action> = new Set<Action>([
  'device.read',
  'lease.read',
  'model.list',
  'model.read',
  'dataset.list',
  'dataset.read',
  'job.list',
  'job.read',
  'runtime.read',
  'principal.read',
  'policy.read',
  'audit.read',
  'endpoint.read',
  'settings.read',
])
