import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { ACTION_NAMES } from '../domain/actions'
import { listOf } from '../domain/bounded'
import { ModelName } from '../domain/references'
import { feedOf, Id, PageQuery, pageOf, procedure, ShortListQuery, Time } from './base'

const ActionName = z.enum(ACTION_NAMES)

export const Role = z.enum(['owner', 'operator', 'viewer', 'app'])
export type Role = z.infer<typeof Role>

export const ApiKey = z.object({
  id: Id,
  /** The first characters, to tell keys apart; the key itself is never stored. */
  prefix: z.string(),
  createdAt: Time,
  expiresAt: Time.nullable(),
  revokedAt: Time.nullable(),
  lastUsedAt: Time.nullable(),
  /** The actions that the key is limited to; absent: whatever its principal may do. */
  scopes: z.array(z.string()).optional(),
})
export type ApiKey = z.infer<typeof ApiKey>

export const Principal = z.object({
  id: Id,
  kind: z.enum(['user', 'app']),
  name: z.string(),
  roles: z.array(Role),
  keys: z.array(ApiKey),
  hasPassword: z.boolean(),
  createdAt: Time,
})
export type Principal = z.infer<typeof Principal>

export const PolicyText = z.string().min(1).max(100_000)
export const Policy = z.object({
  id: Id,
  text: PolicyText,
  /** Built-in policies can be read, not changed. */
  builtIn: z.boolean(),
  description: z.string(),
  updatedAt: Time,
  updatedBy: Id,
})
export type Policy = z.infer<typeof Policy>

export const PolicyProblem = z.object({
  message: z.string(),
  line: z.number().nullable(),
  column: z.number().nullable(),
})
export type PolicyProblem = z.infer<typeof PolicyProblem>

export const Decision = z.object({
  decision: z.enum(['allow', 'deny']),
  /** The policies that decided; empty when nothing permitted it. */
  policies: z.array(z.string()),
  errors: z.array(z.string()),
})
export type Decision = z.infer<typeof Decision>

export const AuditRecord = z.object({
  id: Id,
  at: Time,
  principal: Id,
  principalName: z.string(),
  action: z.string(),
  /** Cedar form, for example `ModelRef::"silero-vad@production"`. */
  resource: z.string(),
  decision: z.enum(['allow', 'deny']),
  policies: z.array(z.string()),
  via: z.enum(['window', 'http', 'websocket', 'system']),
  /** One sentence for a person. */
  summary: z.string(),
  /** SHA-256 over the previous record's hash and this record. */
  hash: z.string(),
})
export type AuditRecord = z.infer<typeof AuditRecord>

const PolicyIdText = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use 1-63 of a-z, 0-9 and dash')

export const securityContract = {
  me: procedure('settings.read', {
    method: 'GET',
    path: '/me',
    summary: 'Who the caller is',
    tags: ['security'],
  }).output(Principal),
  rights: procedure('settings.read', {
    method: 'GET',
    path: '/me/actions',
    summary:
      'What the caller may do: with a model or a data set, where one is named, else with the machine and the jobs of everybody',
    tags: ['security'],
  })
    .input(z.object({ model: ModelName.optional(), dataset: ModelName.optional() }).strict())
    .output(z.object({ actions: z.array(ActionName) })),
  principals: {
    list: procedure('principal.read', {
      method: 'GET',
      path: '/principals',
      summary: 'Users and apps',
      tags: ['security'],
    })
      .input(PageQuery)
      .output(pageOf(Principal)),
    create: procedure('principal.manage', {
      method: 'POST',
      path: '/principals',
      successStatus: 201,
      summary: 'Add a user or an app',
      tags: ['security'],
    })
      .input(
        z
          .object({
            kind: z.enum(['user', 'app']),
            name: z.string().trim().min(1).max(80),
            roles: listOf(Role, { min: 1, max: 10 }),
          })
          .strict(),
      )
      .output(Principal),
    remove: procedure('principal.manage', {
      method: 'DELETE',
      path: '/principals/{id}',
      successStatus: 204,
      summary: 'Remove a principal and revoke its keys',
      tags: ['security'],
    }).input(z.object({ id: Id })),
    setPassword: procedure('principal.manage', {
      method: 'PUT',
      path: '/principals/{id}/password',
      successStatus: 204,
      summary: 'Set or change a password',
      description:
        'One’s own with `current` where there is one: `password.change`. That of somebody else without: `principal.manage`.',
      tags: ['security'],
    }).input(
      z
        .object({ id: Id, password: z.string().min(8).max(256), current: z.string().max(256).optional() })
        .strict(),
    ),
  },
  keys: {
    create: procedure('principal.manage', {
      method: 'POST',
      path: '/principals/{id}/keys',
      successStatus: 201,
      summary: 'Make a key; it is shown this once',
      tags: ['security'],
    })
      .input(
        z
          .object({
            id: Id,
            expiresAt: Time.optional(),
            scopes: listOf(ActionName, { min: 1, max: 50 }).optional(),
          })
          .strict(),
      )
      .output(z.object({ id: Id, key: z.string(), expiresAt: Time.nullable() })),
    revoke: procedure('principal.manage', {
      method: 'DELETE',
      path: '/keys/{id}',
      successStatus: 204,
      summary: 'Revoke a key',
      tags: ['security'],
    }).input(z.object({ id: Id })),
  },
  policies: {
    list: procedure('policy.read', {
      method: 'GET',
      path: '/policies',
      summary: 'Policies in force',
      tags: ['security'],
    })
      .input(ShortListQuery)
      .output(pageOf(Policy)),
    get: procedure('policy.read', {
      method: 'GET',
      path: '/policies/{id}',
      summary: 'One policy',
      tags: ['security'],
    })
      .input(z.object({ id: PolicyIdText }))
      .output(Policy),
    set: procedure('policy.manage', {
      method: 'PUT',
      path: '/policies/{id}',
      summary: 'Create or replace a policy',
      tags: ['security'],
    })
      .input(
        z
          .object({ id: PolicyIdText, text: PolicyText, description: z.string().max(500).default('') })
          .strict(),
      )
      .output(Policy),
    remove: procedure('policy.manage', {
      method: 'DELETE',
      path: '/policies/{id}',
      successStatus: 204,
      summary: 'Remove a policy',
      tags: ['security'],
    }).input(z.object({ id: PolicyIdText })),
    validate: procedure('policy.read', {
      method: 'POST',
      path: '/policies/validate',
      summary: 'Check a policy against the schema',
      tags: ['security'],
    })
      .input(z.object({ text: PolicyText }).strict())
      .output(z.object({ valid: z.boolean(), problems: z.array(PolicyProblem) })),
  },
  explain: procedure('policy.read', {
    method: 'POST',
    path: '/decisions/explain',
    summary: 'What would be decided, and by which policies',
    tags: ['security'],
  })
    .input(
      z
        .object({
          principal: Id,
          action: z.string().max(100),
          resource: z.string().max(300).describe('Cedar form, for example ModelRef::"silero-vad@production"'),
        })
        .strict(),
    )
    .output(Decision),
  audit: {
    list: procedure('audit.read', {
      method: 'GET',
      path: '/audit',
      summary: 'Decisions that changed something or denied, newest first',
      tags: ['security'],
    })
      .input(PageQuery.extend({ decision: z.enum(['allow', 'deny']).optional(), principal: Id.optional() }))
      .output(pageOf(AuditRecord)),
    verify: procedure('audit.read', {
      method: 'POST',
      path: '/audit/verify',
      summary: 'Check the chain of hashes',
      tags: ['security'],
    }).output(z.object({ valid: z.boolean(), records: z.number(), brokenAt: Id.nullable() })),
    watch: procedure('audit.read', {
      method: 'GET',
      path: '/events/audit',
      summary: 'Audit records as they are written',
      tags: ['security'],
    }).output(eventIterator(feedOf(AuditRecord))),
  },
}
