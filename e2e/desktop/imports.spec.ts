import { copyFile, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'
import { writeZeros } from '../support/models'
import { ImportDialog } from '../support/pages/import-dialog'
import { fixtures } from '../support/serve'

const app = appForFile(async () => {
  const desktop = await Desktop.startWith(async (api) => {
    // Nothing listens there: a closed network.
    await api.call('PATCH', '/settings', { hubUrl: 'http://127.0.0.1:9' })
  })
  await desktop.resize(WINDOW)
  return desktop
})
const dialog = () => new ImportDialog(app().page)

let folder = ''
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imports-'))
})
test.afterAll(() => rm(folder, { recursive: true, force: true }))

test('a chosen file waits for its name; name and family can be changed', async () => {
  const { shell, page } = app()
  await shell.go('Models')
  await dialog().open()
  await app().shoot('import-start')
  await dialog().chooseFiles([join(fixtures, 'mnist_cnn.onnx')])
  await expect(dialog().review).toContainText('mnist_cnn.onnx')
  await expect(dialog().name).toHaveValue('mnist-cnn')
  await expect(dialog().review).toContainText('Becomes mnist-cnn version 1')
  await dialog().name.fill('digits')
  await dialog().family.fill('mnist')
  await expect(dialog().review).toContainText('Becomes digits version 1')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('listbox')).toBeHidden()
  await app().shoot('import-review')
  await dialog().review.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog().review).toBeHidden()
  await expect(page.getByRole('grid', { name: 'Models' })).toContainText('digits')
  expect((await app().api.call('GET', '/models/digits')).body).toMatchObject({ family: 'mnist', latest: 1 })
})

test('the number of a version can be chosen, above those that were given', async () => {
  const { shell } = app()
  const bring = async (file: string) => {
    await shell.go('Models')
    await dialog().open()
    await dialog().chooseFiles([join(fixtures, 'imports/good', file)])
    await dialog().name.fill('published')
  }
  const add = dialog().review.getByRole('button', { name: 'Add', exact: true })
  await bring('identity.onnx')
  await dialog().version.fill('5')
  await expect(dialog().review).toContainText('Becomes published version 5')
  await add.click()
  await expect(dialog().review).toBeHidden()
  await bring('tiny.safetensors')
  await expect(dialog().version).toHaveValue('6')
  await dialog().version.fill('5')
  await expect(dialog().review).toContainText('Version 5 is there already')
  await expect(add).toBeDisabled()
  await expect(dialog().review).not.toContainText('Becomes')
  await app().shoot('import-review-number')
  await dialog().version.fill('9')
  await add.click()
  await expect(dialog().review).toBeHidden()
  expect((await app().api.call('GET', '/models/published')).body).toMatchObject({ versions: [9, 5] })
})

test('what a model was made from is said in its review, by the keyboard, and shown in its lineage', async () => {
  const { page, api } = app()
  const data = join(folder, 'digits-train.csv')
  await writeFile(data, 'pixel,label\n0.5,3\n')
  await api.import(data)
  await dialog().open()
  await dialog().chooseFiles([join(fixtures, 'mnist_cnn.onnx')])
  await dialog().name.fill('tuned')
  await page.keyboard.press('Escape')
  await dialog().review.getByText('More', { exact: true }).press('Enter')
  await dialog().madeFrom.fill('digits')
  await page.getByRole('option', { name: 'digits@1' }).waitFor()
  await app().shoot('import-made-from')
  await dialog().madeFrom.press('ArrowDown')
  await dialog().madeFrom.press('Enter')
  await dialog().madeFrom.fill('digits-train')
  await page.getByRole('option', { name: 'digits-train@1' }).click()
  await page.keyboard.press('Escape')
  await dialog().review.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog().review).toBeHidden()
  const { lineage } = (await api.call('GET', '/models/tuned/versions/1')).body
  expect(lineage).toMatchObject({ models: ['digits@1'], datasets: ['digits-train@1'] })
  await page.evaluate(() => {
    location.hash = '#/models/tuned/1'
  })
  await page.getByRole('tab', { name: 'Lineage' }).click()
  const graph = page.getByRole('region', { name: 'Where tuned came from and what came from it' })
  for (const origin of ['digits@1', 'digits-train@1'])
    await expect(graph.getByText(origin, { exact: true })).toBeVisible()
  await app().shoot('model-lineage-made-from')
  await app().shell.go('Models')
})

test('the same bytes under the same name are known before they are added', async () => {
  const { shell } = app()
  await dialog().open()
  await dialog().chooseFiles([join(fixtures, 'mnist_cnn.onnx')])
  await dialog().name.fill('digits')
  await dialog().review.getByRole('button', { name: 'Add', exact: true }).click()
  await shell.openTasks()
  await expect(shell.task('mnist_cnn.onnx')).toContainText('digits version 1 was here already')
  await shell.closeTasks()
})

test('several at once: models, a folder, data, and what is refused, each with its own end', async () => {
  const { shell, page } = app()
  const data = join(folder, 'speeds.csv')
  await writeFile(data, 'name,speed\nsnail,0.01\nhare,18\n')
  await app().drop([
    join(fixtures, 'silero_vad_v5.onnx'),
    join(fixtures, 'basic-pitch'),
    join(fixtures, 'mnist_cnn.safetensors'),
    data,
    join(fixtures, 'imports', 'pickle', 'evil.pt'),
  ])
  await expect(shell.task('silero_vad_v5.onnx')).toContainText('silero-vad version 1 is ready')
  await expect(shell.task('basic-pitch')).toContainText('basic-pitch version 1 is ready')
  await expect(shell.task('mnist_cnn.safetensors')).toContainText('version 1 is ready')
  await expect(shell.task('speeds.csv').getByRole('link')).toHaveAttribute('href', '#/data/speeds/1')
  await expect(shell.task('evil.pt')).toContainText('rejected')
  await app().shoot('import-tasks')
  await shell.task('evil.pt').getByRole('button', { name: 'Why, and what helps' }).click()
  await expect(dialog().ended).toContainText('It was refused, and nothing of it was kept.')
  await expect(dialog().findings.first()).toContainText('Refused')
  await expect(dialog().findings.first()).toContainText('evil.pt')
  await expect(dialog().ended).toContainText('as safetensors or ONNX')
  await app().shoot('import-refused')
  await page.keyboard.press('Escape')
  await expect(dialog().ended).toBeHidden()
})

test('a dialog that has not faded yet is not in the way of a review, one that is open is', async () => {
  const { shell, page, api } = app()
  await shell.go('Jobs')
  await page.getByRole('button', { name: 'New job' }).first().click()
  await page.getByRole('dialog', { name: 'New job' }).waitFor()
  const path = join(fixtures, 'imports', 'pickle', 'benign_dict.pkl')
  await api.call('POST', '/imports', { path })
  await expect(shell.task('benign_dict.pkl')).toContainText('waits for your decision')
  await expect(dialog().review).toBeHidden()
  // The task centre lies over the dialog; each takes one key.
  await expect(async () => {
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog', { name: 'New job' })).toBeHidden({ timeout: 1000 })
    await expect(shell.taskCentre).toBeHidden({ timeout: 1000 })
  }).toPass()
  // What a fading dialog leaves in the document, for as long as it takes.
  await page.evaluate(() => {
    const fading = document.createElement('div')
    fading.id = 'fading'
    fading.setAttribute('aria-modal', 'true')
    document.body.append(fading)
  })
  await api.call('POST', '/imports', { path })
  await expect(dialog().review).toBeVisible()
  await page.evaluate(() => document.getElementById('fading')?.remove())
  for (const { id, state } of (await api.call('GET', '/imports')).body.items)
    if (state === 'waiting') await api.call('DELETE', `/imports/${id}`)
  await page.keyboard.press('Escape')
  await expect(dialog().ended).toBeHidden()
})

test('what is dropped on the window waits for its name too, where a person wants it so', async () => {
  const { shell, page, api } = app()
  const drops = () => page.getByRole('switch', { name: 'Also for what is dropped on the window' })
  await shell.go('Models')
  await dialog().open()
  await drops().check({ force: true })
  await app().shoot('import-start-drops')
  await page.keyboard.press('Escape')
  await expect(dialog().start).toBeHidden()
  await app().drop([join(fixtures, 'ch_ppocr_mobile_v2.0_cls_infer.onnx')])
  await expect(dialog().review).toContainText('ch_ppocr_mobile_v2.0_cls_infer.onnx')
  await dialog().name.fill('text-direction')
  await page.keyboard.press('Escape')
  await dialog().review.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog().review).toBeHidden()
  expect((await api.call('GET', '/models/text-direction')).status).toBe(200)
  await dialog().open()
  await drops().uncheck({ force: true })
  await page.keyboard.press('Escape')
  await expect(dialog().start).toBeHidden()
})

test('what has a warning waits for a decision, which the activity log remembers', async () => {
  const { shell, page } = app()
  await app().drop([join(fixtures, 'imports', 'pickle', 'benign_dict.pkl')])
  await expect(dialog().review).toContainText('Read what was found, then decide.')
  await expect(dialog().findings.first()).toContainText('Warning')
  await app().shoot('import-warning')
  await dialog().review.getByRole('button', { name: 'Decide later' }).click()
  await shell.go('Overview')
  await page.getByRole('main').getByRole('button', { name: 'Review…' }).click()
  await dialog().review.getByRole('button', { name: 'Import anyway' }).click()
  await expect(dialog().review).toBeHidden()
  await shell.go('Models')
  await expect(page.getByRole('grid', { name: 'Models' })).toContainText('benign')
  const { items } = (await app().api.call('GET', '/audit?limit=50')).body
  expect(items.map(({ summary }: { summary: string }) => summary)).toContainEqual(
    expect.stringMatching(
      /^\S.* confirmed the import of benign_dict\.pkl \(imp-\w+\) as benign-dict in spite of storage\.pickle$/,
    ),
  )
})

test('hostile names: markup, direction marks and line breaks are words and nothing else', async () => {
  const { shell, page } = app()
  const name = 'a<img src=x onerror="window.owned=1">\u202Egnp.\nexe.pkl'
  await copyFile(join(fixtures, 'imports', 'pickle', 'benign_dict.pkl'), join(folder, name))
  await app().api.call('POST', '/imports', { path: join(folder, name) })
  await expect(dialog().review).toContainText('a<img src=x onerror="window.owned=1">�gnp.�exe.pkl')
  expect(await page.evaluate(() => 'owned' in window)).toBe(false)
  await app().shoot('import-hostile-name')
  await dialog().review.getByRole('button', { name: 'Discard' }).click()
  await expect(dialog().review).toBeHidden()
  await shell.openTasks()
  await expect(shell.task('a<img')).toContainText('cancelled')
  await shell.closeTasks()
})

test('the Hub: a wrong address is said at once, a closed network with what would help', async () => {
  const { shell, page } = app()
  await shell.go('Models')
  await dialog().open()
  await dialog().hub('not an address')
  await expect(dialog().start).toContainText('Write OWNER/REPOSITORY')
  await dialog().hub('hf-internal-testing/tiny-random-gpt2')
  await expect(shell.task('hub:hf-internal-testing')).toContainText('failed')
  await shell.task('hub:hf-internal-testing').getByRole('button', { name: 'Why, and what helps' }).click()
  await expect(dialog().ended).toContainText('Check the connection and the address of the Hub in Settings')
  await app().shoot('import-hub-closed')
  await page.keyboard.press('Escape')
  // A drop on what fades away under it is no drop.
  await expect(page.getByRole('dialog')).toHaveCount(0)
})

test('a large file: bytes and time left, taken up again after a kill, cancelled', async () => {
  const big = join(folder, 'large')
  await mkdir(big)
  const source = await writeZeros(join(big, 'large.safetensors'), 6_000_000_000)
  await app().drop([source])
  await expect(app().shell.task('large.safetensors')).toContainText(/\/ 6 GB/)
  await expect(app().shell.task('large.safetensors')).toContainText(/about .* left/)
  const filled = async () =>
    Number(await app().shell.task('large.safetensors').getByRole('progressbar').getAttribute('aria-valuenow'))
  await expect.poll(filled, 'the bar fills').toBeGreaterThan(0)
  const before = await filled()
  await expect.poll(filled, 'the bar fills further').toBeGreaterThan(before)
  await app().shoot('import-running')
  await app().kill()
  const incoming = join(app().dataDir, 'blobs/incoming')
  const [part = ''] = await readdir(incoming)
  const left = await stat(join(incoming, part))
  expect(left.size).toBeGreaterThan(16 * 2 ** 20)
  await app().launch()
  const { shell } = app()
  await shell.openTasks()
  await expect(shell.task('large.safetensors')).toContainText('Taken up again after a restart.')
  const size = () => stat(join(incoming, part)).then((part) => part.size)
  await expect.poll(size, 'it grows from where it was').toBeGreaterThan(left.size)
  expect((await stat(join(incoming, part))).ino).toBe(left.ino)
  await shell
    .task('large.safetensors')
    .getByRole('button', { name: 'Cancel import of large.safetensors' })
    .click()
  await expect(shell.task('large.safetensors')).toContainText('cancelled')
  expect(await readdir(incoming)).toEqual([])
  await shell.closeTasks()
})
