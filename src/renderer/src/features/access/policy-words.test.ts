import i18next from 'i18next'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { attemptWords, policyOfStatement, policyWords } from './policy-words'
import { accessPath, accessPlace } from './routes'
import { texts } from './texts'

// The languages of a window need one.
vi.mock('../../lib/i18n', () => ({ defineTexts: <Texts>(words: Texts) => words }))

const i18n = i18next.createInstance()
beforeAll(() =>
  i18n.init({
    lng: 'en',
    resources: { en: { access: texts.en }, zh: { access: texts.zh } },
    interpolation: { escapeValue: false },
  }),
)
const nameOf = (id: string) => (id === 'notes-app' ? 'Notes App' : id)
const say = (text: string, language: 'en' | 'zh' = 'en') =>
  policyWords(i18n.getFixedT(language, 'access'), { text }, nameOf)

describe('policyWords', () => {
  it('says whom a policy concerns, and what they may do', () => {
    expect(
      say(
        'permit (principal == App::"notes-app", action == Action::"model.run", resource == ModelRef::"a@1");',
      ),
    ).toBe('Notes App may run a@1')
    expect(
      say(
        'forbid (principal in Role::"app", action == Action::"model.run", resource in Model::"a") when { true };',
      ),
    ).toBe('Apps must not run a (every version), under conditions')
    expect(say('permit (principal, action == Action::"model.run", resource);')).toBe(
      'Everyone may run models',
    )
    expect(say('permit (principal is User, action, resource);')).toBe('People may do everything')
    expect(say('forbid (principal is App, action == Action::"model.run", resource);')).toBe(
      'Apps must not run models',
    )
  })

  it('joins statements and shortens long lists of actions', () => {
    const actions = ['device.read', 'lease.read', 'job.list', 'job.read', 'audit.read'].map(
      (id) => `Action::"${id}"`,
    )
    expect(
      say(`permit (principal == User::"eve", action in [${actions.join(',')}], resource);
           permit (principal == User::"eve", action == Action::"model.read", resource == Model::"a");`),
    ).toBe('eve may see devices, see leases, list jobs and 2 more; eve may read about models: a')
  })

  it('keeps quiet where it does not know', () => {
    expect(say('permit (principal is Robot, action, resource);')).toBeNull()
    expect(say('// nothing')).toBeNull()
    expect(say('permit (principal')).toBeNull()
  })

  it('speaks Chinese', () => {
    expect(
      say(
        'permit (principal == App::"notes-app", action == Action::"model.run", resource == ModelRef::"a@1");',
        'zh',
      ),
    ).toBe('Notes App 可以运行 a@1')
  })
})

describe('words of decisions', () => {
  it('name what was tried', () => {
    const t = i18n.getFixedT('en', 'access')
    expect(attemptWords(t, 'model.run', { type: 'ModelRef', id: 'a@1' })).toBe('run a@1')
    expect(attemptWords(t, 'job.submit', { type: 'System', id: 'machine' })).toBe(
      'submit jobs without a model',
    )
    expect(attemptWords(t, 'job.control', { type: 'Job', id: 'job-1' })).toBe('control jobs: job-1')
    expect(attemptWords(t, 'constructor', null)).toBe('constructor')
  })

  it('find the policy of a deciding statement', () => {
    expect(policyOfStatement('notes-silero')).toBe('notes-silero')
    expect(policyOfStatement('notes-silero#2')).toBe('notes-silero')
  })
})

describe('places of the page', () => {
  it('read back from their links', () => {
    for (const place of [
      { tab: 'people' as const, principal: 'notes-app' },
      { tab: 'policies' as const, policy: 'a-b' },
      {
        tab: 'policies' as const,
        draft: true,
        principal: 'x',
        action: 'model.run',
        resource: 'ModelRef::"a&b=c#d@1"',
      },
      { tab: 'people' as const, dialog: 'add' as const },
    ]) {
      const [, query = ''] = accessPath(place).split('?')
      expect(accessPlace(new URLSearchParams(query))).toEqual(place)
    }
  })

  it('ignore what they do not know', () => {
    expect(accessPlace(new URLSearchParams('tab=__proto__&principal=&x=1'))).toEqual({ tab: 'people' })
  })
})
