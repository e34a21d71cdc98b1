import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../shared/contract'
import type { Database } from '../platform/database'
import { type Caller, type Resource, THE_SYSTEM } from './index'
import type { SecurityTables } from './tables'
import { type Bench, openBench } from './testing'

const DENIALS_RECORDED = 20

let bench: Bench
let owner: Caller
beforeEach(async () => {
  bench = await openBench()
  owner = bench.security.owner()
})
afterEach(() => bench.end())

const job = (id: string): Resource => ({ type: 'Job', id })

function execute(database: Database, text: string): void {
  const query = sql.raw(text)
  database.run({ compile: () => query.compile(database.builder<unknown>()) })
}

/** What someone with the file and SQLite's own tools can do. */
function forge(database: Database, text: string): void {
  execute(database, 'drop trigger if exists audit_no_update')
  execute(database, 'drop trigger if exists audit_no_delete')
  execute(database, text)
}

function rows(): AuditRecord[] {
  return bench.security.listAudit({ limit: 1000 }).items
}

function deny(caller: Caller, resource: Resource): void {
  expect(() => bench.security.authorize(caller, 'job.read', resource)).toThrow(
    expect.objectContaining({ code: 'security.denied' }),
  )
}

describe('what is recorded', () => {
  it('allowed changes and denials; not allowed reads', () => {
    const app = bench.app('notes-app')
    bench.security.authorize(owner, 'job.read', job('1'))
    bench.security.authorize(owner, 'device.manage', THE_SYSTEM, 'declared the device "x"\nand more')
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    deny(app, job('1'))
    expect(
      rows()
        .map(({ summary }) => summary)
        .reverse(),
    ).toEqual([
      'Marie Curie declared the device "x"\uFFFDand more',
      'Marie Curie was allowed job.submit',
      'notes-app was denied job.read on 1: no policy permits it',
    ])
  })

  it('a change is on the disk before it is allowed; a job with the commit of the job', async () => {
    const count = () =>
      bench.database.all(
        bench.database.builder<{ audit: { seq: number } }>().selectFrom('audit').select('seq'),
      ).length
    bench.security.authorize(owner, 'policy.manage', THE_SYSTEM)
    expect(count()).toBe(1)
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(count()).toBe(1)
    expect(await bench.database.write(count)).toBe(3)
  })

  it('listeners hear of it once it is written', async () => {
    const heard: string[] = []
    const stop = bench.security.onDidAudit((record) => heard.push(record.id))
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(heard).toEqual([])
    await bench.database.write(() => undefined)
    await Promise.resolve()
    stop()
    expect(heard).toEqual(['audit-1'])
  })

  it('a commit that fails loses nothing and breaks no chain', async () => {
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(() =>
      bench.database.transaction(() => {
        bench.security.authorize(owner, 'device.manage', THE_SYSTEM)
        throw new Error('the change failed')
      }),
    ).toThrow('the change failed')
    await bench.database.write(() => undefined)
    expect(rows().map(({ action }) => action)).toEqual(['device.manage', 'job.submit'])
    expect(await bench.security.verifyAudit()).toEqual({ valid: true, records: 2, brokenAt: null })
  })

  it('a log that cannot be written allows no change, but reads', async () => {
    execute(bench.database, 'alter table audit rename to hidden')
    expect(() => bench.security.authorize(owner, 'policy.manage', THE_SYSTEM)).toThrow()
    expect(() => bench.security.authorize(owner, 'job.read', job('1'))).not.toThrow()
    bench.security.allows(owner, 'job.submit', THE_SYSTEM)
    execute(bench.database, 'alter table hidden rename to audit')
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(await bench.security.verifyAudit()).toMatchObject({ valid: true, records: 1 })
  })
})

describe('flooding the log', () => {
  it('a client denied in a loop leaves twenty records a minute and a count', () => {
    const app = bench.app('noisy')
    for (let index = 0; index < 500; index++) deny(app, job(String(index)))
    expect(rows()).toHaveLength(DENIALS_RECORDED)
    expect(() => bench.security.authorize(app, 'policy.manage', THE_SYSTEM)).toThrow()
    expect(rows()).toHaveLength(DENIALS_RECORDED + 1)
    bench.clock.advance(60_000)
    expect(rows()[0]).toMatchObject({
      resource: 'Job::"499"',
      summary: 'noisy was denied job.read on 499: no policy permits it (and 480 more within a minute)',
    })
    deny(app, job('again'))
    expect(rows()).toHaveLength(DENIALS_RECORDED + 3)
  })

  it('what is allowed again and again leaves a hundred records a minute and a count, and nothing else is folded', () => {
    const change = (id: string) => bench.security.authorize(owner, 'policy.manage', THE_SYSTEM, `saved ${id}`)
    for (let index = 0; index < 500; index++) change('the policy')
    expect(rows()).toHaveLength(100)
    change('another')
    bench.clock.advance(60_000)
    expect(rows()).toHaveLength(102)
    expect(rows()[0]?.summary).toBe('Marie Curie saved the policy (and 400 more within a minute)')
    execute(bench.database, 'alter table audit rename to hidden')
    expect(() => change('the policy')).toThrow()
    execute(bench.database, 'alter table hidden rename to audit')
    for (let index = 0; index < 150; index++) change('the policy')
    expect(rows()).toHaveLength(201)
  })

  it('work in a loop leaves a hundred records a minute and a count, whichever jobs it is about', () => {
    const control = (id: string) =>
      bench.security.authorize(owner, 'job.control', job(id), `asked to hold ${id}`)
    for (let index = 0; index < 500; index++) control(String(index))
    expect(rows()).toHaveLength(100)
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(rows()).toHaveLength(101)
    bench.clock.advance(60_000)
    expect(rows()[0]).toMatchObject({
      action: 'job.control',
      resource: 'Job::"499"',
      summary: 'Marie Curie asked to hold 499 (and 400 more within a minute)',
    })
  })

  it('what was counted is written when the system stops', async () => {
    const app = bench.app('noisy')
    for (let index = 0; index < DENIALS_RECORDED + 1; index++) deny(app, job('1'))
    await bench.restart()
    expect(rows()[0]?.summary).toContain('(and 1 more within a minute)')
  })
})

describe('listing', () => {
  it('pages, newest first, by decision and principal', () => {
    const app = bench.app('a')
    for (let index = 0; index < 5; index++) {
      bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
      deny(app, job(String(index)))
    }
    const first = bench.security.listAudit({ limit: 4, decision: 'deny' })
    const second = bench.security.listAudit({ limit: 4, decision: 'deny', cursor: first.nextCursor ?? '' })
    expect([...first.items, ...second.items].map(({ resource }) => resource)).toEqual(
      [4, 3, 2, 1, 0].map((id) => `Job::"${id}"`),
    )
    expect(second.nextCursor).toBeNull()
    expect(bench.security.listAudit({ limit: 10, principal: owner.principal }).items).toHaveLength(5)
    expect(() => bench.security.listAudit({ limit: 1, cursor: '1; drop table audit' })).toThrow(
      expect.objectContaining({ code: 'system.invalid' }),
    )
  })
})

describe('forging the log', () => {
  beforeEach(() => {
    for (let index = 0; index < 1200; index++) {
      if (index % 100 === 0) bench.clock.advance(60_000)
      bench.security.authorize(owner, 'job.submit', THE_SYSTEM, `submitted job ${index}`)
    }
  })

  it('a whole chain is valid, also after a restart', async () => {
    expect(await bench.security.verifyAudit()).toEqual({ valid: true, records: 1200, brokenAt: null })
    await bench.restart()
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(await bench.security.verifyAudit()).toEqual({ valid: true, records: 1201, brokenAt: null })
  })

  it('the database itself refuses to change or delete a record', () => {
    rows()
    expect(() => execute(bench.database, "update audit set summary = 'x' where seq = 700")).toThrow(
      /append only/,
    )
    expect(() => execute(bench.database, 'delete from audit where seq = 700')).toThrow(/append only/)
  })

  it.each([
    ['a changed record', "update audit set principal = 'someone' where seq = 700", 'audit-700'],
    [
      'a record with a hash made up for it',
      "update audit set summary = 'x', hash = hex(randomblob(32)) where seq = 1",
      'audit-1',
    ],
    ['a removed record', 'delete from audit where seq = 700', 'audit-700'],
    ['records swapped', 'update audit set seq = case seq when 700 then 99999 else seq end', 'audit-700'],
    ['the end cut off', 'delete from audit where seq > 1100', 'audit-1101'],
    ['all removed', 'delete from audit', 'audit-1'],
    ['unreadable policies', "update audit set policies = '{' where seq = 5", 'audit-5'],
  ])('%s is found', async (_what, text, brokenAt) => {
    await bench.restart((database) => forge(database, text))
    expect(await bench.security.verifyAudit()).toMatchObject({ valid: false, brokenAt })
    bench.security.authorize(owner, 'job.submit', THE_SYSTEM)
    expect(await bench.security.verifyAudit()).toMatchObject({ valid: false, brokenAt })
    expect(() => rows()).not.toThrow()
  })

  it('a record changed together with its own hash breaks the next one', async () => {
    const table = bench.database.builder<SecurityTables>()
    const rowOf = (seq: number) => {
      const [row] = bench.database.all(table.selectFrom('audit').selectAll().where('seq', '=', seq))
      if (!row) throw new Error(`no record ${seq}`)
      return row
    }
    rows()
    const { hash: genuine, ...record } = rowOf(700)
    const hashOf = (fields: typeof record) =>
      createHash('sha256')
        .update(rowOf(699).hash + JSON.stringify(Object.fromEntries(Object.entries(fields).sort())))
        .digest('hex')
    expect(hashOf(record)).toBe(genuine)
    const forged = { ...record, principal: 'someone' }
    await bench.restart((database) => {
      forge(database, 'select 1')
      const changes = { principal: forged.principal, hash: hashOf(forged) }
      database.run(table.updateTable('audit').set(changes).where('seq', '=', 700))
    })
    expect(await bench.security.verifyAudit()).toMatchObject({ valid: false, brokenAt: 'audit-701' })
  })

  it('is verified once for all who ask at the same time', async () => {
    const reads = vi.spyOn(bench.database, 'all')
    const one = await bench.security.verifyAudit()
    const readsOfOne = reads.mock.calls.length
    const all = await Promise.all(Array.from({ length: 20 }, () => bench.security.verifyAudit()))
    expect(all).toEqual(all.map(() => one))
    expect(reads.mock.calls.length).toBe(2 * readsOfOne)
  })

  it('verifying lets others run', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    await bench.security.verifyAudit()
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
  })
})
