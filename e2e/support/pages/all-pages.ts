import { expect } from '@playwright/test'
import type { Desktop } from '../desktop'

/** A page to look at. */
export interface Shown {
  name: string
  route: string
  /** There once the page has its data, in any language. */
  has: RegExp
  /** Opens what lies over the page. */
  open?: () => Promise<void>
}

/** Every page of a machine in use, in the order of the navigation. */
export const allPages = (app: () => Desktop): Shown[] => [
  { name: 'overview', route: '/overview', has: /Index the photo library/ },
  { name: 'devices', route: '/devices', has: /Alveo U50/ },
  { name: 'jobs', route: '/jobs', has: /Wait for the licence/ },
  { name: 'job', route: '/jobs/BATCH', has: /0\.100131/ },
  { name: 'job-waiting', route: '/jobs/WAITING', has: /Transcribe the interview/ },
  { name: 'job-failed', route: '/jobs/FAILED', has: /compute\.runtime_failed/ },
  { name: 'timeline', route: '/timeline', has: /Predictions against reality|预测与实际/ },
  { name: 'pipelines', route: '/pipelines', has: /Evaluate the digits/ },
  {
    name: 'pipeline',
    route: '/pipelines/PIPELINE',
    has: /compare/,
    open: () => app().page.locator('.react-flow__node').first().waitFor(),
  },
  { name: 'models', route: '/models', has: /basic-pitch/ },
  { name: 'model', route: '/models/silero-vad', has: /opset 16/ },
  { name: 'model-weights', route: '/models/digits-weights/1', has: /TorchScript/ },
  { name: 'model-tensors', route: '/models/digits-weights/1?tab=tensors', has: /c1\.weight/ },
  { name: 'model-benchmarks', route: '/models/silero-vad/1?tab=benchmarks', has: /p95/ },
  { name: 'model-compare', route: '/models/silero-vad/2?tab=compare', has: /stateN/ },
  { name: 'model-lineage', route: '/models/silero-vad/1?tab=lineage', has: /silero_vad_v5\.onnx/ },
  {
    name: 'model-canary',
    route: '/models/silero-vad/2',
    has: /opset 16/,
    open: async () => {
      const { page } = app()
      await page.getByRole('button', { name: /^(Change…|更改…)$/ }).click()
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /^(Start canary|开始灰度)$/ })
        .waitFor()
    },
  },
  { name: 'run-form', route: '/models/silero-vad/1?run', has: /int64/ },
  { name: 'data', route: '/data', has: /machine-readings/ },
  {
    name: 'data-table',
    route: '/data/machine-readings',
    has: /vibration/,
    open: () => expect(app().page.locator('[role="row"][aria-rowindex="5"]')).toContainText('lathe'),
  },
  { name: 'data-tensors', route: '/data/digits', has: /\[28, 28\] 0, 0/ },
  {
    name: 'data-images',
    route: '/data/digit-images',
    has: /010\.png/,
    open: () => expect(app().page.locator('figure img').nth(30)).toBeVisible(),
  },
  { name: 'data-kept', route: '/data/digit-scores', has: /Read the digits/ },
  { name: 'job-kept', route: '/jobs/DIGITS', has: /Read the digits/ },
  { name: 'runtimes', route: '/runtimes', has: /Tiny TFLite/ },
  { name: 'access', route: '/access', has: /Research agent/ },
  { name: 'access-app', route: '/access?principal=notes-app', has: /notes-app-may-run-silero/ },
  { name: 'access-policies', route: '/access?tab=policies', has: /notes-app-may-run-silero/ },
  { name: 'activity', route: '/activity', has: /Evaluate the digits/ },
  { name: 'settings', route: '/settings', has: /127\.0\.0\.1:\d+/ },
  {
    name: 'palette',
    route: '/overview',
    has: /Index the photo library/,
    open: async () => {
      await app().page.keyboard.press('ControlOrMeta+K')
      await app().page.getByRole('dialog').getByRole('button').first().waitFor()
    },
  },
  {
    name: 'tasks',
    route: '/overview',
    has: /Index the photo library/,
    open: () =>
      app()
        .page.getByRole('button', { name: /^Tasks|任务中心/ })
        .click(),
  },
  {
    name: 'notifications',
    route: '/overview',
    has: /Index the photo library/,
    open: () =>
      app()
        .page.getByRole('button', { name: /^Notifications|^通知/ })
        .click(),
  },
]

/** Opens a page, with what lies over it, and waits for its data; words in capitals stand for the ids of `ids`. */
export async function showPage(app: Desktop, shown: Shown, ids: ReadonlyMap<string, string>): Promise<void> {
  const route = shown.route.replace(/[A-Z]{5,}/, (name) => ids.get(name) ?? name)
  await app.page.evaluate((hash) => {
    location.hash = hash
  }, route)
  await expect(app.shell.main).toContainText(shown.has)
  await shown.open?.()
}

/** Closes what lies over a page. */
export async function leavePage(app: Desktop, shown: Shown): Promise<void> {
  if (!shown.open) return
  await app.page.keyboard.press('Escape')
  await expect(app.page.getByRole('dialog')).toHaveCount(0)
}
