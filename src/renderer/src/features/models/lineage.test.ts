import { expect, it } from 'vitest'
import { jobWith } from '../jobs/testing'
import { lineageNodes, pathOf } from './lineage'

const graph = {
  nodes: [
    { id: 'source:a/b.onnx', kind: 'source' as const, label: 'a/b.onnx' },
    { id: 'model:net@2', kind: 'model' as const, label: 'net@2' },
    { id: 'job:j-1', kind: 'job' as const, label: 'j-1' },
    { id: 'job:j-2', kind: 'job' as const, label: 'j-2' },
    { id: 'dataset:out@1', kind: 'dataset' as const, label: 'out@1' },
  ],
  edges: [],
}

it('leads to the page of everything that has one', () => {
  expect(graph.nodes.map(pathOf)).toEqual([
    undefined,
    '/models/net/2',
    '/jobs/j-1',
    '/jobs/j-2',
    '/data/out/1',
  ])
})

it('calls jobs by their name with their state, and models by their aliases', () => {
  const job = jobWith({ id: 'j-1', name: 'Nightly' })
  const policy = { keep: 'all' as const, count: 3, warm: false }
  const alias = (name: string, version: number) => ({
    alias: name,
    version,
    setAt: '',
    setBy: '',
    canary: null,
  })
  const model = {
    id: 'net',
    name: 'net',
    latest: 2,
    format: 'onnx' as const,
    sizeBytes: 1,
    aliases: [alias('canary', 2), alias('old', 1), alias('production', 2)],
    versions: [2, 1],
    updatedAt: '',
    family: null,
    policy,
  }
  const nodes = lineageNodes(graph, {
    models: new Map([['net', model]]),
    jobs: new Map([['j-1', job]]),
    kindName: (kind) => kind,
    jobState: () => 'succeeded',
  })
  expect(nodes.map(({ label, second, state }) => [label, second, state])).toEqual([
    ['a/b.onnx', 'source', undefined],
    ['net@2', 'ONNX · production · canary', undefined],
    ['Nightly', 'job', 'succeeded'],
    ['j-2', 'job', undefined],
    ['out@1', 'dataset', undefined],
  ])
})
