import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AppError } from '../../shared/errors'
import { type Resource, THE_SYSTEM } from './index'
import { type Bench, openBench } from './testing'

let bench: Bench
beforeEach(async () => {
  bench = await openBench()
})
afterEach(() => bench.end())

const production: Resource = {
  type: 'ModelRef',
  id: 'silero-vad@production',
  model: 'silero-vad',
  version: 1,
}
const other: Resource = { type: 'ModelRef', id: 'mnist-cnn@1', model: 'mnist-cnn', version: 1 }
const oneModel =
  'permit(principal == App::"notes-app", action == Action::"model.run", resource == ModelRef::"silero-vad@production");'

function failure(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    return error as AppError
  }
  throw new Error('it did not fail')
}

describe('one model only', () => {
  it('lets an app run the model its policy names, and nothing else', async () => {
    const app = bench.app('Notes App')
    expect(app.principal).toBe('notes-app')
    await bench.security.setPolicy('notes-silero', oneModel, '', bench.security.owner())
    expect(bench.security.authorize(app, 'model.run', production)).toEqual({
      decision: 'allow',
      policies: ['notes-silero'],
      errors: [],
    })
    const denial = failure(() => bench.security.authorize(app, 'model.run', other))
    expect(denial).toMatchObject({ code: 'security.denied', status: 403, details: { policies: [] } })
    expect(denial.message).toContain('Notes App was denied model.run on mnist-cnn@1: no policy permits it')
    expect(bench.security.allows(app, 'model.run', { ...production, id: 'silero-vad@1' })).toBe(false)
    expect(bench.security.allows(app, 'job.submit', THE_SYSTEM)).toBe(false)
    expect(bench.security.allows(app, 'job.list', THE_SYSTEM)).toBe(true)
    expect(bench.security.allows(app, 'model.read', { type: 'Model', id: 'silero-vad' })).toBe(false)
  })

  it('says so in the audit log, and names the forbid that decided', async () => {
    const app = bench.app('notes-app')
    await bench.security.setPolicy(
      'no-gpu-models',
      'forbid(principal, action, resource in Model::"mnist-cnn");',
      '',
      bench.security.owner(),
    )
    failure(() => bench.security.authorize(app, 'model.run', other))
    failure(() => bench.security.authorize(app, 'model.run', production))
    const [second, first] = bench.security.listAudit({ limit: 10 }).items
    expect(first).toMatchObject({
      principal: 'notes-app',
      action: 'model.run',
      resource: 'ModelRef::"mnist-cnn@1"',
      decision: 'deny',
      policies: ['no-gpu-models'],
      via: 'http',
      summary: 'notes-app was denied model.run on mnist-cnn@1: forbidden by policy no-gpu-models',
    })
    expect(second?.summary).toBe(
      'notes-app was denied model.run on silero-vad@production: no policy permits it',
    )
  })

  it('works by model, with parents, whatever the version', async () => {
    const app = bench.app('notes-app')
    const text =
      'permit(principal == App::"notes-app", action in [Action::"model.run", Action::"model.read"], resource in Model::"silero-vad");'
    await bench.security.setPolicy('silero', text, '', bench.security.owner())
    expect(bench.security.allows(app, 'model.run', production)).toBe(true)
    expect(bench.security.allows(app, 'model.run', { type: 'ModelRef', id: 'silero-vad@7' })).toBe(true)
    expect(bench.security.allows(app, 'model.read', { type: 'Model', id: 'silero-vad' })).toBe(true)
    expect(bench.security.allows(app, 'model.run', other)).toBe(false)
  })
})

describe('roles', () => {
  it('owner all, operator all but who and how much, viewer looks, app its own', () => {
    const { security } = bench
    const callers = {
      owner: security.owner(),
      operator: bench.user('Otto', 'operator'),
      viewer: bench.user('Vera', 'viewer'),
      app: bench.app('app one'),
    }
    const mine = (caller: keyof typeof callers): Resource => ({
      type: 'Job',
      id: 'job-1',
      owner: callers[caller].principal,
    })
    const may = (
      action: Parameters<typeof security.allows>[1],
      resource: (caller: keyof typeof callers) => Resource,
    ) =>
      (Object.keys(callers) as (keyof typeof callers)[]).filter((caller) =>
        security.allows(callers[caller], action, resource(caller)),
      )
    expect(may('policy.manage', () => THE_SYSTEM)).toEqual(['owner'])
    expect(may('principal.manage', () => THE_SYSTEM)).toEqual(['owner'])
    expect(may('settings.manage', () => THE_SYSTEM)).toEqual(['owner'])
    expect(may('quota.manage', () => THE_SYSTEM)).toEqual(['owner'])
    expect(may('model.import', () => THE_SYSTEM)).toEqual(['owner', 'operator'])
    expect(may('job.submit', () => THE_SYSTEM)).toEqual(['owner', 'operator'])
    expect(may('device.read', () => THE_SYSTEM)).toEqual(['owner', 'operator', 'viewer'])
    expect(may('job.list', () => THE_SYSTEM)).toEqual(['owner', 'operator', 'viewer', 'app'])
    expect(may('password.change', () => THE_SYSTEM)).toEqual(['owner', 'operator', 'viewer'])
    expect(may('job.control', mine)).toEqual(['owner', 'operator', 'viewer', 'app'])
    expect(may('lease.release', (caller) => ({ ...mine(caller), type: 'Lease' }))).toEqual([
      'owner',
      'operator',
      'viewer',
      'app',
    ])
    const myImport = (caller: keyof typeof callers): Resource => ({ ...mine(caller), type: 'Import' })
    expect(may('import.cancel', myImport)).toEqual(['owner', 'operator', 'viewer', 'app'])
    expect(may('import.confirm', myImport)).toEqual(['owner', 'operator', 'viewer'])
    const somebodys: Resource = { type: 'Import', id: 'imp-1', owner: security.owner().principal }
    expect(may('import.cancel', () => somebodys)).toEqual(['owner', 'operator'])
    expect(may('import.confirm', () => somebodys)).toEqual(['owner', 'operator'])
    expect(
      may('job.control', () => ({ type: 'Job', id: 'job-1', owner: security.owner().principal })),
    ).toEqual(['owner', 'operator'])
    expect(may('job.read', () => ({ type: 'Job', id: 'job-1' }))).toEqual(['owner', 'operator', 'viewer'])
  })
})

describe('the owner', () => {
  it('is made once, of the person signed in, with the key that was given', async () => {
    await bench.end()
    const ownerKey = 'correct horse battery staple, correct horse'
    bench = await openBench({ ownerKey })
    expect(bench.security.owner()).toEqual({
      principal: 'marie-curie',
      name: 'Marie Curie',
      kind: 'user',
      roles: ['owner'],
      via: 'window',
      key: null,
    })
    expect(bench.security.authenticateKey(ownerKey, 'http')?.principal).toBe('marie-curie')
    await bench.restart()
    expect(bench.security.listPrincipals()).toHaveLength(1)
    expect(bench.security.listPrincipals()[0]?.keys).toMatchObject([{ prefix: 'corr' }])
    expect(bench.security.authenticateKey(ownerKey, 'http')?.roles).toEqual(['owner'])
  })

  it('a given key that is too short is refused, and nothing half-made remains', async () => {
    await expect(openBench({ ownerKey: 'short' })).rejects.toMatchObject({ code: 'system.invalid' })
  })

  it('the last owner cannot be removed', () => {
    expect(failure(() => bench.security.removePrincipal(bench.security.owner().principal)).code).toBe(
      'security.conflict',
    )
    expect(failure(() => bench.security.removePrincipal('nobody')).code).toBe('security.not_found')
  })

  it('a name that the operating system garbled still makes an owner', async () => {
    await bench.end()
    bench = await openBench({ ownerName: 'a\nb' })
    expect(bench.security.owner()).toMatchObject({ principal: 'owner', name: 'owner' })
  })
})

describe('principals', () => {
  it('an app with a user role, a user with the app role, and no role are refused', () => {
    for (const input of [
      { kind: 'app', roles: ['owner'] },
      { kind: 'app', roles: ['app', 'viewer'] },
      { kind: 'user', roles: ['app'] },
      { kind: 'user', roles: [] },
    ] as const) {
      expect(
        failure(() =>
          bench.security.createPrincipal({ kind: input.kind, name: 'x', roles: [...input.roles] }),
        ).code,
      ).toBe('system.invalid')
    }
    expect(bench.security.listPrincipals()).toHaveLength(1)
  })

  it('look-alike names: same name in another case is taken, same slug gets a number', () => {
    expect(bench.app('Notes App').principal).toBe('notes-app')
    expect(failure(() => bench.app('notes  app')).code).toBe('security.conflict')
    expect(bench.app('notes-app').principal).toBe('notes-app-2')
    expect(bench.app('日本').principal).toBe('app')
    expect(bench.app('System').principal).toBe('system-app')
  })

  it('tells listeners', () => {
    let changes = 0
    const stop = bench.security.onDidChangePrincipals(() => changes++)
    const caller = bench.app('a')
    bench.security.removePrincipal(caller.principal)
    stop()
    expect(changes).toBe(3)
  })
})

describe('confused deputy', () => {
  it('roles that a caller brings along count for nothing', () => {
    const app = bench.app('notes-app')
    const liar = { ...app, roles: ['owner' as const], kind: 'user' as const, name: 'Marie Curie' }
    expect(failure(() => bench.security.authorize(liar, 'policy.manage', THE_SYSTEM)).code).toBe(
      'security.denied',
    )
    expect(bench.security.listAudit({ limit: 1 }).items[0]).toMatchObject({
      principal: 'notes-app',
      principalName: 'notes-app',
    })
    expect(bench.security.listAudit({ limit: 1 }).items[0]?.summary).toBe(
      'notes-app was denied policy.manage: no policy permits it',
    )
    expect(
      bench.security.allows({ ...app, principal: 'nobody' as typeof app.principal }, 'job.list', THE_SYSTEM),
    ).toBe(false)
  })

  it('unknown action, prototype names and a resource of the wrong type are refused, for the owner too', () => {
    const owner = bench.security.owner()
    for (const action of ['model.destroy', 'constructor', '__proto__', '']) {
      expect(failure(() => bench.security.authorize(owner, action as 'job.list', THE_SYSTEM)).code).toBe(
        'security.denied',
      )
    }
    expect(failure(() => bench.security.authorize(owner, 'model.run', THE_SYSTEM)).code).toBe(
      'security.denied',
    )
  })
})

describe('explain', () => {
  it('says what would be decided, without an audit record', async () => {
    bench.app('notes-app')
    await bench.security.setPolicy('notes-silero', oneModel, '', bench.security.owner())
    const before = bench.security.listAudit({ limit: 100 }).items.length
    expect(bench.security.explain('notes-app', 'model.run', 'ModelRef::"silero-vad@production"')).toEqual({
      decision: 'allow',
      policies: ['notes-silero'],
      errors: [],
    })
    expect(bench.security.explain('notes-app', 'model.run', 'ModelRef::"mnist-cnn@1"')).toEqual({
      decision: 'deny',
      policies: [],
      errors: [],
    })
    expect(bench.security.explain('marie-curie', 'policy.manage', 'System::"machine"').policies).toEqual([
      'owner-all',
    ])
    expect(bench.security.listAudit({ limit: 100 }).items).toHaveLength(before)
    expect(failure(() => bench.security.explain('nobody', 'job.list', 'System::"machine"')).code).toBe(
      'security.not_found',
    )
    expect(failure(() => bench.security.explain('notes-app', 'nope', 'System::"machine"')).code).toBe(
      'system.invalid',
    )
    expect(failure(() => bench.security.explain('notes-app', 'job.list', 'Job::"1"')).code).toBe(
      'system.invalid',
    )
    expect(failure(() => bench.security.explain('notes-app', 'job.list', 'System::"x" || true')).code).toBe(
      'system.invalid',
    )
  })

  it('knows what other modules know of the resource', async () => {
    await bench.end()
    bench = await openBench({ describe: (resource) => ({ ...resource, owner: 'notes-app' as never }) })
    bench.app('notes-app')
    expect(bench.security.explain('notes-app', 'job.read', 'Job::"job-1"')).toMatchObject({
      decision: 'allow',
      policies: ['own-work'],
    })
  })
})
