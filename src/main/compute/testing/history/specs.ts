import { type JobSpecInput, PipelineSpec } from '../../../../shared/contract'
import { fakeVersion, type Harness } from '../harness'
import { LONG_MS, type PipelineNode, type Step, type Submission } from './steps'

/** So many items a batch has. */
export const ITEMS = 40
const tensor = (n: number) => ({ dtype: 'float32' as const, shape: [2], data: [n, n] })
const signatureOf = (name: string) => ({ name, dtype: 'float32' as const, shape: [2] })

/** What the nodes of pipelines run: a model that takes what another gave beside a mark of its own, and one that writes. */
export function addModels({ versions }: Harness): void {
  const both = [signatureOf('x'), signatureOf('mark')]
  versions.set('two@1', { ...fakeVersion('two', 1), signature: { inputs: both, outputs: both } })
  versions.set('words@1', { ...fakeVersion('words', 1), format: 'gguf' })
}

/** The same job, that can be told from all others by what its worker is given. */
export function specOf(
  step: Submission,
  mark: number,
  nowMs: number,
  pick: (n: number) => string | undefined,
): JobSpecInput {
  const giver = step.dependsOn === null ? undefined : pick(step.dependsOn)
  const common = {
    need: { cpuCores: step.cores, ...(step.gpu ? { gpu: 1 } : {}) },
    priority: step.priority,
    maxAttempts: step.attempts,
    timeoutMs: timeoutOf(step),
    hold: step.hold,
    ...(giver === undefined ? {} : { dependsOn: [giver] }),
    ...(step.deadline === null ? {} : { deadline: new Date(nowMs + step.deadline).toISOString() }),
  }
  const model = step.ms > 10 ? 'm@1' : 'n@1'
  if (step.kind === 'infer') return { ...common, kind: 'infer', model, inputs: { x: tensor(mark) } }
  if (step.kind === 'generate') return { ...common, ...written(step.ms, mark) }
  if (step.kind === 'synthetic') {
    const need = marked(common.need, step.ms, mark)
    return { ...common, need, kind: 'synthetic', durationMs: step.ms, fail: step.fail }
  }
  const items = Array.from({ length: ITEMS }, (_, i) => ({ x: tensor(i) }))
  const need = { ...common.need, memoryBytes: mark }
  return { ...common, need, kind: 'batch', model: 'm@2', items, batchSize: 4 }
}

/** @param marks of the nodes, in their order */
export function pipelineOf(
  { nodes, priority }: Extract<Step, { do: 'pipeline' }>,
  marks: readonly number[],
): PipelineSpec {
  const jobs = nodes.map((node, i) => {
    const from = giverOf(nodes, i)
    const common = {
      key: `n${i}`,
      priority,
      timeoutMs: timeoutOf(node),
      maxAttempts: 2,
      runWhen: node.runWhen,
    }
    const after = from === null ? {} : { dependsOn: [`n${from}`] }
    const mark = marks[i] ?? 0
    if (node.kind === 'generate') return { ...common, ...after, ...written(node.ms, mark) }
    if (node.kind === 'synthetic') {
      const need = marked({ cpuCores: 1 }, node.ms, mark)
      const { fail, ms: durationMs } = node
      return { ...common, ...after, need, kind: 'synthetic' as const, durationMs, fail }
    }
    const given = takesOf(nodes, i) ? { fromJob: `n${from}`, output: 'mark' } : tensor(0)
    return {
      ...common,
      ...after,
      kind: 'infer' as const,
      model: 'two@1',
      inputs: { x: given, mark: tensor(mark) },
    }
  })
  return PipelineSpec.parse({ jobs })
}

/** The node that a node follows from; null: none. */
export function giverOf(nodes: readonly PipelineNode[], at: number): number | null {
  const after = nodes[at]?.after ?? null
  return at === 0 || after === null ? null : after % at
}

/** Whether a node takes something from the one that it follows from. */
export function takesOf(nodes: readonly PipelineNode[], at: number): boolean {
  const from = giverOf(nodes, at)
  const node = nodes[at]
  const isBoth = node?.kind === 'infer' && from !== null && nodes[from]?.kind === 'infer'
  return isBoth && node.runWhen === 'succeeded'
}

/** What hangs ends by it; what runs long has more. */
function timeoutOf({ ms }: { ms: number }): number {
  return ms === LONG_MS ? 2 * LONG_MS : 700
}

function written(ms: number, mark: number) {
  return {
    kind: 'generate' as const,
    model: 'words@1',
    prompt: `${mark}`,
    maxTokens: Math.ceil((ms + 1) / 7),
  }
}

/** Whether its worker can tell it from others. Loads that take no time run together, which different ones do not. */
export function isMarked({ kind, ms }: Pick<Submission, 'kind' | 'ms'>): boolean {
  return kind !== 'synthetic' || ms > 0
}

function marked<Need extends object>(need: Need, ms: number, mark: number): Need & { memoryBytes?: number } {
  return ms === 0 ? need : { ...need, memoryBytes: mark }
}
