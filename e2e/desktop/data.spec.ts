import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'
import { digitsAsImages, digitsAsNpy } from '../support/digits'
import { DataPage } from '../support/pages/data-page'
import { JobsPage } from '../support/pages/jobs-page'
import { readingsAsCsv } from '../support/readings'
import { fixtures } from '../support/serve'

const app = appForFile(async () => {
  const desktop = await Desktop.startWith((api) =>
    api.import(join(fixtures, 'mnist_cnn.onnx'), 'digits-model'),
  )
  await desktop.resize(WINDOW)
  return desktop
})
const RUN_MS = 60_000

let folder = ''
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'data-'))
})
test.afterAll(() => rm(folder, { recursive: true, force: true }))

const data = (name: string) => new DataPage(app().page, name)

test('an empty page says what to bring; what is dropped becomes data sets with links to them', async () => {
  const { shell, page } = app()
  await shell.go('Data')
  await expect(shell.main).toContainText(
    'CSV, JSON lines, Parquet, a NumPy array (.npy) or a folder of images',
  )
  await app().shoot('data-empty')
  await app().drop([
    await readingsAsCsv(folder, 5_000),
    await digitsAsNpy(folder),
    await digitsAsImages(folder),
  ])
  for (const name of ['machine-readings', 'digits', 'digit-images'])
    await expect(shell.taskCentre).toContainText(`${name} version 1 is ready`, { timeout: RUN_MS })
  await shell.task('machine-readings.csv').getByRole('link').click()
  await expect(data('machine-readings').title).toBeVisible()
  // Keys are the list's until it has faded.
  await expect(shell.taskCentre).toBeHidden()
  await shell.goByKeys('b', 'Data')
  await expect(page.getByRole('grid', { name: 'Data sets' }).getByRole('row')).toHaveCount(4)
  await expect(page.getByRole('grid', { name: 'Data sets' })).toContainText('5,000')
})

test('rows of a long table come as one scrolls, to the last one', async () => {
  const readings = data('machine-readings')
  await readings.open()
  await expect(readings.panel('Rows')).toContainText('5,000 rows')
  await expect(readings.row(0)).toContainText('press')
  await readings.grid.press('End')
  await expect(readings.row(4_999)).toContainText('4999')
  await expect(readings.row(4_999)).toContainText('press')
  await readings.grid.press('Home')
  await expect(readings.row(3)).toContainText('runs warm')
  // A fling through the middle: only what is in sight is waited for.
  await readings.grid.evaluate(async (grid) => {
    for (let top = 0; top < 90_000; top += 3_000) {
      grid.scrollTop = top
      await new Promise(requestAnimationFrame)
    }
  })
  await expect(readings.grid.getByText('2430', { exact: true }).first()).toBeVisible()
})

test('columns tell type, gaps, spread and most frequent values', async () => {
  const readings = data('machine-readings')
  await expect(readings.column('reading')).toContainText('integer')
  await expect(readings.column('machine')).toContainText('press')
  await expect(readings.column('machine')).toContainText('50%')
  await expect(readings.column('vibration')).toContainText('125 · 3%')
  await expect(
    readings.column('temperature').getByRole('img', { name: /Spread of temperature/ }),
  ).toBeVisible()
  await expect(readings.column('healthy')).toContainText('boolean')
})

test('tensors are shown short with their shape and as pictures, images as thumbnails', async () => {
  const { shell, page } = app()
  await shell.go('Data')
  const digits = data('digits')
  await digits.open()
  await expect(digits.row(0)).toContainText('[28, 28] 0, 0, 0')
  await expect(digits.row(0).getByRole('img', { name: 'data as a picture' })).toBeVisible()
  await expect(digits.column('data')).toContainText('[28, 28]')
  await shell.go('Data')
  const images = data('digit-images')
  await images.open()
  await expect(images.thumbnails.first()).toBeVisible()
  await expect(images.thumbnails.first()).toHaveJSProperty('naturalWidth', 28)
  await page
    .getByRole('radiogroup', { name: 'How to show the rows' })
    .getByText('Table', { exact: true })
    .click()
  await expect(images.row(0)).toContainText('.png')
  await expect(images.row(0).getByRole('img')).toBeVisible()
  await app().shoot('data-images-table')
  await expect(images.column('label')).toContainText('Different')
})

test('a version is saved as one archive', async () => {
  const path = join(folder, 'saved.tar')
  const howItEnded = await app().saveNextDownload(path)
  await app().page.getByRole('link', { name: 'Export', exact: true }).click()
  expect(await howItEnded()).toMatch(/ completed$/)
  expect((await readFile(path)).includes('llmagentos-version/1')).toBe(true)
})

test('a batch over a data set: what does not fit is said before it is submitted', async () => {
  const { shell, page } = app()
  await shell.go('Data')
  await data('machine-readings').open()
  await page.getByRole('button', { name: 'Run a batch' }).click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  const form = dialog.getByRole('form', { name: /^Run digits-model@/ })
  await expect(form.getByRole('combobox', { name: 'Data set' })).toHaveValue('machine-readings')
  const input = form.getByRole('group', { name: 'image', exact: true })
  await expect(input.getByRole('alert')).toContainText('“vibration” has 125 rows without a value.')
  await app().shoot('data-misfit')
  await form.getByRole('button', { name: 'Submit batch' }).click()
  await expect(form.getByRole('alert').last()).toContainText('image: “vibration” has 125 rows')

  await form.getByRole('combobox', { name: 'Data set' }).click()
  await page.getByRole('option', { name: 'digits', exact: true }).click()
  await expect(input).toContainText('Fits: each row becomes [1, 1, 28, 28]')
  await expect(form).toContainText('100 rows')
  await expect(form.getByRole('alert')).toHaveCount(0)
  await form.getByLabel('Run together', { exact: true }).fill('25')
  await app().shoot('data-batch')
  await form.getByRole('button', { name: 'Submit batch' }).click()
  const job = dialog.getByRole('region', { name: 'batch digits-model' })
  await expect(job).toContainText('succeeded', { timeout: RUN_MS })
  await job.getByRole('link', { name: 'Open in Jobs' }).click()
})

test('its results are kept as a data set, whose lineage leads back', async () => {
  const { shell, page } = app()
  const detail = new JobsPage(page).detail('batch digits-model')
  await expect(detail.getByRole('link', { name: 'digits@1', exact: true })).toBeVisible()
  const keep = detail.getByRole('region', { name: 'Keep as a data set' })
  await keep.getByRole('textbox', { name: 'Name of the data set' }).fill('Digit Scores')
  await expect(keep).toContainText('Use 1 to 64 of a-z')
  await keep.getByRole('textbox', { name: 'Name of the data set' }).fill('digit-scores')
  await app().shoot('data-keep')
  await keep.getByRole('button', { name: 'Keep', exact: true }).click()
  await expect(keep).toContainText('Kept as digit-scores version 1', { timeout: RUN_MS })
  await app().shoot('data-kept-link')
  await keep.getByRole('link', { name: 'Kept as digit-scores version 1' }).click()

  const scores = data('digit-scores')
  await expect(scores.title).toBeVisible()
  await expect(scores.panel('Rows')).toContainText('100 rows')
  await expect(scores.lineage).toContainText(
    'The results of batch digits-model, which ran digits-model@1 over digits@1.',
  )
  await app().shoot('data-lineage')
  await app().resize({ width: 900, height: 700 })
  await scores.panel('How to use it').scrollIntoViewIfNeeded()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(900)
  await app().shoot('data-lineage-900')
  await app().resize(WINDOW)
  await scores.lineage.getByRole('link', { name: 'digits@1', exact: true }).click()
  const digits = data('digits')
  await expect(digits.lineage).toContainText('digit-scores@1, by batch digits-model')
  await expect(digits.lineage).toContainText('digits.npy')
  await shell.go('Data')
})

test('what something came from is not deleted, and it is said why; the rest is', async () => {
  const { page } = app()
  await data('digits').open()
  await data('digits').remove(1)
  await expect(page.getByRole('main')).toContainText(
    'Version 1 was not deleted. Version 1 of digits cannot be removed',
  )
  await expect(page.getByRole('main')).toContainText('digit-scores@1 came from it')
  await app().shoot('data-refused')
  await page.getByRole('main').getByRole('button', { name: 'Dismiss' }).click()
  await app().shell.go('Data')
  await data('digit-scores').open()
  await data('digit-scores').remove(1)
  await expect(app().shell.title('Data')).toBeVisible()
  await expect(page.getByRole('grid', { name: 'Data sets' })).not.toContainText('digit-scores')
})
