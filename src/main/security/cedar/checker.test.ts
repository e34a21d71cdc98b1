import { readdir, readFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../platform/clock'
import { TestClock } from '../testing'
import { PolicyChecker } from './checker'

const checker = new PolicyChecker(systemClock)
afterAll(() => checker.dispose())

const run = 'permit(principal, action == Action::"model.run", resource)'

async function problems(text: string) {
  return (await checker.check('p', text)).problems
}

describe('a text that holds up the event loop', () => {
  const longestWait = async (text: string) => {
    let longest = 0
    let before = performance.now()
    const look = () => {
      const now = performance.now()
      longest = Math.max(longest, now - before)
      before = now
    }
    const timer = setInterval(look, 1)
    const found = await problems(text)
    look()
    clearInterval(timer)
    return { longest, found }
  }

  it('a string that never ends is looked through once', async () => {
    for (const end of ['', '\\'])
      expect(await longestWait(`"${'\\"'.repeat(49_000)}${end}`)).toMatchObject({
        longest: expect.toSatisfy((ms: number) => ms < 500),
        found: [expect.anything()],
      })
    const deep = '('.repeat(30)
    expect((await problems(`"\\"${deep}" ${deep}`))[0]?.message).toContain('nested more than')
    expect((await problems(`"\\"${deep}`))[0]?.message).not.toContain('nested more than')
  })

  it('of very many problems the first are told', async () => {
    const { longest, found } = await longestWait(`${run} when { resource.bad > 3 };\n`.repeat(150))
    expect(found).toHaveLength(100)
    expect(longest).toBeLessThan(500)
  })
})

describe('problems', () => {
  it.each([
    [
      'an action that is none',
      `// é😀\n${run.replace('model.run', 'model.rn')};`,
      'did you mean `Action::"model.run"`',
      2,
      29,
    ],
    ['an attribute that is none', `${run}\n  when { resource.bad > 3 };`, 'attribute `bad`', 2, 10],
    ['a syntax error', `${run}\n  when { resource.version > };`, 'unexpected token', 2, 29],
    [
      'a role that is none',
      'permit(principal in Role::"admin", action, resource);',
      'is not declared',
      1,
      21,
    ],
    [
      'a policy that can never apply',
      'permit(principal, action == Action::"model.run", resource == Model::"a");',
      'in the resource clause',
      1,
      1,
    ],
    ['a right-to-left character', `${run} when { resource.model == "a\u202e" };`, 'BIDI', 1, 85],
    ['an attribute that may be absent', `${run} when { resource.version > 3 };`, '`version`', 1, 67],
  ])('%s', async (_what, text, message, line, column) => {
    const found = await problems(text)
    expect(found[0]?.message).toContain(message)
    expect(found[0]?.message).not.toMatch(/policy0/)
    expect(found[0]).toMatchObject({ line, column })
  })

  it('no policy, a template, too many statements, doubled and odd ids', async () => {
    expect((await problems('// nothing'))[0]?.message).toContain('no policy')
    expect((await problems('permit(principal == ?principal, action, resource);'))[0]?.message).toContain(
      '?principal',
    )
    expect((await problems(`${run};`.repeat(501)))[0]?.message).toContain('501 statements')
    expect((await problems(`${run};@id("a") ${run};@id("a") ${run};`))[0]?.message).toContain(
      'two statements',
    )
    expect((await problems(`${run};@id("2\\n") ${run};`))[0]?.message).toContain('@id takes')
  })
})

describe('statements', () => {
  it('are named by place in the text, also beyond ten, or by @id', async () => {
    const texts = Array.from(
      { length: 12 },
      (_, index) => `permit(principal == App::"app-${index}", action == Action::"job.list", resource);`,
    )
    const { statements } = await checker.check(
      'many',
      `${texts.join('\n')}\n@id("night") forbid(principal, action, resource == Job::"j");`,
    )
    expect(statements.map(({ id }) => id)).toEqual([
      'many',
      ...Array.from({ length: 11 }, (_, index) => `many#${index + 2}`),
      'many#night',
    ])
    expect(statements.slice(0, 12).map(({ text }) => text)).toEqual(texts)
    expect(statements[10]?.principal).toBe('App\0app-10')
    expect(statements[12]).toMatchObject({ effect: 'forbid', principal: null })
    expect(statements[12]?.names).toContain('Job')
  })
})

describe('hostile texts', () => {
  const bombs: Record<string, string> = {
    brackets: `${run} when {${'('.repeat(5000)}true${')'.repeat(5000)}};`,
    sets: `${run} when {${'['.repeat(5000)}${']'.repeat(5000)} == []};`,
    records: `${run} when {${'{a:'.repeat(5000)}1${'}'.repeat(5000)} == {}};`,
    sums: `${run} when {${'1 + '.repeat(20_000)}1 == 2};`,
    conditionals: `${run} when {${'if true then true else '.repeat(4000)}true};`,
    attributes: `${run} when {resource${'.a'.repeat(40_000)} == 1};`,
    calls: `${run} when {resource.model${'.contains(1)'.repeat(7000)}};`,
    guards: `${run} when {${'resource has version && resource.version > 1 && '.repeat(1500)}true};`,
    conjunctions: `${run} when {${'resource.model == "a" && '.repeat(3000)}true};`,
    clauses: `${run}${' when { resource.model == "a" }'.repeat(2000)};`,
  }
  it.each(Object.entries(bombs))(
    '%s: refused with a sentence, and the checker goes on',
    async (_name, text) => {
      const started = performance.now()
      expect((await problems(text))[0]?.message).toMatch(/nested (too deeply|more than 20 deep)|too long/)
      expect(performance.now() - started).toBeLessThan(20_000)
      expect(await problems(`${run};`)).toEqual([])
    },
    30_000,
  )

  it('do not hold up the event loop', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await problems(
      `${run} when {${'(resource.model == "a" || resource.model like "b*") && '.repeat(1500)}true};`,
    )
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
  })

  it('one that takes for ever is given up', async () => {
    const clock = new TestClock()
    const impatient = new PolicyChecker(clock)
    const checking = impatient.check('p', `${run};`)
    await Promise.resolve()
    clock.advance(5000)
    expect((await checking).problems[0]?.message).toContain('too long')
    expect((await impatient.check('p', `${run};`)).problems).toEqual([])
    await impatient.dispose()
  })

  it('many at once: some are told to come again', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => problems(`${run};`)))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(24)
    expect(refused[0]).toMatchObject({
      reason: { code: 'network.rate_limited', details: { retryAfterMs: 1000 } },
    })
  })
})

describe('the examples for people', () => {
  const folder = new URL('../../../../resources/policies/examples/', import.meta.url)
  it('are valid', async () => {
    const files = await readdir(folder)
    expect(files.length).toBeGreaterThan(2)
    for (const file of files)
      expect([file, await problems(await readFile(new URL(file, folder), 'utf8'))]).toEqual([file, []])
  })
})
