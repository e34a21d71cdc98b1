import { z } from 'zod'
import { Id, pageOf, procedure, ShortListQuery, Time } from './base'
import { Finding } from './imports'
import { ModelFormat } from './models'

/** `process`: a process of its own with an environment of its own. `bubblewrap`: besides, no network and no files but its own. */
export const Isolation = z.enum(['process', 'bubblewrap'])
export type Isolation = z.infer<typeof Isolation>

/**
 * A third party's runtime: a folder in `plugins/` of the data folder. `waiting`: nobody has allowed it. `changed`: its
 * files are others than those that were allowed. `refused`: what its findings say cannot be allowed.
 */
export const Plugin = z.object({
  /** The name of its folder; of one that is not refused also the id of its runtime. */
  id: z.string(),
  state: z.enum(['refused', 'waiting', 'changed', 'allowed']),
  name: z.string(),
  version: z.string(),
  formats: z.array(ModelFormat),
  /** Folders of this machine that it asks to read, beside its own and the files of its models. */
  reads: z.array(z.string()),
  /** What its workers run in here. */
  isolation: Isolation,
  files: z.number().int(),
  sizeBytes: z.number(),
  /** SHA-256 of its files, names and contents; null where they are not to be read. */
  digest: z.string().nullable(),
  findings: z.array(Finding),
  allowedBy: Id.nullable(),
  allowedAt: Time.nullable(),
})
export type Plugin = z.infer<typeof Plugin>

const ById = z.object({ id: z.string().min(1).max(255) })

export const pluginsContract = {
  list: procedure('runtime.read', {
    method: 'GET',
    path: '/plugins',
    summary: 'Runtimes of third parties: what they are, what they may do, who allowed them',
    description: 'Looks into `plugins/` of the data folder anew; one whose files have changed is stopped.',
    tags: ['compute'],
  })
    .input(ShortListQuery)
    .output(pageOf(Plugin)),
  allow: procedure('plugin.manage', {
    method: 'POST',
    path: '/plugins/{id}/allow',
    summary: 'Let a runtime of a third party run, with exactly the files that were looked at',
    tags: ['compute'],
  })
    .input(ById.extend({ digest: z.string().regex(/^[0-9a-f]{64}$/) }).strict())
    .output(Plugin),
  disallow: procedure('plugin.manage', {
    method: 'POST',
    path: '/plugins/{id}/disallow',
    summary: 'Stop a runtime of a third party, and what it runs',
    tags: ['compute'],
  })
    .input(ById.strict())
    .output(Plugin),
}
