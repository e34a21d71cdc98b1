import type { Device, Resources, WhatIfQuestion } from '@shared/contract'

/** What a person may ask for: the same machine, a device like one of it, a device less, more cores, or a GPU of so many GB. */
export type Scenario =
  | { kind: 'same' }
  | { kind: 'more' | 'without'; device: string }
  | { kind: 'cores'; cores: number }
  | { kind: 'gpu'; memoryGb: number }

export type Accelerator = Exclude<Device['kind'], 'cpu'>

/** As a value of a list. */
export function keyOf(scenario: Scenario): string {
  return 'device' in scenario ? `${scenario.kind} ${scenario.device}` : scenario.kind
}

/** @param amounts what a person has typed */
export function scenariosOf(
  devices: readonly Device[],
  amounts: { cores: number; memoryGb: number },
): Scenario[] {
  // Another like one of them is the same as another like the next of its make.
  const makes = new Map<string, Device>()
  for (const device of devices) {
    const make = JSON.stringify([device.name, device.capacity])
    if (!makes.has(make)) makes.set(make, device)
  }
  return [
    { kind: 'same' },
    { kind: 'cores', cores: amounts.cores },
    { kind: 'gpu', memoryGb: amounts.memoryGb },
    ...[...makes.values()].map(({ id }): Scenario => ({ kind: 'more', device: id })),
    ...devices.map(({ id }): Scenario => ({ kind: 'without', device: id })),
  ]
}

/** The kind of accelerator that a scenario is about; null: none. */
export function acceleratorOf(scenario: Scenario, devices: ReadonlyMap<string, Device>): Accelerator | null {
  if (scenario.kind === 'gpu') return 'gpu'
  const kind = 'device' in scenario ? devices.get(scenario.device)?.kind : undefined
  return kind === undefined || kind === 'cpu' ? null : kind
}

/** The question that a scenario is; memory comes with cores in the proportion of the machine. */
export function questionOf(
  scenario: Scenario,
  { source, policy }: Pick<WhatIfQuestion, 'source' | 'policy'>,
  devices: ReadonlyMap<string, Device>,
  capacity: Resources['capacity'],
): WhatIfQuestion {
  const nothing = { addDevices: [], removeDevices: [], source, policy }
  if (scenario.kind === 'same') return nothing
  if (scenario.kind === 'without') return { ...nothing, removeDevices: [scenario.device] }
  if (scenario.kind === 'cores') {
    const { cores } = scenario
    const memoryBytes = Math.round(
      ((capacity.memoryBytes ?? 0) / Math.max(1, capacity.cpuCores ?? 1)) * cores,
    )
    const more = { kind: 'cpu' as const, name: 'more', capacity: { cpuCores: cores, memoryBytes } }
    return { ...nothing, addDevices: [more] }
  }
  if (scenario.kind === 'gpu') {
    const gpuMemoryBytes = Math.round(scenario.memoryGb * 1e9)
    return { ...nothing, addDevices: [{ kind: 'gpu', name: 'more', capacity: { gpu: 1, gpuMemoryBytes } }] }
  }
  const like = devices.get(scenario.device)
  return {
    ...nothing,
    addDevices: like ? [{ kind: like.kind, name: like.name, capacity: like.capacity }] : [],
  }
}
