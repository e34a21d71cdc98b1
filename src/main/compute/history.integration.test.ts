import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { play } from './testing/history/play'
import { isFault, LONG_MS, type Step, step, stepOrFault } from './testing/history/steps'
import { stream, waitInStream } from './testing/history/stream'

const FAULTS = 1000
const HISTORIES = Number(process.env['HISTORIES'] ?? 20)
/** A slow machine plays fewer in its time; less than this proves nothing. */
const LEAST_HISTORIES = Math.min(5, HISTORIES)
/** Set it to play the same again. */
const SEED = Number(process.env['HISTORY_SEED'] ?? Date.now() % 1_000_000)

/** It runs on the whole machine when the history begins, and whatever comes is more urgent: most make it give way. */
const PATIENT: Step[] = [
  {
    do: 'submit',
    kind: 'synthetic',
    budgeted: false,
    ms: LONG_MS,
    cores: 2,
    gpu: false,
    priority: 0,
    attempts: 1,
    fail: undefined,
    dependsOn: null,
    deadline: null,
    hold: false,
  },
  { do: 'advance', ms: 100 },
]

describe(`any history (HISTORY_SEED=${SEED})`, () => {
  it('ends every job exactly once, runs it once at a time and after what it needs, overdraws no budget, and returns every lease', async () => {
    let played = 0
    let preempted = 0
    let waitedForGpu = 0
    for (const losesGpu of [true, false])
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 45 }), async (steps) => {
          const tally = await play([...PATIENT, ...steps], losesGpu)
          played++
          preempted += tally.preemptions
          waitedForGpu += tally.waitedForGpu
        }),
        { seed: SEED, numRuns: Math.ceil(HISTORIES / 2), interruptAfterTimeLimit: 100_000 },
      )
    console.info(`${played} histories, ${preempted} preemptions, ${waitedForGpu} waits for a lost GPU`)
    expect(played, `histories played to their end, HISTORY_SEED=${SEED}`).toBeGreaterThanOrEqual(
      LEAST_HISTORIES,
    )
    expect(Math.min(preempted, waitedForGpu), `HISTORY_SEED=${SEED}`).toBeGreaterThan(0)
  }, 240_000)

  it('with a thousand faults leaves every job ended and the whole machine free', async () => {
    const steps = fc.sample(stepOrFault, { seed: SEED, numRuns: FAULTS * 3 })
    let faults = 0
    const enough = steps.findIndex((current) => isFault(current) && ++faults === FAULTS)
    expect(enough).toBeGreaterThan(0)
    const { texts, followers, budgetStops, budgetRefusals } = await play(steps.slice(0, enough + 1))
    // What does not come about proves nothing.
    expect(Math.min(texts, followers, budgetStops + budgetRefusals)).toBeGreaterThan(0)
  }, 600_000)

  it('bounds the wait of a long job behind a stream of short urgent ones, whatever fails meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(stream, async (given) => {
        const { waitedMs, boundMs } = await waitInStream(given)
        expect(waitedMs).toBeLessThanOrEqual(boundMs)
      }),
      { seed: SEED, numRuns: 4, endOnFailure: true },
    )
  }, 60_000)
})
