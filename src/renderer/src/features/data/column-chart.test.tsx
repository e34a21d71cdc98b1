import type { Column } from '@shared/contract'
import { createInstance } from 'i18next'
import { renderToString } from 'react-dom/server'
import { I18nextProvider } from 'react-i18next'
import { expect, it } from 'vitest'
import { TopValues } from './column-chart'

const NUMBERLESS = { distinct: 0, min: null, max: null, mean: null, deviation: null, bins: [], shape: null }

function shown(top: Column['top']): string {
  const column: Column = { ...NUMBERLESS, name: 'word', type: 'string', nulls: 0, top }
  const i18n = createInstance({ lng: 'cimode', initImmediate: false })
  void i18n.init()
  return renderToString(
    <I18nextProvider i18n={i18n}>
      <TopValues column={column} rows={2} />
    </I18nextProvider>,
  )
}

it('a column says whether its values differ, and whether there are any', () => {
  expect(shown([])).toContain('columns.noValue')
  expect(
    shown([
      { value: 'a', count: 1 },
      { value: 'b', count: 1 },
    ]),
  ).toContain('columns.allDifferent')
  expect(shown([{ value: 'a', count: 2 }])).toContain('100')
})
