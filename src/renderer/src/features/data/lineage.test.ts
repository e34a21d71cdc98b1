import type { LineageGraph } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { offspringOf, pathOfVersion } from './lineage'

const graph: LineageGraph = {
  nodes: [
    { id: 'source:digits.npy', kind: 'source', label: 'digits.npy' },
    { id: 'dataset:digits@1', kind: 'dataset', label: 'digits@1' },
    { id: 'model:net@2', kind: 'model', label: 'net@2' },
    { id: 'job:j-1', kind: 'job', label: 'j-1' },
    { id: 'dataset:scores@1', kind: 'dataset', label: 'scores@1' },
    { id: 'dataset:scores-again@1', kind: 'dataset', label: 'scores-again@1' },
    { id: 'dataset:part@1', kind: 'dataset', label: 'part@1' },
  ],
  edges: [
    { from: 'source:digits.npy', to: 'dataset:digits@1' },
    { from: 'dataset:digits@1', to: 'job:j-1' },
    { from: 'model:net@2', to: 'job:j-1' },
    { from: 'job:j-1', to: 'dataset:scores@1' },
    { from: 'job:j-1', to: 'dataset:scores-again@1' },
    { from: 'dataset:digits@1', to: 'dataset:part@1' },
  ],
}

describe('what came from a data set', () => {
  it('is found through the job that made it, and straight', () => {
    expect(offspringOf(graph, 'digits@1')).toEqual([
      { kind: 'dataset', reference: 'scores@1', job: 'j-1' },
      { kind: 'dataset', reference: 'scores-again@1', job: 'j-1' },
      { kind: 'dataset', reference: 'part@1', job: null },
    ])
  })

  it('is nothing where nothing came from it', () => {
    expect(offspringOf(graph, 'scores@1')).toEqual([])
    expect(offspringOf(graph, 'nothing@1')).toEqual([])
  })

  it('has a place in the window', () => {
    expect(pathOfVersion('model', 'net@2')).toBe('/models/net/2')
    expect(pathOfVersion('dataset', 'digits@1')).toBe('/data/digits/1')
    expect(pathOfVersion('dataset', 'no reference')).toBe('/data')
  })
})
