import type { Dag } from '../dag'
import type { Schedule } from '../schedule'

/** What breaks the cost model in a schedule, judged from the graph alone; empty when it is valid. */
export function problemsOf(dag: Dag, schedule: Schedule): string[] {
  const { taskCount, deviceCount, cost, bandwidth, successors, availableAt, fixedDevice, fixedStart } = dag
  const { device, start, end, makespan } = schedule
  const problems: string[] = []
  const tolerance = 1e-9 * Math.max(1, makespan)
  let latest = 0
  for (let i = 0; i < taskCount; i++) {
    const p = device[i]!
    if (!(p >= 0 && p < deviceCount)) {
      problems.push(`task ${i} is on no device`)
      continue
    }
    const lasts = cost[i * deviceCount + p]!
    if (!Number.isFinite(lasts)) problems.push(`task ${i} cannot run on ${p}`)
    if (!(Math.abs(end[i]! - start[i]! - lasts) <= tolerance)) problems.push(`task ${i} lasts not ${lasts}`)
    if (fixedDevice[i]! >= 0) {
      if (p !== fixedDevice[i] || start[i] !== fixedStart[i]) problems.push(`task ${i} was moved`)
    } else if (!(start[i]! >= availableAt[p]! - tolerance))
      problems.push(`task ${i} starts before its device is free`)
    latest = Math.max(latest, end[i]!)
    for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
      const j = successors.task[k]!
      const q = device[j]!
      if (fixedDevice[j]! >= 0) continue
      const takes = p === q ? 0 : successors.data[k]! / bandwidth[p * deviceCount + q]!
      if (!(start[j]! >= end[i]! + takes - tolerance))
        problems.push(`task ${j} starts before the data of ${i}`)
    }
  }
  if (makespan !== latest) problems.push(`the makespan is ${latest}, not ${makespan}`)
  for (let p = 0; p < deviceCount; p++) {
    const row = [...device.keys()].filter((i) => device[i] === p && fixedDevice[i]! < 0)
    row.sort((a, b) => start[a]! - start[b]! || end[a]! - end[b]!)
    for (let k = 1; k < row.length; k++) {
      if (start[row[k]!]! < end[row[k - 1]!]! - tolerance)
        problems.push(`${row[k - 1]} and ${row[k]} overlap on ${p}`)
    }
  }
  return problems
}
