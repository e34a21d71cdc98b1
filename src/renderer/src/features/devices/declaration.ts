import type { DeviceKind } from '@shared/contract'
import type { ResourceVector } from '@shared/domain/resources'

/** What a person types; amounts as they stand in the fields, memory in GB. */
export interface DeclarationForm {
  kind: DeviceKind
  name: string
  vendor: string
  count: number | string
  memoryGb: number | string
  customName: string
  customAmount: number | string
}

export type FieldProblem = 'needName' | 'needAmount' | 'badAmount' | 'badCustom'

const CUSTOM_NAME = /^[a-zA-Z][\w.-]{0,63}$/

function isAmount(value: number | string): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** What is wrong, by field; empty when the form can be sent. */
export function problemsOf(form: DeclarationForm): Partial<Record<keyof DeclarationForm, FieldProblem>> {
  const problems: Partial<Record<keyof DeclarationForm, FieldProblem>> = {}
  if (form.name.trim() === '') problems.name = 'needName'
  if (!isAmount(form.count) || form.count === 0) problems.count = 'needAmount'
  if (form.memoryGb !== '' && !isAmount(form.memoryGb)) problems.memoryGb = 'badAmount'
  if (form.customName !== '') {
    if (!CUSTOM_NAME.test(form.customName)) problems.customName = 'badCustom'
    if (!isAmount(form.customAmount) || form.customAmount === 0) problems.customAmount = 'needAmount'
  }
  return problems
}

/** The vector that the form means; only for a form without problems. */
export function capacityOf(form: DeclarationForm): ResourceVector {
  const count = Number(form.count)
  const memoryBytes = Math.round(Number(form.memoryGb) * 1e9)
  const custom = form.customName ? { custom: { [form.customName]: Number(form.customAmount) } } : {}
  switch (form.kind) {
    case 'cpu':
      return { cpuCores: count, ...(memoryBytes > 0 ? { memoryBytes } : {}), ...custom }
    case 'gpu':
      return { gpu: count, ...(memoryBytes > 0 ? { gpuMemoryBytes: memoryBytes } : {}), ...custom }
    case 'npu':
      return { npu: count, ...custom }
    case 'fpga':
      return { fpga: count, ...custom }
  }
}
