/** When a job is expected to start, with the bounds between which it is thought to start four times in five. */
export interface StartPrediction {
  at: number
  earliest: number
  latest: number
}

export interface PredictionScore {
  count: number
  /** Mean of |actual - predicted|. */
  meanError: number
  /** Mean of actual - predicted: above 0 when jobs start later than they were told. */
  bias: number
  /** Part of the jobs that started within their bounds; 0.8 is what the bounds promise. */
  coverage: number
  /** Mean interval score at 80 %: width, plus ten times what an outcome lies outside (Gneiting, Raftery, 2007). */
  intervalScore: number
}

const MISS = 0.2

/** Holds predictions against what happened; pairs by index. */
export function score(predicted: readonly StartPrediction[], actual: readonly number[]): PredictionScore {
  const total: PredictionScore = { count: 0, meanError: 0, bias: 0, coverage: 0, intervalScore: 0 }
  predicted.forEach(({ at, earliest, latest }, index) => {
    const happened = actual[index]
    if (happened === undefined || !Number.isFinite(happened)) return
    const outside = Math.max(0, earliest - happened, happened - latest)
    total.count++
    total.meanError += Math.abs(happened - at)
    total.bias += happened - at
    total.coverage += outside === 0 ? 1 : 0
    total.intervalScore += latest - earliest + (2 / MISS) * outside
  })
  if (total.count === 0) return total
  const { count } = total
  return {
    count,
    meanError: total.meanError / count,
    bias: total.bias / count,
    coverage: total.coverage / count,
    intervalScore: total.intervalScore / count,
  }
}
