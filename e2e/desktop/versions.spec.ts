import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { changedCopy } from '../support/data'
import { Desktop } from '../support/desktop'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

const silero = join(fixtures, 'silero_vad_v5.onnx')
const app = appForFile(() => Desktop.startWith((api) => api.import(silero)))

test('a changed file of the same name is version 2; the same bytes again are known', async () => {
  const { shell, page } = app()
  const folder = await mkdtemp(join(tmpdir(), 'changed-'))
  const changed = await changedCopy(silero, folder)
  await app().drop([changed])
  await expect(shell.task('silero_vad_v5.onnx')).toContainText('silero-vad version 2 is ready')
  await shell.task('silero_vad_v5.onnx').getByRole('link').click()
  const model = new ModelPage(page, 'silero-vad')
  await expect(model.versions.getByRole('listitem')).toHaveText([/Version 2/, /Version 1/])

  await app().drop([silero])
  await expect(shell.task('silero_vad_v5.onnx')).toContainText('silero-vad version 1 was here already')
  await app().drop([changed])
  await expect(shell.task('silero_vad_v5.onnx')).toContainText('silero-vad version 2 was here already')
  await shell.closeTasks()
  await expect(model.versions.getByRole('listitem')).toHaveCount(2)
  await rm(folder, { recursive: true })
})

test('the alias production goes to 1, to 2 and back, and its history tells', async () => {
  const model = new ModelPage(app().page, 'silero-vad')
  await model.chooseFromVersion(1, 'Make it production')
  await expect(model.alias('production', 1)).toBeVisible()
  await model.chooseFromVersion(2, 'Make it production')
  await expect(model.alias('production', 2)).toBeVisible()
  await expect(model.alias('production', 1)).toBeHidden()
  await model
    .panel('Alias history')
    .getByRole('button', { name: 'Move production back to version 1' })
    .click()
  await expect(model.alias('production', 1)).toBeVisible()
  await expect(model.aliasHistory).toHaveText([/version 2 to 1/, /version 1 to 2/, /made, version 1/])
})

test('what differs between two versions', async () => {
  const model = new ModelPage(app().page, 'silero-vad')
  await model.chooseFromVersion(2, 'Compare with another…')
  await expect(app().shell.main).toContainText(
    'Same inputs and outputs: who calls version 1 can call version 2.',
  )
})
