import type { JsonTensor, TensorSpec } from '@shared/domain/tensor'
import { readSetting, writeSetting } from '../../../lib/local-settings'
import { resolveShape } from './form-model'
import { InputProblem } from './input-problem'
import { parseScalar } from './parse-values'
import { type Memory, recallRun } from './remember'

/** The window's memory of what was last run. */
export const windowMemory: Memory = { getItem: readSetting, setItem: writeSetting }

/** Sizes and scalars of the last run of a version in this window, for words about how to call it. */
export function knownInputs(
  model: string,
  version: number,
): { shapeOf: (spec: TensorSpec) => number[]; scalarOf: (spec: TensorSpec) => JsonTensor | null } {
  const form = recallRun(windowMemory, model, version)?.form
  return {
    shapeOf: (spec) => resolveShape(spec, form?.dimensions ?? {}),
    scalarOf: (spec) => {
      const typed = form?.inputs[spec.name]?.scalar
      if (typed === undefined) return null
      try {
        return parseScalar(spec.dtype, typed)
      } catch (error) {
        if (error instanceof InputProblem) return null
        throw error
      }
    },
  }
}
