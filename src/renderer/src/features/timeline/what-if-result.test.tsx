import type { Outcome, WhatIfAnswer } from '@shared/contract'
import { createInstance } from 'i18next'
import type { ComponentProps } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { I18nextProvider } from 'react-i18next'
import { expect, it, vi } from 'vitest'
import { texts } from './texts'
import { WhatIfResult } from './what-if-result'

vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))

const SLOW: Outcome = {
  jobs: 12,
  impossible: 0,
  stopped: 0,
  meanWaitMs: 8_000,
  p95WaitMs: 16_000,
  longestWaitMs: 20_000,
  boundedSlowdown: 3,
  makespanMs: 60_000,
  utilization: { cpuCores: 0.5, gpu: 1 },
  fairness: 0.7,
  capacity: { cpuCores: 4, gpu: 1 },
}
const FAST: Outcome = {
  ...SLOW,
  meanWaitMs: 2_000,
  p95WaitMs: 4_000,
  longestWaitMs: 5_000,
  boundedSlowdown: 1.5,
  utilization: { cpuCores: 0.6, gpu: 0.75 },
  fairness: 0.9,
  capacity: { cpuCores: 4, gpu: 2 },
}
const CHANGE = 'one more GPU'

function drawn(
  answer: Partial<WhatIfAnswer>,
  props: Partial<ComponentProps<typeof WhatIfResult>> = {},
): { said: string; rows: string[][] } {
  const i18n = createInstance({
    lng: 'en',
    defaultNS: 'common',
    resources: { en: { timeline: texts.en, common: { resource: { cpuCores: 'Cores', gpu: 'GPU' } } } },
    interpolation: { escapeValue: false },
    initAsync: false,
    showSupportNotice: false,
  })
  void i18n.init()
  const html = renderToStaticMarkup(
    <I18nextProvider i18n={i18n}>
      <WhatIfResult
        answer={{
          before: SLOW,
          after: FAST,
          resources: ['cpuCores', 'gpu'],
          leftOut: 0,
          tookMs: 1,
          ...answer,
        }}
        words={CHANGE}
        source="lastDay"
        accelerator="gpu"
        {...props}
      />
    </I18nextProvider>,
  )
  const textOf = (markup = '') => markup.replace(/<[^>]+>/g, '').trim()
  return {
    said: textOf(/<p.*?<\/p>/.exec(html)?.[0]),
    rows: [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) =>
      [...row.matchAll(/<t[hd].*?<\/t[hd]>/g)].map(([cell]) => textOf(cell)),
    ),
  }
}

it('has each figure as it is beside that with the change, and says what it comes to', () => {
  const { said, rows } = drawn({})
  expect(said).toBe('With one more GPU, these 12 jobs would have waited 2 s on average instead of 8 s.')
  expect(rows).toEqual([
    ['Measure', 'As it is', 'With the change'],
    ['Mean wait', '8 s', '2 s'],
    ['95% wait at most', '16 s', '4 s'],
    ['Longest wait', '20 s', '5 s'],
    ['Slowdown', '3×', '1.5×'],
    ['Fairness between apps and people', '70%', '90%'],
    ['Cores in use', '50%', '60%'],
    ['GPU in use', '100%', '75%'],
  ])
  expect(drawn({ before: FAST, after: SLOW }).said).toBe(
    'With one more GPU, these 12 jobs would have waited 8 s on average, not 2 s.',
  )
  expect(drawn({ after: SLOW }).said).toBe(
    'With one more GPU, these 12 jobs would have waited about as long: 8 s on average.',
  )
})

it('says that nobody asks for an accelerator that is there or not', () => {
  const none = { after: SLOW, resources: ['cpuCores'] }
  expect(drawn(none).said).toMatch(/waited about as long.* None of these jobs asks for a GPU\.$/)
  expect(drawn(none, { accelerator: 'npu' }).said).toMatch(/asks for an NPU\.$/)
  expect(drawn(none, { accelerator: null }).said).not.toMatch(/None/)
  expect(drawn({ resources: ['gpuMemoryBytes'] }).said).not.toMatch(/None/)
})

it('says how many jobs only the one machine or the other could run, and compares no waits of other jobs', () => {
  const lacking = { ...SLOW, jobs: 9, impossible: 3 }
  expect(drawn({ before: lacking }).said).toBe(
    'With one more GPU, 3 of these 12 jobs could run that cannot run as it is. The figures as it is are of the others.',
  )
  expect(drawn({ before: { ...lacking, jobs: 0, impossible: 12 } }).said).toMatch(
    /^With one more GPU, 12 of these 12/,
  )
  expect(drawn({ after: lacking }).said).toMatch(
    /^With one more GPU, 3 of these 12 jobs could not run at all/,
  )
})

it('tells jobs of which none could run from no jobs at all', () => {
  const none = { ...SLOW, jobs: 0 }
  expect(drawn({ before: none, after: none })).toEqual({ said: 'There are no jobs to try it on.', rows: [] })
  const impossible = { ...none, impossible: 4 }
  expect(drawn({ before: impossible, after: impossible })).toEqual({
    said: 'None of these jobs could run, as it is or with one more GPU.',
    rows: [],
  })
})

it('compares nothing with a machine on which a deadline or a budget ends every job', () => {
  const stopped = { ...SLOW, jobs: 0, stopped: 12 }
  for (const [before, after] of [
    [stopped, FAST],
    [SLOW, stopped],
    [stopped, stopped],
  ] as const)
    expect(drawn({ before, after })).toEqual({
      said: 'Deadlines or budgets would end all of these jobs on at least one of the two machines: there are no waits to compare.',
      rows: [],
    })
})

it('says which jobs of more than can be tried were', () => {
  const many = {
    before: { ...SLOW, jobs: 4_990, impossible: 10 },
    after: { ...FAST, jobs: 4_990, impossible: 10 },
  }
  expect(drawn({ ...many, leftOut: 1 }).said).toMatch(/Only the last 5,000 were tried\.$/)
  expect(drawn({ ...many, leftOut: 1 }, { source: 'queue' }).said).toMatch(
    /Only the first 5,000 were tried\.$/,
  )
})
