import { WaitCause } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { FINDING_CODES } from '@shared/findings'
import { WAIT_TEXTS } from '@shared/words/wait-texts'
import { sayEnglish, waitWords } from '@shared/words/wait-words'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codedWords, phraseWords, purposeWords, waitReason } from '.'
import { codedZh } from './coded-zh'
import { phrasesZh } from './phrases-zh'
import { waitZh } from './wait-zh'

const SOURCES = Object.values(
  import.meta.glob<string>(['../../../../main/**/*.ts', '!**/*.test.ts'], {
    query: '?raw',
    import: 'default',
    eager: true,
  }),
)
const HAN = /\p{Script=Han}/u

const count = fc.nat(5)
const amount = fc.double({ min: 0.25, max: 1e11, noNaN: true })
const name = fc.constantFrom('nightly (j-7f3kq)', '{{count}}', '$t(wait:held)', '<b>&amp;</b>', 'w@1')
const vector = fc.record(
  {
    cpuCores: amount,
    gpu: fc.constantFrom(1, 2, 0.5),
    gpuMemoryBytes: amount,
    custom: fc.dictionary(fc.constantFrom('seats', 'slots'), amount, { minKeys: 1 }),
    memoryBytes: amount,
  },
  { requiredKeys: ['memoryBytes'] },
)
const party = { name: fc.option(name), principal: fc.constantFrom('ann', null) }
const named = fc.record({ id: fc.constantFrom('j-1', 'j-1m8j2kanf6ep8cjg3'), ...party })
const holder = fc.record({
  kind: fc.constantFrom('job' as const, 'lease' as const, 'outside' as const),
  id: fc.constantFrom('j-1', 'lease-1m8j2kanf6ep8cjg3', '4242'),
  ...party,
  resource: fc.constantFrom('cpuCores', 'memoryBytes', 'custom.seats'),
  amount,
  endsInMs: fc.constantFrom(null, 0, 10_000, 7_200_000),
})
const contest = { holders: fc.array(holder, { maxLength: 2 }), moreHolders: count, jobsAhead: count }
const cause: fc.Arbitrary<WaitCause> = fc.oneof(
  fc.constantFrom<WaitCause>({ kind: 'held' }, { kind: 'turn' }),
  fc.record({
    kind: fc.constant('dependencies' as const),
    jobs: fc.array(name, { minLength: 1, maxLength: 2 }),
    more: count,
  }),
  fc.record({ kind: fc.constant('retry' as const), inMs: amount }),
  fc.record({ kind: fc.constant('behind' as const), jobs: count }),
  fc.record({ kind: fc.constant('behind_job' as const), job: named }),
  fc.record({ kind: fc.constant('reserved' as const), wanted: vector, request: fc.record(party) }),
  fc.record({ kind: fc.constant('resources' as const), wanted: vector, ...contest }),
  fc.record({
    kind: fc.constant('unfit' as const),
    wanted: vector,
    devices: fc.array(name, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('room' as const), memoryBytes: amount, ...contest }),
  fc.record({ kind: fc.constant('quota' as const), exceeded: vector }),
  fc.record({
    kind: fc.constant('budget' as const),
    resource: fc.constantFrom('jobs' as const, 'cpuSeconds' as const, 'gpuSeconds' as const),
    used: amount,
    limit: amount,
    windowMs: fc.constantFrom(3_600_000, 60_000),
    resetsAt: fc.constantFrom(null, '2026-11-28T14:20:00.000Z', '2026-11-30T08:00:00.000Z'),
  }),
  fc.record({
    kind: fc.constant('engine' as const),
    model: name,
    job: fc.option(named),
    endsInMs: fc.option(fc.nat()),
  }),
  fc.record({ kind: fc.constant('runtime' as const), name }),
  fc.record({ kind: fc.constant('faster' as const), device: name, freeInMs: fc.nat(1e6) }),
  fc.record({
    kind: fc.constant('preempts' as const),
    jobs: fc.array(named, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('preempted' as const),
    by: named,
    resumption: fc.constantFrom(
      { from: 'item' as const, item: 3, items: 9 },
      { from: 'time' as const, ranMs: 2000, durationMs: 5000 },
      { from: 'where_it_was' as const },
      { from: 'beginning' as const },
    ),
  }),
)

describe('why a job waits', () => {
  it('shows an id as the lists do', () => {
    const waitCauses: WaitCause[] = [{ kind: 'dependencies', jobs: ['j-1m8j2kanf6ep8cjg3'], more: 0 }]
    expect(waitReason({ waitCauses }, 'en')).toBe('Waits for j-8cjg3')
  })

  it('has no hole in any language, and keeps names as they are', () => {
    fc.assert(
      fc.property(fc.array(cause, { minLength: 1, maxLength: 3 }), (waitCauses) => {
        for (const one of waitCauses) expect(WaitCause.safeParse(one).success).toBe(true)
        expect(waitReason({ waitCauses }, 'en')).toBe(waitWords(waitCauses, sayEnglish, Date.now()))
        expect(waitReason({ waitCauses }, 'zh')).toMatch(HAN)
        for (const language of ['en', 'zh']) {
          const words = waitReason({ waitCauses }, language) ?? ''
          expect(words).not.toMatch(/undefined|NaN/)
          for (const one of waitCauses)
            if ('holders' in one)
              for (const { kind, id, name } of one.holders)
                expect(words).toContain(name ?? (kind === 'outside' ? id : shortId(id)))
        }
      }),
    )
  })

  it('puts the same values into the texts of every language', () => {
    const valuesOf = (text: string) => [...text.matchAll(/\{\{\w+\}\}/g)].map(String).sort()
    for (const [key, english] of Object.entries(WAIT_TEXTS))
      expect(valuesOf(waitZh[key as keyof typeof waitZh]), key).toEqual(valuesOf(english))
  })

  it('says what a lease is for, and leaves the name of a job as it is', () => {
    expect(purposeWords({ job: null, purpose: 'engine silero-vad@1' }, 'zh')).toBe('引擎 silero-vad@1')
    expect(purposeWords({ job: null, purpose: 'api' }, 'zh')).toBe('通过 API 申请')
    expect(purposeWords({ job: 'j-1', purpose: 'engine room' }, 'zh')).toBe('engine room')
    const name = 'engine m@1'
    const holder = {
      kind: 'lease' as const,
      id: 'lease-1',
      name,
      principal: 'ann',
      resource: 'memoryBytes',
      amount: 1e9,
    }
    const holders = [{ ...holder, endsInMs: null }]
    const waitCauses: WaitCause[] = [
      { kind: 'room', memoryBytes: 1e9, holders, moreHolders: 0, jobsAhead: 0 },
    ]
    expect(waitReason({ waitCauses }, 'zh')).toContain('引擎 m@1')
  })

  it('says nothing of a job that does not wait', () => {
    expect(waitReason({ waitCauses: [] }, 'zh')).toBeNull()
  })
})

describe('errors and findings', () => {
  it('are the system’s own sentences in English', () => {
    expect(codedWords({ code: 'storage.disk_full', message: 'Full.' }, 'en')).toBe('Full.')
  })

  it('have Chinese words for every code', () => {
    expect(Object.keys(codedZh).sort()).toEqual([...FINDING_CODES].sort())
    for (const code of FINDING_CODES) {
      const words = codedWords({ code, message: 'It broke.' }, 'zh')
      expect(words, code).toMatch(HAN)
      expect(words, code).not.toMatch(/undefined|\{\{/)
    }
  })

  it.each([
    [
      'compute.worker_crashed',
      'The ONNX Runtime worker ended unexpectedly by SIGKILL. The machine may have run out of memory.',
      {},
      'ONNX Runtime 工作进程意外结束（信号 SIGKILL），可能是内存不足。',
    ],
    [
      'compute.worker_crashed',
      'The synthetic worker ended unexpectedly with exit code 7. It last said: no room / bye',
      {},
      'synthetic 工作进程意外结束（退出码 7）。最后的输出：no room / bye',
    ],
    [
      'compute.timeout',
      'The PyTorch worker was still loading after 600 s and was ended.',
      {},
      'PyTorch 工作进程在 600 秒后仍在加载，已被结束。',
    ],
    [
      'compute.timeout',
      'The attempt ran longer than its timeout of 200 ms.',
      { timeoutMs: 200 },
      '运行超过时限 200 ms，已停止。',
    ],
    [
      'compute.interrupted',
      'LLMAgentOS ended 3 times while this job ran, so it is not tried again.',
      { interruptions: 3 },
      '此任务运行期间 LLMAgentOS 已结束 3 次，因此不再尝试。请查看它对本机的影响，然后重试该任务。',
    ],
    ['compute.interrupted', 'The engine was unloaded while it worked.', {}, '引擎在工作时被卸载。'],
  ])('of jobs leave nothing in English but names: %s, %s', (code, message, details, words) => {
    expect(codedWords({ code, message, details }, 'zh')).toBe(words)
  })

  it('keep the sentence of the system where the details do not tell all', () => {
    const error = { code: 'core.quota_exceeded', message: 'marie may not hold so much.' }
    expect(codedWords(error, 'zh')).toBe('超出配额：marie may not hold so much.')
    const details = { limitBytes: 2e9, wouldBeBytes: 3e9 }
    expect(codedWords({ code: 'storage.quota_exceeded', message: 'No.', details }, 'zh')).toContain('3 GB')
    expect(codedWords({ code: 'of.tomorrow', message: 'New.' }, 'zh')).toBe('New.')
  })
})

describe('phrases', () => {
  it('are translated with what stands in them, names as they are', () => {
    expect(phraseWords('It runs without a sandbox: bubblewrap is not installed.', 'zh')).toBe(
      '未在沙箱中运行：未安装 bubblewrap。',
    )
    const group = 'No group can be made here: our own group has other processes in it.'
    const start =
      'Start LLMAgentOS where groups are delegated, for example by systemd-run --user --scope -p Delegate=yes.'
    const limits =
      'It has limits of its own, which workers beside it would not keep: set them for its slice instead.'
    expect(phraseWords(`${group} ${start}`, 'zh')).toMatch(
      /^此处无法创建控制组：本程序所在的组中有其他进程。请在/,
    )
    expect(phraseWords(`${group} ${limits}`, 'zh')).toBe(
      '此处无法创建控制组：本程序所在的组中有其他进程。本程序所在的组自身有限制，而旁边的工作进程不受其约束：请改为在其 slice 上设置。',
    )
    expect(phraseWords('imported on macOS', 'zh')).toBe('导入了 on macOS')
    expect(phraseWords('disallowed the runtime (.*)', 'zh')).toBe('不再允许运行时 (.*)')
    expect(
      phraseWords(
        'The stored policy p is not valid: no such action. It permits nothing until it is set again or removed.',
        'zh',
      ),
    ).toBe('已保存的策略 p 无效：no such action。在重新设置或移除它之前，它不允许任何操作。')
    expect(phraseWords('Nobody says this.', 'zh')).toBe('Nobody says this.')
    expect(phraseWords('taskset does not work here.', 'en')).toBe('taskset does not work here.')
  })

  it('are what the system says', () => {
    const said = sentencesOf(SOURCES)
    for (const english of Object.keys(phrasesZh)) {
      const is =
        piecesOf(english).every((piece) => said.source.includes(piece)) ||
        said.templates.some((template) => template.test(english) || template.test(`Marie ${english}`))
      expect(is, english).toBe(true)
    }
  })
})

/** The sources as one text, and the templates in them as patterns. */
function sentencesOf(sources: readonly string[]): { source: string; templates: RegExp[] } {
  const templates: RegExp[] = []
  for (const source of sources) {
    // From each backtick to the next: templates stand in templates.
    for (const [, text = ''] of source.matchAll(/`(?=([^`\n]+)`)/g)) {
      const parts = text.split(/\$\{[^}]*(?:\}|$)/)
      if (parts.length < 2 || parts.join('').length < 8) continue
      const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      templates.push(new RegExp(`^${escaped.join('.+')}$`))
    }
  }
  return { source: sources.join('\n'), templates }
}

/** What stands between the values and the ends of sentences: the system may put a sentence together from such. */
function piecesOf(english: string): string[] {
  return english.split(/\{\{\w+\}\}|[.](?: |$)/).map((piece) => piece.trim())
}
