import type { Device, Resources, WhatIfQuestion } from '@shared/contract'

/** What a person may ask for: a device more, a device less, or more cores. */
export type Scenario = { kind: 'more' | 'without'; device: string } | { kind: 'cores'; cores: number }

/** As a value of a list. */
export function keyOf(scenario: Scenario): string {
  return scenario.kind === 'cores' ? 'cores' : `${scenario.kind} ${scenario.device}`
}

export function scenariosOf(devices: readonly Device[]): Scenario[] {
  return [
    { kind: 'cores', cores: 0 },
    ...devices.map(({ id }): Scenario => ({ kind: 'more', device: id })),
    ...devices.map(({ id }): Scenario => ({ kind: 'without', device: id })),
  ]
}

/** The question that a scenario is; memory comes with cores in the proportion of the machine. */
export function questionOf(
  scenario: Scenario,
  source: WhatIfQuestion['source'],
  devices: ReadonlyMap<string, Device>,
  capacity: Resources['capacity'],
): WhatIfQuestion {
  const nothing = { addDevices: [], removeDevices: [], source }
  if (scenario.kind === 'without') return { ...nothing, removeDevices: [scenario.device] }
  if (scenario.kind === 'cores') {
    const { cores } = scenario
    const memoryBytes = Math.round(
      ((capacity.memoryBytes ?? 0) / Math.max(1, capacity.cpuCores ?? 1)) * cores,
    )
    const more = { kind: 'cpu' as const, name: 'more', capacity: { cpuCores: cores, memoryBytes } }
    return { ...nothing, addDevices: [more] }
  }
  const like = devices.get(scenario.device)
  return {
    ...nothing,
    addDevices: like ? [{ kind: like.kind, name: like.name, capacity: like.capacity }] : [],
  }
}
