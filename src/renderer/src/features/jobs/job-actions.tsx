import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { getClient } from '../../lib/client'
import { notifyError, toErrorView } from '../../lib/errors'
import { i18n } from '../../lib/i18n'
import { navigate, pathTo } from '../../lib/router'
import type { JobAction } from './job-words'

/** Requests under way at once when many jobs are cancelled. */
const AT_ONCE = 16

async function cancelAll(jobs: readonly Job[]): Promise<number> {
  const queue = [...jobs]
  const errors: unknown[] = []
  let cancelled = 0
  async function work(): Promise<void> {
    for (let job = queue.shift(); job; job = queue.shift()) {
      try {
        await getClient().compute.jobs.cancel({ id: job.id })
        cancelled++
      } catch (error) {
        // It ended on its own before the request came: nothing left to cancel.
        if (toErrorView(error).code !== 'compute.conflict') errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, jobs.length) }, work))
  for (const error of errors.slice(0, 3)) notifyError(error)
  return cancelled
}

/** Asks, then cancels those of the jobs that have not ended. */
export function askToCancel(jobs: readonly Job[]): void {
  const running = jobs.filter((job) => !isTerminal(job.state))
  const [first] = running
  if (!first) return
  const count = running.length
  modals.openConfirmModal({
    title: i18n.t('jobs:confirmCancel.title', { count }),
    children: i18n.t('jobs:confirmCancel.message', { count, name: first.name }),
    labels: {
      confirm: i18n.t('jobs:confirmCancel.confirm', { count }),
      cancel: i18n.t('jobs:confirmCancel.keep'),
    },
    confirmProps: { color: 'red' },
    onConfirm: () => {
      void cancelAll(running).then((cancelled) => {
        if (cancelled > 1) {
          notifications.show({
            message: i18n.t('jobs:confirmCancel.done', { count: cancelled }),
            withBorder: true,
          })
        }
      })
    },
  })
}

/** Kept within 0 to 100. */
export const asPriority = (value: number): number => Math.min(100, Math.max(0, Math.round(value)))

/** Sets a priority. Resolves with whether it went well; if not, the person is told. */
export async function setPriority({ id }: Job, priority: number): Promise<boolean> {
  try {
    await getClient().compute.jobs.update({ id, priority: asPriority(priority) })
    return true
  } catch (error) {
    notifyError(error)
    return false
  }
}

async function act(job: Job, action: Exclude<JobAction, 'cancel'>): Promise<void> {
  const { jobs } = getClient().compute
  switch (action) {
    case 'raise':
      await setPriority(job, job.priority + 10)
      return
    case 'lower':
      await setPriority(job, job.priority - 10)
      return
    case 'hold':
      await jobs.hold({ id: job.id })
      return
    case 'resume':
      await jobs.resume({ id: job.id })
      return
    case 'retry': {
      const copy = await jobs.retry({ id: job.id })
      notifications.show({ message: i18n.t('jobs:done.retried'), withBorder: true })
      navigate(pathTo('jobs', copy.id))
    }
  }
}

/** Does what a menu or a button says; what goes wrong is shown to the person. */
export function doJobAction(job: Job, action: JobAction): void {
  if (action === 'cancel') askToCancel([job])
  else act(job, action).catch((error: unknown) => notifyError(error))
}
