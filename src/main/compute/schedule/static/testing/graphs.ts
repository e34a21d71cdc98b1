import fc from 'fast-check'
import { createDag, type Dag } from '../dag'

/** Graphs of every odd shape: one task, one device, no edges, double edges, forbidden devices, tasks that take no time. */
export function graphs(maxTasks: number, { withPast = false } = {}): fc.Arbitrary<Dag> {
  return fc
    .record({
      taskCount: fc.integer({ min: 1, max: maxTasks }),
      deviceCount: fc.integer({ min: 1, max: 4 }),
      density: fc.constantFrom(0, 0.5, 1.5, 3),
      dataScale: fc.constantFrom(0, 1, 30),
      isUniform: fc.boolean(),
      isPast: fc.constant(withPast),
      values: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    })
    .map(({ taskCount, deviceCount, density, dataScale, isUniform, isPast, values }) => {
      const next = (): number => values.next().value
      const cost = new Float64Array(taskCount * deviceCount).map(() => {
        const kind = next()
        if (kind < 0.1) return Number.POSITIVE_INFINITY
        return kind < 0.2 ? 0 : Math.round(next() * 20) / 2
      })
      for (let i = 0; i < taskCount; i++) {
        const row = cost.subarray(i * deviceCount, (i + 1) * deviceCount)
        if (!row.some(Number.isFinite)) row[Math.floor(next() * (deviceCount - 1))] = 1
      }
      const edges = []
      for (let k = Math.floor(density * taskCount); k > 0 && taskCount > 1; k--) {
        const to = 1 + Math.floor(next() * (taskCount - 1) * 0.999)
        edges.push({ from: Math.floor(next() * to * 0.999), to, data: dataScale * Math.round(next() * 10) })
      }
      const bandwidth = Array.from({ length: deviceCount }, () =>
        Array.from({ length: deviceCount }, () => 1 + next()),
      )
      // What a prefix of the topological order did is past: it contains whatever it depends on.
      const fixed = new Map<number, { device: number; start: number }>()
      for (let i = 0; isPast && i < taskCount / 4; i++) {
        const row = cost.subarray(i * deviceCount, (i + 1) * deviceCount)
        fixed.set(i, { device: row.findIndex(Number.isFinite), start: Math.round(next() * 5) })
      }
      const availableAt = isPast ? bandwidth.map(() => Math.round(next() * 20)) : undefined
      return createDag({
        taskCount,
        deviceCount,
        cost,
        bandwidth: isUniform ? 2 : bandwidth,
        edges,
        fixed,
        ...(availableAt && { availableAt }),
      })
    })
}
