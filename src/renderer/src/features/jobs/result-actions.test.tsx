import { MantineProvider } from '@mantine/core'
import type { JobResult } from '@shared/contract'
import { renderToString } from 'react-dom/server'
import { expect, it, vi } from 'vitest'
import { ResultActions } from './result-actions'

it('a result, however large, becomes JSON only when it is taken away', () => {
  const toJSON = vi.fn()
  const timings = { queuedMs: 0, loadMs: 0, computeMs: 1 }
  const result: JobResult & { toJSON(): unknown } = { job: 'j-1', kind: 'infer', timings, toJSON }
  const html = renderToString(
    <MantineProvider>
      <ResultActions result={result} />
    </MantineProvider>,
  )
  expect(html).toContain('<button')
  expect(toJSON).not.toHaveBeenCalled()
})
