import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

const app = appForFile()

test('the first start asks nothing and says what to do first', async () => {
  const { page, shell } = app()
  await expect(shell.title('Overview')).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Bring in your first model' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'First steps' }).getByRole('listitem')).toHaveText([
    /Bring in a model/,
    /Run it as a job/,
    /Name a version “production”/,
    /Let an app use it/,
  ])
  await expect(page.getByRole('region', { name: 'This machine' }).getByRole('listitem')).not.toHaveCount(0)
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByRole('textbox')).toHaveCount(0)
  await app().shoot('first-start')
})

test('what is no model is refused in words, and leaves nothing', async () => {
  const { shell, page } = app()
  const folder = await mkdtemp(join(tmpdir(), 'no-models-'))
  const noModel = join(folder, 'just-a-folder')
  await mkdir(noModel)
  await writeFile(join(noModel, 'readme.txt'), 'nothing to see')
  await writeFile(join(folder, 'empty.onnx'), '')
  await writeFile(
    join(folder, 'picture.onnx'),
    Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'),
  )
  await app().drop([noModel, join(folder, 'empty.onnx'), join(folder, 'picture.onnx')])
  await expect(shell.task('empty.onnx')).toContainText('rejected')
  await expect(shell.task('empty.onnx')).toContainText(/empty|0 bytes/i)
  await expect(shell.task('picture.onnx')).toContainText('rejected')
  await expect(shell.task('picture.onnx')).toContainText(/not an? ONNX|PNG|picture|image/i)
  await expect(shell.task('just-a-folder')).toContainText('rejected')
  await expect(shell.task('just-a-folder')).toContainText('model.json')
  await app().shoot('refused')
  await shell.closeTasks()
  await shell.go('Models')
  await expect(page.getByText('Drop a model anywhere on this window')).toBeVisible()
  await rm(folder, { recursive: true })
})

test('an ONNX file dropped on the window becomes version 1, with its signature', async () => {
  const { shell, page } = app()
  await app().drop([join(fixtures, 'silero_vad_v5.onnx')])
  await expect(shell.task('silero_vad_v5.onnx')).toContainText('silero-vad version 1 is ready')
  await shell.task('silero_vad_v5.onnx').getByRole('link').click()
  const model = new ModelPage(page, 'silero-vad')
  await expect(model.title).toBeVisible()
  await expect(model.signature).toHaveText([
    /in\s*input\s*float32\s*\[.*\]/,
    /in\s*state\s*float32\s*\[2, .*, 128\]/,
    /in\s*sr\s*int64\s*scalar/,
    /out\s*output\s*float32/,
    /out\s*stateN\s*float32/,
  ])
  await expect(model.about).toContainText('2.33 MB')
  await expect(model.about).toContainText('ONNX · opset 16')
  await expect(model.about).toContainText(/sha256 2623a295…/)
  await expect(model.versions.getByRole('listitem')).toHaveText([/Version 1/])
})

test('a TensorFlow.js folder dropped on the window becomes a model too', async () => {
  const { shell, page } = app()
  await app().drop([join(fixtures, 'basic-pitch')])
  await expect(shell.task('basic-pitch')).toContainText('basic-pitch version 1 is ready')
  await shell.task('basic-pitch').getByRole('link').click()
  const model = new ModelPage(page, 'basic-pitch')
  await expect(model.title).toBeVisible()
  await expect(model.signature.first()).toHaveText(/in.*float32\s*\[.*43844, 1\]/)
  await expect(model.signature.filter({ hasText: /^out/ })).not.toHaveCount(0)
  await expect(model.about).toContainText('TF.js graph')
  await expect(model.panel('Files').getByRole('listitem')).toHaveCount(2)
  await shell.go('Models')
  await expect(page.getByRole('grid', { name: 'Models' }).getByRole('row')).toHaveCount(3)
})
