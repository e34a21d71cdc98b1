import { expect, it } from 'vitest'
import type { Finding, Import } from '../../shared/contract'
import { summaryOf } from './authorize'

function finding(severity: Finding['severity'], code: Finding['code']): Finding {
  return { severity, code, message: '', file: 'model.pkl' }
}

const waiting: Import = {
  id: 'imp-1',
  state: 'waiting',
  source: 'model.pkl',
  bytesDone: 1,
  bytesTotal: 1,
  verdict: 'warn',
  findings: [
    finding('warn', 'storage.pickle'),
    finding('info', 'storage.no_graph'),
    finding('warn', 'storage.left_out'),
    finding('warn', 'storage.pickle'),
  ],
  kind: 'model',
  suggestion: { name: 'model', family: null, version: 1, knownAs: [] },
  dataset: null,
  model: null,
  version: null,
  known: false,
  error: null,
  createdAt: new Date(0).toISOString(),
  finishedAt: null,
  createdBy: 'marie',
}

function summary(path: string, input: object, known: Import = waiting): string | undefined {
  return summaryOf({ storage: { getImport: () => known } }, path.split('.'), input)
}

it('says what was confirmed, as what, and each warning once', () => {
  expect(summary('storage.imports.confirm', { id: 'imp-1' })).toBe(
    'confirmed the import of model.pkl (imp-1) as model in spite of storage.pickle, storage.left_out',
  )
  expect(
    summary('storage.imports.confirm', { id: 'imp-1', name: 'other' }, { ...waiting, findings: [] }),
  ).toBe('confirmed the import of model.pkl (imp-1) as other')
  expect(summary('storage.imports.cancel', { id: 'imp-1' })).toBe('cancelled the import of model.pkl (imp-1)')
})

it('says what happened to an alias, and to which', () => {
  const alias = { name: 'm', alias: 'production' }
  expect(summary('storage.models.setCanary', { ...alias, canary: { version: 2, weight: 0.07 } })).toBe(
    'sent 7% of the alias production of m to version 2',
  )
  expect(summary('storage.models.setCanary', { ...alias, canary: null })).toBe(
    'stopped the canary of the alias production of m',
  )
  expect(summary('storage.models.promoteCanary', alias)).toBe(
    'promoted the canary of the alias production of m',
  )
  expect(summary('storage.models.rollBack', alias)).toBe('rolled back the alias production of m')
})

it('says which repository was asked for', () => {
  expect(summary('storage.imports.startHub', { repository: 'org/model' })).toBe(
    'imported org/model from the Hub',
  )
})
