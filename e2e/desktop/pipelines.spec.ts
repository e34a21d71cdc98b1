import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'

const app = appForFile(() => Desktop.startWithKey())

const PIPELINE = {
  name: 'Evaluate the candidates',
  jobs: [
    { key: 'collect', kind: 'synthetic', durationMs: 200 },
    { key: 'train-a', kind: 'synthetic', durationMs: 15_000, dependsOn: ['collect'] },
    { key: 'train-b', kind: 'synthetic', durationMs: 300, dependsOn: ['collect'] },
    { key: 'compare', kind: 'synthetic', durationMs: 100, dependsOn: ['train-a', 'train-b'] },
    { key: 'alert', kind: 'synthetic', durationMs: 100, dependsOn: ['compare'], runWhen: 'failed' },
  ],
}

test('a pipeline is written, checked and submitted in the window', async () => {
  const { shell, page } = app()
  await shell.go('Pipelines')
  await expect(page.getByText('No pipelines yet')).toBeVisible()
  await app().shoot('pipelines-empty-light')
  await page.getByRole('button', { name: 'New pipeline' }).first().click()
  const text = page.getByLabel('Jobs as JSON')
  await text.fill('{"jobs": [')
  await page.getByRole('button', { name: 'Submit' }).click()
  await expect(page.getByRole('alert')).toContainText('This is no JSON')
  await app().shoot('pipeline-new-light')
  await text.fill(
    JSON.stringify({ jobs: [{ key: 'a', kind: 'synthetic', durationMs: 1, dependsOn: ['b'] }] }),
  )
  await page.getByRole('button', { name: 'Submit' }).click()
  await expect(page.getByRole('alert')).toContainText('"b", which is no job of this pipeline')
  await text.fill(JSON.stringify(PIPELINE, null, 2))
  await page.getByRole('button', { name: 'Submit' }).click()
  await expect(page.getByRole('heading', { name: /Evaluate the candidates/ })).toBeVisible()
})

test('its graph is live, leads to its jobs, and shows the way that decides its length', async () => {
  const { page, shell } = app()
  const graph = page.getByRole('region', { name: 'Graph of Evaluate the candidates' })
  await expect(graph.getByRole('link', { name: /train-a/ })).toContainText(/running/)
  await app().shoot('pipeline-light')
  await page.getByRole('switch', { name: 'Critical path' }).click()
  await expect(shell.main).toContainText('collect → train-a → compare')
  await app().shoot('pipeline-path-light')
  await expect(page.getByRole('grid', { name: 'Jobs' })).toContainText('if one fails')
  await expect(graph.getByRole('link', { name: /alert/ })).toContainText('skipped', { timeout: 60_000 })
  await graph.getByRole('link', { name: /compare/ }).click()
  await expect(page.getByRole('complementary')).toContainText('Part of pipeline as')
  await page.getByRole('complementary').getByRole('link', { name: 'compare' }).click()
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible()
  await shell.go('Pipelines')
  await expect(page.getByRole('grid', { name: 'Pipelines' })).toContainText('5 / 5')
  await app().shoot('pipelines-light')
})

test('it is cancelled as a whole', async () => {
  const { page } = app()
  await page.getByRole('button', { name: 'New pipeline' }).click()
  const jobs = [
    { key: 'long', kind: 'synthetic', durationMs: 600_000 },
    { key: 'behind', kind: 'synthetic', durationMs: 1, dependsOn: ['long'] },
  ]
  await page.getByLabel('Jobs as JSON').fill(JSON.stringify({ name: 'Too long', jobs }))
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the pipeline' }).click()
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible()
})
